"""The signing keys of the service: Ed25519 in files that are made once and never overwritten.

A private key is `<name>.key`, in the form of the Go project's notes; its public half lies beside it as `<name>.vkey`.
Only the sequencer needs the private keys of the logs; web and workers read their public halves.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from modelcustody_client import dsse, ed25519, encoding, errors, note

from governance.errors import GovernanceError

LOGS = ("decisions", "requests")
ATTESTATION = "attestation"
_PREFIX = "PRIVATE+KEY"
_LARGEST_FILE = 4096


class KeyUnusable(GovernanceError):
    """A key file is missing, unreadable, open to others, damaged, or of another name."""

    code = "key_unusable"
    status = 503
    title = "A signing key cannot be used"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key: where it lies, and the name under which it signs."""

    name: str
    folder: Path
    origin: str

    @property
    def private_path(self) -> Path:
        """The file that only the signer may read."""
        return self.folder / f"{self.name}.key"

    @property
    def public_path(self) -> Path:
        """The file for everyone."""
        return self.folder / f"{self.name}.vkey"

    @property
    def vkey(self) -> note.Vkey:
        """The public half, from its own file; the private one is not touched where that exists."""
        try:
            text = _read(self.public_path)
        except FileNotFoundError:
            return note.make_vkey(self.origin, public_key=ed25519.public_key_of(self._private()))
        try:
            found = note.parse_vkey(text)
        except note.NoteInvalid as error:
            raise KeyUnusable(f"{self.public_path} is not a verification key: {error}") from error
        return self._named(found)

    def exists(self) -> bool:
        """Whether the private key has been made."""
        return self.private_path.exists()

    def create(self) -> bool:
        """Make the key where there is none; say whether it was made now. An existing file is never touched."""
        made = False
        if not self.exists():
            seed = secrets.token_bytes(32)
            vkey = note.make_vkey(self.origin, public_key=ed25519.public_key_of(seed))
            secret = encoding.encode_base64(note.ED25519_TYPE + seed)
            made = _place(
                self.private_path, f"{_PREFIX}+{self.origin}+{vkey.key_id.hex()}+{secret}\n", mode=0o600
            )
        expected = note.make_vkey(self.origin, public_key=ed25519.public_key_of(self._private()))
        _place(self.public_path, f"{expected}\n", mode=0o644)
        if self.vkey != expected:
            raise KeyUnusable(f"{self.public_path} is not the public half of {self.private_path}")
        return made

    def sign_note(self, body: bytes) -> bytes:
        """Return the signed note over the text."""
        return note.sign_note(body, name=self.origin, private_key_bytes=self._private())

    def sign_envelope(self, payload: bytes, *, payload_type: str) -> bytes:
        """Return the DSSE envelope with the payload."""
        return dsse.sign_envelope(
            payload, payload_type=payload_type, name=self.origin, private_key_bytes=self._private()
        )

    def _private(self) -> bytes:
        """The 32 bytes of the private key."""
        try:
            text = _read(self.private_path, is_secret=True)
        except FileNotFoundError as error:
            raise KeyUnusable(
                f"the key {self.private_path} is missing; `manage.py create_keys` makes one for a new installation, "
                "an old one needs its own key back"
            ) from error
        start, _, rest = text.partition(f"{_PREFIX}+")
        parts = rest.split("+", 2)
        seed = encoding.decode_base64(parts[2]) if len(parts) == 3 and not start else None
        if seed is None or len(seed) != 33 or seed[:1] != note.ED25519_TYPE:
            raise KeyUnusable(f"{self.private_path} does not hold an Ed25519 key")
        try:
            vkey = self._named(note.make_vkey(parts[0], public_key=ed25519.public_key_of(seed[1:])))
        except errors.Refused as error:
            raise KeyUnusable(f"{self.private_path} does not hold an Ed25519 key: {error}") from error
        if vkey.key_id.hex() != parts[1]:
            raise KeyUnusable(f"{self.private_path} is damaged: its id does not belong to it")
        return seed[1:]

    def _named(self, vkey: note.Vkey) -> note.Vkey:
        if vkey.name != self.origin:
            raise KeyUnusable(
                f"the key {self.name} is of {vkey.name}, not of {self.origin}: "
                "LOG_ORIGIN was changed, or the file belongs to another installation"
            )
        return vkey


def log_key(log: str) -> KeyFile:
    """The key of a log, named as the log is."""
    if log not in LOGS:
        raise ValueError(f"there is no log {log!r}")
    return KeyFile(log, Path(settings.KEYS_DIR), f"{settings.LOG_ORIGIN}/log/{log}")


def attestation_key() -> KeyFile:
    """The key that signs what the service says of models; made on first use."""
    key = KeyFile(ATTESTATION, Path(settings.KEYS_DIR), f"{settings.LOG_ORIGIN}/{ATTESTATION}")
    if not key.exists():
        key.create()
    return key


def create_keys() -> list[str]:
    """Make the keys that do not exist yet; return the names of the new ones."""
    keys = [log_key(log) for log in LOGS]
    attestation = KeyFile(ATTESTATION, Path(settings.KEYS_DIR), f"{settings.LOG_ORIGIN}/{ATTESTATION}")
    return [key.name for key in (*keys, attestation) if key.create()]


def write_trust_file() -> Path:
    """Write the public keys for auditors to pin, one a line; return the path."""
    path = Path(settings.PATHS.trust) / "modelcustody.vkeys"
    text = "".join(f"{key.vkey}\n" for key in (*map(log_key, LOGS), attestation_key()))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path, text, mode=0o644)
    beside.replace(path)
    _sync_folder(path.parent)
    return path


def _read(path: Path, *, is_secret: bool = False) -> str:
    """The text of a small file, its last newline cut off."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if is_secret and mode & 0o027:
                raise KeyUnusable(f"{path} is open to others (mode {mode:04o}); make it 0600")
            return file.read(_LARGEST_FILE).decode("ascii").removesuffix("\n")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(f"{path} cannot be read: {error}") from error


def _place(path: Path, text: str, *, mode: int) -> bool:
    """Put a whole file at a path where there is none; say whether it was put."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = _beside(path, text, mode=mode)
        try:
            path.hardlink_to(beside)
        except FileExistsError:
            return False
        finally:
            beside.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be written: {error}") from error
    return True


def _beside(path: Path, text: str, *, mode: int) -> Path:
    """A new file in the same folder, complete and on disk."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
    return beside


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
