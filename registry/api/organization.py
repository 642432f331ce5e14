"""The organisation's facts over REST: attest them, and ask what holds or held."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry import attestations
from registry.actions import organization
from registry.actions.documents import MAX_ATTACHED
from registry.actions.organization import Attached
from registry.api.access import ReadOrPost
from registry.api.filters import LARGEST
from registry.models import AttestationEvidence, OrganizationProfile


class AttachedInput(StrictSerializer):
    """A document that is kept, and what it shows."""

    document = serializers.IntegerField(min_value=1, max_value=LARGEST)
    facts = serializers.ListField(
        child=serializers.CharField(max_length=120),
        default=list,
        max_length=100,
        help_text="names of facts or tables, such as annual_revenue_usd.group; none: every fact of the attestation",
    )


class FactsInput(StrictSerializer):
    """Facts as a person attests them."""

    facts = serializers.DictField(
        help_text="`org` in the vocabulary of the licence catalogue; null withdraws a fact"
    )
    complete = serializers.BooleanField(
        default=True, help_text="everything that is known (true), or a change of what is known (false)"
    )
    note = serializers.CharField(allow_blank=True, default="", max_length=4000)
    effective_at = serializers.DateTimeField(required=False, help_text="default: now")
    evidence = AttachedInput(many=True, required=False)


class AttachedOutput(serializers.Serializer[AttestationEvidence]):
    """A document attached to an attestation."""

    document = serializers.IntegerField(source="document_id")
    name = serializers.CharField(source="document.name")
    sha256 = serializers.CharField(source="document.sha256")
    facts = serializers.ListField(child=serializers.CharField())


class FactsOutput(serializers.Serializer[OrganizationProfile]):
    """Facts as they were attested."""

    id = serializers.IntegerField()
    facts = serializers.DictField()
    complete = serializers.BooleanField(source="is_complete")
    note = serializers.CharField()
    effective_at = serializers.DateTimeField()
    attested_by = serializers.CharField(source="attested_by.username")
    attested_at = serializers.DateTimeField()
    evidence = AttachedOutput(many=True)


class AsOf(StrictSerializer):
    """Which moment."""

    at = serializers.DateTimeField(required=False, help_text="default: now")
    known_at = serializers.DateTimeField(
        required=False, help_text="count only what was attested by then; default: everything on record today"
    )


class FactSource(serializers.Serializer[object]):
    """Where a fact comes from."""

    attestation = serializers.IntegerField()
    effective_at = serializers.DateTimeField()
    attested_by = serializers.CharField()
    attested_at = serializers.DateTimeField()
    documents = serializers.ListField(child=serializers.IntegerField())


class FactsInForceOutput(serializers.Serializer[object]):
    """The facts that hold at a moment."""

    at = serializers.DateTimeField()
    known_at = serializers.DateTimeField(allow_null=True)
    facts = serializers.DictField()
    attestation = serializers.IntegerField(allow_null=True, help_text="the one that took effect last")
    provenance = serializers.DictField(child=FactSource(), help_text="by the path of each fact")


def attested_rows() -> Any:
    """Attestations with who made them and their evidence."""
    return attestations.with_documents(OrganizationProfile.objects.select_related("attested_by"))


class FactsList(ReadOrPost, GenericAPIView[OrganizationProfile]):
    """What the organisation is, as attested."""

    write = Permission.ORGANIZATION_EDIT
    serializer_class = FactsOutput
    queryset = OrganizationProfile.objects.all()

    @extend_schema(
        operation_id="organization_facts_list",
        tags=["environments"],
        parameters=[PageFilter],
        responses=FactsOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All attestations, newest first."""
        read(PageFilter, request.query_params)
        page = self.paginate_queryset(attested_rows().order_by("-id"))
        return self.get_paginated_response([FactsOutput(row).data for row in page or []])

    @extend_schema(
        operation_id="organization_facts_attest",
        tags=["environments"],
        request=FactsInput,
        responses={201: FactsOutput},
    )
    def post(self, request: Request) -> Response:
        """Attest facts; those before stay on record."""
        body = FactsInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        evidence = given.get("evidence", [])
        if len(evidence) > MAX_ATTACHED:
            raise InvalidInput(f"Attach up to {MAX_ATTACHED} documents.", field="evidence")
        now = timezone.now()
        row = organization.attest_facts(
            facts=given["facts"],
            note=given["note"],
            effective_at=given.get("effective_at", now),
            is_complete=given["complete"],
            evidence=[Attached(one["document"], tuple(one["facts"])) for one in evidence],
            actor=actor_of(request),
            now=now,
        )
        return Response(FactsOutput(attested_rows().get(pk=row.pk)).data, status=status.HTTP_201_CREATED)


class ReadsFacts(APIView):
    """What needs the right to read."""

    def get_permissions(self) -> list[BasePermission]:
        """The right."""
        return [requires(Permission.VERSION_READ)()]


class FactsDetail(ReadsFacts):
    """One attestation."""

    @extend_schema(operation_id="organization_facts_get", tags=["environments"], responses=FactsOutput)
    def get(self, _request: Request, pk: int) -> Response:
        """What was attested, and with what evidence."""
        return Response(FactsOutput(get_object_or_404(attested_rows(), pk=pk)).data)


class FactsInForceView(ReadsFacts):
    """The facts that hold at a moment."""

    @extend_schema(
        operation_id="organization_facts_in_force",
        tags=["environments"],
        parameters=[AsOf],
        responses=FactsInForceOutput,
    )
    def get(self, request: Request) -> Response:
        """What held at a moment, as is known today or as was on record at another moment."""
        asked = AsOf(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        at = asked.validated_data.get("at", timezone.now())
        known_at = asked.validated_data.get("known_at")
        found = organization.facts_in_force(at=at, known_at=known_at)
        answer = {
            "at": at,
            "known_at": known_at,
            "facts": found.facts if found else {},
            "attestation": found.profile.pk if found else None,
            "provenance": _provenance(found) if found else {},
        }
        return Response(FactsInForceOutput(answer).data)


def _provenance(found: attestations.FactsInForce) -> dict[str, Any]:
    numbers = {row.pk for row in found.provenance.values()}
    rows = {row.pk: row for row in attested_rows().filter(pk__in=numbers)}
    return {
        path: {
            "attestation": number,
            "effective_at": rows[number].effective_at,
            "attested_by": rows[number].attested_by.username,
            "attested_at": rows[number].attested_at,
            "documents": [one.pk for one in attestations.shown_by(rows[number], path)],
        }
        for path, number in found.attestations.items()
    }
