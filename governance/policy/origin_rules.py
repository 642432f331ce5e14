"""Do the facts about a model's origin pass the rules of a policy: every reason why not. Pure."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from governance import countries
from governance.policy.origin import Attribute, DeclaredLicense, OriginPolicy, OriginRule, Stance

FROM_MEMORY = "from_memory_unverified"
DECLARED = "declared"
# What the older key covers: whoever made or licenses anything in the lineage.
_COUNTRY_KEY = (Attribute.DEVELOPER, Attribute.ANCESTORS, Attribute.LICENSOR)


class State(StrEnum):
    """Whether a value is known; `none_stated`: the license is known to choose no law."""

    KNOWN = "known"
    NONE_STATED = "none_stated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, order=True)
class OriginFact:
    """One value of one attribute, with the model that it is about and where it comes from.

    `license` is the license that says so; with `by_author` it only says that whoever published the work grants it.
    `seated_in` and `not_seated_in` limit a licensor to licensees of some regions.
    """

    attribute: Attribute
    model: str
    state: State
    country: str = ""
    name: str = ""
    license: str = ""
    verification: str = ""
    source: str = ""
    by_author: bool = False
    seated_in: tuple[str, ...] = ()
    not_seated_in: tuple[str, ...] = ()

    @property
    def publisher(self) -> str:
        """The organisation's name in front of the model's."""
        publisher, slash, _ = self.model.partition("/")
        return publisher.casefold() if slash else ""

    def holds_for(self, seat: str | None) -> bool:
        """Whether it is about a licensee seated there; where the seat is not known, it may be."""
        if seat is None:
            return True
        if self.seated_in and not countries.lies_in(seat, self.seated_in):
            return False
        return not (self.not_seated_in and countries.lies_in(seat, self.not_seated_in))


@dataclass(frozen=True)
class Refusal:
    """A rule that a fact does not pass; without a fact, nothing is known at all."""

    attribute: Attribute
    fact: OriginFact | None
    text: str


def corrected(facts: Iterable[OriginFact], policy: OriginPolicy) -> tuple[OriginFact, ...]:
    """Return the facts with what the organisation declares in place of what the project's data say."""
    return tuple(sorted({one for fact in facts for one in _corrected(fact, policy)}))


def refusals(
    facts: Sequence[OriginFact] | None, policy: OriginPolicy, *, environment: str = ""
) -> list[Refusal]:
    """Return every rule that does not pass: those for all environments, and those that this one adds."""
    found: dict[Refusal, None] = {}
    known = None if facts is None else corrected(facts, policy)
    for rules in filter(None, (policy, policy.environments.get(environment))):
        for attribute, rule in _rules(rules):
            found |= dict.fromkeys(_refused(known, attribute, rule))
    return list(found)


def asks(policy: OriginPolicy, attribute: Attribute, *, environment: str = "") -> bool:
    """Whether any rule looks at this attribute there."""
    every = filter(None, (policy, policy.environments.get(environment)))
    return any(attribute == asked for rules in every for asked, _ in _rules(rules))


def _rules(policy: OriginPolicy) -> Iterator[tuple[Attribute, OriginRule]]:
    if policy.denied_countries:
        for attribute in _COUNTRY_KEY:
            yield attribute, OriginRule(denied=policy.denied_countries)
    yield from policy.rules.items()


def _refused(facts: Sequence[OriginFact] | None, attribute: Attribute, rule: OriginRule) -> Iterator[Refusal]:
    about = [fact for fact in facts or () if fact.attribute is attribute]
    if facts is None or not (about or attribute is Attribute.ANCESTORS):
        yield Refusal(attribute, None, f"The origin of the model is not known ({_WORDS[attribute]}).")
    for fact in about:
        if why := _why_not(fact, rule):
            yield Refusal(attribute, fact, f"{_sentence(fact)}; {why}.{_source(fact)}")


def _why_not(fact: OriginFact, rule: OriginRule) -> str | None:
    """Return what the rule has against a value; nothing when it passes."""
    if fact.state is State.NONE_STATED:
        if rule.none_stated is Stance.DENY:
            return "the policy wants one stated"
    elif fact.state is not State.KNOWN or not fact.country:
        return "the policy accepts nothing unknown here" if rule.unknown is Stance.DENY else None
    elif countries.lies_in(fact.country, rule.denied):
        return f"the policy denies {fact.country}"
    elif rule.allowed is not None and not countries.lies_in(fact.country, rule.allowed):
        return f"the policy allows only {', '.join(sorted(rule.allowed)) or 'none'}"
    if fact.verification == FROM_MEMORY and rule.unverified is Stance.DENY:
        return "the policy accepts nothing unverified here"
    return None


_WORDS = {
    Attribute.DEVELOPER: "the developer",
    Attribute.ANCESTORS: "the developers of the ancestors",
    Attribute.LICENSOR: "the licensors",
    Attribute.GOVERNING_LAW: "the governing law",
}
_SUBJECTS = {
    Attribute.DEVELOPER: "The developer of {model}",
    Attribute.ANCESTORS: "The developer of the ancestor {model}",
    Attribute.LICENSOR: "The licensor of {model} under {license}",
    Attribute.GOVERNING_LAW: "The law that {license} chooses for {model}",
}


def _sentence(fact: OriginFact) -> str:
    subject = _SUBJECTS[fact.attribute].format(model=fact.model, license=fact.license or "its license")
    if fact.state is State.NONE_STATED:
        return f"{subject} is not stated"
    # What the organisation declares is its own: the policy has it, and a reason may be published.
    name = "" if fact.verification == DECLARED else fact.name
    if fact.state is State.UNKNOWN or not fact.country:
        return f"{subject} is {name}, the country is not known" if name else f"{subject} is not known"
    return f"{subject} is {name} ({fact.country})" if name else f"{subject} is of {fact.country}"


def _source(fact: OriginFact) -> str:
    if fact.verification == DECLARED:
        return " Source: declared in the policy."
    if not fact.source:
        return ""
    doubt = ", unverified" if fact.verification == FROM_MEMORY else ""
    return f" Source: {fact.source}{doubt}."


def _corrected(fact: OriginFact, policy: OriginPolicy) -> Iterator[OriginFact]:
    if declared := policy.licenses.get(fact.license):
        yield _of_license(fact, declared)
    elif (developer := policy.developers.get(fact.publisher)) and _is_about_author(fact):
        is_licensor = fact.attribute is Attribute.LICENSOR
        yield dataclasses.replace(
            fact,
            state=State.KNOWN,
            country=developer.licensor_country if is_licensor else developer.country,
            name=developer.licensor if is_licensor else developer.name,
            verification=DECLARED,
            source=developer.source,
        )
    else:
        yield fact


def _is_about_author(fact: OriginFact) -> bool:
    return fact.attribute in (Attribute.DEVELOPER, Attribute.ANCESTORS) or fact.by_author


def _of_license(fact: OriginFact, declared: DeclaredLicense) -> OriginFact:
    is_law = fact.attribute is Attribute.GOVERNING_LAW
    country = declared.law_country if is_law else declared.licensor_country
    return dataclasses.replace(
        fact,
        state=State.KNOWN if country else State.NONE_STATED,
        country=country or "",
        name="" if is_law else declared.licensor,
        verification=DECLARED,
        source=declared.source,
        by_author=False,
        seated_in=(),
        not_seated_in=(),
    )
