"""Deployments: what serving nodes said they run."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from audit.admin import leaves
from audit.events import Log
from audit.models import Deployment
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission


@admin.register(Deployment)
class DeploymentAdmin(DeskAdmin):
    """One start of a serving stack with one model."""

    heading = "Deployments"
    reads = Permission.LOG_READ
    purpose = "After a node is admitted it states what it runs. Every served request cites one of these."
    empty_hint = "A node that is admitted reports its deployment by itself."
    search_hint = "Digest, node or recorder"
    columns = ("Deployment", "Model", "Node", "Environment", "Recorder", "Started")
    row_template = "audit/deployment_row.html"
    object_template = "audit/deployment.html"

    def rows(self) -> QuerySet[Deployment]:
        """Newest first."""
        return Deployment.objects.order_by("-pk")

    def find(self, rows: QuerySet[Deployment], term: str) -> QuerySet[Deployment]:
        """By digest, node or recorder."""
        digest = f"sha256:{term.lower().removeprefix('sha256:')}"
        return rows.filter(
            Q(deployment_digest__startswith=digest)
            | Q(model_digest__startswith=digest)
            | Q(node__icontains=term)
            | Q(recorder__icontains=term)
        )

    def object_context(self, row: Deployment) -> dict[str, Any]:
        """The leaf, and the newest requests that cite it."""
        requests = row.served_requests.select_related("deployment").order_by("-started_at")[:20]
        return {
            "title": f"Deployment {row.deployment_digest[7:19]}",
            "leaf": leaves.leaf(row.batch_id, log=Log.REQUESTS),
            "requests": list(requests),
        }
