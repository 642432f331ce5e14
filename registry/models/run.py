"""Runs: each row is a lease that one worker holds while it gathers evidence."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.constraints import known
from registry.lifecycle import Outcome, RunState, Severity
from registry.models.version import ModelVersion

OUTCOMES = [outcome.value for outcome in Outcome]
STATES = [state.value for state in RunState]


class LeasedRun(models.Model):
    """queued -> running -> finished; a run whose worker fell silent goes back to queued."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="%(class)ss")
    manifest_digest = models.CharField(max_length=71, null=True, blank=True)  # noqa: DJ001 - null before resolution
    state = models.CharField(max_length=16, choices=[(s, s) for s in STATES], default=RunState.QUEUED)
    outcome = models.CharField(max_length=8, choices=[(o, o) for o in OUTCOMES], blank=True)
    # Why it failed or could not decide: a stable code, and words for people.
    code = models.CharField(max_length=64, blank=True)
    message = models.TextField(blank=True)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(db_default=Now())
    dispatched_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    attempt = models.IntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    # What the worker is doing now, in a word, and how fast it moved lately.
    stage = models.CharField(max_length=16, blank=True)
    bytes_per_second = models.BigIntegerField(default=0)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            known("state", STATES, name="%(app_label)s_%(class)s_state_known"),
            known("outcome", ["", *OUTCOMES], name="%(app_label)s_%(class)s_outcome_known"),
            models.CheckConstraint(
                condition=(Q(state="finished") & ~Q(outcome="") & Q(finished_at__isnull=False))
                | (~Q(state="finished") & Q(outcome="") & Q(finished_at__isnull=True)),
                name="%(app_label)s_%(class)s_finished_has_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | (Q(heartbeat_at__isnull=False) & ~Q(worker="")),
                name="%(app_label)s_%(class)s_running_has_worker",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "pass"]) | ~Q(message=""),
                name="%(app_label)s_%(class)s_not_passed_says_why",
            ),
            models.UniqueConstraint(
                fields=["version"],
                condition=~Q(state="finished"),
                name="%(app_label)s_%(class)s_one_open",
            ),
            models.UniqueConstraint(
                fields=["id", "version", "manifest_digest"],
                name="%(app_label)s_%(class)s_id_and_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk} of {self.version}: {self.outcome or self.state}"

    @property
    def seconds_left(self) -> int | None:
        """How long the bytes that are left will take at the pace of late; None where that cannot be told."""
        left = self.bytes_total - self.bytes_done
        if self.state != RunState.RUNNING or not self.bytes_per_second or left <= 0:
            return None
        return -(-left // self.bytes_per_second)


class ResolutionRun(LeasedRun):
    """Pins the revision, lists every file, reads card and licences."""


class VerificationRun(LeasedRun):
    """Streams every byte once and checks it."""

    bytes_read = models.BigIntegerField(default=0)
    # What the checks were given beside the files: digests of policy and catalogue, observation, bases, limits, versions.
    inputs = models.JSONField(default=dict)
    # [device, inode, size, mtime_ns, ctime_ns] of each file as it was read, by path.
    file_states = models.JSONField(default=dict)

    class Meta(LeasedRun.Meta):
        constraints: ClassVar = [
            *LeasedRun.Meta.constraints,
            models.CheckConstraint(
                condition=Q(manifest_digest__isnull=False), name="registry_verificationrun_has_manifest"
            ),
        ]


class DriftRun(LeasedRun):
    """Asks the source of a version what it says now, and holds that against what it said before."""

    class Meta(LeasedRun.Meta):
        constraints: ClassVar = [
            *LeasedRun.Meta.constraints,
            models.CheckConstraint(
                condition=Q(manifest_digest__isnull=False), name="registry_driftrun_has_manifest"
            ),
        ]


class CheckResult(models.Model):
    """What one check found in one run; `pass` means: no known indicators."""

    run = models.ForeignKey(VerificationRun, on_delete=models.PROTECT, related_name="results")
    check_id = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    outcome = models.CharField(max_length=8, choices=[(o, o) for o in OUTCOMES])
    severity = models.CharField(max_length=8, choices=[(s.value, s.value) for s in Severity])
    message = models.TextField()
    path = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    tool = models.CharField(max_length=100)
    tool_version = models.CharField(max_length=64)
    duration_ms = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            known("outcome", OUTCOMES, name="registry_checkresult_outcome_known"),
            known("severity", [s.value for s in Severity], name="registry_checkresult_severity_known"),
            models.UniqueConstraint(fields=["run", "check_id", "path"], name="registry_checkresult_once"),
        ]

    def __str__(self) -> str:
        return f"{self.check_id} {self.outcome} {self.path}".strip()


class SmokeRun(LeasedRun):
    """A real engine loads exactly the verified files and answers fixed prompts."""

    engine = models.JSONField(default=dict)
    hardware = models.JSONField(default=dict)
    suite_digest = models.CharField(max_length=71, blank=True)
    # SHA-256 over the token ids of all answers, in order: equal when the numerics and the files are equal.
    fingerprint = models.CharField(max_length=71, blank=True)

    class Meta(LeasedRun.Meta):
        constraints: ClassVar = [
            *LeasedRun.Meta.constraints,
            models.CheckConstraint(
                condition=Q(manifest_digest__isnull=False), name="registry_smokerun_has_manifest"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="pass") | (~Q(fingerprint="") & ~Q(engine={})),
                name="registry_smokerun_pass_has_fingerprint",
            ),
        ]


class SmokeAnswer(models.Model):
    """One prompt and what the engine answered, token by token."""

    run = models.ForeignKey(SmokeRun, on_delete=models.PROTECT, related_name="answers")
    position = models.IntegerField()
    prompt = models.TextField()
    text = models.TextField()
    token_ids = models.JSONField()
    logprobs = models.JSONField()
    finish_reason = models.CharField(max_length=32)
    duration_ms = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "position"], name="registry_smokeanswer_position_once"),
        ]

    def __str__(self) -> str:
        return f"answer {self.position} of {self.run}"
