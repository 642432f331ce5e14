"""Serializers that refuse what they do not know."""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Input where an unknown field is an error, so that a misspelt one is never ignored."""

    default_error_messages = {"invalid": "The body must be a JSON object, not a {datatype}."}

    def to_internal_value(self, data: Any) -> Any:
        """The validated values; unknown fields are named."""
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: ["Unknown field."] for name in unknown})
        return super().to_internal_value(data)
