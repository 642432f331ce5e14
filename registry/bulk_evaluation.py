"""The licence verdicts of many versions at once, with as many queries as for one; writes nothing."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from registry import background, evaluation
from registry.attestations import FactsInForce
from registry.background import Background
from registry.evaluation import Asking, Judgement
from registry.licensing.catalog import Catalog
from registry.licensing.facts import InvalidFacts
from registry.models import ModelVersion, ServingEnvironment

Entries = Iterable[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why no verdict could be found; never a permission."""

    code: str
    message: str


class Memory:
    """What the registry knows of models, each at a revision or as it is now, read once for all questions."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str | None], Background | None] = {}

    def look_up(self, names: set[str], pins: Mapping[str, str]) -> dict[str, Background]:
        """What is known of those of the models that are registered."""
        wanted = {name: (name, pins.get(name)) for name in sorted(names)}
        self._read(set(wanted.values()))
        return {name: found for name, key in wanted.items() if (found := self._models[key]) is not None}

    def read_ahead(self, entries: Entries) -> None:
        """Read the models behind these entries, a generation of all questions at a time."""
        pins: dict[str, set[str]] = defaultdict(set)
        for _ in range(evaluation.MAX_GENERATIONS):
            for name, revision in ((entry["model"], entry.get("revision")) for entry in entries):
                if revision:
                    pins[name].add(revision)
            parents = {parent for entry in entries for parent in entry["parents"]}
            keys = {(name, pin) for name in parents for pin in (None, *pins[name])} - set(self._models)
            if not keys:
                return
            self._read(keys)
            found = (self._models[key] for key in sorted(keys, key=str))
            entries = [entry for model in found if model is not None for entry in model.entries]

    def _read(self, keys: set[tuple[str, str | None]]) -> None:
        missing = keys - set(self._models)
        if not missing:
            return
        rows = evaluation.of_models({name for name, _ in missing})
        newest = rows.order_by("registered_model", "-resolved_at", "-pk").distinct("registered_model")
        now = {str(row.registered_model): row.pk for row in newest}
        pins = {pin for _, pin in missing if pin}
        at = {
            (str(row.registered_model), row.revision): row.pk
            for row in (rows.filter(revision__in=pins).order_by("-resolved_at", "-pk") if pins else ())
        }
        chosen = {(name, pin): at.get((name, pin), now.get(name)) for name, pin in missing}
        read = background.of_many({key for key in chosen.values() if key is not None})
        self._models |= {
            wanted: None if version_id is None else read[version_id] for wanted, version_id in chosen.items()
        }


def judge_many(
    questions: Sequence[tuple[ModelVersion, ServingEnvironment]],
    *,
    organization: FactsInForce | None,
    on: date,
    terms: Catalog,
) -> list[Judgement | Failure]:
    """The answer to each question, in order, as `evaluation.judge` gives it one by one."""
    try:
        asking = Asking(organization=organization, on=on, terms=terms)
    except InvalidFacts as error:
        return [_failure(error)] * len(questions)
    own = background.of_many({version.pk for version, _ in questions})
    memory = Memory()
    memory.read_ahead([entry for found in own.values() for entry in found.entries])
    answers: list[Judgement | Failure] = []
    for version, environment in questions:
        try:
            about = evaluation.background_of(version, own=own[version.pk], look_up=memory.look_up)
            answers.append(asking.judge(environment, *about))
        except Exception as error:  # noqa: BLE001 - one question that breaks must not hide the others
            answers.append(_failure(error))
    return answers


def _failure(error: Exception) -> Failure:
    code = str(getattr(error, "code", "evaluation_failed"))
    return Failure(code[:64], f"{type(error).__name__}: {str(error)[:500]}")
