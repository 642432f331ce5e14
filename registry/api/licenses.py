"""The licence catalogue over REST: what each licence says, now or in any catalogue that was in force."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.permissions import Permission
from registry import catalogs, holdings
from registry.api.license_schemas import (
    CatalogDetailOutput,
    CatalogOutput,
    LicenseDetailOutput,
    LicenseListOutput,
)
from registry.licensing import differences
from registry.licensing.catalog import Catalog
from registry.licensing.releases import Entries
from registry.licensing.terms import Category, Verification
from registry.models import CatalogRelease, Origin

DIGEST = serializers.RegexField(
    r"\Asha256:[0-9a-f]{64}\Z",
    required=False,
    error_messages={"invalid": "Write sha256: and 64 lower-case hexadecimal digits."},
)
PAGE_SIZE = 50
OF_CATALOG = OpenApiParameter(
    "catalog_digest", str, description="A catalogue of before; default: the one in force"
)


class CatalogFilter(PageFilter):
    """Which catalogue."""

    catalog_digest = DIGEST


class LicenseFilter(CatalogFilter):
    """Which licences."""

    category = serializers.ChoiceField(required=False, choices=list(Category))
    verification = serializers.ChoiceField(required=False, choices=list(Verification))
    origin = serializers.ChoiceField(required=False, choices=Origin.values)


class LicenseList(APIView):
    """Every licence of a catalogue."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(
        operation_id="licenses_list",
        tags=["licenses"],
        parameters=[
            OpenApiParameter("cursor", str, description="From `next`"),
            OpenApiParameter("limit", int, description="1 to 200; default 50"),
            OpenApiParameter("category", str, enum=[one.value for one in Category]),
            OpenApiParameter("verification", str, enum=[one.value for one in Verification]),
            OpenApiParameter("origin", str, enum=Origin.values),
            OF_CATALOG,
        ],
        responses=LicenseListOutput,
    )
    def get(self, request: Request) -> Response:
        """All licences by id; a catalogue does not change, so its pages never shift."""
        given = read(LicenseFilter, request.query_params)
        entries, found = catalog_asked_for(given.get("catalog_digest"))
        shown = [
            license_id
            for license_id in sorted(entries)
            if license_id > given.get("cursor", "") and _is_wanted(license_id, entries, found, given)
        ]
        size = given.get("limit", PAGE_SIZE)
        page = shown[:size]
        return Response(
            {
                "next": _next(request, page) if len(shown) > size else None,
                "catalog_digest": found.catalog_digest,
                "results": [summary(license_id, entries, found) for license_id in page],
            }
        )


class LicenseDetail(APIView):
    """One licence."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(
        operation_id="licenses_read",
        tags=["licenses"],
        parameters=[OF_CATALOG],
        responses=LicenseDetailOutput,
    )
    def get(self, request: Request, license_id: str) -> Response:
        """The whole record; an override comes with the project's record and every line that differs."""
        given = read(CatalogFilter, request.query_params)
        entries, found = catalog_asked_for(given.get("catalog_digest"))
        if license_id not in entries:
            raise Http404
        entry = entries[license_id]
        kept = catalogs.on_file(
            digest for digest in (entry["record_digest"], entry["overrides"]) if digest is not None
        )
        record, hidden = kept[entry["record_digest"]], kept.get(entry["overrides"] or "")
        return Response(
            {
                **summary(license_id, entries, found),
                "catalog_digest": found.catalog_digest,
                "record": record,
                "project_record": hidden,
                "differences": [line.to_json() for line in differences.differences(hidden, record)]
                if hidden is not None
                else [],
                "versions": holdings.counts([license_id]).get(license_id, 0),
            }
        )


class CatalogList(GenericAPIView[CatalogRelease]):
    """Every release of the catalogue."""

    permission_classes = [requires(Permission.VERSION_READ)]
    queryset = CatalogRelease.objects.defer("entries").select_related("previous").order_by("-id")
    serializer_class = CatalogOutput

    @extend_schema(
        operation_id="license_catalogs_list", tags=["licenses"], responses=CatalogOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """All releases, newest first: the first one is in force."""
        read(PageFilter, request.query_params)
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([release_shown(row) for row in page or []])


class CatalogDetail(APIView):
    """One catalogue."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(operation_id="license_catalogs_read", tags=["licenses"], responses=CatalogDetailOutput)
    def get(self, request: Request, catalog_digest: str) -> Response:
        """What is in it; where the same set was in force several times, the newest release of it."""
        row = (
            CatalogRelease.objects.select_related("previous")
            .filter(catalog_digest=catalog_digest)
            .order_by("-pk")
            .first()
        )
        if row is None:
            raise catalogs.CatalogUnknown(f"No catalogue {catalog_digest} was ever in force here.")
        return Response({**release_shown(row), "licenses": row.entries})


def catalog_asked_for(catalog_digest: str | None) -> tuple[Entries, Catalog]:
    """The entries and the catalogue of this digest, or those in force; raises `CatalogUnknown`."""
    if catalog_digest is None:
        release = catalogs.in_force()
        entries = catalogs.entries_in_force(release)
        return entries, catalogs.at(release.catalog_digest) if release else catalogs.shipped()
    release = CatalogRelease.objects.filter(catalog_digest=catalog_digest).order_by("-pk").first()
    found = catalogs.at(catalog_digest)
    return catalogs.entries_in_force(release), found


def summary(license_id: str, entries: Entries, found: Catalog) -> dict[str, Any]:
    """A licence in a few words."""
    terms, entry = found.licenses[license_id], entries[license_id]
    return {
        "id": license_id,
        "name": terms.name,
        "publisher": terms.publisher,
        "spdx": terms.spdx,
        "category": terms.category.value,
        "effective_on": terms.effective_on,
        "verification": terms.verification.value,
        "origin": entry["origin"],
        "record_digest": entry["record_digest"],
        "overrides": entry["overrides"],
    }


def release_shown(row: CatalogRelease) -> dict[str, Any]:
    """A release as the interface shows it."""
    return {
        "id": row.pk,
        "catalog_digest": row.catalog_digest,
        "previous": row.previous.catalog_digest if row.previous is not None else None,
        "proposal": row.proposal_id,
        "changes": row.changes,
        "published_by": row.published_by,
        "published_at": row.published_at,
        "reason": row.reason,
    }


def _is_wanted(license_id: str, entries: Entries, found: Catalog, given: Mapping[str, Any]) -> bool:
    terms = found.licenses[license_id]
    shown = {
        "category": terms.category,
        "verification": terms.verification,
        "origin": entries[license_id]["origin"],
    }
    return all(given.get(name, value) == value for name, value in shown.items())


def _next(request: Request, page: Sequence[str]) -> str:
    query = {**request.query_params.dict(), "cursor": page[-1]}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
