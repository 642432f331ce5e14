"""Three-valued logic that remembers which facts are missing. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Truth:
    """True, False or unknown; an unknown names the facts that would decide it."""

    value: bool | None
    missing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, value: bool | None, fact: str) -> "Truth":  # noqa: FBT001 - a truth value is what it is about
        """Return the truth of a fact that may be unknown."""
        return cls(value, frozenset() if value is not None else frozenset({fact}))


YES = Truth(value=True)
NO = Truth(value=False)


def both(*terms: Truth) -> Truth:
    """Every term holds; one that does not hold decides, whatever is unknown."""
    if any(term.value is False for term in terms):
        return NO
    return _open(terms) or YES


def either(*terms: Truth) -> Truth:
    """At least one term holds; one that holds decides, whatever is unknown."""
    if any(term.value is True for term in terms):
        return YES
    return _open(terms) or NO


def negate(term: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return Truth(None if term.value is None else not term.value, term.missing)


def _open(terms: tuple[Truth, ...]) -> Truth | None:
    unknown = [term for term in terms if term.value is None]
    return Truth(None, frozenset().union(*(term.missing for term in unknown))) if unknown else None
