"""Takes batches of served requests over, and finds them again with their proofs."""

from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from modelcustody_client import canonical
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import selectors, store
from audit.api import filters
from audit.api.media import TEXT, OneRepresentation, answer
from audit.api.outputs import ReceiptOutput, ServedRequestDetail, ServedRequestOutput
from audit.deployments import check_token
from audit.ingest import body, records
from audit.ingest import store as ingest
from audit.models import ServedRequest
from governance.api.authentication import actor_of
from governance.api.filters import lookups, read
from governance.api.pagination import CursorPagination
from governance.api.permissions import requires
from governance.errors import BodyTooLarge, GovernanceError, NotFound
from governance.permissions import Permission

LINES = "application/x-ndjson"
ARRAY = "application/json"
PRIVATE = "private, no-cache"
LOOKUPS = {
    "record_id": "record_id",
    "request_id": "request_id",
    "response_id": "response_id",
    "deployment_digest": "deployment__deployment_digest",
    "model_digest": "deployment__model_digest",
    "environment": "deployment__environment",
    "recorder": "batch__recorder",
    "from": "started_at__gte",
    "to": "started_at__lt",
}


class MediaTypeUnsupported(GovernanceError):
    """Neither NDJSON nor a JSON array."""

    code = "unsupported_media_type"
    status = 415
    title = "The content type is not supported"


class ServedRequestPages(CursorPagination):
    """Newest first, as the recorders' clocks say: the ids are UUIDv7."""

    ordering = "-record_id"


class ServedRequestsView(APIView):
    """Served requests of all recorders."""

    pagination_class = ServedRequestPages

    def get_permissions(self) -> list[BasePermission]:
        """Recorders append, people and readers read."""
        needed = Permission.RECORD_APPEND if self.request.method == "POST" else Permission.LOG_READ
        return [requires(needed)()]

    @extend_schema(
        operation_id="served_requests_list",
        tags=["log"],
        parameters=[filters.ServedRequestFilter],
        responses=ServedRequestOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List served requests, newest first."""
        given = read(filters.ServedRequestFilter, request.query_params)
        rows = ServedRequest.objects.select_related("deployment", "batch").filter(**lookups(given, LOOKUPS))
        pages = ServedRequestPages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(ServedRequestOutput(page, many=True).data)

    @extend_schema(
        operation_id="served_requests_create",
        tags=["log"],
        request={LINES: OpenApiTypes.STR, ARRAY: {"type": "array", "items": {"type": "object"}}},
        parameters=[
            OpenApiParameter(
                "Content-Encoding", str, OpenApiParameter.HEADER, enum=["identity", "gzip", "zstd"]
            )
        ],
        responses={200: ReceiptOutput, 202: ReceiptOutput},
    )
    def post(self, request: Request) -> Response:
        """Take over a batch: 1 to 5000 records of one recorder and epoch; answered once it is on disk."""
        actor = actor_of(request)
        ingest.refuse_if_overloaded(limit=settings.MAX_PENDING_BATCHES)
        batch = records.read_batch(_body(request), is_lines=_is_lines(request))
        check_token(actor, recorder=batch.recorder)
        environment = actor.token.environment if actor.token else ""
        receipt = ingest.take_over(batch, environment=environment, now=timezone.now())
        return Response(receipt.body(), status=202 if receipt.is_new else 200)


def _is_lines(request: Request) -> bool:
    media = request.content_type.partition(";")[0].strip().lower()
    if media not in {LINES, ARRAY}:
        raise MediaTypeUnsupported(f"A batch comes as {LINES} or {ARRAY}.")
    return media == LINES


def _body(request: Request) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        data = request.body
    except RequestDataTooBig as error:
        raise BodyTooLarge(f"A batch has at most {limit} bytes; send smaller ones.", limit=limit) from error
    return body.decompress(data, encoding=request.headers.get("Content-Encoding", ""), limit=limit)


def _row(record_id: UUID) -> ServedRequest:
    row = ServedRequest.objects.select_related("deployment", "batch").filter(record_id=record_id).first()
    if row is None:
        raise NotFound(f"There is no record {record_id}.")
    return row


class ServedRequestView(APIView):
    """One served request."""

    permission_classes: tuple[type[BasePermission], ...] = (requires(Permission.LOG_READ),)

    @extend_schema(operation_id="served_requests_retrieve", tags=["log"], responses=ServedRequestDetail)
    def get(self, _: Request, record_id: UUID) -> Response:
        """Tell which exact version answered, and what was in force then."""
        row = _row(record_id)
        leaf = store.leaves_of([row.batch_id])[row.batch_id][row.position]
        first = store.indices([row.batch_id]).get(row.batch_id)
        statement = selectors.deployment_statement(row.deployment)
        return Response(
            {
                **ServedRequestOutput(row).data,
                "index": None if first is None else first + row.position,
                "record": canonical.loads(leaf)["record"],
                "deployment": statement,
                "in_force": selectors.context_of(statement, at=row.started_at),
                "leaf": leaf.decode("utf-8"),
            }
        )


class ServedRequestProofView(APIView):
    """The proof that the log holds a served request."""

    permission_classes: tuple[type[BasePermission], ...] = (requires(Permission.LOG_READ),)
    content_negotiation_class = OneRepresentation

    @extend_schema(
        operation_id="served_requests_proof",
        tags=["log"],
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            202: OpenApiResponse(
                description="Not in the signed tree yet; try again after Retry-After seconds."
            ),
        },
    )
    def get(self, _: Request, record_id: UUID) -> HttpResponse:
        """Answer the inclusion proof (c2sp.org/tlog-proof@v1)."""
        entry = selectors.served_request_entry(record_id)
        if entry is None:
            raise NotFound(f"There is no record {record_id}.")
        if entry.proof is None:
            return HttpResponse(status=202, headers={"Retry-After": "1", "Cache-Control": PRIVATE})
        return answer(entry.proof.encode("utf-8"), content_type=TEXT, cache=PRIVATE)
