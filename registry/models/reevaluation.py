"""Everything approved, evaluated again because of one change: the campaign, and the parts that workers take."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.constraints import known
from registry.models.review import ServingEnvironment


class Cause(models.TextChoices):
    """Why everything approved is evaluated again."""

    FACTS = "facts", "the organisation's facts changed"
    CATALOGUE = "catalogue", "the licence catalogue changed"
    ENVIRONMENT = "environment", "the use in an environment changed"
    CONCLUSION = "conclusion", "a person concluded otherwise about a licence or lineage"
    SCHEDULED = "scheduled", "a new day"
    REQUESTED = "requested", "someone asked for it"


def _natural(field: str, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__gte": 0}), name=name)


class Reevaluation(models.Model):
    """A campaign; made in the transaction of the change that causes it, so that neither exists without the other."""

    cause = models.CharField(max_length=16, choices=Cause.choices)
    # What changed, as the log names it.
    because = models.CharField(max_length=200)
    # Only approvals there; empty for all.
    environment = models.ForeignKey(
        ServingEnvironment, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(db_default=Now())
    # Approvals in force when it was asked for; those given or ended since are counted as they are met.
    total = models.BigIntegerField()
    done = models.BigIntegerField(default=0)
    worse = models.BigIntegerField(default=0)
    better = models.BigIntegerField(default=0)
    same = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    # For so many of them something changed, and a new evaluation was written; the others are confirmed as they were.
    recorded = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            known("cause", [cause.value for cause in Cause], name="registry_reevaluation_cause_known"),
            models.CheckConstraint(
                condition=Q(done=F("worse") + F("better") + F("same") + F("failed")),
                name="registry_reevaluation_adds_up",
            ),
            *(
                _natural(field, name=f"registry_reevaluation_{field}_natural")
                for field in ("total", "worse", "better", "same", "failed", "recorded")
            ),
            models.CheckConstraint(
                condition=Q(recorded__lte=F("done")), name="registry_reevaluation_recorded_bounded"
            ),
            # One attestation takes effect once, and a day begins once, however many schedulers there are.
            models.UniqueConstraint(
                fields=["cause", "because"],
                condition=Q(cause__in=["facts", "scheduled"]),
                name="registry_reevaluation_once",
            ),
        ]

    def __str__(self) -> str:
        return f"re-evaluation {self.pk}: {self.cause}, {self.because}"


class ReevaluationPart(models.Model):
    """Approvals from one number to another, evaluated again in one transaction by whoever holds the row's lock."""

    reevaluation = models.ForeignKey(Reevaluation, on_delete=models.PROTECT, related_name="parts")
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    dispatched_at = models.DateTimeField()
    attempt = models.IntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    # Why the last attempt broke off.
    problem = models.TextField(blank=True)
    # The catalogue that it was evaluated against.
    catalog_digest = models.CharField(max_length=71, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(first_id__lte=F("last_id")), name="registry_reevaluationpart_not_empty"
            ),
            models.UniqueConstraint(
                fields=["reevaluation", "first_id"], name="registry_reevaluationpart_once"
            ),
            _natural("attempt", name="registry_reevaluationpart_attempt_natural"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["dispatched_at"],
                condition=Q(finished_at__isnull=True),
                name="registry_reevaluationpart_open",
            )
        ]

    def __str__(self) -> str:
        return f"approvals {self.first_id} to {self.last_id} of {self.reevaluation}"
