"""What someone must look at, and what stops admission until a person has."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.constraints import both_or_neither, known
from governance.models import PolicyDocument
from registry.lifecycle import Severity
from registry.models.observation import SourceObservation
from registry.models.reevaluation import Reevaluation
from registry.models.review import Approval, Evaluation, ServingEnvironment
from registry.models.run import DriftRun, VerificationRun
from registry.models.version import ModelVersion


class AlertKind(models.TextChoices):
    """What happened."""

    VERDICT_WORSE = "verdict_worse", "licence verdict got worse"
    NEW_OBLIGATIONS = "new_obligations", "new licence obligations"
    NOT_EVALUATED = "not_evaluated", "licence could not be evaluated again"
    SOURCE_MOVED = "source_moved", "branch or tag moved"
    HISTORY_REWRITTEN = "history_rewritten", "history was rewritten"
    SOURCE_GONE = "source_gone", "source is gone"
    SOURCE_RENAMED = "source_renamed", "repository was renamed"
    SOURCE_CHANGED = "source_changed", "files at the source changed"
    LICENSE_CHANGED = "license_changed", "declared licence changed at the source"
    GATING_CHANGED = "gating_changed", "access at the source changed"
    NEW_REVISION = "new_revision", "new revision available"
    SCAN_CHANGED = "scan_changed", "scan status at the source changed"
    COPY_ROTTED = "copy_rotted", "stored copy is damaged"


class Resolution(models.TextChoices):
    """Why an alert no longer stands."""

    RECOVERED = "recovered", "it is as it was approved again"
    SUPERSEDED = "superseded", "a newer alert took its place"
    APPROVAL_ENDED = "approval_ended", "the approval ended"


SEVERITIES = [severity.value for severity in Severity]
ABOUT_APPROVALS = [AlertKind.VERDICT_WORSE, AlertKind.NEW_OBLIGATIONS, AlertKind.NOT_EVALUATED]
ABOUT_SOURCES = [kind for kind in AlertKind if kind not in ABOUT_APPROVALS]


class Alert(models.Model):
    """Something that happened to what is in use; written once, then acknowledged by a person, then resolved."""

    kind = models.CharField(max_length=32, choices=AlertKind.choices)
    severity = models.CharField(max_length=8, choices=[(one, one) for one in SEVERITIES])
    version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True
    )
    environment = models.ForeignKey(
        ServingEnvironment, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    approval = models.ForeignKey(
        Approval, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True
    )
    # What is the case now; None where it could not be evaluated.
    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    reevaluation = models.ForeignKey(
        Reevaluation, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True
    )
    # What the source said, or the checks found, when it was raised; who looks after it, and what to do.
    observation = models.ForeignKey(
        SourceObservation, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True
    )
    drift_run = models.ForeignKey(
        DriftRun, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True
    )
    verification_run = models.ForeignKey(
        VerificationRun, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    remedy = models.TextField(blank=True)
    message = models.TextField()
    # The same for programs.
    facts = models.JSONField(default=dict)
    raised_at = models.DateTimeField(db_default=Now())
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_note = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=16, choices=Resolution.choices, blank=True)

    class Meta:
        constraints: ClassVar = [
            known("kind", [kind.value for kind in AlertKind], name="registry_alert_kind_known"),
            known("severity", SEVERITIES, name="registry_alert_severity_known"),
            known("resolution", ["", *Resolution.values], name="registry_alert_resolution_known"),
            models.CheckConstraint(
                condition=~Q(kind__in=[kind.value for kind in ABOUT_APPROVALS])
                | Q(approval__isnull=False, version__isnull=False, environment__isnull=False),
                name="registry_alert_names_its_approval",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["verdict_worse", "new_obligations"]) | Q(evaluation__isnull=False),
                name="registry_alert_rests_on_evaluation",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=[kind.value for kind in ABOUT_SOURCES])
                | (
                    Q(version__isnull=False, owner__isnull=False, approval__isnull=True)
                    & ~Q(remedy="")
                    & (Q(drift_run__isnull=False) | Q(verification_run__isnull=False))
                ),
                name="registry_alert_of_source_complete",
            ),
            models.CheckConstraint(condition=~Q(message=""), name="registry_alert_says_why"),
            both_or_neither("acknowledged_by", "acknowledged_at", name="registry_alert_acknowledged_paired"),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolution="")
                | (Q(resolved_at__isnull=False) & ~Q(resolution="")),
                name="registry_alert_resolved_says_how",
            ),
            models.UniqueConstraint(
                fields=["approval", "kind"],
                condition=Q(resolved_at__isnull=True),
                name="registry_alert_one_open",
            ),
            models.UniqueConstraint(
                fields=["version", "kind"],
                condition=Q(resolved_at__isnull=True, approval__isnull=True),
                name="registry_alert_one_open_of_version",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["version"],
                condition=Q(resolved_at__isnull=True),
                name="registry_alert_open_of_version",
            )
        ]

    # How rows of each state are found.
    STATES: ClassVar = {
        "open": {"acknowledged_at__isnull": True, "resolved_at__isnull": True},
        "acknowledged": {"acknowledged_at__isnull": False, "resolved_at__isnull": True},
        "resolved": {"resolved_at__isnull": False},
    }

    def __str__(self) -> str:
        return f"{self.kind} of {self.version}"

    @property
    def state(self) -> str:
        """Where it stands, in a word that has a badge."""
        if self.resolved_at:
            return "resolved"
        return "acknowledged" if self.acknowledged_at else "open"


class Suspension(models.Model):
    """An approval that admits nothing until a reviewer has lifted this; written once, lifted once."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="suspensions")
    # The verdict that was found, and the policy under which that suspends.
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(PolicyDocument, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    raised_at = models.DateTimeField(db_default=Now())
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    lifted_at = models.DateTimeField(null=True, blank=True)
    # The verdict on which the reviewer let it go.
    lifted_evaluation = models.ForeignKey(
        Evaluation, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    lifted_note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="registry_suspension_says_why"),
            both_or_neither(
                "lifted_by", "lifted_at", "lifted_evaluation", name="registry_suspension_lifted_complete"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True) | ~Q(lifted_note=""),
                name="registry_suspension_lifted_says_why",
            ),
            models.UniqueConstraint(
                fields=["approval"], condition=Q(lifted_at__isnull=True), name="registry_suspension_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"suspension {self.pk} of {self.approval}"
