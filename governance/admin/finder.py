"""One search over the whole desk: a version, a served request, a digest, an id."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from audit.admin.served_requests import named
from audit.models import ServedRequest
from governance.desk import access, lists
from governance.permissions import Permission
from registry.admin import axes, finding
from registry.models import ModelVersion

SHOWN = 20


def routes() -> list[URLPattern]:
    """The address of the search."""
    return [path("find/", admin.site.admin_view(find), name="find")]


def find(request: HttpRequest) -> HttpResponse:
    """Go to the only hit, or show what was found."""
    access.require(request, Permission.VERSION_READ)
    term = lists.term_of(request.GET)
    versions: list[ModelVersion] = []
    requests: list[ServedRequest] = []
    if term:
        rows = ModelVersion.objects.select_related("registered_model", "submitted_by").order_by("-pk")
        versions = list(finding.versions(rows, term)[:SHOWN])
        requests = list(
            ServedRequest.objects.select_related("deployment")
            .filter(named(term))
            .order_by("-started_at")[:SHOWN]
        )
    if len(versions) + len(requests) == 1:
        return HttpResponseRedirect(_only(versions, requests))
    axes.dress(versions, now=timezone.now())
    context = {
        **admin.site.each_context(request),
        "title": "Find",
        "term": term,
        "versions": versions,
        "requests": requests,
    }
    return TemplateResponse(request, "desk/find.html", context)


def _only(versions: list[ModelVersion], requests: list[ServedRequest]) -> str:
    if versions:
        return reverse("admin:registry_modelversion_change", args=[versions[0].pk])
    return reverse("admin:audit_servedrequest_change", args=[requests[0].pk])
