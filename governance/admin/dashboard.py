"""The numbers of the start page, each with the list behind it; for an empty service, what to do first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from audit import overview
from governance.desk import access, charts
from governance.models import ApiToken, PolicyDocument, User
from governance.permissions import Permission, Role
from registry import duties
from registry.actions import shipped_licenses
from registry.admin import axes
from registry.lifecycle import ApprovalStatus, Status, TaskStatus
from registry.models import (
    Admission,
    Alert,
    Approval,
    ModelVersion,
    ObligationTask,
    OrganizationProfile,
    QuarantineRelease,
    ServingEnvironment,
)

EXPIRING_DAYS = 14
DENIED_DAYS = 7
CHART_DAYS = 30
TONES = {Status.DRAFT: "plain", Status.RESOLVED: "good", Status.QUARANTINED: "warn", Status.REVOKED: "bad"}


@dataclass(frozen=True)
class Tile:
    """One number, and where to look."""

    label: str
    value: int
    note: str
    icon: str
    url: str
    tone: str = "plain"


@dataclass(frozen=True)
class FirstStep:
    """Something to set up, by whom, and whether it is done."""

    words: str
    who: str
    is_done: bool
    url: str = ""
    label: str = ""


def add_numbers(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Put the numbers into the context of the start page."""
    now = timezone.now()
    statuses = dict(ModelVersion.objects.values_list("status").annotate(number=Count("*")))
    steps = [] if statuses else _first_steps(request)
    context |= {
        "title": "Desk",
        "tiles": _tiles(now=now),
        "statuses": [
            (one.value, statuses.get(one, 0), TONES[one], _list("registry_modelversion", f"status={one}"))
            for one in Status
        ],
        "status_chart": charts.share(
            [(one.value, statuses.get(one, 0), TONES[one]) for one in Status], label="Versions by status"
        ),
        "versions": sum(statuses.values()),
        "first_steps": steps,
        "logs": overview.log_numbers(),
        "pending_licenses": shipped_licenses.pending(),
        **_charts(now=now),
        "queue": list(
            Approval.objects.filter(status=ApprovalStatus.REQUESTED)
            .select_related("version__registered_model", "environment", "requested_by", "decided_by")
            .order_by("requested_at")[:5]
        ),
        "newest": overview.with_places(list(overview.newest_decisions(limit=8))),
    }
    return context


def _list(resource: str, query: str = "") -> str:
    address = reverse(f"admin:{resource}_changelist")
    return f"{address}?{query}" if query else address


def _tiles(*, now: datetime) -> list[Tile]:
    return [*_work_tiles(now=now), *_denial_tiles(now=now)]


def _work_tiles(*, now: datetime) -> list[Tile]:
    """What waits for someone to do it."""
    waiting = Approval.objects.filter(status=ApprovalStatus.REQUESTED).count()
    releases = QuarantineRelease.objects.filter(decision="").count()
    alarming = Alert.objects.filter(**Alert.STATES["open"]).count()
    failing = len(axes.failing())
    soon = now + timedelta(days=EXPIRING_DAYS)
    expiring = Approval.objects.filter(
        status=ApprovalStatus.APPROVED, expires_at__gt=now, expires_at__lte=soon
    ).count()
    work = ObligationTask.objects.filter(status=TaskStatus.OPEN)
    open_work, overdue = work.count(), duties.overdue(work, on=now.date()).count()
    return [
        Tile(
            "Awaiting review",
            waiting,
            "approvals requested",
            "hourglass_top",
            _list("registry_approval", "status=requested"),
            _tone(waiting, "warn"),
        ),
        Tile(
            "Releases to decide",
            releases,
            "somebody asked to end a quarantine",
            "lock_open",
            _list("registry_quarantinerelease", "state=open"),
            _tone(releases, "warn"),
        ),
        Tile(
            "Alerts",
            alarming,
            "that nobody looks after yet",
            "notification_important",
            _list("registry_alert", "state=open"),
            _tone(alarming, "bad"),
        ),
        Tile(
            "Failing evidence",
            failing,
            "versions whose newest run did not pass",
            "report",
            _list("registry_modelversion", "evidence=failing"),
            _tone(failing, "bad"),
        ),
        Tile(
            "Expiring approvals",
            expiring,
            f"within {EXPIRING_DAYS} days",
            "event_upcoming",
            _list("registry_approval", "status=approved"),
            _tone(expiring, "warn"),
        ),
        Tile(
            "Overdue obligations",
            overdue,
            f"of {open_work} that are open",
            "assignment_late",
            _list("registry_obligationtask", "state=overdue"),
            _tone(overdue, "bad"),
        ),
    ]


def _denial_tiles(*, now: datetime) -> list[Tile]:
    """What was refused, or never arrived."""
    denied = Admission.objects.filter(
        decision="deny", decided_at__gte=now - timedelta(days=DENIED_DAYS)
    ).count()
    gaps = len(overview.open_gaps())
    return [
        Tile(
            "Denied admissions",
            denied,
            f"in {DENIED_DAYS} days",
            "block",
            _list("registry_admission", "decision=deny"),
            _tone(denied, "bad"),
        ),
        Tile(
            "Gaps in records",
            gaps,
            "records that never arrived",
            "sensors_off",
            _list("audit_sequencegap"),
            _tone(gaps, "bad"),
        ),
    ]


def _tone(number: int, tone: str) -> str:
    return tone if number else "good"


def _charts(*, now: datetime) -> dict[str, Any]:
    served = overview.all_requests_per_day(days=CHART_DAYS, now=now)
    total = sum(number for _, number in served)
    return {
        "served_days": served,
        "served_total": total,
        "served_chart": charts.bars(
            served, label=f"Served requests a day over {CHART_DAYS} days, {total:,} in all"
        ),
    }


def _first_steps(request: HttpRequest) -> list[FirstStep]:
    def link(permission: Permission, page: str) -> str:
        return reverse(f"admin:{page}") if access.may(request, permission) else ""

    has_reviewer = User.objects.filter(role=Role.REVIEWER, is_active=True).exists()
    return [
        FirstStep(
            "Create accounts: an officer, and a reviewer who is someone else.",
            "admin",
            has_reviewer,
            link(Permission.USER_MANAGE, "governance_user_create"),
            "Create an account",
        ),
        FirstStep(
            "Load a policy: what a version must show.",
            "admin",
            PolicyDocument.objects.exists(),
            link(Permission.POLICY_EDIT, "governance_policydocument_load"),
            "Load a policy",
        ),
        FirstStep(
            "Attest what is known of the organisation; licences ask for it.",
            "officer",
            OrganizationProfile.objects.exists(),
            link(Permission.ORGANIZATION_EDIT, "registry_organizationprofile_attest"),
            "Attest facts",
        ),
        FirstStep(
            "Define an environment: where models are served, and for what.",
            "officer",
            ServingEnvironment.objects.exists(),
            link(Permission.ORGANIZATION_EDIT, "registry_servingenvironment_define"),
            "Define an environment",
        ),
        FirstStep(
            "Register the first model.",
            "officer",
            ModelVersion.objects.exists(),
            link(Permission.VERSION_REGISTER, "registry_modelversion_register"),
            "Register a model",
        ),
        FirstStep(
            "Issue tokens for serving nodes and recorders.",
            "admin",
            ApiToken.objects.exists(),
            link(Permission.TOKEN_MANAGE, "governance_apitoken_issue"),
            "Issue a token",
        ),
    ]
