"""Signed notes and log checkpoints, byte for byte as C2SP signed-note and tlog-checkpoint say. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable

from modelcustody_client import ed25519, encoding, errors

ED25519_TYPE = b"\x01"
MAX_NOTE_BYTES = 256 * 1024
MAX_SIGNATURES = 64
_MAX_NAME = 512
_DASH = "\u2014 "
_KEY_ID = re.compile(r"[0-9a-f]{8}")


class NoteInvalid(errors.Refused):
    """The note, key or checkpoint is malformed, or a signature of a known key is wrong."""

    code = "note_invalid"


class NoteUntrusted(NoteInvalid):
    """The note is well formed, but none of the given keys signed it: nothing can be said of it."""

    code = "note_untrusted"


@dataclasses.dataclass(frozen=True)
class Vkey:
    """A named Ed25519 public key."""

    name: str
    key_id: bytes
    public_key: bytes

    def __str__(self) -> str:
        return format_vkey(self.name, public_key=self.public_key)


@dataclasses.dataclass(frozen=True)
class Signature:
    """One signature line: who says to have signed, and the raw signature."""

    name: str
    key_id: bytes
    signature: bytes


@dataclasses.dataclass(frozen=True)
class Note:
    """A parsed note; its text means nothing until a signature is verified."""

    text: bytes
    signatures: tuple[Signature, ...]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a log signed: its name, how many leaves it has, and their root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def key_id(name: str, *, public_key: bytes) -> bytes:
    """Return the four bytes that, with the name, stand for an Ed25519 key."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + ED25519_TYPE + public_key).digest()[:4]


def make_vkey(name: str, *, public_key: bytes) -> Vkey:
    """Return the key under its name."""
    _check_name(name)
    if len(public_key) != ed25519.PUBLIC_KEY_SIZE:
        raise NoteInvalid("an Ed25519 public key is 32 bytes")
    return Vkey(name, key_id(name, public_key=public_key), public_key)


def format_vkey(name: str, *, public_key: bytes) -> str:
    """Return `name+keyid+base64`, the one line by which keys are handed around."""
    vkey = make_vkey(name, public_key=public_key)
    return f"{name}+{vkey.key_id.hex()}+{encoding.encode_base64(ED25519_TYPE + public_key)}"


def parse_vkey(text: str) -> Vkey:
    """Parse a verification key; its id must be the one that follows from its name and key."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise NoteInvalid("a verification key is name+keyid+base64")
    data = encoding.decode_base64(parts[2])
    if data is None or data[:1] != ED25519_TYPE:
        raise NoteInvalid("the verification key is not an Ed25519 key in base64")
    vkey = make_vkey(parts[0], public_key=data[1:])
    if vkey.key_id.hex() != parts[1]:
        raise NoteInvalid("the id of the verification key does not belong to it")
    return vkey


def parse_vkeys(data: bytes) -> tuple[Vkey, ...]:
    """Parse a trust file: one verification key a line, `#` begins a comment line."""
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise NoteInvalid("the trust file is not UTF-8") from None
    stripped = [line.strip() for line in lines]
    return tuple(parse_vkey(line) for line in stripped if line and not line.startswith("#"))


def parse_note(data: bytes) -> Note:
    """Split a note into its text and signature lines, refusing anything that is not exactly a note."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteInvalid(f"a note of {len(data)} bytes is over the limit")
    if any(byte < 0x20 and byte != 0x0A for byte in data):
        raise NoteInvalid("a control character in the note")
    text, separator, block = data.rpartition(b"\n\n")
    if not separator or not block.endswith(b"\n"):
        raise NoteInvalid("the note has no signature block, or no final newline")
    try:
        text.decode("utf-8")
        lines = block.decode("utf-8")[:-1].split("\n")
    except UnicodeDecodeError:
        raise NoteInvalid("the note is not UTF-8") from None
    if len(lines) > MAX_SIGNATURES:
        raise NoteInvalid(f"more than {MAX_SIGNATURES} signatures")
    return Note(text + b"\n", tuple(_parse_signature(line) for line in lines))


