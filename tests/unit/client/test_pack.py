import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import archive, canonical, packing

from tests import packs
from tests.packs import failure, verified


def rewritten(data: bytes, **changes: bytes | None) -> bytes:
    """Change members of a finished pack, as someone without the keys could."""
    found = archive.Archive(io.BytesIO(data))
    files = {name: found.read(name) for name in found.members}
    files.update({name: value for name, value in changes.items() if value is not None})
    kept = {name: value for name, value in files.items() if changes.get(name, b"") is not None}
    stream = io.BytesIO()
    archive.write_archive(sorted(kept.items()), stream=stream)
    return stream.getvalue()


def test_a_good_pack_is_verified():
    report = verified(packs.plan().build())

    assert (report.verdict, report.exit_code) == ("verified", 0), report.as_text()
    assert {check.id for check in report.checks} == {
        "archive",
        "contents",
        "signature",
        "identity",
        "checkpoint:decisions",
        "entries:decisions",
        "checkpoint:requests",
        "entries:requests",
        "deployments",
        "requests",
        "approvals",
        "documents",
    }
    assert report.facts["model_digest"] == packs.MODEL_DIGEST
    assert "2 served requests" in report.as_text()
    assert "really loaded these bytes" in report.as_text()


def test_packs_are_deterministic():
    assert packs.plan().build() == packs.plan().build()


def test_without_pinned_keys_nothing_is_decided():
    report = verified(packs.plan().build(), ())

    assert (report.verdict, report.exit_code) == ("undecided", 2)
    assert "Pin the service's keys" in report.as_text()


@pytest.mark.parametrize("missing", range(3))
def test_with_one_key_not_pinned_nothing_is_decided(missing):
    keys = [key for position, key in enumerate(packs.VKEYS) if position != missing]

    assert verified(packs.plan().build(), keys).exit_code == 2


@pytest.mark.parametrize("which", ["decisions", "requests", "attestation"])
def test_another_key_under_the_same_name_is_not_trusted(which):
    plan = packs.plan()
    plan.keys[which] = bytes([9]) * 32

    report = verified(plan.build())

    assert report.exit_code in {1, 2}
    assert report.verdict != "verified"


def test_a_known_key_with_a_bad_signature_is_tampering():
    good = packs.plan().build()
    envelope = archive.Archive(io.BytesIO(good)).read(packing.ENVELOPE_NAME)
    value = canonical.loads(envelope)
    value["signatures"][0]["sig"] = "A" * 86 + "=="

    assert "wrong" in failure(rewritten(good, **{packing.ENVELOPE_NAME: canonical.dumps(value)}))


def test_a_logs_key_does_not_attest_packs():
    good = packs.plan().build()
    index = archive.Archive(io.BytesIO(good)).read(packing.INDEX_NAME)
    decisions = packs.VKEYS[0]
    envelope = packs.dsse.sign_envelope(
        index, payload_type=packing.PAYLOAD_TYPE, name=decisions.name, private_key_bytes=packs.DECISIONS_KEY
    )

    assert verified(rewritten(good, **{packing.ENVELOPE_NAME: envelope})).exit_code == 2


SMALL = packs.Plan(
    files={name: packs.plan().files[name] for name in ("manifest.sha256", "approvals.json")},
    decisions={1: packs.plan().decisions[1], 2: packs.plan().decisions[2]},
    requests={0: packs.plan().requests[0]},
    size=3,
    model_version=packs.plan().model_version,
).build()


def test_a_small_pack_is_verified():
    assert verified(SMALL).exit_code == 0


@pytest.mark.parametrize("start", range(8))
def test_single_bit_flips_are_never_verified(start):
    """Every byte is hit once, in a different bit each; every bit of every byte over a stride below."""
    for position in range(len(SMALL)):
        spoiled = bytearray(SMALL)
        spoiled[position] ^= 1 << (position + start) % 8
        if position % 8 == start:
            assert verified(bytes(spoiled)).exit_code != 0, position


@given(st.integers(0, len(SMALL) * 8 - 1))
def test_any_bit_flip_is_never_verified(bit):
    spoiled = bytearray(SMALL)
    spoiled[bit // 8] ^= 1 << bit % 8

    assert verified(bytes(spoiled)).exit_code != 0


@given(st.integers(0, len(SMALL) - 1))
def test_a_cut_pack_is_refused(length):
    assert failure(SMALL[:length])


@given(st.binary(max_size=3000))
def test_any_bytes_are_refused_without_an_exception(data):
    assert failure(data)


def test_a_file_that_is_changed_added_or_taken_away_is_found():
    good = packs.plan().build()

    assert "not the file that was listed" in failure(rewritten(good, **{"report.html": b"<p>approved</p>"}))
    assert "not listed" in failure(rewritten(good, more=b"x"))
    assert "not in the pack" in failure(rewritten(good, **{"report.html": None}))
    for name in (packing.INDEX_NAME, packing.ENVELOPE_NAME):
        assert failure(rewritten(good, **{name: None}))


def test_a_changed_index_needs_a_new_signature():
    good = packs.plan().build()
    value = canonical.loads(archive.Archive(io.BytesIO(good)).read(packing.INDEX_NAME))
    value["generated_at"] = "2020-01-01T00:00:00Z"

    assert "about another" in failure(rewritten(good, **{packing.INDEX_NAME: canonical.dumps(value)}))
