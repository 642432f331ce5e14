"""Documents of evidence over REST: keep one, list them, fetch one back."""

from collections.abc import Mapping
from typing import IO, Any, cast

from django.http import HttpResponse, QueryDict
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.errors import BodyTooLarge, InvalidInput
from governance.permissions import Permission
from registry import attachment
from registry.actions.documents import keep_document
from registry.api.access import ReadOrPost
from registry.formats import evidence
from registry.models import EvidenceDocument


class BytesParser(BaseParser):
    """The body as it is, up to the size of a document; its kind is its Content-Type."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The bytes; raises `BodyTooLarge` past the limit."""
        content: bytes = stream.read(evidence.MAX_BYTES + 1)
        if len(content) > evidence.MAX_BYTES:
            raise BodyTooLarge(
                f"A document has at most {evidence.MAX_BYTES} bytes.", limit=evidence.MAX_BYTES
            )
        return {"content": content, "media_type": (media_type or "").partition(";")[0].strip().lower()}


class DocumentForm(StrictSerializer):
    """A document as a form sends it."""

    content = serializers.FileField(help_text="the document, at most 5 MiB", allow_empty_file=True)
    name = serializers.CharField(required=False, max_length=500, help_text="default: the file's own name")


class DocumentName(StrictSerializer):
    """What a body of plain bytes is called."""

    name = serializers.CharField(max_length=500)


class DocumentOutput(serializers.Serializer[EvidenceDocument]):
    """A document that is kept."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()
    kept_by = serializers.CharField(source="kept_by.username")
    kept_at = serializers.DateTimeField()


class DocumentFilter(PageFilter):
    """Which documents."""

    sha256 = serializers.RegexField(
        r"\A[0-9a-f]{64}\Z",
        required=False,
        error_messages={"invalid": "Write 64 lower-case hexadecimal digits."},
    )


class DocumentList(ReadOrPost, GenericAPIView[EvidenceDocument]):
    """Documents that people brought as evidence."""

    read = Permission.DOCUMENT_READ
    write = Permission.DOCUMENT_KEEP
    parser_classes = [MultiPartParser, BytesParser]
    queryset = EvidenceDocument.objects.select_related("kept_by").order_by("-id")
    serializer_class = DocumentOutput

    @extend_schema(
        operation_id="evidence_documents_list",
        tags=["evidence"],
        parameters=[DocumentFilter],
        responses=DocumentOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """All documents, newest first, without their content."""
        given = read(DocumentFilter, request.query_params)
        rows = self.get_queryset()
        if "sha256" in given:
            rows = rows.filter(sha256=given["sha256"])
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([DocumentOutput(row).data for row in page or []])

    @extend_schema(
        operation_id="evidence_documents_keep",
        tags=["evidence"],
        parameters=[
            OpenApiParameter("name", str, description="The name, where the body is the bytes alone.")
        ],
        request={
            "multipart/form-data": DocumentForm,
            **dict.fromkeys(evidence.MEDIA_TYPES, OpenApiTypes.BINARY),
        },
        responses={201: DocumentOutput, 200: DocumentOutput},
    )
    def post(self, request: Request) -> Response:
        """Keep a document, as a form or as plain bytes; one whose content is kept already is answered with 200."""
        now = timezone.now()
        row = keep_document(**_sent(request), actor=actor_of(request), now=now)
        code = status.HTTP_201_CREATED if row.kept_at == now else status.HTTP_200_OK
        return Response(DocumentOutput(row).data, status=code)


def _sent(request: Request) -> dict[str, Any]:
    """Name, kind and bytes of what was sent, in either way."""
    sent = request.data
    if not isinstance(sent, QueryDict):
        given = DocumentName(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        return {**cast("dict[str, Any]", sent), "name": given.validated_data["name"]}
    for field, values in sent.lists():
        if len(values) > 1:
            raise InvalidInput(f"{field} is given {len(values)} times.", field=field)
    body = DocumentForm(data=sent.dict())
    body.is_valid(raise_exception=True)
    file = body.validated_data["content"]
    name = str(body.validated_data.get("name") or file.name or "document")
    media_type = evidence.media_type_of(name, file.content_type)
    return {"name": name, "media_type": media_type, "content": file.read(evidence.MAX_BYTES + 1)}


class ReadsDocuments(APIView):
    """What needs the right to read documents."""

    def get_permissions(self) -> list[BasePermission]:
        """The right."""
        return [requires(Permission.DOCUMENT_READ)()]


class DocumentDetail(ReadsDocuments):
    """One document, without its content."""

    @extend_schema(operation_id="evidence_documents_get", tags=["evidence"], responses=DocumentOutput)
    def get(self, _request: Request, pk: int) -> Response:
        """What is known of it."""
        row = get_object_or_404(EvidenceDocument.objects.select_related("kept_by"), pk=pk)
        return Response(DocumentOutput(row).data)


class DocumentContent(ReadsDocuments):
    """The bytes of one document."""

    renderer_classes = [JSONRenderer]

    @extend_schema(
        operation_id="evidence_documents_content",
        tags=["evidence"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, _request: Request, pk: int) -> HttpResponse:
        """The document as it was brought, to be saved and not to be shown by a browser."""
        return attachment.answer(get_object_or_404(EvidenceDocument, pk=pk))
