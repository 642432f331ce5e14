"""Proofs that a log holds a leaf, as files: `c2sp.org/tlog-proof@v1`. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from modelcustody_client import encoding, errors, merkle, note

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = note.MAX_NOTE_BYTES + 64 * 1024
MAX_HASHES = 63


class ProofMalformed(errors.Refused):
    """The bytes are not a proof file."""

    code = "proof_malformed"


@dataclasses.dataclass(frozen=True)
class TlogProof:
    """A parsed proof file; nothing in it is verified, and `extra` never is."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Inclusion:
    """What a verified proof shows: the leaf is number `index` in the tree of this checkpoint."""

    index: int
    checkpoint: note.Checkpoint


def format_proof(
    *, index: int, hashes: Sequence[bytes], checkpoint: bytes, extra: bytes | None = None
) -> bytes:
    """Return the proof file for a leaf, with the signed checkpoint verbatim."""
    lines = [HEADER]
    if extra is not None:
        lines.append(f"extra {encoding.encode_base64(extra)}")
    lines.append(f"index {index}")
    lines.extend(encoding.encode_base64(value) for value in hashes)
    data = "\n".join(lines).encode() + b"\n\n" + checkpoint
    if parse_proof(data) != TlogProof(index, tuple(hashes), checkpoint, extra):
        raise ProofMalformed("these do not make a proof")
    return data


def parse_proof(data: bytes) -> TlogProof:
    """Parse a proof file; its checkpoint must be a well-formed note with a checkpoint as its text."""
    if len(data) > MAX_PROOF_BYTES:
        raise ProofMalformed(f"a proof of {len(data)} bytes is over the limit")
    head, separator, checkpoint = data.partition(b"\n\n")
    if not separator:
        raise ProofMalformed("no empty line before the checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise ProofMalformed("the head of the proof is not ASCII") from None
    if lines.pop(0) != HEADER:
        raise ProofMalformed(f"the first line is not {HEADER}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = encoding.decode_base64(lines.pop(0).removeprefix("extra "))
        if extra is None:
            raise ProofMalformed("the extra data is not base64")
    index = _parse_index(lines.pop(0) if lines else "")
    hashes = _parse_hashes(lines)
    try:
        note.parse_checkpoint_body(note.parse_note(checkpoint).text)
    except note.NoteInvalid as error:
        raise ProofMalformed(f"the checkpoint of the proof: {error}") from None
    return TlogProof(index, hashes, checkpoint, extra)


def verify_proof(data: bytes, *, leaf_hash: bytes, vkeys: Iterable[note.Vkey]) -> Inclusion:
    """Verify that a log whose key is among `vkeys` holds the leaf with this hash.

    Raises `ProofMalformed`, `note.NoteUntrusted` (no key to judge by), `note.NoteInvalid` or
    `merkle.ProofInvalid`; all are `errors.Refused`.
    """
    parsed = parse_proof(data)
    checkpoint = note.verify_note(parsed.checkpoint, vkeys)
    merkle.verify_inclusion(
        leaf_hash=leaf_hash,
        index=parsed.index,
        size=checkpoint.size,
        proof=parsed.hashes,
        root=checkpoint.root,
    )
    return Inclusion(parsed.index, checkpoint)


def _parse_index(line: str) -> int:
    index = encoding.decode_decimal(line.removeprefix("index "))
    if not line.startswith("index ") or index is None:
        raise ProofMalformed("the index is not a decimal number")
    return index


def _parse_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > MAX_HASHES:
        raise ProofMalformed("more hashes than any tree is high")
    hashes = []
    for line in lines:
        value = encoding.decode_base64(line)
        if value is None or len(value) != merkle.HASH_SIZE:
            raise ProofMalformed("a line of the proof is not a SHA-256 hash in base64")
        hashes.append(value)
    return tuple(hashes)
