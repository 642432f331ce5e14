"""Admission over REST: the question of a serving node, and what it may load."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import read
from governance.api.pagination import CursorPagination
from governance.api.permissions import requires
from governance.errors import Forbidden
from governance.permissions import Permission
from registry import suspended
from registry.actions import admit
from registry.api.access import ReadOrPost
from registry.api.filters import AdmissionFilter, ApprovedModelFilter
from registry.api.lookup import environment_named
from registry.lifecycle import ApprovalStatus, Status
from registry.models import Admission, Approval


class OutOfScopeEnvironment(Forbidden):
    """The token is for another environment."""

    code = "out_of_scope_environment"


class OfferedFile(serializers.Serializer[object]):
    """A file as the node has it."""

    path = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class Engine(serializers.Serializer[object]):
    """What will serve."""

    name = serializers.CharField()
    version = serializers.CharField(allow_null=True)


class AdmissionQuestion(serializers.Serializer[object]):
    """Either every file, or the model digest."""

    environment = serializers.CharField()
    purpose = serializers.CharField()
    files = OfferedFile(many=True, required=False)
    model_digest = serializers.CharField(required=False)
    engine = Engine(required=False)
    node = serializers.CharField(required=False)
    region = serializers.CharField(required=False)


class ReasonOutput(serializers.Serializer[object]):
    """Why the answer is no."""

    code = serializers.CharField()
    message = serializers.CharField()
    evidence_url = serializers.CharField(allow_null=True)


class AdmissionAnswer(serializers.Serializer[object]):
    """The decision; `deny` with mode `warn` lets the node serve all the same."""

    decision = serializers.ChoiceField(choices=["allow", "deny"])
    admission_id = serializers.UUIDField()
    model_version = serializers.CharField(allow_null=True)
    model_digest = serializers.CharField()
    approval_id = serializers.IntegerField(allow_null=True)
    policy_digest = serializers.CharField()
    reasons = ReasonOutput(many=True)
    obligations = serializers.ListField(child=serializers.DictField())
    expires_at = serializers.DateTimeField(allow_null=True)
    mode = serializers.ChoiceField(choices=["enforce", "warn"])


class AdmissionOutput(serializers.Serializer[Admission]):
    """A decision as it was recorded."""

    admission_id = serializers.UUIDField(source="id")
    decision = serializers.CharField()
    mode = serializers.CharField()
    model_version = serializers.IntegerField(source="version_id", allow_null=True)
    approval_id = serializers.IntegerField(allow_null=True)
    policy_digest = serializers.CharField(source="policy.policy_digest")
    model_digest = serializers.CharField()
    environment = serializers.CharField()
    purpose = serializers.CharField()
    node = serializers.CharField()
    region = serializers.CharField()
    engine = serializers.DictField()
    reasons = ReasonOutput(many=True)
    obligations = serializers.ListField(child=serializers.DictField())
    requested_by = serializers.CharField()
    decided_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class NewestDecided(CursorPagination):
    """Decisions have no number; their time orders them."""

    ordering: Any = ("-decided_at", "-id")


class AdmissionList(ReadOrPost, GenericAPIView[Admission]):
    """Decisions at serving nodes."""

    read = Permission.ADMISSION_READ
    write = Permission.ADMISSION_REQUEST
    queryset = Admission.objects.select_related("policy")
    serializer_class = AdmissionOutput
    pagination_class = NewestDecided

    @extend_schema(
        operation_id="admissions_list",
        tags=["admissions"],
        parameters=[
            OpenApiParameter("environment", str),
            OpenApiParameter("decision", str, enum=["allow", "deny"]),
        ],
        responses=AdmissionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All decisions, newest first."""
        given = read(AdmissionFilter, request.query_params)
        wanted = {name: given[name] for name in ("environment", "decision") if name in given}
        page = self.paginate_queryset(self.get_queryset().filter(**wanted))
        return self.get_paginated_response([AdmissionOutput(row).data for row in page or []])

    @extend_schema(
        operation_id="admissions_decide",
        tags=["admissions"],
        request=AdmissionQuestion,
        responses={200: AdmissionAnswer},
    )
    def post(self, request: Request) -> Response:
        """May this node serve these files? Always 200 for a decision, be it allow or deny."""
        if not isinstance(request.data, dict):
            raise ParseError("The request must be a JSON object.")
        row = admit.decide_admission(request=request.data, actor=actor_of(request), now=timezone.now())
        return Response(admit.answer(row))


class AdmissionDetail(APIView):
    """One decision."""

    permission_classes = [requires(Permission.ADMISSION_READ)]

    @extend_schema(operation_id="admissions_read", tags=["admissions"], responses=AdmissionOutput)
    def get(self, request: Request, pk: UUID) -> Response:
        """The decision with its reasons."""
        row = get_object_or_404(Admission.objects.select_related("policy"), pk=pk)
        return Response(AdmissionOutput(row).data)


class ApprovedModel(serializers.Serializer[Approval]):
    """A version that is approved now; the admission still looks at everything else."""

    model_version = serializers.CharField(source="version.purl")
    model_version_id = serializers.IntegerField(source="version_id")
    model_digest = serializers.CharField(source="version.model_digest")
    manifest_digest = serializers.CharField()
    environment = serializers.CharField(source="environment.name")
    purpose = serializers.CharField()
    approval_id = serializers.IntegerField(source="id")
    policy_digest = serializers.CharField(source="policy.policy_digest")
    expires_at = serializers.DateTimeField()


class ApprovedModelList(GenericAPIView[Approval]):
    """What an environment may load."""

    queryset = Approval.objects.select_related("version__registered_model", "environment", "policy")
    serializer_class = ApprovedModel
    permission_classes = [requires(Permission.ADMISSION_READ, Permission.ADMISSION_REQUEST)]

    @extend_schema(
        operation_id="approved_models_list",
        tags=["admissions"],
        parameters=[
            OpenApiParameter("environment", str, required=True),
            OpenApiParameter("If-None-Match", str, location=OpenApiParameter.HEADER),
        ],
        responses={200: ApprovedModel(many=True), 304: None},
    )
    def get(self, request: Request) -> Response:
        """The versions approved for an environment now, newest approval first; 304 where nothing changed."""
        page = self.paginate_queryset(self._in_force(request))
        response = self.get_paginated_response([ApprovedModel(row).data for row in page or []])
        etag = _etag(response.data)
        if etag in [part.strip() for part in request.headers.get("If-None-Match", "").split(",")]:
            response = Response(status=status.HTTP_304_NOT_MODIFIED)
        response["ETag"] = etag
        return response

    def _in_force(self, request: Request) -> QuerySet[Approval]:
        name = read(ApprovedModelFilter, request.query_params)["environment"]
        token = actor_of(request).token
        if token and token.environment not in ("", name):
            raise OutOfScopeEnvironment(f"The token is for {token.environment}, not for {name}.")
        return suspended.unsuspended(self.get_queryset()).filter(
            environment=environment_named(name),
            status=ApprovalStatus.APPROVED,
            expires_at__gt=timezone.now(),
            version__status=Status.RESOLVED,
        )


def _etag(content: Any) -> str:
    """A strong validator of what is shown."""
    text = json.dumps(content, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()}"'
