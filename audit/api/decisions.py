"""Lists the decisions log."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from modelcustody_client import canonical
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import store
from audit.api import filters
from audit.api.outputs import DecisionOutput
from audit.models import DecisionEntry
from governance.api.filters import lookups, read
from governance.api.pagination import CursorPagination
from governance.api.permissions import requires
from governance.permissions import Permission

LOOKUPS = {"event": "event", "actor": "actor", "subject": "subject", "from": "at__gte", "to": "at__lt"}


class DecisionPages(CursorPagination):
    """Newest first."""

    ordering = "-batch_id"


class DecisionsView(APIView):
    """Every governance action and admission."""

    pagination_class = DecisionPages
    permission_classes: tuple[type[BasePermission], ...] = (requires(Permission.LOG_READ),)

    @extend_schema(
        operation_id="decisions_list",
        tags=["log"],
        parameters=[filters.DecisionFilter],
        responses=DecisionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List decisions, newest first."""
        given = read(filters.DecisionFilter, request.query_params)
        rows: QuerySet[DecisionEntry] = DecisionEntry.objects.filter(**lookups(given, LOOKUPS))
        pages = DecisionPages()
        page = pages.paginate_queryset(rows, request, view=self) or []
        keys = [row.batch_id for row in page]
        leaves, indices = store.leaves_of(keys), store.indices(keys)
        return pages.get_paginated_response(
            [
                DecisionOutput(
                    {
                        "batch_id": row.batch_id,
                        "index": indices.get(row.batch_id),
                        "event": row.event,
                        "actor": row.actor,
                        "subject": row.subject,
                        "at": row.at,
                        "body": canonical.loads(leaves[row.batch_id][0])["body"],
                    }
                ).data
                for row in page
            ]
        )
