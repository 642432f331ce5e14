"""Approvals over REST: asked for by one person, decided by another."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import lookups, read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry import documents, suspended
from registry.actions import review, suspensions
from registry.api.access import ReadOrPost
from registry.api.filters import ApprovalFilter
from registry.api.lookup import environment_named
from registry.lifecycle import ApprovalStatus
from registry.models import Approval, ModelVersion

LOOKUPS = {"model_version": "version_id", "environment": "environment", "status": "status"}
RELATED = (
    "version__registered_model",
    "environment",
    "evaluation",
    "policy",
    "requested_by",
    "decided_by",
)


class ApprovalInput(StrictSerializer):
    """What is asked for."""

    model_version = serializers.IntegerField(min_value=1, max_value=2**53)
    environment = serializers.CharField(max_length=64)
    purpose = serializers.CharField(max_length=64)
    expires_at = serializers.DateTimeField()
    note = serializers.CharField(allow_blank=True, default="", max_length=4000)


class NoteInput(StrictSerializer):
    """Words that go with a decision."""

    note = serializers.CharField(allow_blank=True, default="", max_length=4000)


class EndInput(StrictSerializer):
    """Why something ends."""

    reason = serializers.CharField(max_length=4000)


class ApprovalOutput(serializers.Serializer[Approval]):
    """An approval with everything that it binds."""

    id = serializers.IntegerField()
    model_version = serializers.IntegerField()
    model = serializers.CharField()
    status = serializers.ChoiceField(choices=[item.value for item in ApprovalStatus])
    environment = serializers.CharField()
    purpose = serializers.CharField()
    manifest_digest = serializers.CharField()
    model_digest = serializers.CharField()
    verification_run = serializers.IntegerField()
    smoke_run = serializers.IntegerField(allow_null=True)
    evaluation = serializers.IntegerField()
    evaluation_digest = serializers.CharField()
    policy_digest = serializers.CharField()
    note = serializers.CharField()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_note = serializers.CharField()
    ended_by = serializers.CharField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.CharField(allow_null=True)
    suspended_at = serializers.DateTimeField(
        allow_null=True, help_text="admits nothing since then, until the suspension is lifted"
    )
    suspended_because = serializers.CharField(allow_null=True)


def shown(row: Approval) -> dict[str, Any]:
    """An approval as the interface shows it."""
    return {
        "model_version": row.version_id,
        "model": str(row.version.registered_model),
        **documents.approval(row, version=row.version),
        "suspended_at": documents.rfc3339(suspended.since(row)),
        "suspended_because": suspended.because(row),
    }


def _approval(pk: int) -> Approval:
    return get_object_or_404(suspended.marked(Approval.objects.select_related(*RELATED)), pk=pk)


class ApprovalList(ReadOrPost, GenericAPIView[Approval]):
    """Requests for approval and what became of them."""

    write = Permission.APPROVAL_REQUEST
    queryset = suspended.marked(Approval.objects.select_related(*RELATED)).order_by("-id")
    serializer_class = ApprovalOutput

    @extend_schema(
        operation_id="approvals_list",
        tags=["approvals"],
        parameters=[
            OpenApiParameter("model_version", int),
            OpenApiParameter("environment", str),
            OpenApiParameter("status", str, enum=[item.value for item in ApprovalStatus]),
        ],
        responses=ApprovalOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All approvals, newest first."""
        page = self.paginate_queryset(_filtered(self.get_queryset(), request))
        return self.get_paginated_response([shown(row) for row in page or []])

    @extend_schema(
        operation_id="approvals_request",
        tags=["approvals"],
        request=ApprovalInput,
        responses={201: ApprovalOutput},
    )
    def post(self, request: Request) -> Response:
        """Ask for an approval; another person decides."""
        body = ApprovalInput(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        version = ModelVersion.objects.filter(pk=fields.pop("model_version")).first()
        if version is None:
            raise InvalidInput("There is no such version.", field="model_version")
        environment = environment_named(fields.pop("environment"))
        row = review.request_approval(
            version=version, environment=environment, **fields, actor=actor_of(request), now=timezone.now()
        )
        return Response(shown(_approval(row.pk)), status=status.HTTP_201_CREATED)


def _filtered(rows: QuerySet[Approval], request: Request) -> QuerySet[Approval]:
    given = read(ApprovalFilter, request.query_params)
    if "environment" in given:
        given["environment"] = environment_named(given["environment"])
    return rows.filter(**lookups(given, LOOKUPS))


class ApprovalDetail(APIView):
    """One approval."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="approvals_read", tags=["approvals"], responses=ApprovalOutput)
    def get(self, request: Request, pk: int) -> Response:
        """The approval with everything it binds."""
        return Response(shown(_approval(pk)))


class _Step(APIView):
    """One step of an approval: reads the words that go with it, calls one action, shows the result."""

    words: type[StrictSerializer] = NoteInput
    take: Callable[..., object]

    def post(self, request: Request, pk: int) -> Response:
        """Take the step."""
        body = self.words(data=request.data)
        body.is_valid(raise_exception=True)
        approval = _approval(pk)
        type(self).take(approval=approval, **body.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(shown(_approval(pk)))


@extend_schema_view(
    post=extend_schema(
        operation_id="approvals_approve", tags=["approvals"], request=NoteInput, responses=ApprovalOutput
    )
)
class Approve(_Step):
    """Approve what another person asked for."""

    permission_classes = [requires(Permission.APPROVAL_DECIDE)]
    take = staticmethod(review.approve)


@extend_schema_view(
    post=extend_schema(
        operation_id="approvals_reject", tags=["approvals"], request=NoteInput, responses=ApprovalOutput
    )
)
class Reject(_Step):
    """Refuse what another person asked for."""

    permission_classes = [requires(Permission.APPROVAL_DECIDE)]
    take = staticmethod(review.reject)


@extend_schema_view(
    post=extend_schema(
        operation_id="approvals_withdraw", tags=["approvals"], request=EndInput, responses=ApprovalOutput
    )
)
class Withdraw(_Step):
    """Take back a request or an approval."""

    permission_classes = [requires(Permission.APPROVAL_WITHDRAW)]
    words = EndInput
    take = staticmethod(review.withdraw)


@extend_schema_view(
    post=extend_schema(
        operation_id="approvals_revoke", tags=["approvals"], request=EndInput, responses=ApprovalOutput
    )
)
class Revoke(_Step):
    """End an approval because something is wrong."""

    permission_classes = [requires(Permission.APPROVAL_DECIDE, Permission.VERSION_REVOKE)]
    words = EndInput
    take = staticmethod(review.revoke)


@extend_schema_view(
    post=extend_schema(
        operation_id="approvals_lift_suspension",
        tags=["approvals"],
        request=NoteInput,
        responses=ApprovalOutput,
    )
)
class LiftSuspension(_Step):
    """Let a suspended approval admit again; refused while the policy does not accept the verdict of this moment."""

    permission_classes = [requires(Permission.APPROVAL_DECIDE)]
    take = staticmethod(suspensions.lift)
