"""The menu at the side: what each role may open."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

from governance.desk import access
from governance.permissions import Permission
from registry.lifecycle import ApprovalStatus, TaskStatus
from registry.models import Alert, Approval, LicenseProposal, ObligationTask, QuarantineRelease

Entry = dict[str, Any]


def sidebar(request: HttpRequest) -> list[Entry]:
    """The groups of the menu; entries that the role may not open are left out."""
    groups = [
        ("", [_entry("Desk", "space_dashboard", "index")]),
        (
            "Models",
            [
                _entry("Versions", "inventory_2", "registry_modelversion_changelist"),
                {
                    **_entry("Approvals", "approval_delegation", "registry_approval_changelist"),
                    **_waiting(request),
                },
                {
                    **_entry("Releases", "lock_open", "registry_quarantinerelease_changelist"),
                    **_releases(request),
                },
                _entry("Licence verdicts", "balance", "registry_evaluation_changelist"),
                {
                    **_entry("Obligations", "checklist", "registry_obligationtask_changelist"),
                    **_own_work(request),
                },
                {
                    **_entry("Alerts", "notification_important", "registry_alert_changelist"),
                    **_alarming(),
                },
                _entry("Admissions", "login", "registry_admission_changelist"),
            ],
        ),
        (
            "Evidence",
            [
                _entry("Served requests", "manage_search", "audit_servedrequest_changelist"),
                _entry("Deployments", "dns", "audit_deployment_changelist"),
                _entry("Evidence documents", "attach_file", "registry_evidencedocument_changelist"),
                _entry("Decisions log", "receipt_long", "audit_decisionentry_changelist"),
                _entry("Recorders and gaps", "sensors", "audit_sequencegap_changelist"),
            ],
        ),
        (
            "Rules",
            [
                _entry("Environments", "cloud", "registry_servingenvironment_changelist"),
                _entry("Facts about us", "apartment", "registry_organizationprofile_changelist"),
                {
                    **_entry("Licences", "contract", "registry_licenserecord_changelist"),
                    **_proposals(request),
                },
                _entry("Re-evaluations", "restart_alt", "registry_reevaluation_changelist"),
                _entry("Policies", "gavel", "governance_policydocument_changelist"),
                _entry("What if", "published_with_changes", "registry_whatifrun_changelist"),
            ],
        ),
        ("Access", _access(request)),
    ]
    return [{"title": title, "items": entries} for title, entries in groups]


def _access(request: HttpRequest) -> list[Entry]:
    entries = []
    if access.may(request, Permission.USER_MANAGE):
        entries.append(_entry("People", "group", "governance_user_changelist"))
    if access.may(request, Permission.TOKEN_MANAGE):
        entries.append(_entry("Tokens", "key", "governance_apitoken_changelist"))
    return entries


def _entry(title: str, icon: str, page: str) -> Entry:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{page}")}


def _alarming() -> Entry:
    """How many alerts nobody looks after yet."""
    number = Alert.objects.filter(**Alert.STATES["open"]).count()
    return {"badge_callback": number, "badge_title": "that nobody looks after"} if number else {}


def _waiting(request: HttpRequest) -> Entry:
    """For those who decide: how many requests wait for them."""
    if not access.may(request, Permission.APPROVAL_DECIDE):
        return {}
    number = (
        Approval.objects.filter(status=ApprovalStatus.REQUESTED)
        .exclude(requested_by=access.person(request))
        .count()
    )
    return {"badge_callback": number, "badge_title": "waiting for you"} if number else {}


def _releases(request: HttpRequest) -> Entry:
    """For those who decide: how many quarantined versions wait for them."""
    if not access.may(request, Permission.APPROVAL_DECIDE):
        return {}
    number = (
        QuarantineRelease.objects.filter(decision="").exclude(requested_by=access.person(request)).count()
    )
    return {"badge_callback": number, "badge_title": "waiting for you"} if number else {}


def _proposals(request: HttpRequest) -> Entry:
    """For those who put records in force: how many proposals wait for them."""
    if not access.may(request, Permission.LICENSE_PUBLISH):
        return {}
    number = (
        LicenseProposal.objects.filter(closed_at__isnull=True, release__isnull=True)
        .exclude(proposed_by=access.person(request))
        .count()
    )
    return {"badge_callback": number, "badge_title": "waiting for you"} if number else {}


def _own_work(request: HttpRequest) -> Entry:
    """How many obligations wait for the very person who looks."""
    number = ObligationTask.objects.filter(status=TaskStatus.OPEN, owner=access.person(request)).count()
    return {"badge_callback": number, "badge_title": "are yours to meet"} if number else {}
