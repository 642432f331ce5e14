"""What the JSON parser refuses, that a lenient one lets in."""

import io

import pytest
from rest_framework.exceptions import ParseError

from governance.api.parsers import StrictJSONParser
from governance.errors import BodyTooLarge


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"a":1,"a":2}', b"NaN", b"-Infinity", b"1e999", b"[-1e999]", b"\xff", b"[" * 100_000],
)
def test_what_json_does_not_have_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        StrictJSONParser().parse(io.BytesIO(body))


def test_a_body_over_the_limit_is_not_read_to_its_end(settings: object) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10  # type: ignore[attr-defined]
    stream = io.BytesIO(b" " * 100)

    with pytest.raises(BodyTooLarge):
        StrictJSONParser().parse(stream)

    assert stream.tell() == 11
    assert StrictJSONParser().parse(io.BytesIO(b'{"a": 1.5}')) == {"a": 1.5}
