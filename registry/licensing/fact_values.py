"""Facts in plain words, as pages show them. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from registry.licensing import country_names, vocabulary
from registry.licensing.vocabulary import Fact, Kind


def amount(number: Any, fact: Fact) -> str:
    """A number with its unit."""
    return f"{number:,} US dollars" if fact.is_money else f"{number:,}"


def _months(_fact: Fact, value: Mapping[str, Any]) -> list[str]:
    return [f"{len(value)} months, {min(value)} to {max(value)}"] if len(value) > 1 else list(value)


_LINES: Mapping[Kind, Callable[[Fact, Any], list[str]]] = {
    Kind.FLAG: lambda _fact, value: ["Yes" if value else "No"],
    Kind.COUNTRY: lambda _fact, value: [f"{country_names.name_of(value)} ({value})"],
    Kind.COUNTRIES: lambda _fact, value: [country_names.in_words(value) or "None"],
    Kind.CHOICE: lambda fact, value: [fact.member(value)],
    Kind.AMOUNT: lambda fact, value: [amount(value, fact)],
    Kind.SCOPES: lambda fact, value: [
        f"{fact.member(name)}: {amount(number, fact)}" for name, number in value.items()
    ],
    Kind.MONTHS: _months,
}


def lines(fact: Fact, value: Any) -> list[str]:
    """A fact in lines; none where it is unknown."""
    if value is None:
        return []
    if fact.kind in _LINES:
        return _LINES[fact.kind](fact, value)
    if isinstance(value, list):
        return [str(one) for one in value] or ["None"]
    return [str(value)]


def words(path: str, value: Any) -> str:
    """A leaf of the facts by its path, such as `org.annual_revenue_usd.group` or `use.commercial`."""
    holder, _, rest = path.partition(".")
    facts = vocabulary.USE_FACTS if holder == "use" else vocabulary.ORG_FACTS
    fact = facts.get((rest if holder in ("org", "use") else path).split(".")[0])
    if value is None:
        return "unknown"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if fact is None else amount(value, fact)
    if fact is None:
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return ", ".join(lines(fact, value))


def use_lines(use: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A use, fact by fact; what is not stated says so."""
    return [
        (fact.label, ", ".join(lines(fact, use.get(name))) or "not stated")
        for name, fact in vocabulary.USE_FACTS.items()
    ]
