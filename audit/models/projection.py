"""What the logs are searched by; the leaves hold the truth, and these rows can be made anew from them."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from audit.models.batch import BatchKey
from audit.models.conditions import DIGEST, in_range, log_field, log_known
from governance.constraints import matches


class DecisionEntry(models.Model):
    """One governance action or admission."""

    batch_id = models.BigIntegerField(primary_key=True)
    log = log_field()
    event = models.CharField(max_length=100)
    actor = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_decisionentry_log_known"),
            models.CheckConstraint(
                condition=~Q(event="") & ~Q(actor="") & ~Q(subject=""),
                name="audit_decisionentry_says_who_and_what",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subject", "batch_id"], name="audit_decisionentry_subject"),
            models.Index(fields=["at"], name="audit_decisionentry_at"),
        ]
        verbose_name_plural = "decision entries"

    def __str__(self) -> str:
        return f"{self.event} {self.subject} by {self.actor}"


class Deployment(models.Model):
    """What a serving node said it runs; served requests cite it by its digest."""

    log = log_field()
    deployment_digest = models.CharField(max_length=71, unique=True)
    batch_id = models.BigIntegerField(unique=True)
    admission_id = models.UUIDField()
    model_version = models.CharField(max_length=500)
    model_digest = models.CharField(max_length=71)
    manifest_digest = models.CharField(max_length=71)
    environment = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    recorder = models.CharField(max_length=128)
    node = models.CharField(max_length=200)
    region = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()
    reported_by = models.CharField(max_length=200)
    reported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_deployment_log_known"),
            matches("deployment_digest", DIGEST, name="audit_deployment_digest_form"),
            matches("model_digest", DIGEST, name="audit_deployment_model_digest_form"),
            matches("manifest_digest", DIGEST, name="audit_deployment_manifest_digest_form"),
            models.CheckConstraint(condition=~Q(recorder=""), name="audit_deployment_has_recorder"),
        ]
        indexes: ClassVar = [models.Index(fields=["model_digest"], name="audit_deployment_model_digest")]

    def __str__(self) -> str:
        return f"{self.model_version} on {self.node}"


class ServedRequest(models.Model):
    """One answered request; its recorder, epoch and time of receipt are its batch's."""

    record_id = models.UUIDField(primary_key=True)
    # No constraint: these rows are copied in by the thousand, and both are looked up in the same transaction.
    deployment = models.ForeignKey(
        Deployment,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="served_requests",
    )
    batch = models.ForeignKey(
        BatchKey,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="served_requests",
    )
    position = models.PositiveSmallIntegerField()
    log = log_field()
    started_at = models.DateTimeField()
    duration_ms = models.BigIntegerField()
    request_id = models.CharField(max_length=256, null=True)  # noqa: DJ001 - null is what the record said
    response_id = models.CharField(max_length=256, null=True)  # noqa: DJ001
    operation = models.CharField(max_length=64)
    status = models.CharField(max_length=32)
    input_tokens = models.IntegerField(null=True)
    output_tokens = models.IntegerField(null=True)
    region = models.CharField(max_length=64, null=True)  # noqa: DJ001

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_servedrequest_log_known"),
            models.UniqueConstraint(
                fields=["batch", "position"], name="audit_servedrequest_place_taken_once"
            ),
            in_range("duration_ms", 0, name="audit_servedrequest_duration_natural"),
            models.CheckConstraint(
                condition=(Q(input_tokens__isnull=True) | Q(input_tokens__gte=0))
                & (Q(output_tokens__isnull=True) | Q(output_tokens__gte=0)),
                name="audit_servedrequest_tokens_natural",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["request_id"],
                name="audit_servedrequest_request_id",
                condition=Q(request_id__isnull=False),
            ),
            models.Index(
                fields=["response_id"],
                name="audit_servedrequest_response",
                condition=Q(response_id__isnull=False),
            ),
            models.Index(fields=["deployment", "started_at"], name="audit_servedrequest_deployed"),
            BrinIndex(fields=["started_at"], name="audit_servedrequest_started_at"),
        ]

    def __str__(self) -> str:
        return f"request {self.record_id}"

    @property
    def recorder(self) -> str:
        """Who recorded it."""
        return self.batch.recorder

    @property
    def epoch(self) -> int:
        """The recorder's epoch."""
        return self.batch.epoch

    @property
    def sequence(self) -> int:
        """Its number within the epoch."""
        return self.batch.first_sequence + self.position

    @property
    def received_at(self) -> datetime:
        """When the service took it over."""
        return self.batch.received_at
