"""Bodies that are not JSON: who asks for a proof or a tile gets it, whatever the Accept header says."""

from collections.abc import Iterable

from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


class OneRepresentation(BaseContentNegotiation):
    """There is one form of each thing here, so there is nothing to negotiate; problems stay JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Choose the first parser, if any."""
        return next(iter(parsers), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Choose the first renderer."""
        first = next(iter(renderers))
        return first, first.media_type or ""


def answer(data: bytes, *, content_type: str, cache: str) -> HttpResponse:
    """Bytes as they are, readable from any page."""
    response = HttpResponse(data, content_type=content_type)
    response["Cache-Control"] = cache
    response["Access-Control-Allow-Origin"] = "*"
    return response
