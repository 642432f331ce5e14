"""What the lists can be asked for; an unknown parameter is an error, never ignored."""

from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput


class PageFilter(StrictSerializer):
    """A page, and a span of time: from inclusive, to exclusive."""

    cursor = serializers.CharField(required=False, help_text="From `next` or `previous`.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200)
    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python takes."""
        return {**super().get_fields(), "from": serializers.DateTimeField(required=False)}


class ServedRequestFilter(PageFilter):
    """Which served requests."""

    record_id = serializers.UUIDField(required=False)
    request_id = serializers.CharField(required=False, max_length=256)
    response_id = serializers.CharField(required=False, max_length=256)
    deployment_digest = serializers.RegexField(r"\Asha256:[0-9a-f]{64}\Z", required=False)
    model_digest = serializers.RegexField(r"\Asha256:[0-9a-f]{64}\Z", required=False)
    environment = serializers.CharField(required=False, max_length=64)
    recorder = serializers.CharField(required=False, max_length=128)


class DecisionFilter(PageFilter):
    """Which decisions."""

    event = serializers.CharField(required=False, max_length=100)
    actor = serializers.CharField(required=False, max_length=200)
    subject = serializers.CharField(required=False, max_length=200)


def read(kind: type[PageFilter], query: QueryDict) -> dict[str, Any]:
    """The parameters that were given, checked."""
    for name, values in query.lists():
        if len(values) > 1:
            raise InvalidInput(f"{name} is given {len(values)} times.", field=name)
    serializer = kind(data=query.dict())
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def lookups(given: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The parameters as lookups of the ORM."""
    return {lookup: given[name] for name, lookup in names.items() if name in given}
