"""What the interface takes and shows of versions."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.api.serializers import StrictSerializer
from registry.lifecycle import VERSION_MOVES, Status
from registry.models import (
    Approval,
    Artifact,
    LicenseConclusion,
    LicenseFinding,
    LineageEdge,
    LineageHint,
    LineageStatement,
    ModelVersion,
)
from registry.sources import parse


class RegisterInput(StrictSerializer):
    """A source to be registered."""

    source = serializers.CharField(  # type: ignore[assignment]
        max_length=4200, help_text=parse.HELP
    )
    revision = serializers.CharField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="hf://: branch, tag or 40-digit commit, main if left out. ollama://: the model, as `ollama list` "
        "shows it. No other source has revisions.",
    )
    name = serializers.CharField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="publisher/model under which it is kept. hf:// brings its own, ollama:// may; the others need one.",
    )


class ReasonInput(StrictSerializer):
    """Why something is done."""

    reason = serializers.CharField(max_length=2000)


class EmptyInput(StrictSerializer):
    """Nothing to say; an empty object, or no body."""


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    """One file."""

    class Meta:
        model = Artifact
        fields = ("path", "size", "sha256", "role", "claimed_digest", "claim_kind")
        read_only_fields = fields


class LicenseFindingSerializer(serializers.ModelSerializer[LicenseFinding]):
    """One finding about the licence."""

    class Meta:
        model = LicenseFinding
        fields = ("kind", "license_id", "statement", "path", "method", "score", "concluded_by")
        read_only_fields = fields


class LineageEdgeSerializer(serializers.ModelSerializer[LineageEdge]):
    """One ancestor."""

    class Meta:
        model = LineageEdge
        fields = ("relation", "base_model", "base_revision", "path")
        read_only_fields = fields


class LicenseConclusionSerializer(serializers.ModelSerializer[LicenseConclusion]):
    """A conclusion; the newest holds."""

    concluded_by = serializers.CharField(source="concluded_by.username", read_only=True)

    class Meta:
        model = LicenseConclusion
        fields = ("id", "licenses", "catalog_digest", "reason", "concluded_by", "concluded_at", "supersedes")
        read_only_fields = fields


class LineageHintSerializer(serializers.ModelSerializer[LineageHint]):
    """A question about the lineage."""

    class Meta:
        model = LineageHint
        fields = ("id", "kind", "says", "base_model", "path")
        read_only_fields = fields


class LineageStatementSerializer(serializers.ModelSerializer[LineageStatement]):
    """A statement of a person about the lineage."""

    stated_by = serializers.CharField(source="stated_by.username", read_only=True)

    class Meta:
        model = LineageStatement
        fields = (
            "id",
            "relation",
            "base_model",
            "base_revision",
            "answers",
            "supersedes",
            "reason",
            "stated_by",
            "stated_at",
        )
        read_only_fields = fields


class RunSummarySerializer(serializers.Serializer[Any]):
    """A run in one line."""

    id = serializers.IntegerField(read_only=True)
    kind = serializers.ChoiceField(choices=["resolution", "verification", "smoke", "drift"], read_only=True)
    state = serializers.CharField(read_only=True)
    outcome = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    message = serializers.CharField(read_only=True)
    requested_at = serializers.DateTimeField(read_only=True)
    finished_at = serializers.DateTimeField(read_only=True, allow_null=True)


class ApprovalSummarySerializer(serializers.ModelSerializer[Approval]):
    """An approval in one line."""

    environment = serializers.CharField(source="environment.name", read_only=True)

    class Meta:
        model = Approval
        fields = (
            "id",
            "environment",
            "purpose",
            "status",
            "requested_at",
            "decided_at",
            "expires_at",
            "ended_at",
        )
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version in a list."""

    model = serializers.CharField(source="registered_model", read_only=True)
    source = serializers.CharField(source="source_kind", read_only=True)  # type: ignore[assignment]
    purl = serializers.CharField(read_only=True)
    submitted_by = serializers.CharField(source="submitted_by.username", read_only=True)
    allowed_transitions = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields: tuple[str, ...] = (
            "id",
            "model",
            "source",
            "location",
            "requested_revision",
            "revision",
            "status",
            "purl",
            "manifest_digest",
            "model_digest",
            "size_bytes",
            "file_count",
            "submitted_by",
            "submitted_at",
            "resolved_at",
            "committed_at",
            "quarantined_by",
            "quarantined_at",
            "quarantine_reason",
            "revoked_by",
            "revoked_at",
            "revocation_reason",
            "allowed_transitions",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_allowed_transitions(self, version: ModelVersion) -> list[str]:
        """Where the version may go from here."""
        return sorted(VERSION_MOVES[Status(version.status)])


class VersionDetailSerializer(VersionSerializer):
    """A version with everything that is known of it."""

    files = ArtifactSerializer(source="sorted_artifacts", many=True, read_only=True)
    license_findings = LicenseFindingSerializer(many=True, read_only=True)
    license_conclusions = LicenseConclusionSerializer(many=True, read_only=True)
    lineage = LineageEdgeSerializer(many=True, read_only=True)
    lineage_hints = LineageHintSerializer(many=True, read_only=True)
    lineage_statements = LineageStatementSerializer(many=True, read_only=True)
    runs = serializers.SerializerMethodField()
    approvals = ApprovalSummarySerializer(many=True, read_only=True)

    class Meta(VersionSerializer.Meta):
        fields = (
            *VersionSerializer.Meta.fields,
            "card",
            "files",
            "license_findings",
            "license_conclusions",
            "lineage",
            "lineage_hints",
            "lineage_statements",
            "runs",
            "approvals",
        )
        read_only_fields = fields

    @extend_schema_field(RunSummarySerializer(many=True))
    def get_runs(self, version: ModelVersion) -> list[dict[str, Any]]:
        """All runs, newest first."""
        rows = [
            {"kind": kind, **{name: getattr(run, name) for name in RUN_SUMMARY}}
            for kind, every in (
                ("resolution", version.resolutionruns.all()),
                ("verification", version.verificationruns.all()),
                ("smoke", version.smokeruns.all()),
                ("drift", version.driftruns.all()),
            )
            for run in every
        ]
        rows.sort(key=lambda row: (row["requested_at"], row["id"]), reverse=True)
        return [dict(RunSummarySerializer(row).data) for row in rows]


RUN_SUMMARY = ("id", "state", "outcome", "code", "message", "requested_at", "finished_at")
