"""What the interface shows of runs, their checks and their answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.models import (
    CheckResult,
    DriftRun,
    LeasedRun,
    ResolutionRun,
    SmokeAnswer,
    SmokeRun,
    SourceObservation,
    VerificationRun,
)

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
    "stage",
    "bytes_done",
    "bytes_total",
    "bytes_per_second",
    "seconds_left",
)


class RunSerializer(serializers.ModelSerializer[Any]):
    """What all runs have."""

    model_version = serializers.IntegerField(source="version_id", read_only=True)
    stage = serializers.CharField(
        read_only=True,
        help_text="What the worker is doing now: listing, fetching, reading or checking; empty while nobody works on it.",
    )
    bytes_per_second = serializers.IntegerField(
        read_only=True, help_text="Over the last ten seconds or so; 0 where it is not known."
    )
    seconds_left = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="At the pace of late; null where it cannot be told."
    )

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


class SourceObservationSerializer(serializers.ModelSerializer[SourceObservation]):
    """What a source said beside the files; what it did not tell is null, and named in `not_told`."""

    class Meta:
        model = SourceObservation
        fields = ("id", "observed_at", "facts", "facts_digest", "resolution_run", "drift_run")
        read_only_fields = fields


class DriftRunSerializer(RunSerializer):
    """A look at a source, with what it said and the alerts that it raised."""

    observation = serializers.SerializerMethodField()
    alerts = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        model = DriftRun
        fields = (*RUN_FIELDS, "observation", "alerts")
        read_only_fields = fields

    @extend_schema_field(SourceObservationSerializer(allow_null=True))
    def get_observation(self, run: DriftRun) -> Any:
        """What the source said; null while the run is open, and where the source refused."""
        row = SourceObservation.objects.filter(drift_run=run).first()
        return SourceObservationSerializer(row).data if row is not None else None

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_alerts(self, run: DriftRun) -> list[int]:
        """The alerts that this look raised, by number; those that stood before are not among them."""
        return list(run.alerts.order_by("pk").values_list("pk", flat=True))


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
