"""What a list can be asked for; an unknown parameter is an error, never ignored."""

from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput


class PageFilter(StrictSerializer):
    """Which page; lists add what they can be narrowed down to."""

    cursor = serializers.CharField(required=False, help_text="From `next` or `previous`.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200)


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
