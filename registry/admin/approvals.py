"""Approvals: a reviewer's queue, and the page on which one is decided."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils import timezone

from audit import overview
from governance.actions import policies
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import NoteForm, ReasonForm
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.models import User
from governance.permissions import Permission
from registry import suspended
from registry.actions import evidence, obligations, review, suspensions
from registry.admin import axes, checks_block, finding, obligation_block, version_page
from registry.admission.question import Reason
from registry.lifecycle import ApprovalStatus
from registry.models import Approval, ModelVersion, ServingEnvironment

OPEN = {ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED}


def _requested(approval: Approval) -> bool:
    return approval.status == ApprovalStatus.REQUESTED


def _own(approval: Approval, user: User) -> str:
    if approval.requested_by_id == user.pk:
        return "You requested this, so another reviewer decides."
    return ""


def _approve(approval: Approval, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return review.approve(approval=approval, note=values["note"], actor=actor, now=now)


def _reject(approval: Approval, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return review.reject(approval=approval, note=values["reason"], actor=actor, now=now)


def _withdraw(approval: Approval, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return review.withdraw(approval=approval, reason=values["reason"], actor=actor, now=now)


def _revoke(approval: Approval, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return review.revoke(approval=approval, reason=values["reason"], actor=actor, now=now)


def _lift(approval: Approval, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return suspensions.lift(approval=approval, note=values["note"], actor=actor, now=now)


def _suspended(approval: Approval) -> bool:
    return approval.status == ApprovalStatus.APPROVED and suspensions.open_of(approval) is not None


ACTIONS = (
    PageAction(
        name="approve",
        label="Approve",
        permission=Permission.APPROVAL_DECIDE,
        carry_out=_approve,
        done="Approved. Nodes may now ask for admission.",
        explanation="You state that you read the evidence and the verdict, and that this version may be used so.",
        form=NoteForm,
        offered=_requested,
        barred=_own,
        tone="primary",
        icon="check_circle",
    ),
    PageAction(
        name="reject",
        label="Reject",
        permission=Permission.APPROVAL_DECIDE,
        carry_out=_reject,
        done="Rejected. Your reason is kept with it.",
        form=ReasonForm,
        offered=_requested,
        barred=_own,
        tone="danger",
        icon="cancel",
    ),
    PageAction(
        name="lift-suspension",
        label="Lift the suspension",
        permission=Permission.APPROVAL_DECIDE,
        carry_out=_lift,
        done="Lifted. Nodes may ask for admission again.",
        explanation="The licence is evaluated once more. Where the policy does not accept the verdict, nothing is lifted.",
        form=NoteForm,
        offered=_suspended,
        barred=_own,
        tone="primary",
        icon="play_circle",
    ),
    PageAction(
        name="withdraw",
        label="Withdraw",
        permission=Permission.APPROVAL_WITHDRAW,
        carry_out=_withdraw,
        done="Withdrawn. Nodes are refused from now on.",
        explanation="Takes the request, or the approval, back. To use the version again, ask again.",
        form=ReasonForm,
        offered=lambda approval: approval.status in OPEN,
        tone="danger",
        icon="undo",
    ),
    PageAction(
        name="revoke",
        label="Revoke",
        permission=Permission.APPROVAL_DECIDE,
        carry_out=_revoke,
        done="The approval is revoked. Nodes are refused from now on.",
        explanation="Ends the approval at once. The version itself stays as it is.",
        form=ReasonForm,
        offered=lambda approval: approval.status == ApprovalStatus.APPROVED,
        tone="danger",
        icon="block",
    ),
)


def against(approval: Approval, *, now: datetime) -> list[Reason] | None:
    """What speaks against the approval as things stand now; None where nothing can be decided."""
    if approval.status != ApprovalStatus.REQUESTED:
        return None
    try:
        policy = policies.in_force()[1]
    except policies.NoPolicy:
        return None
    evidence_reasons, terms = evidence.shortcomings(
        version=approval.version,
        environment=approval.environment,
        purpose=approval.purpose,
        policy=policy,
        evaluation=approval.evaluation,
        now=now,
    )
    return evidence_reasons + terms + _work_first(approval)


def _work_first(approval: Approval) -> list[Reason]:
    """That the policy wants obligations done first, where some are open."""
    first = obligation_block.first(approval)
    if not first:
        return []
    number = f"{len(first)} obligation{'s' if len(first) > 1 else ''}"
    return [
        Reason(
            obligations.ObligationsOpen.code,
            f"The policy wants {number} of this use done or waived first.",
            None,
        )
    ]


@admin.register(Approval)
class ApprovalAdmin(DeskAdmin):
    """One version, one environment, one purpose, until a date."""

    heading = "Approvals"
    purpose = "Requested by one person, decided by another. What waits for a decision comes first, the oldest at the top."
    empty_hint = "An officer asks for approval on the page of a version whose evidence is complete."
    search_hint = "Name or digest of a version"
    columns = ("Version", "For", "State", "Requested", "Decided", "Until")
    row_template = "registry/approval/row.html"
    object_template = "registry/approval/page.html"
    page_actions = ACTIONS
    filters = (
        ListFilter(
            "status",
            "State",
            lambda: [(one.value, one.value) for one in ApprovalStatus],
            lambda rows, value: rows.filter(status=value),
        ),
        ListFilter(
            "environment",
            "Environment",
            lambda: [(str(row.pk), row.name) for row in ServingEnvironment.objects.order_by("name")],
            lambda rows, value: rows.filter(environment=value),
        ),
    )

    def rows(self) -> QuerySet[Approval]:
        """Waiting ones first, oldest first; then the others, newest first."""
        waits = Case(
            When(status=ApprovalStatus.REQUESTED, then=Value(0)),
            default=Value(1),
            output_field=IntegerField(),
        )
        asked = Case(When(status=ApprovalStatus.REQUESTED, then="requested_at"))
        return (
            self.rows_for_page()
            .annotate(waits=waits, asked=asked)
            .order_by("waits", "asked", "-requested_at", "pk")
        )

    def find(self, rows: QuerySet[Approval], term: str) -> QuerySet[Approval]:
        """By what the version is found by."""
        return rows.filter(version__in=finding.versions(ModelVersion.objects.all(), term).values("pk"))

    def rows_for_page(self) -> QuerySet[Approval]:
        """With everyone and everything that an approval names."""
        rows = Approval.objects.select_related(
            "version__registered_model",
            "environment",
            "requested_by",
            "decided_by",
            "policy",
            "verification_run",
            "smoke_run",
            "evaluation__environment",
            "evaluation__organization",
        )
        return suspended.marked(rows)

    def name_of(self, row: Approval) -> str:
        """The use that it is for."""
        return f"{row.version} for {row.purpose} in {row.environment}"

    def object_context(self, row: Approval) -> dict[str, Any]:
        """What both people saw, and what the log says of it."""
        verification = row.verification_run
        return {
            "title": f"Approval {row.pk}",
            "axes": {
                "status": axes.status(row.version),
                "evidence": axes.evidence(verification, row.smoke_run),
            },
            "checks": checks_block.gather(verification),
            "answers": version_page.answers(row.smoke_run),
            "entries": overview.latest_decisions([f"approval:{row.pk}"], limit=20),
            "against": against(row, now=timezone.now()),
            "suspension": suspensions.open_of(row),
            "suspensions": list(row.suspensions.select_related("evaluation", "lifted_by").order_by("-pk")),
            "work": obligation_block.of_approval(row, now=timezone.now()),
            "in_force": row.status == ApprovalStatus.APPROVED and row.expires_at > timezone.now(),
        }
