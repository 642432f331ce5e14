"""The organisation's own licence records over REST: proposed by one person, put in force by another."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.permissions import Permission
from registry.actions import license_records
from registry.api.access import ReadOrPost
from registry.api.license_schemas import (
    STATES,
    DraftOutput,
    PreviewInput,
    ProposalOutput,
    PublishInput,
    RecordInput,
    WhyInput,
)
from registry.licensing.releases import project_digest
from registry.models import LicenseProposal, LicenseRecord

RELATED = ("record", "proposed_by", "closed_by", "release")
BY_STATE = {
    "waiting": Q(closed_at__isnull=True, release__isnull=True),
    "published": Q(release__isnull=False),
    "declined": Q(closed_at__isnull=False),
}


class ProposalFilter(PageFilter):
    """Which proposals."""

    state = serializers.ChoiceField(required=False, choices=STATES)
    license_id = serializers.CharField(required=False, max_length=80)


def shown(row: LicenseProposal) -> dict[str, Any]:
    """A proposal as the interface shows it."""
    release = getattr(row, "release", None)
    return {
        "id": row.pk,
        "license_id": row.record.license_id,
        "change": row.change,
        "state": "published" if release else "waiting" if row.closed_at is None else "declined",
        "record": row.record_id,
        "record_digest": row.record.record_digest,
        "toml": row.toml,
        "takes_over": row.takes_over,
        "document": row.document_id,
        "catalog_digest": row.catalog_digest,
        "reason": row.reason,
        "proposed_by": row.proposed_by.username,
        "proposed_at": row.proposed_at,
        "published_by": release.published_by if release else None,
        "published_at": release.published_at if release else None,
        "published_catalog": release.catalog_digest if release else None,
        "closed_by": row.closed_by.username if row.closed_by else None,
        "closed_at": row.closed_at,
        "close_reason": row.close_reason,
    }


def _proposal(pk: int) -> LicenseProposal:
    return get_object_or_404(LicenseProposal.objects.select_related(*RELATED), pk=pk)


class RecordList(ReadOrPost, GenericAPIView[LicenseProposal]):
    """Proposals of the organisation's own records, and what became of them."""

    write = Permission.LICENSE_PROPOSE
    queryset = LicenseProposal.objects.select_related(*RELATED).order_by("-id")
    serializer_class = ProposalOutput

    @extend_schema(
        operation_id="license_records_list",
        tags=["licenses"],
        parameters=[OpenApiParameter("state", str, enum=STATES), OpenApiParameter("license_id", str)],
        responses=ProposalOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All proposals, newest first."""
        given = read(ProposalFilter, request.query_params)
        rows = self.get_queryset()
        if "state" in given:
            rows = rows.filter(BY_STATE[given["state"]])
        if "license_id" in given:
            rows = rows.filter(record__license_id=given["license_id"])
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([shown(row) for row in page or []])

    @extend_schema(
        operation_id="license_records_propose",
        tags=["licenses"],
        request=RecordInput,
        responses={201: ProposalOutput},
    )
    def post(self, request: Request) -> Response:
        """Propose a record; it decides nothing until another person puts it in force. Takes the right license_propose."""
        body = RecordInput(data=request.data)
        body.is_valid(raise_exception=True)
        row = license_records.propose(**body.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(shown(_proposal(row.pk)), status=status.HTTP_201_CREATED)


class RecordPreview(APIView):
    """What a record would change."""

    permission_classes = [requires(Permission.LICENSE_PROPOSE)]

    @extend_schema(
        operation_id="license_records_preview", tags=["licenses"], request=PreviewInput, responses=DraftOutput
    )
    def post(self, request: Request) -> Response:
        """Check a record, and say what it would change; stores nothing. Takes the right license_propose."""
        body = PreviewInput(data=request.data)
        body.is_valid(raise_exception=True)
        draft = license_records.look_at(**body.validated_data, actor=actor_of(request))
        return Response(
            {
                "license_id": draft.license_id,
                "differences": [line.to_json() for line in draft.differences],
                "overrides": project_digest(draft.entries[draft.license_id]),
                "shares_names_with": sorted({claim.owner for claim in draft.claims}),
                "catalog_digest": draft.catalog.catalog_digest,
            }
        )


class RecordDetail(APIView):
    """One proposal."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="license_records_read", tags=["licenses"], responses=ProposalOutput)
    def get(self, request: Request, pk: int) -> Response:
        """The proposal, and what became of it."""
        return Response(shown(_proposal(pk)))


class _Step(APIView):
    """One step of a proposal: reads the words that go with it, calls one action, shows the result."""

    words: type[StrictSerializer] = WhyInput
    take: Callable[..., Any]

    def post(self, request: Request, pk: int) -> Response:
        """Take the step."""
        body = self.words(data=request.data)
        body.is_valid(raise_exception=True)
        row = type(self).take(
            _proposal(pk), **body.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(shown(_proposal(row)))


def _publish(row: LicenseProposal, *, catalog_digest: str | None = None, **fields: Any) -> int:
    license_records.publish(proposal=row, seen=catalog_digest, **fields)
    return row.pk


def _decline(row: LicenseProposal, **fields: Any) -> int:
    return license_records.decline(proposal=row, **fields).pk


def _withdraw(row: LicenseProposal, **fields: Any) -> int:
    record: LicenseRecord = row.record
    return license_records.propose_withdrawal(record=record, **fields).pk


@extend_schema_view(
    post=extend_schema(
        operation_id="license_records_publish",
        tags=["licenses"],
        description="Carry out what another person proposed: put the record in force, or take it out. Takes the right "
        "license_publish; four_eyes_required where the caller proposed it.",
        request=PublishInput,
        responses=ProposalOutput,
    )
)
class RecordPublish(_Step):
    """Carry out what another person proposed."""

    permission_classes = [requires(Permission.LICENSE_PUBLISH)]
    words = PublishInput
    take = staticmethod(_publish)


@extend_schema_view(
    post=extend_schema(
        operation_id="license_records_decline",
        tags=["licenses"],
        description="Refuse what another person proposed (the right license_publish), or take back one's own proposal "
        "(license_propose).",
        request=WhyInput,
        responses=ProposalOutput,
    )
)
class RecordDecline(_Step):
    """Refuse a proposal, or take one's own back."""

    permission_classes = [requires(Permission.LICENSE_PUBLISH, Permission.LICENSE_PROPOSE)]
    take = staticmethod(_decline)


@extend_schema_view(
    post=extend_schema(
        operation_id="license_records_withdraw",
        tags=["licenses"],
        description="Propose to take the record of this proposal, which is in force, out of force: the answer is a new "
        "proposal, which another person carries out. Takes the right license_propose.",
        request=WhyInput,
        responses={201: ProposalOutput},
    )
)
class RecordWithdraw(_Step):
    """Propose to take a record out of force."""

    permission_classes = [requires(Permission.LICENSE_PROPOSE)]
    take = staticmethod(_withdraw)

    def post(self, request: Request, pk: int) -> Response:
        """Take the step; a proposal comes of it."""
        answer = super().post(request, pk)
        answer.status_code = status.HTTP_201_CREATED
        return answer
