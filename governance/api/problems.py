"""Every error as an RFC 9457 problem with a stable code."""

from http import HTTPStatus

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from governance.errors import BodyTooLarge, GovernanceError, Unavailable

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


def problem(*, status: int, code: str, title: str, detail: str, **extra: object) -> Response:
    """A problem document; `extra` members go in beside the standard ones."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    body.update({key: value for key, value in extra.items() if value is not None})
    return Response(body, status=status, content_type=MEDIA_TYPE)


def exception_handler(error: Exception, context: dict[str, object]) -> Response | None:
    """Map an exception to its problem; an unknown one is logged and shown without its words."""
    if isinstance(error, GovernanceError):
        return _refusal(error)
    if isinstance(error, exceptions.ValidationError):
        return _validation(error)
    if isinstance(error, Http404 | PermissionDenied | RequestDataTooBig):
        return _of_django(error)
    if isinstance(error, exceptions.APIException):
        return _api_exception(error)
    return _unexpected(error)


def _refusal(error: GovernanceError) -> Response:
    response = problem(
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        field=error.field,
        **error.extra,
    )
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.extra:
        response["Retry-After"] = str(error.extra["retry_after"])
    return response


def _of_django(error: Http404 | PermissionDenied | RequestDataTooBig) -> Response:
    if isinstance(error, Http404):
        return problem(status=404, code="not_found", title="Not found", detail="No such thing.")
    if isinstance(error, PermissionDenied):
        return problem(status=403, code="forbidden", title="Not permitted", detail="Not permitted.")
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return _refusal(BodyTooLarge(f"A body has at most {limit} bytes; send less.", limit=limit))


def _unexpected(error: Exception) -> Response:
    log.error("unhandled_error", exc_info=error)
    if isinstance(error, OperationalError):
        unavailable = Unavailable("The database does not answer.", retry_after=5)
        return _refusal(unavailable)
    return problem(
        status=500, code="internal", title="Internal error", detail="Something went wrong here; it is logged."
    )


def _api_exception(error: exceptions.APIException) -> Response:
    codes = {
        "parse_error": "malformed_json",
        "not_authenticated": "authentication_required",
        "permission_denied": "forbidden",
        "unsupported_media_type": "unsupported_media_type",
        "method_not_allowed": "method_not_allowed",
    }
    code = codes.get(str(error.default_code), str(error.default_code))
    detail = str(error.detail)
    if isinstance(error, exceptions.UnsupportedMediaType):
        detail = f"{detail} Send application/json."
    # What stands for these two has a gap for the method or the type.
    with_gap = isinstance(error, exceptions.MethodNotAllowed | exceptions.UnsupportedMediaType)
    title = HTTPStatus(error.status_code).phrase if with_gap else str(error.default_detail)
    response = problem(status=error.status_code, code=code, title=title, detail=detail)
    header = getattr(error, "auth_header", None)
    if header:
        response["WWW-Authenticate"] = header
    return response


def _validation(error: exceptions.ValidationError) -> Response:
    errors = list(_flatten(error.detail, ""))
    first = errors[0]
    return problem(
        status=422,
        code="invalid_input",
        title="The input is not valid",
        detail=f"{first['field']}: {first['message']}" if first["field"] else first["message"],
        field=first["field"] or None,
        errors=errors,
    )


def _flatten(detail: object, path: str) -> list[dict[str, str]]:
    """DRF's nested error lists as a flat list of field and message."""
    if isinstance(detail, dict):
        return [row for key, value in detail.items() for row in _flatten(value, _join(path, str(key)))]
    if isinstance(detail, list):
        rows: list[dict[str, str]] = []
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            rows.extend(_flatten(value, _join(path, str(index)) if nested else path))
        return rows
    return [{"field": path, "message": str(detail)}]


def _join(path: str, key: str) -> str:
    if key == "non_field_errors":
        return path
    return f"{path}.{key}" if path else key


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """The problem for an address under /api/ that does not exist."""
    body = {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": f"Nothing is at {request.path}.",
    }
    return JsonResponse(body, status=404, content_type=MEDIA_TYPE)
