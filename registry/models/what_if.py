"""A question "what if" that is too large to be answered while someone waits."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.constraints import known, matches
from registry.lifecycle import RunState
from registry.models.version import DIGEST

STATES = [state.value for state in RunState]


class WhatIfRun(models.Model):
    """A change of facts or policy held against many versions by a worker; what is asked never changes."""

    # Merge patches, step by step; which versions and environments; the proposed policy, if one is.
    change = models.JSONField(default=list)
    selection = models.JSONField()
    policy_text = models.TextField(blank=True)
    question_digest = models.CharField(max_length=71)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=16, choices=[(s, s) for s in STATES], default=RunState.QUEUED)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    attempt = models.IntegerField(default=0)
    cells_total = models.IntegerField()
    cells_done = models.IntegerField(default=0)
    # Why it could not be answered: a stable code, and words.
    code = models.CharField(max_length=64, blank=True)
    message = models.TextField(blank=True)
    # The counts, and every cell that changes, worst first: JSON lines, compressed.
    summary = models.JSONField(null=True, blank=True)
    changed = models.BinaryField(null=True, blank=True)
    changed_count = models.IntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            known("state", STATES, name="registry_whatifrun_state_known"),
            matches("question_digest", DIGEST, name="registry_whatifrun_question_digest_form"),
            models.CheckConstraint(
                condition=Q(cells_total__gt=0, cells_done__gte=0, cells_done__lte=F("cells_total")),
                name="registry_whatifrun_progress_bounded",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | (Q(heartbeat_at__isnull=False) & ~Q(worker="")),
                name="registry_whatifrun_running_has_worker",
            ),
            models.CheckConstraint(
                condition=(Q(state="finished") & Q(finished_at__isnull=False))
                | (~Q(state="finished") & Q(finished_at__isnull=True, summary__isnull=True)),
                name="registry_whatifrun_answer_when_finished",
            ),
            models.CheckConstraint(
                condition=~Q(state="finished")
                | Q(code="", summary__isnull=False, changed__isnull=False)
                | (~Q(code="") & ~Q(message="") & Q(summary__isnull=True, changed__isnull=True)),
                name="registry_whatifrun_finished_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"what if {self.pk}: {self.state}"