def open_note(data: bytes, vkeys: Iterable[Vkey]) -> tuple[Note, tuple[Vkey, ...]]:
    """Parse and verify a note; return it with the keys that signed it, at least one."""
    note = parse_note(data)
    known: dict[tuple[str, bytes], Vkey] = {}
    for vkey in vkeys:
        if known.setdefault((vkey.name, vkey.key_id), vkey) != vkey:
            raise NoteInvalid(f"two different keys share the name {vkey.name} and one id")
    signed: dict[tuple[str, bytes], Vkey] = {}
    for line in note.signatures:
        found = known.get((line.name, line.key_id))
        if found is None:
            continue
        if not ed25519.verify(public_key=found.public_key, signature=line.signature, message=note.text):
            raise NoteInvalid(f"the signature of {line.name} is wrong")
        signed[line.name, line.key_id] = found
    if not signed:
        names = ", ".join(sorted({line.name for line in note.signatures}))
        raise NoteUntrusted(f"no trusted key signed this note (signed by: {names})")
    return note, tuple(signed.values())


def verify_note(data: bytes, vkeys: Iterable[Vkey]) -> Checkpoint:
    """Verify a checkpoint: signed by a given key that bears the name of the log, its origin."""
    note, signed = open_note(data, vkeys)
    checkpoint = parse_checkpoint_body(note.text)
    if all(vkey.name != checkpoint.origin for vkey in signed):
        raise NoteUntrusted(f"no trusted key of the log {checkpoint.origin} signed its checkpoint")
    return checkpoint


def parse_checkpoint_body(text: bytes) -> Checkpoint:
    """Parse the text of a checkpoint: origin, size, root, and extension lines."""
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise NoteInvalid("the checkpoint is not UTF-8") from None
    if len(lines) < 4 or lines.pop() != "" or "" in lines:
        raise NoteInvalid("a checkpoint is origin, size and root, a line each")
    size, root = encoding.decode_decimal(lines[1]), encoding.decode_base64(lines[2])
    if size is None:
        raise NoteInvalid("the size of the checkpoint is not a decimal number")
    if root is None or len(root) != hashlib.sha256().digest_size:
        raise NoteInvalid("the root of the checkpoint is not 32 bytes in base64")
    return Checkpoint(lines[0], size, root, tuple(lines[3:]))


def format_checkpoint_body(*, origin: str, size: int, root: bytes) -> bytes:
    """Return the text that a log signs."""
    body = f"{origin}\n{size}\n{encoding.encode_base64(root)}\n".encode("utf-8", "replace")
    if parse_checkpoint_body(body) != Checkpoint(origin, size, root):
        raise NoteInvalid("these do not make a checkpoint")
    return body


def sign_note(body: bytes, *, name: str, private_key_bytes: bytes) -> bytes:
    """Return the note: the body, an empty line, and one signature line."""
    vkey = make_vkey(name, public_key=ed25519.public_key_of(private_key_bytes))
    if not body.endswith(b"\n"):
        raise NoteInvalid("the text of a note ends in a newline")
    signature = ed25519.sign(private_key=private_key_bytes, message=body)
    line = f"{_DASH}{name} {encoding.encode_base64(vkey.key_id + signature)}\n"
    data = body + b"\n" + line.encode("utf-8")
    if parse_note(data).text != body:
        raise NoteInvalid("this text cannot be signed as a note")
    return data


def _parse_signature(line: str) -> Signature:
    name, space, blob = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteInvalid("a line of the signature block is no signature")
    _check_name(name)
    data = encoding.decode_base64(blob)
    if data is None or len(data) <= 4:
        raise NoteInvalid("a signature is not a key id and a signature in base64")
    return Signature(name, data[:4], data[4:])


def _check_name(name: str) -> None:
    if (
        not name
        or "+" in name
        or any(c.isspace() or ord(c) < 0x20 or 0xD800 <= ord(c) < 0xE000 for c in name)
    ):
        raise NoteInvalid("a key name is not empty and has no spaces, plus or control characters")
    if len(name) > _MAX_NAME:
        raise NoteInvalid("a key name is too long")
