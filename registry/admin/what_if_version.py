"""The matrix of one version: its verdict in every environment, now and under moved facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from governance.errors import GovernanceError
from governance.models import User
from governance.permissions import Permission
from registry.actions import what_if
from registry.actions.organization import facts_in_force
from registry.admin.moves import MoveForm
from registry.catalogs import current as license_catalog
from registry.licensing import presets
from registry.licensing.changes import Change
from registry.licensing.comparison import Effect
from registry.licensing.facts import InvalidFacts
from registry.models import ModelVersion, ServingEnvironment
from registry.whatif import selection
from registry.whatif.compare import Cell, compare
from registry.whatif.selection import MAX_ENVIRONMENTS, Selection


@dataclass(frozen=True)
class Row:
    """One line of the matrix."""

    cell: Cell
    links: Mapping[str, str]
    moved: bool

    @property
    def why_now(self) -> list[str]:
        """What does not hold, or is not known, as things are."""
        return [item["reason"] for item in self.cell.before["findings"] if item["outcome"] != "met"]

    @property
    def missing(self) -> list[tuple[str, str]]:
        """The facts that are missing, and where each is stated."""
        answer = self.cell.after if self.moved else self.cell.before
        return [(fact, self.links[fact.partition(".")[0]]) for fact in answer["missing_facts"]]


def context(version: ModelVersion, query: QueryDict, *, user: User, now: datetime) -> dict[str, Any]:
    """What the page shows: the form, and the matrix where it can be made."""
    environments = list(ServingEnvironment.objects.order_by("name")[: MAX_ENVIRONMENTS + 1])
    shown = environments[:MAX_ENVIRONMENTS]
    form = _form(query, shown, now=now)
    form.is_valid()
    found: dict[str, Any] = {
        "form": form,
        "rows": [],
        "problem": "",
        "cut": len(environments) > len(shown),
        "moved": not form.change.is_empty,
        "presets": presets.PRESETS,
        "groups": form.groups(),
    }
    if version.manifest_digest is None or not shown:
        return found
    try:
        cells = _cells(version, shown, form.change if form.is_valid() else Change(), now=now)
    except InvalidFacts as error:
        form.refuse_facts(error)
        cells = _cells(version, shown, Change(), now=now)
        found["moved"] = False
    except GovernanceError as error:
        return {**found, "problem": error.detail}
    found["rows"] = [Row(cell, _links(cell, user), moved=found["moved"]) for cell in cells]
    found["counts"] = {effect.value: sum(cell.effect is effect for cell in cells) for effect in Effect}
    return found


def _cells(
    version: ModelVersion, environments: list[ServingEnvironment], change: Change, *, now: datetime
) -> list[Cell]:
    chosen = Selection((version.pk,), tuple(row.name for row in environments))
    ground = what_if.ground(change, policy_text="", now=now)
    return list(compare(selection.choose(chosen, now=now), ground))


def _form(query: QueryDict, environments: list[ServingEnvironment], *, now: datetime) -> MoveForm:
    organization = facts_in_force(at=now)
    on = now.date()
    return MoveForm(
        query,
        org=organization.facts if organization else {},
        uses=[row.use for row in environments],
        months=presets.counted_months(license_catalog(), None, on=on),
        on=on,
    )


def _links(cell: Cell, user: User) -> dict[str, str]:
    """Where a fact that is missing is stated, for someone who may state it; else where it is shown."""
    may = user.may(Permission.ORGANIZATION_EDIT)
    environment = cell.pair.environment.pk
    return {
        "org": reverse(
            "admin:registry_organizationprofile_attest"
            if may
            else "admin:registry_organizationprofile_changelist"
        ),
        "use": reverse("admin:registry_servingenvironment_act", args=[environment, "redefine"])
        if may
        else reverse("admin:registry_servingenvironment_change", args=[environment]),
        "derivative": "#group-a-model-made-from-it",
        "model": reverse("admin:registry_modelversion_change", args=[cell.pair.version.pk]) + "#license",
    }
