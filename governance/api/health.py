"""Liveness and readiness."""

from django.db import connection
from django.http import HttpRequest, JsonResponse

from audit import durability


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers, and keeps what it acknowledges."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    weak = durability.weak_settings()
    return JsonResponse(
        {"status": "not durable" if weak else "ok", "weak_settings": weak}, status=503 if weak else 200
    )
