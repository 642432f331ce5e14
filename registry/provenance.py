"""Where versions come from: developer, licensors, governing laws, ancestors; from lineage and origin data; reads only."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from modelcustody_client import canonical

from governance.actions import policies
from governance.models import PolicyDocument
from governance.policy import origin_rules
from governance.policy.document import Policy
from governance.policy.origin import Attribute, OriginPolicy
from governance.policy.origin_rules import OriginFact, State
from registry import catalogs, evaluation
from registry.licensing import lineage, origin, origins, request
from registry.licensing.catalog import Catalog
from registry.licensing.lineage import Edge
from registry.models import ModelVersion

# So many facts of each attribute are shown; a count says how many more there are.
SHOWN = 200
SHOWN_REASONS = 20
# What a licence question says of the model alone; the day and the facts of the asker do not matter here.
ABOUT_THE_MODEL = frozenset({"model", "revision", "revision_date", "lineage"})
ANY_DAY = request.FIRST_DAY.isoformat()


@functools.cache
def data() -> origins.Origins:
    """The origin data that ship with this release; read once."""
    return origins.load()


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Every fact about one model's origin, and the lineage that it was found in."""

    model: str
    facts: tuple[OriginFact, ...]
    edges: tuple[Edge, ...]
    cycles: tuple[str, ...]

    def of(self, attribute: Attribute) -> list[OriginFact]:
        """The facts of one attribute."""
        return [fact for fact in self.facts if fact.attribute is attribute]


def of_version(version: ModelVersion, *, terms: Catalog | None = None) -> Provenance:
    """What is known of a version now; licensors are those for every licensee, wherever seated."""
    question, known = evaluation.background_of(version)
    return _found(question, known, terms=terms)


def of_question(question: Mapping[str, Any], *, terms: Catalog | None = None) -> tuple[OriginFact, ...]:
    """The facts that bear on the asker of a stored licence question; by default, by the catalogue in force."""
    known = {name: tuple(ids) for name, ids in question["known"].items()}
    place = origin.seat(question.get("org") or {})
    return origin.for_seat(_found(question, known, terms=terms).facts, place)


def _found(
    question: Mapping[str, Any], known: Mapping[str, tuple[str, ...]], *, terms: Catalog | None = None
) -> Provenance:
    """The lineage of a question, followed as an evaluation follows it, and the facts about every model in it."""
    bare = {name: value for name, value in question.items() if name in ABOUT_THE_MODEL}
    parsed = dataclasses.replace(request.parse_request({**bare, "evaluation_date": ANY_DAY}), known=known)
    terms = terms or catalogs.current()
    ancestry = lineage.trace(parsed, terms)
    subject = lineage.subject(parsed)
    facts = origin.find(ancestry, origin.own_licenses(parsed, ancestry, terms), data(), subject=subject)
    return Provenance(subject, facts, ancestry.edges, ancestry.cycles)


def as_declared(version: ModelVersion) -> tuple[Provenance, PolicyDocument | None]:
    """What is known of a version, with what the policy in force declares; without a policy, by the data alone."""
    found, rules = of_version(version), _in_force()
    if rules is None:
        return found, None
    facts = origin_rules.corrected(found.facts, rules[1].origin)
    return dataclasses.replace(found, facts=facts), rules[0]


@dataclasses.dataclass(frozen=True)
class Judged:
    """What the rules say of one attribute: nothing asked, passed, or refused with the reasons."""

    attribute: Attribute
    outcome: str
    reasons: tuple[str, ...]
    facts: tuple[OriginFact, ...]

    def to_json(self) -> dict[str, Any]:
        """The judgement as the REST interface spells it."""
        return {
            "attribute": self.attribute.value,
            "outcome": self.outcome,
            "reasons": list(self.reasons[:SHOWN_REASONS]),
            "more_reasons": max(0, len(self.reasons) - SHOWN_REASONS),
        }


@dataclasses.dataclass(frozen=True)
class Standing:
    """A version's origin, and what the policy in force makes of it."""

    provenance: Provenance
    policy: PolicyDocument | None
    seat: str | None
    judged: tuple[Judged, ...]


def standing_of(version: ModelVersion, *, org: Mapping[str, Any], environment: str = "") -> Standing:
    """Hold the rules in force against a version's origin, for a licensee with these facts."""
    rules, (found, row) = _in_force(), as_declared(version)
    place = origin.seat(org)
    bearing = origin.for_seat(found.facts, place)
    policy = rules[1].origin if rules else OriginPolicy()
    refused = origin_rules.refusals(bearing, policy, environment=environment)
    judged = []
    for attribute in Attribute:
        reasons = tuple(one.text for one in refused if one.attribute is attribute)
        asked = origin_rules.asks(policy, attribute, environment=environment)
        outcome = "refused" if reasons else "passes" if asked else "no_rule"
        judged.append(Judged(attribute, outcome, reasons, tuple(found.of(attribute))))
    return Standing(found, row, place, tuple(judged))


def _in_force() -> tuple[PolicyDocument, Policy] | None:
    try:
        return policies.in_force()
    except policies.NoPolicy:
        return None


def summary(facts: Sequence[OriginFact]) -> dict[str, Any]:
    """Countries only, for the log: of each attribute those known, and whether something is not known."""
    found: dict[str, Any] = {}
    for attribute in Attribute:
        of = [fact for fact in facts if fact.attribute is attribute]
        found[attribute.value] = {
            "countries": sorted({fact.country for fact in of if fact.country}),
            "unknown": any(fact.state is State.UNKNOWN for fact in of),
        }
    return {**found, "facts_digest": digest(facts), "origins_digest": data().origins_digest}


def digest(facts: Sequence[OriginFact]) -> str:
    """The name of exactly these facts."""
    listed = [{"attribute": fact.attribute.value, **fact_json(fact)} for fact in sorted(facts)]
    return canonical.digest(listed)


def fact_json(fact: OriginFact) -> dict[str, Any]:
    """One fact as documents and the REST interface spell it."""
    return {
        "model": fact.model,
        "state": fact.state.value,
        "country": fact.country or None,
        "name": fact.name or None,
        "license": fact.license or None,
        "verification": fact.verification or None,
        "source": fact.source or None,
        "seated_in": list(fact.seated_in),
        "not_seated_in": list(fact.not_seated_in),
    }


def to_json(found: Provenance) -> dict[str, Any]:
    """Everything about one model's origin, attribute by attribute."""
    document: dict[str, Any] = {"model": found.model, "origins_digest": data().origins_digest}
    for attribute in Attribute:
        facts = found.of(attribute)
        document[attribute.value] = [fact_json(fact) for fact in facts[:SHOWN]]
    document["lineage"] = [
        {"child": edge.child, "parent": edge.parent, "relation": edge.relation.value}
        for edge in found.edges[:SHOWN]
    ]
    cut = {name: max(0, count - SHOWN) for name, count in _counts(found).items()}
    return {**document, "cycles": list(found.cycles), "left_out": {k: v for k, v in cut.items() if v}}


def _counts(found: Provenance) -> dict[str, int]:
    counts = {attribute.value: len(found.of(attribute)) for attribute in Attribute}
    return {**counts, "lineage": len(found.edges)}
