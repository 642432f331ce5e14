"""Sends a document of evidence back as a file to save: no browser runs or shows what someone else brought."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from registry.models import EvidenceDocument


def answer(document: EvidenceDocument) -> HttpResponse:
    """The bytes, with everything that keeps a browser from opening them as a page."""
    response = HttpResponse(bytes(document.content), content_type=document.media_type)
    response["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=document.name) or "attachment"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    response["ETag"] = f'"{document.sha256}"'
    return response
