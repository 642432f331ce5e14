"""Releases of the licence catalogue: which set of records was in force from when, and what each changed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet

from audit import overview
from governance.desk.pages import DeskAdmin
from registry import catalogs
from registry.models import CatalogRelease, LicenseRecord


@admin.register(CatalogRelease)
class CatalogReleaseAdmin(DeskAdmin):
    """One set of records, named by its digest."""

    heading = "Catalogue releases"
    purpose = (
        "Every verdict names the catalogue it was made from. Releases never change; the newest is in force."
    )
    empty_hint = "manage.py load_licenses puts the records that come with the service on record."
    columns = ("Catalogue", "State", "What changed", "Released")
    search_hint = "Digest, or the id of a licence that changed"
    row_template = "registry/license/release_row.html"
    object_template = "registry/license/release.html"

    def rows(self) -> QuerySet[CatalogRelease]:
        """Newest first."""
        return self.rows_for_page().defer("entries").order_by("-pk")

    def rows_for_page(self) -> QuerySet[CatalogRelease]:
        """With the proposal and who carried it out."""
        return CatalogRelease.objects.select_related("proposal__record", "proposal__proposed_by", "previous")

    def find(self, rows: QuerySet[CatalogRelease], term: str) -> QuerySet[CatalogRelease]:
        """By digest, or by what changed."""
        digest = f"sha256:{term.lower().removeprefix('sha256:')}"
        return rows.filter(catalog_digest__startswith=digest) | rows.filter(changes__has_key=term)

    def dress(self, rows: list[CatalogRelease]) -> None:
        """Which one is in force, and a few words on what changed."""
        newest = catalogs.in_force()
        for row in rows:
            row.state = "in force" if newest is not None and row.pk == newest.pk else "superseded"  # type: ignore[attr-defined]
            row.counts = _counted(row.changes)  # type: ignore[attr-defined]

    def name_of(self, row: CatalogRelease) -> str:
        """By its digest."""
        return f"Catalogue {row.catalog_digest[7:19]}"

    def object_context(self, row: CatalogRelease) -> dict[str, Any]:
        """What changed, with a link to each record, and what the log says of it."""
        newest = catalogs.in_force()
        previous = row.previous.entries if row.previous is not None else {}
        named = {
            entry["record_digest"]
            for entries in (previous, row.entries)
            for license_id, entry in entries.items()
            if license_id in row.changes
        }
        pages = {
            (record.license_id, record.record_digest): record.pk
            for record in LicenseRecord.objects.filter(record_digest__in=named).defer("record")
        }
        return {
            "title": self.name_of(row),
            "state": "in force" if newest is not None and row.pk == newest.pk else "superseded",
            "changes": [
                {
                    "license_id": license_id,
                    "word": word,
                    "origin": row.entries.get(license_id, {}).get("origin", ""),
                    "was": _page(pages, license_id, previous),
                    "now": _page(pages, license_id, row.entries),
                }
                for license_id, word in row.changes.items()
            ],
            "total": len(row.entries),
            "entries": overview.latest_decisions([f"catalog-release:{row.pk}"], limit=5),
        }


def _page(pages: dict[tuple[str, str], int], license_id: str, entries: dict[str, Any]) -> int | None:
    entry = entries.get(license_id)
    return pages.get((license_id, entry["record_digest"])) if entry is not None else None


def _counted(changes: dict[str, str]) -> list[tuple[str, int]]:
    words = list(changes.values())
    return [(word, words.count(word)) for word in dict.fromkeys(words)]
