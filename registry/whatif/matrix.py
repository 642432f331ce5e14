"""The verdicts of one registered model over environments, named as questions name it; reads only."""

from collections.abc import Mapping, Sequence
from typing import Any

from governance.errors import InvalidInput
from registry.models import ModelVersion
from registry.whatif import report, selection
from registry.whatif.compare import Ground, compare
from registry.whatif.selection import Selection


class UnknownModel(InvalidInput):
    """No resolved version of this model is registered."""

    code = "unknown_model_version"


def of_model(
    question: Mapping[str, Any], *, environments: Sequence[str] | None, ground: Ground
) -> dict[str, Any]:
    """One cell an environment, for the version that a question names by `model` and `revision`."""
    version = registered(question)
    chosen = Selection((version.pk,), tuple(environments) if environments else None)
    cells = selection.choose(chosen, now=ground.now)
    found = report.over(compare(cells, ground), keeps_all=True)
    return {
        "model": str(version.registered_model),
        "revision": version.short_revision,
        "model_version": version.pk,
        "is_moved": not ground.change.is_empty,
        "summary": found.summary(),
        "cells": sorted(found.changed, key=lambda cell: cell["environment"]),
    }


def registered(question: Mapping[str, Any]) -> ModelVersion:
    """The version that stands for the model: the one of the revision, else the one resolved last."""
    unread = sorted(set(question) - {"model", "revision"})
    if unread:
        raise InvalidInput(
            f"{unread[0]}: a registered model is asked about by model and revision alone", field=unread[0]
        )
    model, revision = question.get("model"), question.get("revision")
    if not isinstance(model, str) or not isinstance(revision, str | None):
        raise InvalidInput("model: must be the name of a registered model", field="model")
    publisher, _, name = model.partition("/")
    rows = ModelVersion.objects.filter(
        registered_model__publisher=publisher, registered_model__name=name, manifest_digest__isnull=False
    )
    if revision is not None:
        rows = rows.filter(revision=revision)
    version = rows.select_related("registered_model").order_by("-resolved_at", "-pk").first()
    if version is None:
        wanted = f"{model}@{revision}" if revision else model
        raise UnknownModel(f"model: no resolved version of {wanted} is registered", field="model")
    return version
