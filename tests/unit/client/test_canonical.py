import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import canonical

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(values)
def test_loads_returns_what_dumps_wrote(value):
    data = canonical.dumps(value)

    assert canonical.loads(data) == value
    assert canonical.loads_canonical(data) == value
    assert json.loads(data) == value


@given(st.binary())
def test_loads_raises_nothing_but_its_own_error(data):
    try:
        value = canonical.loads(data)
    except canonical.NotCanonical:
        return
    assert json.loads(data) == value


@given(values)
def test_dumps_sorts_keys_and_writes_no_spaces(value):
    data = canonical.dumps({"b": value, "a": 1})

    assert data.startswith(b'{"a":1,"b":')


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9007199254740993",
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"\xef\xbb\xbf1",
        b"\xff",
        b"[" * 100_000,
        b"[" * 66 + b"]" * 66,
        b"1 1",
        b"",
        b"9" * 5000,
    ],
)
def test_loads_refuses(data):
    with pytest.raises(canonical.NotCanonical) as caught:
        canonical.loads(data)
    assert caught.value.code == "not_canonical"


def test_loads_refuses_what_is_too_large():
    with pytest.raises(canonical.NotCanonical, match="limit"):
        canonical.loads(b"[]", max_bytes=1)


def test_loads_keeps_finite_floats():
    assert canonical.loads(b'{"temperature":0.7}') == {"temperature": 0.7}


@pytest.mark.parametrize(
    "value", [0.5, float("nan"), 2**53 + 1, {1: 2}, {"a": {1, 2}}, b"x", "\ud800", object()]
)
def test_dumps_refuses_what_has_no_canonical_form(value):
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps({"value": value})


@pytest.mark.parametrize("data", [b'{"a": 1}', b'{"b":1,"a":2}', b'"\\u0041"', b"[1] ", b"1.0", b"-0"])
def test_loads_canonical_refuses_other_spellings(data):
    with pytest.raises(canonical.NotCanonical):
        canonical.loads_canonical(data)


def test_a_digest_is_that_of_the_canonical_bytes_whatever_the_order_of_keys() -> None:
    # printf '{"a":1,"b":[]}' | sha256sum
    expected = "sha256:" + hashlib.sha256(b'{"a":1,"b":[]}').hexdigest()

    assert canonical.digest({"b": [], "a": 1}) == canonical.digest({"a": 1, "b": []}) == expected
