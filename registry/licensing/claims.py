"""Names, patterns and texts that a record claims although they belong to another. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from registry.licensing.names import folded
from registry.licensing.terms import License


@dataclass(frozen=True)
class Claim:
    """One thing that two records say is theirs."""

    field: str
    value: str
    owner: str
    # A text stands for one license; that cannot be shared.
    is_text: bool


def claims(found: License, others: Iterable[License]) -> tuple[Claim, ...]:
    """Everything in a record that one of the other records holds already; records of the same id are no others."""
    return tuple(
        claim
        for other in sorted(others, key=lambda one: one.id)
        if other.id != found.id
        for claim in (*_names(found, other), *_patterns(found, other), *_texts(found, other))
    )


def _names(found: License, other: License) -> Iterator[Claim]:
    mine, theirs = folded(found.hub.publishers), folded(other.hub.publishers)
    if mine and theirs and not mine & theirs:  # the same name of two publishers is two licenses
        return
    for field in ("licenses", "license_names"):
        held = folded(getattr(other.hub, field)) - {"other"}
        for name in getattr(found.hub, field):
            if name.casefold() in held:
                yield Claim(f"hub.{field}", name, other.id, is_text=False)


def _patterns(found: License, other: License) -> Iterator[Claim]:
    for place, mine in enumerate(found.repositories):
        for theirs in other.repositories:
            if _overlap(mine.pattern.casefold(), theirs.pattern.casefold()):
                yield Claim(f"repositories[{place}].pattern", mine.pattern, other.id, is_text=False)
                break


def _overlap(one: str, other: str) -> bool:
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def _texts(found: License, other: License) -> Iterator[Claim]:
    held = {text.sha256_words_v1 for text in other.texts} | {text.sha256_raw for text in other.texts} - {None}
    for place, text in enumerate(found.texts):
        for digest in (text.sha256_words_v1, text.sha256_raw):
            if digest is not None and digest in held:
                yield Claim(f"texts[{place}]", digest, other.id, is_text=True)
                break
    templates = {template.segments for template in other.templates}
    for place, template in enumerate(found.templates):
        if template.segments in templates:
            yield Claim(f"templates[{place}]", f"{len(template.segments)} segments", other.id, is_text=True)
