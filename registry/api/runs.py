"""Runs: ask for checks or a smoke test, and look at what came of it."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.permissions import requires
from governance.permissions import Permission
from registry.actions import drift, smoke, verify
from registry.api.run_serializers import (
    DriftRunSerializer,
    ResolutionRunSerializer,
    SmokeRunSerializer,
    VerificationRunSerializer,
)
from registry.api.version_serializers import EmptyInput
from registry.api.versions import version_of
from registry.models import DriftRun, LeasedRun, ResolutionRun, SmokeRun, VerificationRun


class VerificationRequest(APIView):
    """All checks anew."""

    permission_classes = [requires(Permission.RUN_REQUEST)]

    @extend_schema(
        operation_id="verification_runs_request",
        request=EmptyInput,
        responses={202: VerificationRunSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask for all checks anew."""
        _require_empty(request)
        run = verify.request_verification(version=version_of(pk), actor=actor_of(request), now=timezone.now())
        return _accepted(VerificationRunSerializer(run), f"/api/v1/verification-runs/{run.pk}")


class DriftRequest(APIView):
    """A look at the source."""

    permission_classes = [requires(Permission.RUN_REQUEST)]

    @extend_schema(operation_id="drift_runs_request", request=EmptyInput, responses={202: DriftRunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Ask for a look at the source of the version, and have what changed raised as alerts."""
        _require_empty(request)
        run = drift.request_drift(version=version_of(pk), actor=actor_of(request), now=timezone.now())
        return _accepted(DriftRunSerializer(run), f"/api/v1/drift-runs/{run.pk}")


class SmokeRequest(APIView):
    """A smoke test anew."""

    permission_classes = [requires(Permission.RUN_REQUEST)]

    @extend_schema(operation_id="smoke_runs_request", request=EmptyInput, responses={202: SmokeRunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Ask for a smoke test of a verified version."""
        _require_empty(request)
        run = smoke.request_smoke(version=version_of(pk), actor=actor_of(request), now=timezone.now())
        return _accepted(SmokeRunSerializer(run), f"/api/v1/smoke-runs/{run.pk}")


class ResolutionRunDetail(APIView):
    """One resolution."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="resolution_runs_read", responses=ResolutionRunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How far a resolution is, or how it ended."""
        return Response(ResolutionRunSerializer(_run(ResolutionRun, pk)).data)


class VerificationRunDetail(APIView):
    """One verification."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="verification_runs_read", responses=VerificationRunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How far a verification is, or what every check found."""
        return Response(VerificationRunSerializer(_run(VerificationRun, pk, "results")).data)


class DriftRunDetail(APIView):
    """One look at a source."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="drift_runs_read", responses=DriftRunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """What the source said, and which alerts came of it."""
        return Response(DriftRunSerializer(_run(DriftRun, pk)).data)


class SmokeRunDetail(APIView):
    """One smoke test."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="smoke_runs_read", responses=SmokeRunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How far a smoke test is, or what the engine answered."""
        return Response(SmokeRunSerializer(_run(SmokeRun, pk, "answers")).data)


def _run(model: type[LeasedRun], pk: int, *related: str) -> Any:
    run = model.objects.filter(pk=pk).prefetch_related(*related).first()  # type: ignore[attr-defined]
    if run is None:
        raise Http404
    return run


def _require_empty(request: Request) -> None:
    if request.data:
        EmptyInput(data=request.data).is_valid(raise_exception=True)


def _accepted(shown: serializers.BaseSerializer[Any], location: str) -> Response:
    return Response(shown.data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})
