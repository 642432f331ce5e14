"""Reads typed values out of parsed JSON or TOML, strictly. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from governance import errors

T = TypeVar("T")
Member = TypeVar("Member", bound=StrEnum)
MAX_TEXT = 2000
MAX_ITEMS = 5000


class InvalidField(errors.InvalidInput, ValueError):
    """A value of a document is missing, unknown or of the wrong type."""

    code = "invalid_field"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field)
        self.reason = reason


class Fields:
    """One table of a document; every key must be read, or `done` refuses it.

    `null` counts as absent. Texts never contain surrogates or control characters, because they end up in
    canonical JSON and in reports.
    """

    def __init__(self, value: Any, *, path: str = "", problem: type[InvalidField] = InvalidField) -> None:
        self._path = path
        self._problem = problem
        self._seen: set[str] = set()
        if not isinstance(value, Mapping):
            raise problem(path or "document", "must be an object")
        self._value: Mapping[str, Any] = value

    def at(self, key: str) -> str:
        """Return the path of a key, as error messages name it."""
        return f"{self._path}.{key}" if self._path else key

    def fail(self, key: str, reason: str) -> InvalidField:
        """Return the error to raise about a key."""
        return self._problem(self.at(key), reason)

    def has(self, key: str) -> bool:
        """Whether the key is present and not null."""
        return self._value.get(key) is not None

    def raw(self, key: str) -> Any:
        """Return the value as it stands, marked as read."""
        self._seen.add(key)
        return self._value.get(key)

    def done(self) -> None:
        """Refuse every key that nobody read."""
        for key in self._value:
            if key not in self._seen:
                raise self._problem(self.at(str(key)), "unknown key")

    def _required(self, key: str, value: T | None) -> T:
        if value is None:
            raise self.fail(key, "is required")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return a non-empty text, or None."""
        value = self.raw(key)
        return None if value is None else self._text(key, value)

    def text(self, key: str) -> str:
        """Return a non-empty text."""
        return self._required(key, self.text_or_none(key))

    def _text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self.fail(key, "must be a text")
        if not value.strip() or len(value) > MAX_TEXT:
            raise self.fail(key, f"must have 1 to {MAX_TEXT} characters")
        if any((ord(mark) < 32 and mark not in "\n\t") or 0xD800 <= ord(mark) <= 0xDFFF for mark in value):
            raise self.fail(key, "must not contain control characters")
        return value

    def flag_or_none(self, key: str) -> bool | None:
        """Return True, False, or None."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            raise self.fail(key, "must be true or false")
        return value

    def flag(self, key: str) -> bool:
        """Return True or False."""
        return self._required(key, self.flag_or_none(key))

    def count_or_none(self, key: str) -> int | None:
        """Return a whole number of at least zero, or None."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(key, "must be a whole number")
        if not 0 <= value <= 2**53:
            raise self.fail(key, "must be between 0 and 2**53")
        return value

    def count(self, key: str) -> int:
        """Return a whole number of at least zero."""
        return self._required(key, self.count_or_none(key))

    def date_or_none(self, key: str) -> date | None:
        """Return a date written YYYY-MM-DD, or None."""
        value = self.text_or_none(key)
        if value is None:
            return None
        try:
            if len(value) == 10:
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.fail(key, "must be a date written YYYY-MM-DD")

    def texts_or_none(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts without repetition, or None."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.fail(key, f"must be a list of at most {MAX_ITEMS} texts")
        found = tuple(self._text(f"{key}[{index}]", item) for index, item in enumerate(value))
        if len(set(found)) != len(found):
            raise self.fail(key, "must not repeat an entry")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty when the key is absent."""
        return self.texts_or_none(key) or ()

    def choice_or_none(self, key: str, kind: type[Member]) -> Member | None:
        """Return a member of an enumeration, or None."""
        value = self.text_or_none(key)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            raise self.fail(key, f"must be one of {', '.join(kind)}") from None

    def choice(self, key: str, kind: type[Member]) -> Member:
        """Return a member of an enumeration."""
        return self._required(key, self.choice_or_none(key, kind))

    def table(self, key: str) -> "Fields":
        """Return a table below this one; empty when the key is absent."""
        value = self.raw(key)
        return Fields({} if value is None else value, path=self.at(key), problem=self._problem)

    def tables(self, key: str) -> Iterator["Fields"]:
        """Every table of a list of tables."""
        value = self.raw(key)
        if value is None:
            return
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.fail(key, f"must be a list of at most {MAX_ITEMS} objects")
        for index, item in enumerate(value):
            yield Fields(item, path=self.at(f"{key}[{index}]"), problem=self._problem)

    def keys(self) -> list[str]:
        """Return the keys of a table whose keys are names, in order; only texts are keys."""
        for key in self._value:
            self._text("key", key)
        return sorted(self._value)
