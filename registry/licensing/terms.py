"""What a license says, as data: conditions, obligations, scope, texts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Whether the organisation may use the model as described."""

    ALLOWED = "allowed"
    ALLOWED_WITH_OBLIGATIONS = "allowed_with_obligations"
    NEEDS_REVIEW = "needs_review"
    NEEDS_LICENCE = "needs_licence"
    PROHIBITED = "prohibited"

    @property
    def rank(self) -> int:
        """Position in the order of restriction; the highest of several verdicts wins.

        `needs_review` stands below the two certain refusals: a refusal that follows from known facts
        stays, whatever the missing facts turn out to be; it stands above both permissions, so that
        nothing unknown is ever permitted.
        """
        return _VERDICT_RANKS[self]

    @property
    def permits(self) -> bool:
        """Whether the use may go ahead."""
        return self in (Verdict.ALLOWED, Verdict.ALLOWED_WITH_OBLIGATIONS)


class State(StrEnum):
    """The three values of a condition."""

    MET = "met"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


class Relation(StrEnum):
    """How a model was made from another."""

    FINETUNE = "finetune"
    ADAPTER = "adapter"
    QUANTIZED = "quantized"
    MERGE = "merge"
    DISTILLATION = "distillation"
    SYNTHETIC_OUTPUTS = "synthetic_outputs"

    @property
    def is_learned(self) -> bool:
        """Whether the parent is a teacher: its behaviour was learned, its weights were not taken."""
        return self in (Relation.DISTILLATION, Relation.SYNTHETIC_OUTPUTS)


class Scope(StrEnum):
    """How far a license reaches into a derived model."""

    NOT_COVERED = "not_covered"
    OUTPUTS_ONLY = "outputs_only"
    COVERED = "covered"
    NEEDS_REVIEW = "needs_review"
    PROHIBITED = "prohibited"

    @property
    def rank(self) -> int:
        """Position in the order of restriction."""
        return _SCOPE_RANKS[self]


_VERDICT_RANKS = {verdict: place for place, verdict in enumerate(Verdict)}
_SCOPE_RANKS = {scope: place for place, scope in enumerate(Scope)}


class Verification(StrEnum):
    """Where a fact about a license comes from."""

    VERIFIED_TEXT = "verified_text"
    SECONDARY_SOURCE = "secondary_source"
    FROM_MEMORY_UNVERIFIED = "from_memory_unverified"


class Category(StrEnum):
    """The kind of license, from free to closed."""

    PERMISSIVE = "permissive"
    COPYLEFT = "copyleft"
    OPENRAIL = "openrail"
    COMMUNITY = "community"
    NON_COMMERCIAL = "non-commercial"
    RESEARCH_ONLY = "research-only"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """A rough order, used only to notice a card that claims more freedom than its ancestors leave."""
        return {"permissive": 0, "copyleft": 1, "openrail": 1, "community": 1}.get(self.value, 2)


class Trigger(StrEnum):
    """What makes an obligation due."""

    ANY_USE = "any_use"
    COMMERCIAL_USE = "commercial_use"
    DISTRIBUTE = "distribute"
    DISTRIBUTE_OR_HOST = "distribute_or_host"
    DISTRIBUTE_DERIVATIVE = "distribute_derivative"
    MAKE_DERIVATIVE_AVAILABLE = "make_derivative_available"
    PUBLIC_STATEMENT = "public_statement"


class EvidenceKind(StrEnum):
    """What shows that an obligation was met; `document` where a record does not say."""

    RELEASE_FILE = "release_file"  # a file in what is passed on, and its SHA-256
    SCREENSHOT = "screenshot"  # an address, the day, and a picture of what it showed
    URL = "url"  # an address, and the day on which it showed it
    STATEMENT = "statement"  # a person's word: a review, an attestation
    DOCUMENT = "document"  # a kept document: an extract, a receipt, a contract, a record
    PUBLISHED_NAME = "published_name"  # the name under which a model is published

    @property
    def accepted(self) -> frozenset["EvidenceKind"]:
        """The kinds that answer where this one is asked for: itself, and what shows more."""
        more = {
            EvidenceKind.URL: {EvidenceKind.SCREENSHOT},
            EvidenceKind.STATEMENT: {EvidenceKind.DOCUMENT},
        }
        return frozenset({self, *more.get(self, set())})


class Document(StrEnum):
    """Which text of a license a hash belongs to."""

    LICENSE = "license"
    USE_POLICY = "use_policy"


@dataclass(frozen=True)
class Condition:
    """Something that must hold for the grant to hold; `parameters` is the dataclass of its kind, `applies` a `Gate`."""

    kind: str
    clause: str
    effect: Verdict
    parameters: Any
    applies: Any
    on_outputs: bool
    curable: bool
    remedy: str | None
    verification: Verification


@dataclass(frozen=True)
class Obligation:
    """Something the organisation must do, and the evidence that it did."""

    id: str
    do: str
    evidence: str
    evidence_kind: EvidenceKind
    clause: str
    trigger: Trigger
    on_outputs: bool
    # The exact words that a NOTICE file must hold, and those of which one must be shown.
    notice: str | None
    display: tuple[str, ...]
    applies: Any
    # Due only where one of these thresholds is passed; without any, wherever the trigger is.
    above: tuple[Any, ...]


@dataclass(frozen=True)
class Text:
    """The hashes of one known text."""

    document: Document
    sha256_raw: str | None
    sha256_words_v1: str
    source: str


@dataclass(frozen=True)
class Segment:
    """A run of fixed words in a template; up to `gap` other words may stand before it."""

    gap: int
    words: int
    sha256: str


@dataclass(frozen=True)
class Template:
    """A text with blanks: perhaps a title, then segments in order, then nothing."""

    titles: tuple[str, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Repositories:
    """Hub repositories known to be under the license, and the models known to be fine-tuned in them.

    Without `since`, `before` and `commits` at every revision; with `commits` alone at those only.
    """

    pattern: str
    bases: tuple[str, ...]
    since: date | None = None
    before: date | None = None
    commits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hub:
    """How model cards name the license."""

    licenses: tuple[str, ...]
    license_names: tuple[str, ...]
    publishers: tuple[str, ...]
    excluded_repositories: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """What a signed agreement lifts: conditions, by kind, of another license, for some models, until a date."""

    of: str
    conditions: tuple[str, ...]
    models: tuple[str, ...]
    licensees: tuple[str, ...]
    reference: str
    effective_on: date | None
    expires_on: date | None


@dataclass(frozen=True)
class License:
    """One version of one license."""

    id: str
    name: str
    publisher: str
    spdx: str | None
    category: Category
    effective_on: date | None
    verification: Verification
    sources: tuple[str, ...]
    note: str | None
    hub: Hub
    texts: tuple[Text, ...]
    templates: tuple[Template, ...]
    repositories: tuple[Repositories, ...]
    scope: Mapping[Relation, Scope]
    student_exceptions: tuple[str, ...]
    conditions: tuple[Condition, ...]
    obligations: tuple[Obligation, ...]
    grants: tuple[Grant, ...]
