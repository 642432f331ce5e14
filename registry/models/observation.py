"""What a source said about a version beside its files, at a time; written once."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.constraints import matches
from registry.models.run import DriftRun, ResolutionRun
from registry.models.version import DIGEST, ModelVersion


class SourceObservation(models.Model):
    """One look at the source; `facts` in the words of `registry.observed.SourceFacts`."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="observations")
    resolution_run = models.ForeignKey(
        ResolutionRun, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    drift_run = models.ForeignKey(DriftRun, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    observed_at = models.DateTimeField()
    facts = models.JSONField()
    facts_digest = models.CharField(max_length=71)

    class Meta:
        constraints: ClassVar = [
            matches("facts_digest", DIGEST, name="registry_sourceobservation_digest_form"),
            models.CheckConstraint(
                condition=Q(resolution_run__isnull=False, drift_run__isnull=True)
                | Q(resolution_run__isnull=True, drift_run__isnull=False),
                name="registry_sourceobservation_by_one_run",
            ),
            models.UniqueConstraint(
                fields=["resolution_run"], name="registry_sourceobservation_resolution_once"
            ),
            models.UniqueConstraint(fields=["drift_run"], name="registry_sourceobservation_drift_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["version", "observed_at"], name="registry_observation_version")
        ]

    def __str__(self) -> str:
        return f"source of {self.version} at {self.observed_at:%Y-%m-%d %H:%M}"
