"""Obligations over REST: what is open, its evidence, and how it ends."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import lookups, read
from governance.api.permissions import requires
from governance.errors import InvalidInput
from governance.models import User
from governance.permissions import Permission
from registry import duties
from registry.actions import obligation_work
from registry.api.lookup import environment_named
from registry.api.obligation_serializers import (
    AssignInput,
    CompleteInput,
    ObligationEvidenceInput,
    ObligationEvidenceOutput,
    ObligationFilter,
    ObligationOutput,
    WaiveInput,
)
from registry.models import EvidenceDocument, ObligationEvidence, ObligationTask

LOOKUPS = {
    "status": "status",
    "model_version": "version_id",
    "environment": "environment",
    "license": "license_id",
    "obligation": "obligation_id",
    "owner": "owner__username",
}


def _task(pk: int) -> ObligationTask:
    return get_object_or_404(duties.with_evidence(duties.rows()), pk=pk)


def _shown(task: ObligationTask) -> dict[str, Any]:
    return duties.document(task, on=timezone.now().date())


class ObligationList(GenericAPIView[ObligationTask]):
    """Obligations that approved and requested uses triggered."""

    permission_classes = [requires(Permission.VERSION_READ)]
    queryset = duties.with_evidence(duties.rows()).order_by("-id")
    serializer_class = ObligationOutput

    @extend_schema(
        operation_id="obligations_list",
        tags=["obligations"],
        parameters=[ObligationFilter],
        responses=ObligationOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All obligations, newest first."""
        page = self.paginate_queryset(_filtered(self.get_queryset(), request))
        return self.get_paginated_response([_shown(row) for row in page or []])


def _filtered(rows: QuerySet[ObligationTask], request: Request) -> QuerySet[ObligationTask]:
    given = read(ObligationFilter, request.query_params)
    if "environment" in given:
        given["environment"] = environment_named(given["environment"])
    rows = rows.filter(**lookups(given, LOOKUPS))
    if "overdue" not in given:
        return rows
    late = duties.overdue(ObligationTask.objects.all(), on=timezone.now().date()).values("pk")
    return rows.filter(pk__in=late) if given["overdue"] else rows.exclude(pk__in=late)


class ObligationDetail(APIView):
    """One obligation."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="obligations_read", tags=["obligations"], responses=ObligationOutput)
    def get(self, _request: Request, pk: int) -> Response:
        """The obligation with its evidence."""
        return Response(_shown(_task(pk)))


class ObligationAddEvidence(APIView):
    """The evidence of one obligation."""

    permission_classes = [requires(Permission.OBLIGATION_WORK)]

    @extend_schema(
        operation_id="obligations_add_evidence",
        tags=["obligations"],
        request=ObligationEvidenceInput,
        responses={201: ObligationEvidenceOutput},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Add evidence, or say that earlier evidence of the same obligation still holds."""
        body = ObligationEvidenceInput(data=request.data)
        body.is_valid(raise_exception=True)
        task, fields = _task(pk), dict(body.validated_data)
        step = _carry if "carried_from" in fields else _add
        row = step(task, fields, request)
        return Response(duties.shown(row), status=status.HTTP_201_CREATED)


def _carry(task: ObligationTask, fields: dict[str, Any], request: Request) -> ObligationEvidence:
    for name in sorted(set(fields) - {"carried_from", "note"}):
        raise InvalidInput("Evidence that is carried over is taken as it is.", field=name)
    was = ObligationEvidence.objects.filter(pk=fields["carried_from"]).first()
    if was is None:
        raise InvalidInput("There is no such evidence.", field="carried_from")
    return obligation_work.carry_over(
        task=task, evidence=was, note=fields.get("note", ""), actor=actor_of(request), now=timezone.now()
    )


def _add(task: ObligationTask, fields: dict[str, Any], request: Request) -> ObligationEvidence:
    if "kind" not in fields:
        raise InvalidInput("Say what kind of evidence it is.", field="kind")
    number = fields.pop("document", None)
    document = EvidenceDocument.objects.filter(pk=number).first() if number else None
    if number and document is None:
        raise InvalidInput("No such document is kept; send it to evidence-documents first.", field="document")
    return obligation_work.add_evidence(
        task=task, document=document, **fields, actor=actor_of(request), now=timezone.now()
    )


class ObligationComplete(APIView):
    """The end of an obligation that was met."""

    permission_classes = [requires(Permission.OBLIGATION_WORK)]

    @extend_schema(
        operation_id="obligations_complete",
        tags=["obligations"],
        request=CompleteInput,
        responses=ObligationOutput,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Say that it is done; the evidence that it asks for must be there."""
        body = CompleteInput(data=request.data)
        body.is_valid(raise_exception=True)
        obligation_work.complete(
            task=_task(pk), **body.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(_shown(_task(pk)))


class ObligationWaive(APIView):
    """The end of an obligation that need not be met here."""

    permission_classes = [requires(Permission.OBLIGATION_WAIVE)]

    @extend_schema(
        operation_id="obligations_waive", tags=["obligations"], request=WaiveInput, responses=ObligationOutput
    )
    def post(self, request: Request, pk: int) -> Response:
        """Say, as a reviewer who neither asked for it nor has to do it, that it need not be done."""
        body = WaiveInput(data=request.data)
        body.is_valid(raise_exception=True)
        obligation_work.waive(
            task=_task(pk), **body.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(_shown(_task(pk)))


class ObligationAssign(APIView):
    """Who sees to an obligation."""

    permission_classes = [requires(Permission.OBLIGATION_WORK)]

    @extend_schema(
        operation_id="obligations_assign",
        tags=["obligations"],
        request=AssignInput,
        responses=ObligationOutput,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Give it to an officer, and perhaps another day."""
        body = AssignInput(data=request.data)
        body.is_valid(raise_exception=True)
        owner = User.objects.filter(username=body.validated_data["owner"]).first()
        if owner is None:
            raise InvalidInput("There is no such account.", field="owner")
        obligation_work.assign(
            task=_task(pk),
            owner=owner,
            due_on=body.validated_data.get("due_on"),
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(_shown(_task(pk)))
