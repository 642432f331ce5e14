"""Reads how a source is written: `hf://org/name`, `folder:///path`, `s3://bucket/prefix`, ..."""

import dataclasses
import re
from collections.abc import Callable, Mapping

from registry.sources import file, ollama, places, s3
from registry.sources.addresses import AddressRefused, require_configured
from registry.sources.base import COMMIT, InvalidSource

PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
# With `.git` at its end it is an address, which a licence question takes for no name.
NAME = re.compile(rf"({PART})/({PART})(?<!\.git)", re.ASCII | re.IGNORECASE)
# What git accepts in a branch or tag, and nothing that could leave a path or a URL.
REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]{0,198}[A-Za-z0-9_-])?")
# Kind -> how it is written, and what it is.
FORMS: Mapping[str, tuple[str, str]] = {
    "hub": ("hf://org/name", "a repository on the Hugging Face Hub or its mirror"),
    "folder": ("folder:///absolute/path", "a folder that the service can read; it is used where it lies"),
    "s3": ("s3://bucket/prefix", "everything below a prefix of S3-compatible storage"),
    "http": ("https://host/path/SHA256SUMS", "a checksum file on a web server, and the files that it lists"),
    "ollama": (
        "ollama:///path/to/models",
        "the folder of an Ollama model store; the model is named as the revision",
    ),
    "file": ("file:///absolute/model.gguf", "one GGUF file, or the first part of a split one"),
}
ADDRESSES = ", ".join(form for form, _ in FORMS.values())
HOW = f"Write {'; '.join(f'{form} for {what}' for form, what in FORMS.values())}."
HELP = f"Where the model comes from. {HOW}"


@dataclasses.dataclass(frozen=True, slots=True)
class SourceAddress:
    """What is to be registered, and under which name."""

    kind: str  # one of FORMS
    location: str
    publisher: str
    name: str
    revision: str


def parse(source: str, *, revision: str | None, name: str | None, allowed: places.Places) -> SourceAddress:
    """The address that a person or a pipeline wrote; refuses with the field and how to mend it.

    `allowed`: which folders and hosts may be used.
    """
    scheme, separator, rest = source.partition("://")
    reader = READERS.get(scheme)
    if not separator or reader is None:
        raise InvalidSource(
            f"{source[:200]!r} is no source that is known. Write {ADDRESSES}.", field="source"
        )
    return reader(rest if scheme not in {"http", "https"} else source, revision, name, allowed)


def prefix(kind: str) -> str:
    """How an address of a kind begins."""
    return FORMS[kind][0].partition("://")[0] + "://"


def _hub(rest: str, revision: str | None, name: str | None, _: places.Places) -> SourceAddress:
    match = NAME.fullmatch(rest)
    if match is None or ".." in rest or "--" in rest:
        raise InvalidSource(
            f"hf://{rest[:200]} names no Hub repository. Write hf://org/name.", field="source"
        )
    if name is not None and name != rest:
        raise InvalidSource(f"A Hub repository keeps its own name, {rest}; leave `name` out.", field="name")
    wanted = revision or "main"
    if not REVISION.fullmatch(wanted) or ".." in wanted:
        raise InvalidSource(f"{wanted[:200]!r} is no branch, tag or 40-digit commit.", field="revision")
    if re.fullmatch(r"[0-9a-fA-F]{40}", wanted):
        wanted = wanted.lower()
    publisher, model = match.groups()
    return SourceAddress("hub", location=rest, publisher=publisher, name=model, revision=wanted)


def _folder(rest: str, revision: str | None, name: str | None, allowed: places.Places) -> SourceAddress:
    publisher, model = _named("A folder", revision, name)
    return SourceAddress("folder", str(places.locate(rest, allowed)), publisher, model, revision="")


def _file(rest: str, revision: str | None, name: str | None, allowed: places.Places) -> SourceAddress:
    publisher, model = _named("A file", revision, name)
    first = next(iter(file.parts(rest, allowed).values()))
    return SourceAddress("file", str(first), publisher, model, revision="")


def _s3(rest: str, revision: str | None, name: str | None, allowed: places.Places) -> SourceAddress:
    location = "/".join(part for part in s3.split_location(rest) if part)
    publisher, model = _named("A bucket", revision, name)
    allowed.storage.check(allowed.hosts)
    return SourceAddress("s3", location, publisher, model, revision="")


def _http(address: str, revision: str | None, name: str | None, allowed: places.Places) -> SourceAddress:
    publisher, model = _named("A checksum file", revision, name)
    if "?" in address or "#" in address or address.endswith("/") or address.count("/") < 3:
        raise InvalidSource(
            f"{address.partition('?')[0][:200]} names no checksum file. Write its plain address, without `?` or `#`: "
            f"{FORMS['http'][0]}.",
            field="source",
        )
    try:
        require_configured(address, allowed.hosts)
    except AddressRefused as refusal:
        raise AddressRefused(refusal.detail, field="source") from None
    return SourceAddress("http", address, publisher, model, revision="")


def _ollama(rest: str, revision: str | None, name: str | None, allowed: places.Places) -> SourceAddress:
    if not revision:
        raise InvalidSource(
            "Name the model of the store in `revision`, as `ollama list` shows it: llama3.2:1b.",
            field="revision",
        )
    model = ollama.parse_name(revision)
    publisher, own = _parts(name or f"{model.namespace}/{model.model}", "An Ollama model")
    location = places.locate(rest, allowed, scheme="ollama")
    return SourceAddress("ollama", str(location), publisher, own, revision=revision)


Reader = Callable[[str, str | None, str | None, places.Places], SourceAddress]
READERS: Mapping[str, Reader] = {
    "hf": _hub,
    "folder": _folder,
    "s3": _s3,
    "http": _http,
    "https": _http,
    "ollama": _ollama,
    "file": _file,
}


def _named(what: str, revision: str | None, name: str | None) -> tuple[str, str]:
    """Publisher and model of what has no name of its own, and no revisions."""
    if revision:
        raise InvalidSource(f"{what} has no revisions; leave `revision` out.", field="revision")
    return _parts(name or "", what)


def _parts(name: str, what: str) -> tuple[str, str]:
    match = NAME.fullmatch(name)
    if match is None:
        shown = f"{name[:200]!r} is none. " if name else ""
        raise InvalidSource(f"{what} needs a name of the form publisher/model. {shown}".strip(), field="name")
    return match[1], match[2]


def is_commit(revision: str) -> bool:
    """Whether the revision is a full commit, which can never move."""
    return COMMIT.fullmatch(revision) is not None
