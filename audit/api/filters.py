"""What the log's lists can be asked for."""

from typing import Any

from rest_framework import serializers

from governance.api.filters import PageFilter


class SpanFilter(PageFilter):
    """A page, and a span of time: from inclusive, to exclusive."""

    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python takes."""
        return {**super().get_fields(), "from": serializers.DateTimeField(required=False)}


class ServedRequestFilter(SpanFilter):
    """Which served requests."""

    record_id = serializers.UUIDField(required=False)
    request_id = serializers.CharField(required=False, max_length=256)
    response_id = serializers.CharField(required=False, max_length=256)
    deployment_digest = serializers.RegexField(r"\Asha256:[0-9a-f]{64}\Z", required=False)
    model_digest = serializers.RegexField(r"\Asha256:[0-9a-f]{64}\Z", required=False)
    environment = serializers.CharField(required=False, max_length=64)
    recorder = serializers.CharField(required=False, max_length=128)


class DecisionFilter(SpanFilter):
    """Which decisions."""

    event = serializers.CharField(required=False, max_length=100)
    actor = serializers.CharField(required=False, max_length=200)
    subject = serializers.CharField(required=False, max_length=200)
