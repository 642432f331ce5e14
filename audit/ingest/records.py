"""The record of a served request, and how a batch of them is read: every byte kept, nothing unknown let in. Pure."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from governance.errors import GovernanceError

LARGEST_BATCH = 5000
LARGEST_RECORD = 65_000  # a leaf has at most 65,535 bytes, and holds the time of receipt too
SAFE_INTEGER = 2**53

PRINTABLE = r"\A[^\x00-\x1f\x7f]*\Z"
Text = Annotated[str, Meta(min_length=1, max_length=128, pattern=PRINTABLE)]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTABLE)]
LongText = Annotated[str, Meta(min_length=1, max_length=256, pattern=PRINTABLE)]
Word = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_./-]{0,63}\Z")]
Digest = Annotated[str, Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]
Commitment = Annotated[str, Meta(pattern=r"\A([a-z0-9-]{1,32}:)?[0-9a-f]{64,128}\Z")]
Time = Annotated[
    str,
    Meta(
        pattern=r"\A2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z\Z"
    ),
]
Uuid7 = Annotated[
    str, Meta(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
]
Natural = Annotated[int, Meta(ge=0, le=SAFE_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
# Sampling settings are kept as they were sent, as a number or as text.
Setting = (
    Annotated[str, Meta(min_length=1, max_length=32, pattern=PRINTABLE)]
    | Annotated[int, Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
    | float
)
Status = Annotated[int, Meta(ge=100, le=599)] | Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,31}\Z")]

MISSING = re.compile(r"(?:missing required|unknown) field `([^`]*)`")
PLACE = re.compile(r" - at `\$\.?(.*)`\Z")


class InvalidBatch(GovernanceError):
    """The body is not a batch of records."""

    code = "invalid_batch"
    status = 422
    title = "The batch is not valid"


class InvalidRecord(GovernanceError):
    """One record is wrong, and so the whole batch is refused; `index` and `field` say where."""

    code = "invalid_record"
    status = 422
    title = "A record is not valid"


class Parameters(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Sampling settings of a request."""

    temperature: Setting | None = None
    top_p: Setting | None = None
    top_k: Annotated[int, Meta(ge=-1, le=SAFE_INTEGER)] | None = None
    max_tokens: Natural | None = None
    seed: Annotated[str, Meta(min_length=1, max_length=32, pattern=PRINTABLE)] | None = None
    n: Count | None = None
    stop: (
        Count
        | Annotated[str, Meta(max_length=256)]
        | Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=64)]
        | None
    ) = None


class Record(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One answered request (design, section 6); no prompt, output, address or user name."""

    record_id: Uuid7
    recorder: Text
    epoch: Natural
    sequence: Natural
    deployment_digest: Digest
    started_at: Time
    duration_ms: Natural
    operation: Word
    status: Status
    request_id: LongText | None = None
    response_id: LongText | None = None
    request_model: LongText | None = None
    response_model: LongText | None = None
    stream: bool | None = None
    parameters: Parameters | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    finish_reasons: Annotated[list[Name], Meta(max_length=128)] | None = None
    error_type: Text | None = None
    tier: Name | None = None
    fallback_from: LongText | None = None
    provider: Text | None = None
    region: Name | None = None
    user_pseudonym: Text | None = None
    input_commitment: Commitment | None = None
    output_commitment: Commitment | None = None


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one recorder and epoch, in order, with the very bytes they came as."""

    records: list[Record]
    raw: list[bytes]

    @property
    def recorder(self) -> str:
        """Who recorded them."""
        return self.records[0].recorder

    @property
    def epoch(self) -> int:
        """The recorder's epoch."""
        return self.records[0].epoch

    @property
    def first_sequence(self) -> int:
        """The number of the first record."""
        return self.records[0].sequence

    @property
    def last_sequence(self) -> int:
        """The number of the last record."""
        return self.records[-1].sequence

    def digest(self) -> bytes:
        """SHA-256 over the records, each followed by a newline."""
        return hashlib.sha256(b"".join(raw + b"\n" for raw in self.raw)).digest()


def read_batch(data: bytes, *, is_lines: bool) -> RecordBatch:
    """Read NDJSON or a JSON array; raises `InvalidBatch` or `InvalidRecord`, and nothing else."""
    raw = _split_lines(data) if is_lines else _split_array(data)
    if not 1 <= len(raw) <= LARGEST_BATCH:
        raise InvalidBatch(f"A batch has 1 to {LARGEST_BATCH} records, this one {len(raw)}.")
    records = [_read_record(item, index=index) for index, item in enumerate(raw)]
    _check_order(records)
    return RecordBatch(records, raw)


def _split_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return lines


def _split_array(data: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in msgspec.json.decode(data, type=list[msgspec.Raw])]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBatch(f"The body is not a JSON array of records: {error}") from error


_decoder = msgspec.json.Decoder(Record)


def _read_record(raw: bytes, *, index: int) -> Record:
    if len(raw) > LARGEST_RECORD:
        raise InvalidRecord(
            f"Record {index} has {len(raw)} bytes; {LARGEST_RECORD} are the most.", index=index
        )
    if not raw.startswith(b"{") or not raw.endswith(b"}"):
        raise InvalidRecord(f"Record {index} is not a JSON object without space around it.", index=index)
    try:
        record = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), index=index) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord(f"Record {index} is not JSON: {error}", index=index) from error
    _check_members(raw, index=index)
    try:
        datetime.fromisoformat(record.started_at)
    except ValueError as error:
        text = f"Record {index}, started_at: there is no such day."
        raise InvalidRecord(text, field="started_at", index=index) from error
    return record


def _invalid(message: str, *, index: int) -> InvalidRecord:
    """The error with the field it is about, as a path."""
    place = PLACE.search(message)
    name = MISSING.search(message)
    path = [part for part in (place and place[1], name and name[1]) if part]
    what = PLACE.sub("", message)
    field = ".".join(path)
    return InvalidRecord(
        f"Record {index}, {field or 'as a whole'}: {what}.", field=field or None, index=index
    )


def _check_members(raw: bytes, *, index: int) -> None:
    """Refuse what other readers of the leaf would refuse, or read differently."""
    try:
        json.loads(raw.decode("utf-8"), object_pairs_hook=_members, parse_float=_finite)
    except _Twice as error:
        raise InvalidRecord(f"Record {index} has {error} twice.", field=str(error), index=index) from error
    except (ValueError, RecursionError) as error:
        raise InvalidRecord(f"Record {index} is not JSON: {error}", index=index) from error


class _Twice(Exception):
    """A member's name that appears twice."""


def _members(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Twice(name)
            seen.add(name)


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(f"{text[:40]} is out of range")
    return value


def _check_order(records: list[Record]) -> None:
    """One recorder, one epoch, numbers without a break, and no record twice."""
    first = records[0]
    seen: set[str] = set()
    for index, record in enumerate(records):
        wrong = None
        if record.recorder != first.recorder:
            wrong = "recorder", f"is not {first.recorder}, as in the records before"
        elif record.epoch != first.epoch:
            wrong = "epoch", f"is not {first.epoch}, as in the records before"
        elif record.sequence != first.sequence + index:
            wrong = "sequence", f"is {record.sequence}; {first.sequence + index} follows on the record before"
        elif record.record_id in seen:
            wrong = "record_id", "is that of an earlier record of the batch"
        if wrong is not None:
            raise InvalidRecord(f"Record {index}, {wrong[0]}: {wrong[1]}.", field=wrong[0], index=index)
        seen.add(record.record_id)
