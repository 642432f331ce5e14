"""The page of notices to hand on: what a pack of the chosen versions says, and the pack itself."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from governance.desk import access
from governance.errors import GovernanceError
from governance.permissions import Permission
from registry import notice_pack
from registry.licensing import notices

if TYPE_CHECKING:
    from governance.desk.pages import DeskAdmin

TEMPLATE = "registry/notices/page.html"
LARGEST = 2**53


def view(resource: "DeskAdmin", request: HttpRequest) -> HttpResponse:
    """GET shows what the pack would say; POST makes it, from files that are held against their manifests first."""
    access.require(request, Permission.PACK_EXPORT)
    sent = request.POST if request.method == "POST" else request.GET
    ids = sorted({int(text) for text in sent.getlist("version") if text.isdecimal() and len(text) < 16})
    context: dict[str, Any] = {"title": "Notices to hand on", "ids": ids, "models": [], "refusal": ""}
    status = 200
    try:
        if ids and request.method == "POST":
            return _tar(notice_pack.build(ids, on=timezone.now().date()))
        if ids:
            context["models"] = [
                _told(shared) for shared in notice_pack.preview(ids, on=timezone.now().date())
            ]
    except GovernanceError as refusal:
        context["refusal"], status = refusal.detail, refusal.status
    return resource.show(request, TEMPLATE, context, status=status)


def _told(shared: notices.Shared) -> dict[str, Any]:
    return {
        "shared": shared,
        "attribution": notices.attribution(shared),
        "changes": notices.changes(shared),
    }


def _tar(data: bytes) -> HttpResponse:
    response = HttpResponse(data, content_type="application/x-tar")
    response["Content-Disposition"] = 'attachment; filename="notices.tar"'
    return response
