"""What the interface shows of runs, their checks and their answers."""

from typing import Any

from rest_framework import serializers

from registry.models import CheckResult, LeasedRun, ResolutionRun, SmokeAnswer, SmokeRun, VerificationRun

RUN_FIELDS = (
    "id",
    "model_version",
    "manifest_digest",
    "state",
    "outcome",
    "code",
    "message",
    "requested_by",
    "requested_at",
    "started_at",
    "finished_at",
    "attempt",
    "bytes_done",
    "bytes_total",
)


class RunSerializer(serializers.ModelSerializer[Any]):
    """What all runs have."""

    model_version = serializers.IntegerField(source="version_id", read_only=True)

    class Meta:
        model: type[LeasedRun] = ResolutionRun
        fields: tuple[str, ...] = RUN_FIELDS
        read_only_fields: tuple[str, ...] = RUN_FIELDS


class ResolutionRunSerializer(RunSerializer):
    """A resolution."""

    class Meta(RunSerializer.Meta):
        model = ResolutionRun


class CheckResultSerializer(serializers.ModelSerializer[CheckResult]):
    """What one check found."""

    class Meta:
        model = CheckResult
        fields = (
            "check_id",
            "title",
            "outcome",
            "severity",
            "message",
            "path",
            "evidence",
            "tool",
            "tool_version",
            "duration_ms",
        )
        read_only_fields = fields


class VerificationRunSerializer(RunSerializer):
    """A verification with every check."""

    results = CheckResultSerializer(many=True, read_only=True)

    class Meta(RunSerializer.Meta):
        model = VerificationRun
        fields = (*RUN_FIELDS, "worker", "bytes_read", "inputs", "results")
        read_only_fields = fields


class SmokeAnswerSerializer(serializers.ModelSerializer[SmokeAnswer]):
    """One prompt and its answer."""

    class Meta:
        model = SmokeAnswer
        fields = ("position", "prompt", "text", "token_ids", "logprobs", "finish_reason", "duration_ms")
        read_only_fields = fields


class SmokeRunSerializer(RunSerializer):
    """A smoke test with every answer."""

    answers = SmokeAnswerSerializer(many=True, read_only=True)

    class Meta(RunSerializer.Meta):
        model = SmokeRun
        fields = (*RUN_FIELDS, "engine", "hardware", "suite_digest", "fingerprint", "answers")
        read_only_fields = fields
