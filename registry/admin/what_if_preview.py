"""What saving a form would change, shown above the form before anything is saved."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from governance.actors import Actor
from registry.actions import what_if
from registry.actions.organization import facts_in_force
from registry.admin import what_if_result
from registry.licensing.changes import Change, Step, patch_to
from registry.models import ServingEnvironment
from registry.whatif import selection
from registry.whatif.selection import Selection

EVERYTHING = Selection()


def of_facts(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> dict[str, Any]:
    """What everything approved would be under the facts of an attestation."""
    found = facts_in_force(at=now)
    facts = values["facts"]
    patch = patch_to(found.facts if found else {}, facts) if values["is_complete"] else facts
    return _shown(EVERYTHING, Change((Step(org=patch),)), "", actor=actor, now=now)


def of_use(row: ServingEnvironment, values: Mapping[str, Any], actor: Actor, now: datetime) -> dict[str, Any]:
    """What is approved in an environment, under another use of it."""
    change = Change((Step(use=patch_to(row.use, values["use"])),))
    return _shown(Selection(environments=(row.name,)), change, "", actor=actor, now=now)


def of_policy(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> dict[str, Any]:
    """What a policy would admit and refuse of everything approved."""
    return _shown(EVERYTHING, Change(), values["text"], actor=actor, now=now)


def _shown(
    chosen: Selection, change: Change, policy_text: str, *, actor: Actor, now: datetime
) -> dict[str, Any]:
    """The context of a preview; a large question goes to a worker, and the preview says where the answer will be."""
    on = what_if.ground(change, policy_text=policy_text, now=now)
    cells = selection.choose(chosen, now=now)
    told = what_if_result.told(change.to_json(), policy_text) or "nothing"
    found: dict[str, Any] = {"preview_template": "registry/what_if/preview.html", "told": told}
    if len(cells) > selection.MAX_CELLS_AT_ONCE:
        run = what_if.hand_over(
            chosen=chosen, change=change, policy_text=policy_text, cells=cells, actor=actor, now=now
        )
        return {**found, "run_url": reverse("admin:registry_whatifrun_change", args=[run.pk])}
    report = what_if.answer(cells, on)
    return {
        **found,
        "page": what_if_result.page_of(report.worst_first(), None),
        "is_first_page_only": True,
        **what_if_result.drawn(report.summary()),
    }
