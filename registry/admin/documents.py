"""Evidence documents: what people brought as evidence, to be looked at and fetched back."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry import attachment
from registry.formats.evidence import MEDIA_TYPES
from registry.models import EvidenceDocument


@admin.register(EvidenceDocument)
class EvidenceDocumentAdmin(DeskAdmin):
    """Documents, each kept once."""

    heading = "Evidence documents"
    purpose = "Papers and pictures behind attested facts and obligations that were met. None is ever changed or deleted."
    empty_hint = "Attach one where you attest a fact or meet an obligation."
    search_hint = "Name or SHA-256"
    columns = ("Document", "Kind", "Size", "SHA-256", "Kept")
    row_template = "registry/document/row.html"
    object_template = "registry/document/page.html"
    reads = Permission.DOCUMENT_READ
    filters = (
        ListFilter(
            "kind",
            "Kind",
            lambda: [(kind, kind) for kind in MEDIA_TYPES],
            lambda rows, value: rows.filter(media_type=value),
        ),
    )

    def rows_for_page(self) -> QuerySet[EvidenceDocument]:
        """With who kept it."""
        return EvidenceDocument.objects.select_related("kept_by")

    def rows(self) -> QuerySet[EvidenceDocument]:
        """Newest first."""
        return self.rows_for_page().order_by("-pk")

    def find(self, rows: QuerySet[EvidenceDocument], term: str) -> QuerySet[EvidenceDocument]:
        """By name, or by the beginning of the digest."""
        named = rows.filter(name__icontains=term)
        return named | rows.filter(sha256__startswith=term.lower().removeprefix("sha256:"))

    def extra_routes(self, info: str) -> list[URLPattern]:
        """The address of the bytes."""
        return [path("<int:object_id>/file/", self._guarded(self.file_view), name=f"{info}_file")]

    def file_view(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        """The document as a file to save; a page of ours may show it as a picture."""
        return attachment.answer(self.one(str(object_id)))

    def object_context(self, row: EvidenceDocument) -> dict[str, Any]:
        """What it is called."""
        return {"title": row.name}
