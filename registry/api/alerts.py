"""Alerts and re-evaluations over REST: what changed for what is in use, who looked at it, and what was gone through."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import lookups, read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.permissions import Permission
from registry.actions import alerts, reevaluations
from registry.api.access import ReadOrPost
from registry.api.filters import AlertFilter, ReevaluationFilter
from registry.api.lookup import environment_named
from registry.lifecycle import Severity
from registry.models import Alert, AlertKind, Cause, Reevaluation, Resolution

RELATED = ("version__registered_model", "environment", "owner", "acknowledged_by")
LOOKUPS = {
    "kind": "kind",
    "severity": "severity",
    "model_version": "version_id",
    "environment": "environment",
    "approval": "approval_id",
}
STATES = ("open", "acknowledged", "resolved")


class AlertOutput(serializers.Serializer[Alert]):
    """Something that happened to what is in use."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=AlertKind.choices)
    severity = serializers.ChoiceField(choices=[one.value for one in Severity])
    state = serializers.ChoiceField(choices=STATES)
    model_version = serializers.IntegerField(source="version_id", allow_null=True)
    model = serializers.CharField(source="version.registered_model", allow_null=True, default=None)
    environment = serializers.CharField(source="environment.name", allow_null=True, default=None)
    approval = serializers.IntegerField(source="approval_id", allow_null=True)
    evaluation = serializers.IntegerField(source="evaluation_id", allow_null=True)
    reevaluation = serializers.IntegerField(source="reevaluation_id", allow_null=True)
    drift_run = serializers.IntegerField(source="drift_run_id", allow_null=True)
    verification_run = serializers.IntegerField(source="verification_run_id", allow_null=True)
    owner = serializers.CharField(source="owner.username", allow_null=True, default=None)
    message = serializers.CharField()
    remedy = serializers.CharField(help_text="what to do about it; empty for alerts about approvals")
    facts = serializers.DictField()
    raised_at = serializers.DateTimeField()
    acknowledged_by = serializers.CharField(source="acknowledged_by.username", allow_null=True, default=None)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_note = serializers.CharField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolution = serializers.ChoiceField(choices=["", *Resolution.values])


class AcknowledgeInput(StrictSerializer):
    """Words that go with it."""

    note = serializers.CharField(allow_blank=True, default="", max_length=4000)


class ReevaluationOutput(serializers.Serializer[Reevaluation]):
    """A campaign over everything approved, and how far it came."""

    id = serializers.IntegerField()
    cause = serializers.ChoiceField(choices=Cause.choices)
    because = serializers.CharField()
    environment = serializers.CharField(source="environment.name", allow_null=True, default=None)
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    worse = serializers.IntegerField()
    better = serializers.IntegerField()
    same = serializers.IntegerField()
    failed = serializers.IntegerField()
    recorded = serializers.IntegerField(help_text="so many new evaluations were written")
    finished_at = serializers.DateTimeField(allow_null=True)


class AlertList(GenericAPIView[Alert]):
    """What someone must look at."""

    queryset = Alert.objects.select_related(*RELATED).order_by("-id")
    serializer_class = AlertOutput
    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(
        operation_id="alerts_list",
        tags=["alerts"],
        parameters=[
            OpenApiParameter("state", str, enum=STATES),
            OpenApiParameter("kind", str, enum=AlertKind.values),
            OpenApiParameter("severity", str, enum=[one.value for one in Severity]),
            OpenApiParameter("model_version", int),
            OpenApiParameter("environment", str),
            OpenApiParameter("approval", int),
        ],
        responses=AlertOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All alerts, newest first; without a filter the resolved ones too."""
        given = read(AlertFilter, request.query_params)
        rows = self.get_queryset()
        if "state" in given:
            rows = rows.filter(**Alert.STATES[given.pop("state")])
        if "environment" in given:
            given["environment"] = environment_named(given["environment"])
        page = self.paginate_queryset(rows.filter(**lookups(given, LOOKUPS)))
        return self.get_paginated_response([AlertOutput(row).data for row in page or []])


def _alert(pk: int) -> Alert:
    return get_object_or_404(Alert.objects.select_related(*RELATED), pk=pk)


class AlertDetail(APIView):
    """One alert."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="alerts_read", tags=["alerts"], responses=AlertOutput)
    def get(self, request: Request, pk: int) -> Response:
        """The alert, who looked at it, and how it ended."""
        return Response(AlertOutput(_alert(pk)).data)


class AlertAcknowledge(APIView):
    """A person looks after it."""

    permission_classes = [requires(Permission.ALERT_ACKNOWLEDGE)]

    @extend_schema(
        operation_id="alerts_acknowledge", tags=["alerts"], request=AcknowledgeInput, responses=AlertOutput
    )
    def post(self, request: Request, pk: int) -> Response:
        """State that you have seen it and look after it; it is resolved when its cause is gone."""
        body = AcknowledgeInput(data=request.data)
        body.is_valid(raise_exception=True)
        row = alerts.acknowledge(
            alert=_alert(pk), note=body.validated_data["note"], actor=actor_of(request), now=timezone.now()
        )
        return Response(AlertOutput(row).data)


class ReevaluationList(ReadOrPost, GenericAPIView[Reevaluation]):
    """Everything approved, evaluated again."""

    write = Permission.REEVALUATION_REQUEST
    queryset = Reevaluation.objects.select_related("environment").order_by("-id")
    serializer_class = ReevaluationOutput

    @extend_schema(
        operation_id="reevaluations_list",
        tags=["alerts"],
        parameters=[OpenApiParameter("cause", str, enum=Cause.values)],
        responses=ReevaluationOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All campaigns, newest first."""
        given = read(ReevaluationFilter, request.query_params)
        page = self.paginate_queryset(self.get_queryset().filter(**lookups(given, {"cause": "cause"})))
        return self.get_paginated_response([ReevaluationOutput(row).data for row in page or []])

    @extend_schema(
        operation_id="reevaluations_request",
        tags=["alerts"],
        request=None,
        responses={202: ReevaluationOutput},
    )
    def post(self, request: Request) -> Response:
        """Have everything approved evaluated again now; facts, catalogue and environments do so by themselves."""
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        row = reevaluations.request_by_person(actor=actor_of(request), now=timezone.now())
        return Response(ReevaluationOutput(row).data, status=status.HTTP_202_ACCEPTED)


class ReevaluationDetail(APIView):
    """One campaign."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="reevaluations_read", tags=["alerts"], responses=ReevaluationOutput)
    def get(self, request: Request, pk: int) -> Response:
        """How far it came, and what it found."""
        row = get_object_or_404(Reevaluation.objects.select_related("environment"), pk=pk)
        return Response(ReevaluationOutput(row).data)
