"""Obligations as work: what a licence asks for in one use, who sees to it, and the evidence that it was done."""

from datetime import date
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.constraints import both_or_neither, known, matches
from registry.licensing.terms import EvidenceKind
from registry.lifecycle import TaskStatus
from registry.models.document import EvidenceDocument
from registry.models.review import NAME, Evaluation, ServingEnvironment
from registry.models.version import ModelVersion

KINDS = [kind.value for kind in EvidenceKind]
STATUSES = [status.value for status in TaskStatus]
LIVE = [TaskStatus.OPEN.value, TaskStatus.DONE.value, TaskStatus.WAIVED.value]


class ObligationTask(models.Model):
    """One obligation of one licence, due for one version, environment and purpose; words as they were evaluated."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="obligations")
    environment = models.ForeignKey(ServingEnvironment, on_delete=models.PROTECT, related_name="obligations")
    purpose = models.CharField(max_length=64)
    license_id = models.CharField(max_length=80)
    obligation_id = models.CharField(max_length=80)
    do = models.TextField()
    evidence_wanted = models.TextField()
    evidence_kind = models.CharField(max_length=16, choices=[(kind, kind) for kind in KINDS])
    clause = models.TextField()
    # The evaluation that made it due.
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="obligations")
    status = models.CharField(
        max_length=8, choices=[(status, status) for status in STATUSES], default=TaskStatus.OPEN
    )
    # For whose request it is due; they never waive it.
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="obligations")
    due_on = models.DateField()
    opened_by = models.CharField(max_length=200)
    opened_at = models.DateTimeField(db_default=Now())
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True)
    lapsed_by = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - null says "has not"
    lapsed_at = models.DateTimeField(null=True, blank=True)
    lapse_reason = models.TextField(null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints: ClassVar = [
            known("status", STATUSES, name="registry_obligationtask_status_known"),
            known("evidence_kind", KINDS, name="registry_obligationtask_evidence_kind_known"),
            matches("purpose", NAME, name="registry_obligationtask_purpose_form"),
            models.CheckConstraint(
                condition=~Q(license_id="") & ~Q(obligation_id="") & ~Q(do=""),
                name="registry_obligationtask_says_what_to_do",
            ),
            both_or_neither("decided_by", "decided_at", name="registry_obligationtask_decision_has_person"),
            both_or_neither(
                "lapsed_by", "lapsed_at", "lapse_reason", name="registry_obligationtask_lapse_complete"
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskStatus.OPEN) | Q(decided_at__isnull=True, lapsed_at__isnull=True),
                name="registry_obligationtask_open_is_undecided",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[TaskStatus.DONE, TaskStatus.WAIVED]) | Q(decided_at__isnull=False),
                name="registry_obligationtask_closed_has_person",
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskStatus.LAPSED) | Q(lapsed_at__isnull=False),
                name="registry_obligationtask_lapsed_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskStatus.WAIVED)
                | (~Q(decided_by=F("owner")) & ~Q(decided_by=F("asked_by")) & ~Q(decision_note="")),
                name="registry_obligationtask_waiver_four_eyes",
            ),
            models.UniqueConstraint(
                fields=["version", "environment", "purpose", "license_id", "obligation_id"],
                condition=Q(status__in=LIVE),
                name="registry_obligationtask_one_live",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_on", "id"], condition=Q(status="open"), name="registry_obligation_due"),
            models.Index(fields=["license_id", "obligation_id"], name="registry_obligation_terms"),
        ]

    def __str__(self) -> str:
        return f"{self.license_id} {self.obligation_id} for {self.purpose} in {self.environment}"

    @property
    def is_open(self) -> bool:
        """Whether someone has to do something."""
        return self.status == TaskStatus.OPEN

    @property
    def wanted(self) -> EvidenceKind:
        """The kind of evidence that it asks for."""
        return EvidenceKind(self.evidence_kind)

    def is_overdue(self, on: date) -> bool:
        """Whether it should have been done by now."""
        return self.is_open and self.due_on < on


class ObligationEvidence(models.Model):
    """One thing that shows that an obligation was met; written once."""

    task = models.ForeignKey(ObligationTask, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=16, choices=[(kind, kind) for kind in KINDS])
    document = models.ForeignKey(
        EvidenceDocument, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    url = models.CharField(max_length=2000, blank=True)
    # The day on which the address showed it.
    shown_on = models.DateField(null=True, blank=True)
    # The file of a release, and its digest.
    path = models.CharField(max_length=400, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    published_name = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)
    # The evidence of an earlier task of the same obligation, of which a person said that it still holds.
    carried_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="carried_to", null=True, blank=True
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            known("kind", KINDS, name="registry_obligationevidence_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=EvidenceKind.RELEASE_FILE, sha256__regex="^[0-9a-f]{64}$") & ~Q(path="")
                | Q(kind=EvidenceKind.URL, url__startswith="https://", shown_on__isnull=False)
                | Q(
                    kind=EvidenceKind.SCREENSHOT,
                    url__startswith="https://",
                    shown_on__isnull=False,
                    document__isnull=False,
                )
                | Q(kind=EvidenceKind.STATEMENT) & ~Q(note="")
                | Q(kind=EvidenceKind.DOCUMENT, document__isnull=False)
                | Q(kind=EvidenceKind.PUBLISHED_NAME) & ~Q(published_name=""),
                name="registry_obligationevidence_complete",
            ),
            models.UniqueConstraint(
                fields=["task", "carried_from"], name="registry_obligationevidence_carried_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for task {self.task_id}"
