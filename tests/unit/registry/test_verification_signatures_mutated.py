"""C4: nothing that was changed passes, whatever was changed, and nothing breaks the check."""

import base64
import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats import sigstore
from registry.lifecycle import Outcome
from registry.verification.outcomes import CheckOutcome
from tests import signing
from tests.signed import (
    FILES,
    KEY,
    TRUSTED,
    by,
    check,
    root,
    signed,
    trust,
)

GOOD = signed()["model.sig"]
CHAINED = by(signing.leaf(root()))["model.sig"]
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def judged(data: bytes) -> list[CheckOutcome]:
    return check({**FILES, "model.sig": data}, trusted=(TRUSTED, trust()), signature_required=True)


def test_what_is_mutated_below_is_good() -> None:
    for data in (GOOD, CHAINED):
        assert [one.finding.outcome for one in judged(data)] == [Outcome.PASS]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([GOOD, CHAINED]), st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_passes(data: bytes, place: int, change: int) -> None:
    place %= len(data)
    changed = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]

    [found] = judged(changed)

    # A hint or a keyid are not signed; white space and the like mean nothing.
    same = sigstore_parts(changed) == sigstore_parts(data) is not None
    assert found.finding.outcome is not Outcome.PASS or same
    assert "broke down" not in found.finding.message


def sigstore_parts(data: bytes) -> Any:
    try:
        found = sigstore.parse_bundle(data)
    except (sigstore.BadSignature, sigstore.NotSupported):
        return None
    return found.payload, found.signature, found.certificates[:1]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_certificate_passes(place: int, change: int) -> None:
    value = json.loads(CHAINED)
    [item] = value["verificationMaterial"]["x509CertificateChain"]["certificates"]
    der = bytearray(base64.b64decode(item["rawBytes"]))
    der[place % len(der)] ^= change
    item["rawBytes"] = base64.b64encode(der).decode()

    [found] = judged(json.dumps(value).encode())

    assert found.finding.outcome in (Outcome.FAIL, Outcome.ERROR)
    assert "broke down" not in found.finding.message


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_member_passes(data: st.DataObject) -> None:
    value = json.loads(data.draw(st.sampled_from([GOOD, CHAINED])))
    before = copy.deepcopy(value)
    owner, name = data.draw(st.sampled_from(list(places(value))))
    owner[name] = data.draw(anything)
    raw = json.dumps(value).encode()

    [found] = judged(raw)

    same = sigstore_parts(raw) == sigstore_parts(json.dumps(before).encode()) is not None
    assert found.finding.outcome is not Outcome.PASS or same
    assert "broke down" not in found.finding.message


def places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        found += [(value, name), *places(inner)]
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_statement_breaks_the_check(data: st.DataObject) -> None:
    value = signing.statement(FILES)
    owner, name = data.draw(st.sampled_from(list(places(value))))
    owner[name] = data.draw(anything)

    found = judged(json.dumps(signing.bundle(value, KEY)).encode())

    assert all("broke down" not in one.finding.message for one in found)
    if found[0].finding.outcome is Outcome.PASS:
        assert payload_names(value) == sorted(FILES)


def payload_names(value: dict[str, Any]) -> list[str]:
    return sorted(item["name"] for item in value["predicate"]["resources"])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"{" + tail))
def test_no_bytes_break_the_check(data: bytes) -> None:
    [found] = judged(data)

    assert found.finding.outcome in (Outcome.FAIL, Outcome.ERROR)
    assert "broke down" not in found.finding.message
