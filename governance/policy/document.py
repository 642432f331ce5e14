"""The policy document: parse, validate strictly, name by digest. Pure."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from governance.fields import Fields, InvalidField
from governance.policy import origin, signature
from governance.policy.origin import OriginPolicy
from governance.policy.signature import SignaturePolicy

DEFAULT = Path(__file__).parent / "default.toml"
VERSION = 1
MAX_BYTES = 256 * 1024
MAX_DAYS = 3650
SECTIONS = ("evidence", "license", "approval", "signature", "origin", "admission")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_OBLIGATION = re.compile(r"[a-z0-9][a-z0-9.+-]{0,79}")
EVERY = "*"
DUE_DAYS = 30


class InvalidPolicy(InvalidField):
    """The policy document is not understood; nothing in it counts."""

    code = "invalid_policy"


class Format(StrEnum):
    """Weight formats that a policy may accept: those that cannot carry code."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"


class Verdict(StrEnum):
    """License verdicts that a policy may accept: those that permit the use."""

    ALLOWED = "allowed"
    ALLOWED_WITH_OBLIGATIONS = "allowed_with_obligations"


class RemoteCode(StrEnum):
    """Whether a model may bring code of its own."""

    FORBIDDEN = "forbidden"
    ALLOWED = "allowed"


class WorseVerdict(StrEnum):
    """What follows when the license verdict of something approved gets worse than the policy accepts."""

    ALERT = "alert"
    SUSPEND = "suspend"


class Mode(StrEnum):
    """Whether a deny stops the node."""

    ENFORCE = "enforce"
    WARN = "warn"


class Obligations(StrEnum):
    """Whether an approval waits for what the license asks for."""

    OPEN_ALLOWED = "open_allowed"
    REQUIRED = "required"


@dataclass(frozen=True)
class Policy:
    """What a version must show before a node may serve it."""

    name: str
    policy_digest: str
    verification_max_age_days: int
    smoke_required: bool
    smoke_max_age_days: int
    formats: frozenset[str]
    remote_code: RemoteCode
    accepted_verdicts: frozenset[str]
    on_worse_verdict: WorseVerdict
    approval_max_days: int
    # Obligations that are done before an approval, by id; `*` is every one.
    obligations_required: frozenset[str]
    obligations_due_days: int
    signature: SignaturePolicy
    origin: OriginPolicy
    mode: Mode
    ttl_minutes: int
    regions: Mapping[str, frozenset[str]]


def policy_digest(content: bytes) -> str:
    """Return the name of a document: the SHA-256 of its bytes, as `sha256sum` prints it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def load(path: Path = DEFAULT) -> Policy:
    """Read a policy from a file."""
    return parse(path.read_bytes())


def parse(content: bytes) -> Policy:
    """Return the policy that a document states, or raise `InvalidPolicy` with the path of the key."""
    document = Fields(_toml(content), problem=InvalidPolicy)
    if document.count("version") != VERSION:
        raise document.fail("version", f"must be {VERSION}")
    for section in SECTIONS:
        if not document.has(section):
            raise document.fail(section, "is required")
    environments = _environments(document.table("environments"))
    policy = Policy(
        name=document.text("name"),
        policy_digest=policy_digest(content),
        **_evidence(document.table("evidence")),
        **_license(document.table("license")),
        **_approval(document.table("approval")),
        signature=signature.parse(document.table("signature")),
        origin=origin.parse(
            document.table("origin"),
            environments={
                name: table.table("origin") for name, table in environments.items() if table.has("origin")
            },
        ),
        **_admission(document.table("admission")),
        regions=_regions(environments),
    )
    document.done()
    return policy


def _toml(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise InvalidPolicy("document", f"is larger than {MAX_BYTES} bytes")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as problem:
        raise InvalidPolicy("document", f"is not TOML: {problem}") from None


def _evidence(section: Fields) -> dict[str, Any]:
    values = {
        "verification_max_age_days": _bounded(section, "verification_max_age_days", MAX_DAYS),
        "smoke_required": section.flag("smoke_required"),
        "smoke_max_age_days": _bounded(section, "smoke_max_age_days", MAX_DAYS),
        "formats": _members(section, "formats", Format),
        "remote_code": section.choice("remote_code", RemoteCode),
    }
    section.done()
    return values


def _license(section: Fields) -> dict[str, Any]:
    """Policies from before `on_worse_verdict` existed do not have it: they mean the strict side."""
    values = {
        "accepted_verdicts": _members(section, "accepted", Verdict),
        "on_worse_verdict": section.choice_or_none("on_worse_verdict", WorseVerdict) or WorseVerdict.SUSPEND,
    }
    section.done()
    return values


def _admission(section: Fields) -> dict[str, Any]:
    values = {
        "mode": section.choice("mode", Mode),
        "ttl_minutes": _bounded(section, "ttl_minutes", 7 * 24 * 60),
    }
    section.done()
    return values


def _environments(environments: Fields) -> Mapping[str, Fields]:
    """Return the table of each environment that the policy narrows: its regions, its rules on origin, or both."""
    found = {}
    for name in environments.keys():  # noqa: SIM118 - not a mapping
        if not _NAME.fullmatch(name):
            raise environments.fail(name, f"must match {_NAME.pattern}")
        found[name] = environments.table(name)
    return found


def _regions(environments: Mapping[str, Fields]) -> Mapping[str, frozenset[str]]:
    """Return the regions of each environment that has any; an empty list admits none."""
    regions = {}
    for name, section in environments.items():
        named = section.texts_or_none("regions")
        if named is not None:
            regions[name] = frozenset(named)
        elif not section.has("origin"):
            raise section.fail("regions", "is required, or rules on origin")
        section.raw("origin")
        section.done()
    return MappingProxyType(regions)


def _approval(section: Fields) -> dict[str, Any]:
    """The keys on obligations came later: a policy without them asks for none before an approval."""
    mode = section.choice_or_none("obligations", Obligations) or Obligations.OPEN_ALLOWED
    due_days = (
        _bounded(section, "obligations_due_days", MAX_DAYS) if section.has("obligations_due_days") else None
    )
    values = {
        "approval_max_days": _bounded(section, "max_days", MAX_DAYS),
        "obligations_required": _required_first(section, mode),
        "obligations_due_days": due_days or DUE_DAYS,
    }
    section.done()
    return values


def _required_first(section: Fields, mode: Obligations) -> frozenset[str]:
    named = section.texts("require_done")
    if mode is Obligations.OPEN_ALLOWED:
        if named:
            raise section.fail("require_done", f'needs obligations = "{Obligations.REQUIRED}"')
        return frozenset()
    for name in named:
        if name != EVERY and not _OBLIGATION.fullmatch(name):
            raise section.fail("require_done", f"must be ids of obligations, or {EVERY!r}")
    if EVERY in named and len(named) > 1:
        raise section.fail("require_done", f"must be {EVERY!r} alone, or ids")
    return frozenset(named or {EVERY})


def _bounded(section: Fields, key: str, most: int) -> int:
    value = section.count(key)
    if not 1 <= value <= most:
        raise section.fail(key, f"must be between 1 and {most}")
    return value


def _members(section: Fields, key: str, kind: type[StrEnum]) -> frozenset[str]:
    values = section.texts_or_none(key)
    if not values:
        raise section.fail(key, "is required and must not be empty")
    for value in values:
        if value not in list(kind):
            raise section.fail(key, f"must be among {', '.join(kind)}")
    return frozenset(values)
