"""Reads single members of a config.json: sizes and switches, each within bounds. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_SIZE = 2**31
MAX_LAYERS = 2048
MAX_EXPERTS = 4096
_NONE = object()


class BadMember(ValueError):
    """A member holds what no model of this kind can have; `member` names it."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


class MissingMember(LookupError):
    """The configuration does not say a size without which nothing can be expected; `member` names it."""

    def __init__(self, member: str) -> None:
        super().__init__(f"it does not say {member}")
        self.member = member


class Members:
    """The members of one configuration, with the defaults and other names that its family uses."""

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        defaults: Mapping[str, Any] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.values = values
        self.defaults = defaults or {}
        self.names = names or {}

    def get(self, member: str) -> Any:
        """The value under the member's name or another one of the family; null counts as absent."""
        for name in (*self.names.get(member, ()), member):
            if self.values.get(name) is not None:
                return self.values[name]
        return self.defaults.get(member)

    def size(self, member: str, default: Any = _NONE, *, limit: int = MAX_SIZE, least: int = 1) -> int:
        """A whole number; raises `MissingMember` and `BadMember`."""
        value = self.get(member)
        if value is None:
            if default is _NONE:
                raise MissingMember(member)
            return int(default)
        if type(value) is not int or not least <= value <= limit:
            raise BadMember(
                member, f"{member} is {_short(value)}; a whole number from {least} to {limit} belongs there"
            )
        return value

    def flag(self, member: str, *, default: bool) -> bool:
        """A switch; raises `BadMember`."""
        value = self.get(member)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise BadMember(member, f"{member} is {_short(value)}; true or false belongs there")
        return value

    def layers(self, member: str) -> frozenset[int]:
        """A list of layer numbers, empty where it is absent; raises `BadMember`."""
        value = self.get(member)
        if value is None:
            return frozenset()
        if not isinstance(value, list) or not all(
            type(item) is int and 0 <= item < MAX_LAYERS for item in value
        ):
            raise BadMember(member, f"{member} is {_short(value)}; a list of layer numbers belongs there")
        return frozenset(value)


def _short(value: Any) -> str:
    """What stands there, cut short; huge whole numbers are not written out."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'group'} of {len(value)}"
    return repr(value)[:60]
