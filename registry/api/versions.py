"""Versions: register, list, look at, take out of use."""

from collections.abc import Callable

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import lookups, read
from governance.api.permissions import requires
from governance.permissions import Permission
from registry.actions import custody, register
from registry.api.filters import VersionFilter
from registry.api.version_serializers import (
    ReasonInput,
    RegisterInput,
    VersionDetailSerializer,
    VersionSerializer,
)
from registry.lifecycle import Status
from registry.models import Artifact, ModelVersion

FILTERS = [
    OpenApiParameter(
        "status", str, enum=[status.value for status in Status], description="Only versions in this status"
    ),
    OpenApiParameter("model", str, description="Only versions of this model, publisher/name"),
    OpenApiParameter("model_digest", str, description="Only versions with this model_digest, sha256:..."),
]
LOOKUPS = {
    "status": "status",
    "model_digest": "model_digest",
    "publisher": "registered_model__publisher",
    "name": "registered_model__name",
}


class VersionList(GenericAPIView[ModelVersion]):
    """All versions, newest first; a new one."""

    queryset = ModelVersion.objects.select_related("registered_model", "submitted_by")
    serializer_class = VersionSerializer

    def get_permissions(self) -> list[BasePermission]:
        """Reading and registering are different rights."""
        right = Permission.VERSION_REGISTER if self.request.method == "POST" else Permission.VERSION_READ
        return [requires(right)()]

    @extend_schema(
        operation_id="model_versions_list", parameters=FILTERS, responses=VersionSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """List versions, newest first."""
        page = self.paginate_queryset(_filtered(self.get_queryset(), request))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="model_versions_register",
        request=RegisterInput,
        responses={202: VersionDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Register a source: the draft is returned at once; resolution, checks and smoke test follow by themselves."""
        given = RegisterInput(data=request.data)
        given.is_valid(raise_exception=True)
        version = register.register_version(
            source=given.validated_data["source"],
            revision=given.validated_data.get("revision"),
            name=given.validated_data.get("name"),
            actor=actor_of(request),
            now=timezone.now(),
        )
        body = VersionDetailSerializer(version_with_evidence(version.pk)).data
        return Response(
            body,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"{request.path.rstrip('/')}/{version.pk}"},
        )


class VersionDetail(APIView):
    """One version."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="model_versions_read", responses=VersionDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Everything that is known of a version: files, licence findings, ancestors, runs, approvals."""
        version = version_with_evidence(pk)
        headers = {"ETag": f'"{version.manifest_digest}-{version.status}"'} if version.manifest_digest else {}
        return Response(VersionDetailSerializer(version).data, headers=headers)


class _Custody(APIView):
    """A move that needs a reason."""

    permission_classes = [requires(Permission.VERSION_REVOKE)]
    carry_out: Callable[..., None]

    def move(self, request: Request, pk: int) -> Response:
        """Carry out the move, and show the version after it."""
        given = ReasonInput(data=request.data)
        given.is_valid(raise_exception=True)
        type(self).carry_out(
            version=version_of(pk),
            reason=given.validated_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(VersionDetailSerializer(version_with_evidence(pk)).data)


class VersionQuarantine(_Custody):
    """Bar a version."""

    carry_out = staticmethod(custody.quarantine)

    @extend_schema(
        operation_id="model_versions_quarantine", request=ReasonInput, responses=VersionDetailSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Bar the version at once, until it is released or revoked."""
        return self.move(request, pk)


class VersionRevoke(_Custody):
    """End a version."""

    carry_out = staticmethod(custody.revoke)

    @extend_schema(
        operation_id="model_versions_revoke", request=ReasonInput, responses=VersionDetailSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """End the version and every approval of it, for ever."""
        return self.move(request, pk)


def version_of(pk: int) -> ModelVersion:
    """The version, or a 404."""
    version = ModelVersion.objects.select_related("registered_model").filter(pk=pk).first()
    if version is None:
        raise Http404
    return version


def version_with_evidence(pk: int) -> ModelVersion:
    """The version with all that its page shows, in a fixed number of queries."""
    version = (
        ModelVersion.objects.select_related("registered_model", "submitted_by")
        .prefetch_related(
            Prefetch("artifacts", Artifact.objects.order_by("path"), to_attr="sorted_artifacts"),
            "license_findings",
            "lineage",
            "license_conclusions__concluded_by",
            "lineage_hints",
            "lineage_statements__stated_by",
            "resolutionruns",
            "verificationruns",
            "smokeruns",
            "approvals__environment",
        )
        .filter(pk=pk)
        .first()
    )
    if version is None:
        raise Http404
    return version


def _filtered(versions: QuerySet[ModelVersion], request: Request) -> QuerySet[ModelVersion]:
    given = read(VersionFilter, request.query_params)
    if "model" in given:
        given["publisher"], _, given["name"] = given["model"].partition("/")
    return versions.filter(**lookups(given, LOOKUPS))
