"""Where and for what a version may be used: environments, evaluations and approvals."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.constraints import both_or_neither, known, matches
from governance.models import PolicyDocument
from registry.lifecycle import ApprovalStatus
from registry.models.organization import OrganizationProfile
from registry.models.run import SmokeRun, VerificationRun
from registry.models.version import DIGEST, ModelVersion

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
VERDICTS = ["allowed", "allowed_with_obligations", "needs_licence", "prohibited", "needs_review"]


class ServingEnvironment(models.Model):
    """A place where models are served, with the use that licence terms are held against."""

    name = models.CharField(max_length=64, unique=True)
    description = models.TextField(blank=True)
    # Empty: any region.
    regions = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    # `use` in the vocabulary of the licence catalogue.
    use = models.JSONField(default=dict)
    defined_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    defined_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [matches("name", NAME, name="registry_servingenvironment_name_form")]

    def __str__(self) -> str:
        return self.name


class Evaluation(models.Model):
    """A licence verdict with everything it was made from."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="evaluations")
    environment = models.ForeignKey(ServingEnvironment, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=64)
    organization = models.ForeignKey(
        OrganizationProfile, on_delete=models.PROTECT, related_name="+", null=True
    )
    verdict = models.CharField(max_length=32, choices=[(v, v) for v in VERDICTS])
    request = models.JSONField()
    result = models.JSONField()
    evaluation_digest = models.CharField(max_length=71)
    catalog_digest = models.CharField(max_length=71)
    evaluated_by = models.CharField(max_length=200)
    evaluated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            known("verdict", VERDICTS, name="registry_evaluation_verdict_known"),
            matches("purpose", NAME, name="registry_evaluation_purpose_form"),
            matches("evaluation_digest", DIGEST, name="registry_evaluation_digest_form"),
            models.UniqueConstraint(fields=["id", "version"], name="registry_evaluation_id_and_version"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} for {self.version} in {self.environment}"


class Approval(models.Model):
    """One version, one environment, one purpose, until a date; requested by one person, decided by another."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="approvals")
    environment = models.ForeignKey(ServingEnvironment, on_delete=models.PROTECT, related_name="approvals")
    purpose = models.CharField(max_length=64)
    status = models.CharField(
        max_length=16,
        choices=[(status.value, status.value) for status in ApprovalStatus],
        default=ApprovalStatus.REQUESTED,
    )
    # What the two people saw: bound for ever.
    manifest_digest = models.CharField(max_length=71)
    verification_run = models.ForeignKey(VerificationRun, on_delete=models.PROTECT, related_name="+")
    smoke_run = models.ForeignKey(SmokeRun, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="approvals")
    policy = models.ForeignKey(PolicyDocument, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True)
    ended_by = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.TextField(null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints: ClassVar = [
            known("status", [s.value for s in ApprovalStatus], name="registry_approval_status_known"),
            matches("purpose", NAME, name="registry_approval_purpose_form"),
            matches("manifest_digest", DIGEST, name="registry_approval_manifest_digest_form"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="registry_approval_four_eyes",
            ),
            both_or_neither("decided_by", "decided_at", name="registry_approval_decided_by_and_at_paired"),
            both_or_neither("ended_by", "ended_at", "end_reason", name="registry_approval_end_complete"),
            models.CheckConstraint(
                condition=Q(status__in=["requested", "withdrawn"]) | Q(decided_at__isnull=False),
                name="registry_approval_decision_has_person",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["withdrawn", "expired", "revoked"]) | Q(ended_at__isnull=False),
                name="registry_approval_ended_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("requested_at")), name="registry_approval_expires_later"
            ),
            models.UniqueConstraint(
                fields=["version", "environment", "purpose"],
                condition=Q(status__in=["requested", "approved"]),
                name="registry_approval_one_live",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status}: {self.version} for {self.purpose} in {self.environment}"
