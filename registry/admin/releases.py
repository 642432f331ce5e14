"""Releases from quarantine: one person asks, every check runs anew, another person decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When

from audit import overview
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import NoteForm, ReasonForm
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.errors import GovernanceError
from governance.models import User
from governance.permissions import Permission
from registry.actions import releases
from registry.admin import checks_block, finding
from registry.lifecycle import RunState
from registry.models import ModelVersion, QuarantineRelease, ReleaseDecision

STATES = ["open", *ReleaseDecision.values]


class RefusalForm(ReasonForm):
    """Why the version stays barred."""

    reason = forms.CharField(
        max_length=2000,
        label="Why it is refused",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept here word for word. The decisions log, which can be published, gets its digest.",
    )


def waiting() -> QuerySet[QuarantineRelease]:
    """Requests that wait for a second person."""
    return QuarantineRelease.objects.filter(decision="")


def _is_open(row: QuarantineRelease) -> bool:
    return not row.decision


def _is_ready(row: QuarantineRelease) -> bool:
    return _is_open(row) and not against(row)


def _own(row: QuarantineRelease, user: User) -> str:
    return (
        "You asked for this release, so a reviewer who is someone else decides on it."
        if row.requested_by_id == user.pk
        else ""
    )


def _release(row: QuarantineRelease, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return releases.decide_release(
        release=row, decision=ReleaseDecision.RELEASED, note=values["note"], actor=actor, now=now
    )


def _refuse(row: QuarantineRelease, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return releases.decide_release(
        release=row, decision=ReleaseDecision.REFUSED, note=values["reason"], actor=actor, now=now
    )


def _withdraw(row: QuarantineRelease, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return releases.withdraw_release(release=row, note=values["note"], actor=actor, now=now)


def against(row: QuarantineRelease) -> str:
    """Why the version cannot be released now; empty where it can."""
    try:
        releases.check_findings(row.verification_run)
    except GovernanceError as refusal:
        return refusal.detail
    return ""


ACTIONS = (
    PageAction(
        name="release",
        label="Release",
        permission=Permission.APPROVAL_DECIDE,
        carry_out=_release,
        done="Released. Its approvals count again once the smoke test has passed too.",
        explanation="You state that you read why it was quarantined and what the checks found now.",
        form=NoteForm,
        offered=_is_ready,
        barred=_own,
        tone="primary",
        icon="lock_open",
    ),
    PageAction(
        name="refuse",
        label="Refuse",
        permission=Permission.APPROVAL_DECIDE,
        carry_out=_refuse,
        done="Refused. The version stays quarantined.",
        explanation="The version stays quarantined. A release can be asked for again.",
        form=RefusalForm,
        offered=_is_open,
        barred=_own,
        tone="danger",
        icon="block",
    ),
    PageAction(
        name="withdraw",
        label="Withdraw",
        permission=Permission.VERSION_REVOKE,
        carry_out=_withdraw,
        done="Withdrawn. The version stays quarantined.",
        form=NoteForm,
        offered=_is_open,
        barred=lambda row, user: (
            "" if row.requested_by_id == user.pk else "Only whoever asked for it withdraws it."
        ),
        tone="danger",
        icon="undo",
    ),
)


@admin.register(QuarantineRelease)
class QuarantineReleaseAdmin(DeskAdmin):
    """One request to end a quarantine."""

    heading = "Releases from quarantine"
    purpose = "One person asks, every check runs anew, and another person decides. Until then nothing may serve the version."
    empty_hint = "A release is asked for on the page of a quarantined version."
    search_hint = "Name or digest of a version"
    columns = ("Version", "State", "Checks", "Asked for", "Decided", "Why")
    row_template = "registry/release/row.html"
    object_template = "registry/release/page.html"
    page_actions = ACTIONS
    filters = (
        ListFilter(
            "state",
            "State",
            lambda: [(word, word) for word in STATES],
            lambda rows, value: rows.filter(decision="" if value == "open" else value),
        ),
    )

    def rows(self) -> QuerySet[QuarantineRelease]:
        """Those that wait first, then the newest."""
        decided = Case(When(decision="", then=Value(0)), default=Value(1), output_field=IntegerField())
        return self.rows_for_page().annotate(decided=decided).order_by("decided", "-pk")

    def find(self, rows: QuerySet[QuarantineRelease], term: str) -> QuerySet[QuarantineRelease]:
        """By what the version is found by."""
        return rows.filter(version__in=finding.versions(ModelVersion.objects.all(), term).values("pk"))

    def rows_for_page(self) -> QuerySet[QuarantineRelease]:
        """With the version, the run and both people."""
        return QuarantineRelease.objects.select_related(
            "version__registered_model", "verification_run", "requested_by", "decided_by"
        )

    def name_of(self, row: QuarantineRelease) -> str:
        """Of what."""
        return f"Release of {row.version}"

    def object_context(self, row: QuarantineRelease) -> dict[str, Any]:
        """Why it was barred, why it should not be any more, and what the checks found."""
        run = row.verification_run
        return {
            "title": self.name_of(row),
            "against": against(row) if _is_open(row) else "",
            "has_finished": run.state == RunState.FINISHED,
            "checks": checks_block.gather(run),
            "entries": overview.latest_decisions([f"model-version:{row.version_id}"], limit=10),
        }
