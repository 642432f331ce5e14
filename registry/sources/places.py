"""Which places on this machine, and which hosts, a source may name."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from registry.sources.base import InvalidSource, SourceNotFound
from registry.sources.s3 import S3Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Places:
    """What an operator allows: `folders` (none means any), never `private` ones; `hosts` by name; one `storage`."""

    folders: Sequence[Path] = ()
    private: Sequence[Path] = ()
    hosts: Sequence[str] = ()
    storage: S3Settings = dataclasses.field(default_factory=S3Settings)


def locate(text: str, places: Places, *, scheme: str = "folder") -> Path:
    """The real place of a folder that exists and may be used; it may neither lie in a private folder nor hold one."""
    real = _real(text, scheme)
    if real is None or not real.is_dir():
        raise SourceNotFound(
            f"There is no folder {text} on the machine of the service, or it may not be read.", field="source"
        )
    _require_allowed(text, real, places)
    return real


def locate_file(text: str, places: Places) -> Path:
    """The real place of a file that exists and may be used."""
    real = _real(text, "file")
    if real is None or not real.is_file():
        raise SourceNotFound(
            f"There is no file {text} on the machine of the service, or it may not be read.", field="source"
        )
    _require_allowed(text, real, places)
    return real


def _real(text: str, scheme: str) -> Path | None:
    path = Path(text)
    if not path.is_absolute() or "\x00" in text:
        raise InvalidSource(
            f"{scheme}://{text[:200]} names no absolute path. Write it with three slashes: {scheme}:///srv/models/name.",
            field="source",
        )
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _require_allowed(text: str, real: Path, places: Places) -> None:
    if places.folders and not any(real.is_relative_to(place.resolve()) for place in places.folders):
        named = ", ".join(str(place) for place in places.folders)
        raise SourceNotFound(
            f"{text} is outside the folders that may be used ({named}); an operator can add it to SOURCE_FOLDERS.",
            field="source",
        )
    secret = [place.resolve() for place in places.private]
    if any(real.is_relative_to(place) or place.is_relative_to(real) for place in secret):
        raise SourceNotFound(f"{text} is where the service keeps keys of its own.", field="source")
