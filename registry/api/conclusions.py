"""What people conclude about a version's licence and lineage, over REST."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.authentication import actor_of
from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry.actions import conclusions, lineage
from registry.actions.lineage import RELATIONS, Stated
from registry.api.access import ReadOrPost
from registry.api.version_serializers import LicenseConclusionSerializer, LineageStatementSerializer
from registry.api.versions import version_of
from registry.models import LicenseConclusion, LineageStatement, ModelVersion
from registry.models.conclusion import NOBODY


class ConclusionInput(StrictSerializer):
    """Which licences a version is under, and why."""

    licenses = serializers.ListField(
        child=serializers.CharField(max_length=80),
        min_length=1,
        max_length=conclusions.MAX_LICENSES,
        help_text="ids of the licence catalogue; all of them apply at once",
    )
    reason = serializers.CharField(max_length=4000)


class StatementInput(StrictSerializer):
    """An ancestor, or the answer that no model is behind a hint."""

    relation = serializers.ChoiceField(
        choices=[*RELATIONS, NOBODY], help_text=f"{NOBODY}: no model is behind the hint or the statement"
    )
    base_model = serializers.CharField(
        max_length=200, allow_blank=True, default="", help_text="publisher/name"
    )
    base_revision = serializers.CharField(
        max_length=40, allow_blank=True, default="", help_text="the commit that was used, where it is known"
    )
    answers = serializers.IntegerField(required=False, allow_null=True, help_text="id of a hint")
    supersedes = serializers.IntegerField(
        required=False, allow_null=True, help_text="id of the statement that this one corrects"
    )
    reason = serializers.CharField(max_length=4000)


class ConclusionList(ReadOrPost, GenericAPIView[LicenseConclusion]):
    """What people concluded about the licence of one version."""

    write = Permission.LICENSE_CONCLUDE
    queryset = LicenseConclusion.objects.select_related("concluded_by").order_by("-id")
    serializer_class = LicenseConclusionSerializer

    @extend_schema(
        operation_id="license_conclusions_list",
        tags=["licenses"],
        responses=LicenseConclusionSerializer(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """All conclusions, newest first; the newest holds."""
        page = self.paginate_queryset(self.get_queryset().filter(version=version_of(pk)))
        return self.get_paginated_response(LicenseConclusionSerializer(page or [], many=True).data)

    @extend_schema(
        operation_id="license_conclusions_create",
        tags=["licenses"],
        request=ConclusionInput,
        responses={201: LicenseConclusionSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Conclude which licences the version is under; evaluations and admissions follow from now on."""
        given = ConclusionInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = conclusions.conclude_license(
            version=version_of(pk), **given.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(LicenseConclusionSerializer(row).data, status=status.HTTP_201_CREATED)


class StatementList(ReadOrPost, GenericAPIView[LineageStatement]):
    """What people stated about the lineage of one version."""

    write = Permission.LICENSE_CONCLUDE
    queryset = LineageStatement.objects.select_related("stated_by").order_by("-id")
    serializer_class = LineageStatementSerializer

    @extend_schema(
        operation_id="lineage_statements_list",
        tags=["licenses"],
        responses=LineageStatementSerializer(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """All statements, newest first; one that another supersedes no longer counts."""
        page = self.paginate_queryset(self.get_queryset().filter(version=version_of(pk)))
        return self.get_paginated_response(LineageStatementSerializer(page or [], many=True).data)

    @extend_schema(
        operation_id="lineage_statements_create",
        tags=["licenses"],
        request=StatementInput,
        responses={201: LineageStatementSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """State an ancestor that the files do not name, correct a statement, or answer a hint."""
        given = StatementInput(data=request.data)
        given.is_valid(raise_exception=True)
        version, fields = version_of(pk), dict(given.validated_data)
        reason = fields.pop("reason")
        fields["answers"] = _row(version, "lineage_hints", fields.get("answers"), field="answers")
        fields["supersedes"] = _row(
            version, "lineage_statements", fields.get("supersedes"), field="supersedes"
        )
        row = lineage.state_ancestor(
            version=version,
            stated=Stated(**fields),
            reason=reason,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(LineageStatementSerializer(row).data, status=status.HTTP_201_CREATED)


def _row(version: ModelVersion, rows: str, pk: int | None, *, field: str) -> Any:
    """The hint or statement of this version that a request names."""
    if pk is None:
        return None
    row = getattr(version, rows).filter(pk=pk).first() if -(2**63) <= pk < 2**63 else None
    if row is None:
        raise InvalidInput(f"This version has no such row: {pk}.", field=field)
    return row
