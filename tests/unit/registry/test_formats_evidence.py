"""What a document of evidence may be, told by its bytes, and what it is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import evidence

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 8
SOUND = {
    "application/pdf": b"%PDF-1.7\n",
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "text/plain": "Übersicht".encode(),
    "text/csv": b"month,users\n2026-10,7\n",
    "text/markdown": b"# Users\n",
    "application/json": b'{"users": 7}',
}


@pytest.mark.parametrize("media_type", evidence.MEDIA_TYPES)
def test_a_document_of_each_kind_is_taken(media_type: str) -> None:
    evidence.check(SOUND[media_type], media_type)


@pytest.mark.parametrize(
    ("content", "media_type", "field"),
    [
        (b"<html>", "text/html", "media_type"),
        (b"<svg/>", "image/svg+xml", "media_type"),
        (b"", "text/plain", "content"),
        (b"GIF89a", "image/png", "content"),
        (b"%!PS", "application/pdf", "content"),
        (PNG, "image/jpeg", "content"),
        (b"\xff\xfe", "text/plain", "content"),
        (b"a\x00b", "text/csv", "content"),
        (b"{", "application/json", "content"),
        (b"[" * 200_000, "application/json", "content"),
        (b"x" * (evidence.MAX_BYTES + 1), "text/plain", "content"),
    ],
)
def test_anything_else_is_refused_at_its_field(content: bytes, media_type: str, field: str) -> None:
    with pytest.raises(evidence.DocumentRefused) as refusal:
        evidence.check(content, media_type)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("name", "stated", "media_type"),
    [
        ("users.csv", "application/vnd.ms-excel", "text/csv"),
        ("C:\\papers\\Report.PDF", None, "application/pdf"),
        ("notes", "text/plain; charset=utf-8", "text/plain"),
        ("page.html", "text/html", "text/html"),
        ("nothing", None, ""),
    ],
)
def test_the_kind_is_read_from_the_name_first(name: str, stated: str | None, media_type: str) -> None:
    assert evidence.media_type_of(name, stated) == media_type


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/report.txt", "report.txt"),
        ("C:\\Users\\x\\report.txt", "report.txt"),
        ('a"b\r\nSet-Cookie: x.txt', "a b Set-Cookie x.txt"),
        ("invoice\u202etxt.exe", "invoice txt.exe.txt"),
        ("", "document.txt"),
        ("...", "document.txt"),
        ("page.html", "page.html.txt"),
        ("Report.TXT", "Report.TXT"),
        ("x" * 500 + ".log", "x" * 116 + ".log"),
    ],
)
def test_names_are_plain(name: str, clean: str) -> None:
    assert evidence.clean_name(name, "text/plain") == clean


@given(st.text(max_size=300), st.sampled_from(sorted(evidence.MEDIA_TYPES)))
def test_any_name_becomes_a_plain_one_and_stays_it(name: str, media_type: str) -> None:
    clean = evidence.clean_name(name, media_type)

    assert 1 <= len(clean) <= evidence.MAX_NAME
    assert clean.isprintable()
    assert not set(clean) & set('/\\"<>')
    assert clean.lower().endswith(evidence.MEDIA_TYPES[media_type])
    assert evidence.clean_name(clean, media_type) == clean
