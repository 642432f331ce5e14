import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelcustody_client import canonical

from audit.ingest import records, store
from tests.factories import NOW
from tests.logs import lines, record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(records.Record.__struct_fields__)


def read(*found: dict[str, object]) -> records.RecordBatch:
    return records.read_batch(lines(found), is_lines=True)


def test_lines_and_an_array_give_the_same_records_byte_for_byte() -> None:
    raw = [b'{ "record_id" : ' + json.dumps(record(n)).encode()[len('{"record_id": ') :] for n in range(3)]

    by_line = records.read_batch(b"\n".join(raw), is_lines=True)
    in_array = records.read_batch(b"[ " + b" ,\n".join(raw) + b" ]", is_lines=False)

    assert by_line.raw == in_array.raw == raw
    assert by_line.records == in_array.records
    assert by_line.digest() == hashlib.sha256(b"".join(one + b"\n" for one in raw)).digest()
    assert (by_line.recorder, by_line.epoch, by_line.first_sequence, by_line.last_sequence) == (
        "node-1/vllm",
        1,
        0,
        2,
    )


def test_a_leaf_holds_the_very_bytes_and_is_strict_json() -> None:
    [raw] = read(record(0)).raw

    leaf = store.leaf(raw, received_at=NOW)

    assert leaf == b'{"received_at":"2026-11-22T12:00:00.000000Z","record":' + raw + b"}"
    assert canonical.loads(leaf)["record"]["parameters"]["temperature"] == 0.7


@pytest.mark.parametrize("field", sorted(set(FIELDS) - {"parameters"}))
def test_every_field_refuses_another_type_by_name(field: str) -> None:
    with pytest.raises(records.InvalidRecord) as caught:
        read(record(0), record(1, **{field: {"a": 1}}))

    assert (caught.value.code, caught.value.status) == ("invalid_record", 422)
    assert (caught.value.field, caught.value.extra["index"]) == (field, 1)


@pytest.mark.parametrize(
    "field",
    [
        "record_id",
        "recorder",
        "epoch",
        "sequence",
        "deployment_digest",
        "started_at",
        "duration_ms",
        "operation",
        "status",
    ],
)
def test_a_required_field_that_is_missing_is_named(field: str) -> None:
    whole = record(0)
    del whole[field]

    with pytest.raises(records.InvalidRecord, match="missing required") as caught:
        read(whole)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"parameters": {"surprise": 1}}, "parameters.surprise"),
        ({"parameters": {"seed": 42}}, "parameters.seed"),
        ({"parameters": {"top_k": 1.5}}, "parameters.top_k"),
        ({"finish_reasons": ["stop", 1]}, "finish_reasons[1]"),
        ({"record_id": "019AB0C0-0000-7000-8000-000000000000"}, "record_id"),
        ({"record_id": "019ab0c0-0000-4000-8000-000000000000"}, "record_id"),
        ({"record_id": "019ab0c000007000800000000000000"}, "record_id"),
        ({"deployment_digest": "sha256:" + "D" * 64}, "deployment_digest"),
        ({"deployment_digest": "d" * 64}, "deployment_digest"),
        ({"started_at": "2026-11-22T12:00:00+00:00"}, "started_at"),
        ({"started_at": "2026-11-22 12:00:00Z"}, "started_at"),
        ({"started_at": "2026-02-30T12:00:00Z"}, "started_at"),
        ({"started_at": "2026-11-22T12:00:00Z\n"}, "started_at"),
        ({"epoch": -1}, "epoch"),
        ({"epoch": 2**53 + 1}, "epoch"),
        ({"sequence": 0.0}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"duration_ms": -1}, "duration_ms"),
        ({"input_tokens": 2**31}, "input_tokens"),
        ({"status": 99}, "status"),
        ({"operation": "Chat completion"}, "operation"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "x" * 257}, "request_id"),
        ({"request_id": "a\u0000b"}, "request_id"),
        ({"recorder": "two\nlines"}, "recorder"),
        ({"input_commitment": "the prompt itself"}, "input_commitment"),
    ],
)
def test_what_is_not_in_its_form_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    with pytest.raises(records.InvalidRecord) as caught:
        read(record(0, **changes))

    assert (caught.value.field, caught.value.extra["index"]) == (field, 0)


@pytest.mark.parametrize(
    ("found", "field"),
    [
        ([record(0), record(1), record(3)], "sequence"),
        ([record(1), record(1)], "sequence"),
        ([record(0), record(1, recorder="other")], "recorder"),
        ([record(0), record(1, epoch=2)], "epoch"),
        ([record(0, record_id="019ab0c0-0000-7000-8000-000000000000"), record(1, record_id="019ab0c0-0000-7000-8000-000000000000")], "record_id"),
    ],
)  # fmt: skip
def test_a_batch_is_one_unbroken_run_of_one_recorder(found: list[dict[str, object]], field: str) -> None:
    with pytest.raises(records.InvalidRecord) as caught:
        read(*found)

    assert (caught.value.field, caught.value.extra["index"]) == (field, len(found) - 1)


def test_a_member_that_appears_twice_is_refused() -> None:
    raw = json.dumps(record(0))[:-1].encode() + b', "status": 500}'

    with pytest.raises(records.InvalidRecord, match="status twice") as caught:
        records.read_batch(raw, is_lines=True)

    assert caught.value.field == "status"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b' {"a": 1}',
        b"{}\r",
        b'{"a": NaN}',
        b'{"status": "\\ud800"}',
        b'{"recorder": "\xff"}',
        b"{" * 5000 + b"}",
    ],
)
def test_a_line_that_is_no_json_object_is_refused_with_its_index(line: bytes) -> None:
    good = json.dumps(record(0)).encode()

    with pytest.raises(records.InvalidRecord) as caught:
        records.read_batch(good + b"\n" + line + b"\n", is_lines=True)

    assert caught.value.extra["index"] == 1


def test_a_record_that_does_not_fit_in_a_leaf_is_refused() -> None:
    raw = json.dumps(record(0)).encode()[:-1] + b" " * 65_000 + b"}"

    with pytest.raises(records.InvalidRecord, match="65000 are the most"):
        records.read_batch(raw, is_lines=True)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[1", b"null", b"\xff"])
def test_a_body_that_is_no_batch_is_refused(data: bytes) -> None:
    with pytest.raises(records.InvalidBatch):
        records.read_batch(data, is_lines=False)


def test_a_batch_has_at_most_5000_records() -> None:
    with pytest.raises(records.InvalidBatch, match="1 to 5000 records, this one 5001"):
        records.read_batch(b"{}\n" * 5001, is_lines=True)


@settings(max_examples=300)
@given(
    data=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()),
    is_lines=st.booleans(),
)
def test_any_bytes_are_a_batch_or_refused(data: bytes, is_lines: bool) -> None:
    with pytest.raises((records.InvalidBatch, records.InvalidRecord)):
        records.read_batch(data, is_lines=is_lines)


@settings(max_examples=300)
@given(field=st.sampled_from(FIELDS), value=JSON)
def test_any_value_in_any_field_is_taken_or_refused_and_what_is_taken_any_reader_takes(
    field: str, value: Any
) -> None:
    data = lines([record(0, **{field: value})])
    try:
        batch = records.read_batch(data, is_lines=True)
    except records.InvalidRecord:
        return
    leaf = canonical.loads(store.leaf(batch.raw[0], received_at=NOW))
    assert leaf["record"][field] == value
