"""What a serving node asked, and what it was told."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.constraints import known
from governance.models import PolicyDocument
from registry.models.review import Approval
from registry.models.version import ModelVersion


class Admission(models.Model):
    """One decision at one node; written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    decision = models.CharField(max_length=8, choices=[("allow", "allow"), ("deny", "deny")])
    mode = models.CharField(max_length=8, choices=[("enforce", "enforce"), ("warn", "warn")])
    version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="admissions", null=True, blank=True
    )
    approval = models.ForeignKey(
        Approval, on_delete=models.PROTECT, related_name="admissions", null=True, blank=True
    )
    policy = models.ForeignKey(PolicyDocument, on_delete=models.PROTECT, related_name="+")
    model_digest = models.CharField(max_length=71, blank=True)
    environment = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    node = models.CharField(max_length=200)
    region = models.CharField(max_length=64, blank=True)
    engine = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)
    obligations = models.JSONField(default=list)
    requested_by = models.CharField(max_length=200)
    decided_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            known("decision", ["allow", "deny"], name="registry_admission_decision_known"),
            known("mode", ["enforce", "warn"], name="registry_admission_mode_known"),
            models.CheckConstraint(
                condition=Q(decision="deny")
                | Q(version__isnull=False, approval__isnull=False, expires_at__isnull=False, reasons=[]),
                name="registry_admission_allow_has_approval",
            ),
            models.CheckConstraint(
                condition=Q(decision="allow") | ~Q(reasons=[]), name="registry_admission_deny_has_reasons"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-decided_at"], name="registry_admission_decided_at")]

    def __str__(self) -> str:
        return f"{self.decision} {self.id} at {self.node}"

    @property
    def served_version(self) -> ModelVersion | None:
        """The version that the node's files are; None where the answer only names the closest one."""
        version = self.version
        return version if version is not None and version.model_digest == self.model_digest else None
