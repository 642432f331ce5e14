"""What a person brings as evidence: what each kind must have, and what is refused."""

import contextlib
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from registry.licensing import given
from registry.licensing.given import EvidenceRefused, Given
from registry.licensing.terms import EvidenceKind

TODAY = date(2026, 11, 22)
WHOLE: dict[str, dict[str, Any]] = {
    "release_file": {"path": "NOTICE", "sha256": "a" * 64},
    "screenshot": {"url": "https://example.org/a?b=c", "shown_on": TODAY, "media_type": "image/png"},
    "url": {"url": "https://example.org:8443/", "shown_on": TODAY},
    "statement": {"note": "I looked."},
    "document": {"media_type": "text/plain"},
    "published_name": {"published_name": "acme/Llama-own"},
}
NAMES = {"media_type": "document"}


def refused(kind: str, **fields: Any) -> str | None:
    with pytest.raises(EvidenceRefused) as refusal:
        given.check(Given(EvidenceKind(kind), **fields), today=TODAY)
    return refusal.value.field


def test_every_kind_has_its_values_and_words() -> None:
    assert set(given.NEEDS) == set(given.WORDS) == set(EvidenceKind) == {EvidenceKind(kind) for kind in WHOLE}


@pytest.mark.parametrize("kind", WHOLE)
def test_each_kind_is_accepted_whole_and_with_a_note(kind: str) -> None:
    given.check(Given(EvidenceKind(kind), **WHOLE[kind]), today=TODAY)
    given.check(Given(EvidenceKind(kind), **{**WHOLE[kind], "note": "and a note"}), today=TODAY)


@pytest.mark.parametrize(
    ("kind", "missing"), [(kind, name) for kind, fields in WHOLE.items() for name in fields]
)
def test_each_value_is_needed(kind: str, missing: str) -> None:
    rest = {name: value for name, value in WHOLE[kind].items() if name != missing}

    assert refused(kind, **rest) == NAMES.get(missing, missing)


@pytest.mark.parametrize("kind", WHOLE)
def test_values_of_another_kind_are_refused(kind: str) -> None:
    extra = (
        {"url": "https://example.org/"}
        if kind in {"release_file", "statement", "document"}
        else {"path": "a"}
    )

    assert refused(kind, **{**WHOLE[kind], **extra}) == next(iter(extra))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://",
        "https:///path",
        "example.org",
        "javascript:alert(1)",
        "https://user:secret@example.org/",
        "https://example.org/a b",
        "https://example.org/\n",
        "https://example.org:port/",
        "https://[bad/",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_an_address_that_nobody_should_open_is_refused(url: str) -> None:
    assert refused("url", url=url, shown_on=TODAY) == "url"


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("url", {"shown_on": TODAY + timedelta(days=1)}, "shown_on"),
        ("release_file", {"sha256": "A" * 64}, "sha256"),
        ("release_file", {"sha256": "a" * 63}, "sha256"),
        ("release_file", {"path": "../NOTICE"}, "path"),
        ("release_file", {"path": "/etc/passwd"}, "path"),
        ("release_file", {"path": "a/" * 199 + "abc"}, "path"),
        ("published_name", {"published_name": "Llama"}, "published_name"),
        ("published_name", {"published_name": "a/b/c"}, "published_name"),
        ("screenshot", {"media_type": "text/plain"}, "document"),
        ("statement", {"note": "   "}, "note"),
        ("statement", {"note": "a" * 4001}, "note"),
    ],
)
def test_impossible_values_are_named(kind: str, changes: dict[str, Any], field: str) -> None:
    assert refused(kind, **{**WHOLE[kind], **changes}) == field


@any_of(
    kind=st.sampled_from(list(EvidenceKind)), url=st.text(), path=st.text(), note=st.text(), name=st.text()
)
def test_anything_is_accepted_or_refused(
    kind: EvidenceKind, url: str, path: str, note: str, name: str
) -> None:
    brought = Given(kind, url=url, path=path, note=note, published_name=name, shown_on=TODAY)
    with contextlib.suppress(EvidenceRefused):
        given.check(brought, today=TODAY)
        assert brought.value(given.NEEDS[kind][0])
