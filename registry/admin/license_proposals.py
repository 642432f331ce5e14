"""Proposals of licence records: what one person drew up, and another puts in force."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from audit import overview
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import ReasonForm
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.errors import GovernanceError
from governance.models import User
from governance.permissions import Permission
from registry import catalogs, drafts
from registry.actions import license_records
from registry.admin.license_forms import PublishForm
from registry.models import CatalogRelease, LicenseProposal, ProposedChange

OPEN = Q(closed_at__isnull=True, release__isnull=True)
STATES = {
    "waiting": OPEN,
    "carried out": Q(release__isnull=False),
    "declined": Q(closed_at__isnull=False),
}


def waiting() -> QuerySet[LicenseProposal]:
    """Proposals that wait for a second person."""
    return LicenseProposal.objects.filter(OPEN)


def _is_open(row: LicenseProposal) -> bool:
    return row.closed_at is None and release_of(row) is None


def release_of(row: LicenseProposal) -> CatalogRelease | None:
    """The release that carried the proposal out."""
    return getattr(row, "release", None)


def _own(row: LicenseProposal, user: User) -> str:
    return (
        "You proposed this, so a reviewer who is someone else puts it in force."
        if row.proposed_by_id == user.pk
        else ""
    )


def _publish(row: LicenseProposal, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return license_records.publish(
        proposal=row, note=values["note"], seen=values["seen"] or None, actor=actor, now=now
    )


def _decline(row: LicenseProposal, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return license_records.decline(proposal=row, reason=values["reason"], actor=actor, now=now)


PUBLISH = PageAction(
    name="publish",
    label="Put in force",
    permission=Permission.LICENSE_PUBLISH,
    carry_out=_publish,
    done="In force. Verdicts made from now on use this catalogue.",
    explanation="You state that you read the record and what it changes, and that it says what was agreed.",
    form=PublishForm,
    offered=_is_open,
    barred=_own,
    tone="primary",
    icon="verified",
)
DECLINE = PageAction(
    name="decline",
    label="Decline",
    permission=Permission.LICENSE_PUBLISH,
    carry_out=_decline,
    done="Declined. Your reason is kept with it.",
    form=ReasonForm,
    offered=_is_open,
    barred=_own,
    tone="danger",
    icon="cancel",
)
TAKE_BACK = PageAction(
    name="take-back",
    label="Take back",
    permission=Permission.LICENSE_PROPOSE,
    carry_out=_decline,
    done="Taken back. It is kept, and decides nothing.",
    form=ReasonForm,
    offered=_is_open,
    barred=lambda row, user: (
        "" if row.proposed_by_id == user.pk else "Only whoever proposed it takes it back."
    ),
    tone="danger",
    icon="undo",
)


@admin.register(LicenseProposal)
class LicenseProposalAdmin(DeskAdmin):
    """One change of the organisation's own records."""

    heading = "Licence proposals"
    purpose = "Your own records are drawn up by one person and put in force, or taken out, by another."
    empty_hint = "An officer proposes a record under Licences."
    columns = ("Licence", "Change", "State", "Proposed", "Why")
    row_template = "registry/license/proposal_row.html"
    object_template = "registry/license/proposal.html"
    page_actions = (PUBLISH, DECLINE, TAKE_BACK)
    filters = (
        ListFilter(
            "state",
            "State",
            lambda: [(word, word) for word in STATES],
            lambda rows, value: rows.filter(STATES[value]),
        ),
    )

    def rows(self) -> QuerySet[LicenseProposal]:
        """Newest first."""
        return self.rows_for_page().order_by("-pk")

    def rows_for_page(self) -> QuerySet[LicenseProposal]:
        """With the record, the people, and the release that carried it out."""
        return LicenseProposal.objects.select_related(
            "record", "proposed_by", "closed_by", "document", "release"
        )

    def dress(self, rows: list[LicenseProposal]) -> None:
        """What became of each."""
        for row in rows:
            row.state = state(row)  # type: ignore[attr-defined]

    def name_of(self, row: LicenseProposal) -> str:
        """What it would do."""
        word = "Withdraw" if row.change == ProposedChange.WITHDRAW else "Put in force"
        return f"{word}: {row.record.license_id}"

    def object_context(self, row: LicenseProposal) -> dict[str, Any]:
        """What it changes, against what is in force now or was when it was carried out."""
        release = release_of(row)
        base = release.previous if release is not None else catalogs.in_force()
        return {
            "title": self.name_of(row),
            "state": state(row),
            "release": release,
            **_looked_at(row, base),
            "entries": overview.latest_decisions(
                [f"license-proposal:{row.pk}", *([f"catalog-release:{release.pk}"] if release else [])],
                limit=10,
            ),
        }


def state(row: LicenseProposal) -> str:
    """What became of a proposal."""
    if release_of(row) is not None:
        return "carried out"
    return "waiting" if row.closed_at is None else "declined"


def _looked_at(row: LicenseProposal, base: CatalogRelease | None) -> dict[str, Any]:
    """The change as things stand; where it can no longer be made, why."""
    try:
        return {"draft": drafts.of_proposal(row, release=base), "problem": ""}
    except GovernanceError as refusal:
        return {"draft": None, "problem": refusal.detail}
