"""Releases from quarantine over REST: asked for by one person, decided by another on checks that ran anew."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.permissions import Permission
from registry.actions import releases
from registry.api.filters import ReleaseFilter
from registry.api.version_serializers import ReasonInput
from registry.api.versions import version_of
from registry.lifecycle import Outcome, RunState
from registry.models import QuarantineRelease, ReleaseDecision

STATES = ["open", *ReleaseDecision.values]
DECISIONS = [ReleaseDecision.RELEASED.value, ReleaseDecision.REFUSED.value]
RELATED = ("version__registered_model", "verification_run", "requested_by", "decided_by")


class DecisionInput(StrictSerializer):
    """What the second person decides."""

    decision = serializers.ChoiceField(choices=DECISIONS)
    note = serializers.CharField(
        allow_blank=True, default="", max_length=4000, help_text="Needed for a refusal: why."
    )


class WordsInput(StrictSerializer):
    """Words that go with taking a request back."""

    note = serializers.CharField(allow_blank=True, default="", max_length=4000)


class ReleaseOutput(serializers.Serializer[QuarantineRelease]):
    """A request to end a quarantine, the checks that it waits for, and what was decided."""

    id = serializers.IntegerField()
    model_version = serializers.IntegerField()
    model = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    reason = serializers.CharField()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    verification_run = serializers.IntegerField()
    verification_state = serializers.ChoiceField(choices=[item.value for item in RunState])
    verification_outcome = serializers.ChoiceField(
        choices=["", *(item.value for item in Outcome)], help_text="empty until the run has finished"
    )
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()


def shown(row: QuarantineRelease) -> dict[str, Any]:
    """A request as the interface shows it."""
    return {
        "id": row.pk,
        "model_version": row.version_id,
        "model": str(row.version.registered_model),
        "state": row.decision or "open",
        "reason": row.reason,
        "requested_by": row.requested_by.username,
        "requested_at": row.requested_at,
        "verification_run": row.verification_run_id,
        "verification_state": row.verification_run.state,
        "verification_outcome": row.verification_run.outcome,
        "decided_by": row.decided_by.username if row.decided_by else None,
        "decided_at": row.decided_at,
        "note": row.note,
    }


def _release(pk: int) -> QuarantineRelease:
    return get_object_or_404(QuarantineRelease.objects.select_related(*RELATED), pk=pk)


class ReleaseRequest(APIView):
    """Ask for the end of a quarantine."""

    permission_classes = [requires(Permission.VERSION_REVOKE)]

    @extend_schema(
        operation_id="model_versions_release",
        description=(
            "Ask to end the quarantine: every check runs anew, then another person decides. Until then the version "
            "stays barred. release_in_progress where somebody asked already."
        ),
        request=ReasonInput,
        responses={202: ReleaseOutput},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask for a release."""
        given = ReasonInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = releases.request_release(
            version=version_of(pk),
            reason=given.validated_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(
            shown(_release(row.pk)),
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/quarantine-releases/{row.pk}"},
        )


class ReleaseList(GenericAPIView[QuarantineRelease]):
    """Requests to end a quarantine, and what became of them."""

    permission_classes = [requires(Permission.VERSION_READ)]
    queryset = QuarantineRelease.objects.select_related(*RELATED).order_by("-id")
    serializer_class = ReleaseOutput

    @extend_schema(
        operation_id="quarantine_releases_list",
        parameters=[OpenApiParameter("state", str, enum=STATES), OpenApiParameter("model_version", int)],
        responses=ReleaseOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All requests, newest first; `state=open` are those that wait for a decision."""
        given = read(ReleaseFilter, request.query_params)
        rows = self.get_queryset()
        if "state" in given:
            rows = rows.filter(decision="" if given["state"] == "open" else given["state"])
        if "model_version" in given:
            rows = rows.filter(version=given["model_version"])
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([shown(row) for row in page or []])


class ReleaseDetail(APIView):
    """One request."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="quarantine_releases_read", responses=ReleaseOutput)
    def get(self, request: Request, pk: int) -> Response:
        """The request, how far its checks are, and what was decided."""
        return Response(shown(_release(pk)))


class ReleaseDecide(APIView):
    """Decide on what another person asked for."""

    permission_classes = [requires(Permission.APPROVAL_DECIDE)]

    @extend_schema(
        operation_id="quarantine_releases_decide",
        description=(
            "Release the version, or leave it barred. four_eyes_required where the caller asked for the release; "
            "checks_not_finished until every check ran anew; critical_findings where one that is critical failed or "
            "could not decide: such a request can only be refused."
        ),
        request=DecisionInput,
        responses=ReleaseOutput,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Decide."""
        given = DecisionInput(data=request.data)
        given.is_valid(raise_exception=True)
        releases.decide_release(
            release=_release(pk), **given.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(shown(_release(pk)))


class ReleaseWithdraw(APIView):
    """Take a request back."""

    permission_classes = [requires(Permission.VERSION_REVOKE)]

    @extend_schema(operation_id="quarantine_releases_withdraw", request=WordsInput, responses=ReleaseOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Take back what the caller asked for; the version stays quarantined."""
        given = WordsInput(data=request.data)
        given.is_valid(raise_exception=True)
        releases.withdraw_release(
            release=_release(pk), **given.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(shown(_release(pk)))
