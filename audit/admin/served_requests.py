"""Served requests: which exact version answered, and what was in force then."""

import contextlib
import uuid
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from audit import selectors
from audit.admin import leaves
from audit.events import Log
from audit.models import Deployment, ServedRequest
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission


@admin.register(ServedRequest)
class ServedRequestAdmin(DeskAdmin):
    """One request that a model answered."""

    heading = "Served requests"
    reads = Permission.LOG_READ
    purpose = "What answered request X? Search for the id that the caller got, or that they sent."
    empty_hint = "Requests appear here once an admitted node records them."
    search_hint = "Response id, request id, record id or digest"
    columns = ("Request", "Model version", "Node", "Status", "Tokens in, out", "Started")
    row_template = "audit/request_row.html"
    object_template = "audit/request.html"
    filters = (
        ListFilter(
            "status",
            "Status",
            lambda: [("ok", "ok"), ("error", "error"), ("cancelled", "cancelled")],
            lambda rows, value: rows.filter(status=value),
        ),
    )

    def rows(self) -> QuerySet[ServedRequest]:
        """Newest first."""
        return ServedRequest.objects.select_related("deployment").order_by("-started_at")

    def rows_for_page(self) -> QuerySet[ServedRequest]:
        """With the deployment and the batch."""
        return ServedRequest.objects.select_related("deployment", "batch")

    def find(self, rows: QuerySet[ServedRequest], term: str) -> QuerySet[ServedRequest]:
        """By one of its ids, or the digest of its deployment or model."""
        return rows.filter(named(term))

    def object_context(self, row: ServedRequest) -> dict[str, Any]:
        """The leaf, and what was in force when it was served."""
        statement = selectors.deployment_statement(row.deployment)
        return {
            "title": f"Request {row.response_id or row.record_id}",
            "leaf": leaves.leaf(row.batch_id, log=Log.REQUESTS, position=row.position),
            "proof_url": f"/api/v1/served-requests/{row.record_id}/proof",
            "statement": statement,
            "then": selectors.context_of(statement, at=row.started_at),
        }


def named(term: str) -> Q:
    """Requests with this id, or from this deployment or model."""
    found = Q(response_id=term) | Q(request_id=term)
    with contextlib.suppress(ValueError):
        found |= Q(record_id=uuid.UUID(term))
    digest = term.lower().removeprefix("sha256:")
    if len(digest) >= 12 and set(digest) <= set("0123456789abcdef"):
        cited = Deployment.objects.filter(
            Q(deployment_digest__startswith=f"sha256:{digest}")
            | Q(model_digest__startswith=f"sha256:{digest}")
        )
        found |= Q(deployment__in=cited.values("pk"))
    return found
