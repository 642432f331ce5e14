"""The way out of a quarantine: one person asks, everything is checked again, another person decides."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.constraints import both_or_neither, known
from registry.models.run import VerificationRun
from registry.models.version import ModelVersion


class ReleaseDecision(models.TextChoices):
    """How a request to release ended."""

    RELEASED = "released"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class QuarantineRelease(models.Model):
    """A request to release; written once, decided once, by somebody else."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="quarantine_releases")
    # The verification that this request asked for; what it finds is what the second person decides on.
    verification_run = models.OneToOneField(
        VerificationRun, on_delete=models.PROTECT, related_name="quarantine_release"
    )
    reason = models.TextField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    decision = models.CharField(max_length=16, choices=ReleaseDecision.choices, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            known(
                "decision", ["", *ReleaseDecision.values], name="registry_quarantinerelease_decision_known"
            ),
            both_or_neither("decided_by", "decided_at", name="registry_quarantinerelease_decided_paired"),
            models.CheckConstraint(
                condition=Q(decision="", decided_at__isnull=True)
                | (~Q(decision="") & Q(decided_at__isnull=False)),
                name="registry_quarantinerelease_decided_says_how",
            ),
            models.CheckConstraint(
                condition=~Q(decision="released") | ~Q(decided_by=F("requested_by")),
                name="registry_quarantinerelease_second_person",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="registry_quarantinerelease_says_why"),
            models.UniqueConstraint(
                fields=["version"], condition=Q(decision=""), name="registry_quarantinerelease_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"release of {self.version}: {self.decision or 'open'}"
