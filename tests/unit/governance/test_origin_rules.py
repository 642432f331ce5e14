"""Rules on origin: what passes each of them, and that a rule more never permits more."""

import dataclasses
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import origin_rules
from governance.policy.origin import (
    Attribute,
    DeclaredDeveloper,
    DeclaredLicense,
    OriginPolicy,
    OriginRule,
    Stance,
)
from governance.policy.origin_rules import OriginFact, State

VERIFIED, MEMORY = "verified_text", "from_memory_unverified"


def fact(attribute: Attribute, country: str = "", **fields: Any) -> OriginFact:
    fields.setdefault("state", State.KNOWN if country else State.UNKNOWN)
    fields.setdefault("model", "acme/tuned")
    fields.setdefault("verification", VERIFIED)
    return OriginFact(attribute, country=country, **fields)


# A French fine-tune of a Chinese model that is under a license of a Chinese company and the law of Singapore.
FACTS = (
    fact(Attribute.DEVELOPER, "FR", name="Acme", source="its imprint"),
    fact(Attribute.ANCESTORS, "CN", model="base/one", name="Base"),
    fact(Attribute.LICENSOR, "CN", model="base/one", name="Base Ltd.", license="base-1.0"),
    fact(Attribute.GOVERNING_LAW, "SG", model="base/one", name="Singapore", license="base-1.0"),
)


def policy(attribute: Attribute, **rule: Any) -> OriginPolicy:
    for key in ("denied", "allowed"):
        if key in rule:
            rule[key] = frozenset(rule[key].split())
    return OriginPolicy(rules=MappingProxyType({attribute: OriginRule(**rule)}))


def texts(facts: Any, rules: OriginPolicy, environment: str = "") -> list[str]:
    return [one.text for one in origin_rules.refusals(facts, rules, environment=environment)]


@pytest.mark.parametrize(
    ("attribute", "rule", "refused"),
    [
        (Attribute.DEVELOPER, {"denied": "CN"}, False),
        (Attribute.DEVELOPER, {"denied": "FR"}, True),
        (Attribute.DEVELOPER, {"denied": "EU"}, True),
        (Attribute.DEVELOPER, {"allowed": "EU"}, False),
        (Attribute.DEVELOPER, {"allowed": "EU", "denied": "FR"}, True),
        (Attribute.DEVELOPER, {"allowed": "US"}, True),
        (Attribute.DEVELOPER, {"allowed": ""}, True),
        (Attribute.ANCESTORS, {"denied": "FR"}, False),
        (Attribute.ANCESTORS, {"denied": "CN"}, True),
        (Attribute.LICENSOR, {"allowed": "FR"}, True),
        (Attribute.LICENSOR, {"allowed": "CN"}, False),
        (Attribute.GOVERNING_LAW, {"denied": "CN"}, False),
        (Attribute.GOVERNING_LAW, {"denied": "SG"}, True),
    ],
)
def test_lists_judge_one_attribute_each(attribute: Attribute, rule: dict[str, Any], refused: bool) -> None:
    assert bool(texts(FACTS, policy(attribute, **rule))) is refused


@pytest.mark.parametrize(
    ("value", "rule", "refused"),
    [
        (fact(Attribute.DEVELOPER), {"denied": "CN"}, True),
        (fact(Attribute.DEVELOPER), {"denied": "CN", "unknown": Stance.ACCEPT}, False),
        (fact(Attribute.DEVELOPER, name="Acme"), {"allowed": "FR"}, True),
        (fact(Attribute.DEVELOPER, "FR", verification=MEMORY), {"allowed": "FR"}, False),
        (fact(Attribute.DEVELOPER, "FR", verification=MEMORY), {"allowed": "FR", "unverified": Stance.DENY}, True),
        (fact(Attribute.DEVELOPER, "FR", verification="secondary_source"), {"unverified": Stance.DENY}, False),
        (fact(Attribute.DEVELOPER, "FR"), {"denied": "CN", "unverified": Stance.DENY}, False),
    ],
)  # fmt: skip
def test_unknown_never_passes_and_unverified_may_be_refused(
    value: OriginFact, rule: dict[str, Any], refused: bool
) -> None:
    assert bool(texts([value], policy(Attribute.DEVELOPER, **rule))) is refused


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({"denied": "CN"}, False),
        ({"denied": "CN", "none_stated": Stance.DENY}, True),
        ({"denied": "CN", "unverified": Stance.DENY}, True),
    ],
)
def test_no_law_stated(rule: dict[str, Any], refused: bool) -> None:
    none = fact(Attribute.GOVERNING_LAW, state=State.NONE_STATED, verification=MEMORY, license="openrail++-m")

    assert bool(texts([none], policy(Attribute.GOVERNING_LAW, **rule))) is refused


def test_denied_countries_cover_developers_and_licensors_of_the_whole_lineage_but_no_law() -> None:
    denied = {code: OriginPolicy(denied_countries=frozenset({code})) for code in ("FR", "CN", "SG")}

    assert len(texts(FACTS, denied["FR"])) == 1
    assert len(texts(FACTS, denied["CN"])) == 2
    assert texts(FACTS, denied["SG"]) == []
    assert texts((*FACTS, fact(Attribute.LICENSOR, license="mit")), denied["SG"]) == [
        "The licensor of acme/tuned under mit is not known; the policy accepts nothing unknown here."
    ]


@pytest.mark.parametrize("attribute", list(Attribute))
def test_nothing_found_out_is_refused(attribute: Attribute) -> None:
    rules = policy(attribute, denied="CN")

    assert len(texts(None, rules)) == 1
    assert len(texts((), rules)) == (attribute is not Attribute.ANCESTORS)
    assert texts(None, OriginPolicy()) == []


def test_a_reason_names_value_model_rule_and_source() -> None:
    assert texts(FACTS, policy(Attribute.DEVELOPER, allowed="DE US")) == [
        "The developer of acme/tuned is Acme (FR); the policy allows only DE, US. Source: its imprint."
    ]
    assert texts(FACTS, policy(Attribute.LICENSOR, denied="CN")) == [
        "The licensor of base/one under base-1.0 is Base Ltd. (CN); the policy denies CN."
    ]


def test_the_environment_narrows_and_never_widens() -> None:
    place = policy(Attribute.DEVELOPER, denied="FR")
    wide = OriginPolicy(environments=MappingProxyType({"production": place}))
    lenient = dataclasses.replace(
        policy(Attribute.DEVELOPER, denied="FR"),
        environments=MappingProxyType({"production": policy(Attribute.DEVELOPER, allowed="FR")}),
    )

    assert texts(FACTS, wide) == texts(FACTS, wide, "staging") == []
    assert len(texts(FACTS, wide, "production")) == 1
    assert len(texts(FACTS, lenient, "production")) == 1
    assert origin_rules.asks(wide, Attribute.DEVELOPER, environment="production")
    assert not origin_rules.asks(wide, Attribute.DEVELOPER)


DECLARED = DeclaredDeveloper("acme", "DE", "register", "ACME GmbH", "ACME Licensing Ltd.", "IE")


def test_what_the_organisation_declares_of_a_publisher_replaces_the_data() -> None:
    facts = (
        fact(Attribute.DEVELOPER, model="Acme/tuned"),
        fact(Attribute.ANCESTORS, model="acme/base"),
        fact(Attribute.LICENSOR, model="acme/tuned", license="mit", by_author=True),
        fact(Attribute.LICENSOR, "CN", model="acme/tuned", license="qwen-2024"),
        fact(Attribute.GOVERNING_LAW, "CN", model="acme/tuned", license="qwen-2024"),
        fact(Attribute.ANCESTORS, "US", model="acmes/base"),
    )
    rules = OriginPolicy(developers=MappingProxyType({"acme": DECLARED}))

    found = origin_rules.corrected(facts, rules)

    assert [(one.attribute.value, one.model, one.country, one.name) for one in found] == [
        ("ancestors", "acme/base", "DE", "ACME GmbH"),
        ("ancestors", "acmes/base", "US", ""),
        ("developer", "Acme/tuned", "DE", "ACME GmbH"),
        ("governing_law", "acme/tuned", "CN", ""),
        ("licensor", "acme/tuned", "CN", ""),
        ("licensor", "acme/tuned", "IE", "ACME Licensing Ltd."),
    ]


def test_what_is_declared_is_judged_and_its_words_are_not_told() -> None:
    rules = dataclasses.replace(
        policy(Attribute.DEVELOPER, denied="DE", unverified=Stance.DENY),
        developers=MappingProxyType({"acme": DECLARED}),
    )

    assert texts([fact(Attribute.DEVELOPER, "FR")], rules) == [
        "The developer of acme/tuned is of DE; the policy denies DE. Source: declared in the policy."
    ]


def test_what_the_organisation_declares_of_a_license() -> None:
    signed = DeclaredLicense("signed", "Base SAS", "FR", "agreement", None)
    rules = OriginPolicy(licenses=MappingProxyType({"signed": signed}))
    facts = (
        fact(Attribute.LICENSOR, license="signed", seated_in=("EEA",)),
        fact(Attribute.GOVERNING_LAW, license="signed"),
        fact(Attribute.LICENSOR, license="other"),
    )

    found = origin_rules.corrected(facts, rules)

    assert [(one.attribute.value, one.license, one.state.value, one.country) for one in found] == [
        ("governing_law", "signed", "none_stated", ""),
        ("licensor", "signed", "known", "FR"),
        ("licensor", "other", "unknown", ""),
    ]
    assert found[1].seated_in == ()


CODES = st.sampled_from(["CN", "FR", "US", "DE"])
LISTS = st.frozensets(CODES)
STANCES = st.sampled_from(list(Stance))
RULES = st.builds(
    OriginRule,
    denied=LISTS,
    allowed=st.none() | LISTS,
    unknown=STANCES,
    unverified=STANCES,
    none_stated=STANCES,
)
TABLES = st.dictionaries(st.sampled_from(list(Attribute)), RULES).map(MappingProxyType)
POLICIES = st.builds(OriginPolicy, denied_countries=LISTS, rules=TABLES)
ANY_FACTS = st.lists(
    st.builds(
        OriginFact,
        attribute=st.sampled_from(list(Attribute)),
        model=st.sampled_from(["acme/a", "acme/b", "c"]),
        state=st.sampled_from(list(State)),
        country=CODES | st.just(""),
        license=st.sampled_from(["", "mit"]),
        verification=st.sampled_from(["", VERIFIED, MEMORY]),
        by_author=st.booleans(),
    ),
    max_size=8,
)


def is_refused(facts: Any, rules: OriginPolicy) -> bool:
    return bool(origin_rules.refusals(facts, rules, environment="here"))


@given(ANY_FACTS, POLICIES, POLICIES)
def test_a_rule_more_never_turns_deny_into_allow(
    facts: list[OriginFact], rules: OriginPolicy, more: OriginPolicy
) -> None:
    added = dataclasses.replace(rules, rules=MappingProxyType({**more.rules, **rules.rules}))
    denied = dataclasses.replace(rules, denied_countries=rules.denied_countries | more.denied_countries)
    narrowed = dataclasses.replace(rules, environments=MappingProxyType({"here": more}))

    if is_refused(facts, rules):
        assert is_refused(facts, added)
        assert is_refused(facts, denied)
        assert is_refused(facts, narrowed)


@given(ANY_FACTS, st.sampled_from(list(Attribute)), RULES, LISTS, LISTS)
def test_a_stricter_rule_never_turns_deny_into_allow(
    facts: list[OriginFact], attribute: Attribute, rule: OriginRule, denied: Any, allowed: Any
) -> None:
    stricter = OriginRule(
        denied=rule.denied | denied,
        allowed=allowed if rule.allowed is None else rule.allowed & allowed,
        unknown=Stance.DENY,
        unverified=Stance.DENY,
        none_stated=Stance.DENY,
    )

    if is_refused(facts, OriginPolicy(rules=MappingProxyType({attribute: rule}))):
        assert is_refused(facts, OriginPolicy(rules=MappingProxyType({attribute: stricter})))


@given(ANY_FACTS, ANY_FACTS, POLICIES)
def test_an_ancestor_more_never_turns_deny_into_allow(
    facts: list[OriginFact], more: list[OriginFact], rules: OriginPolicy
) -> None:
    """Except where nothing at all was known of an attribute before."""
    if is_refused(facts, rules) and {one.attribute for one in facts} >= set(Attribute) - {
        Attribute.ANCESTORS
    }:
        assert is_refused([*facts, *more], rules)


@given(st.permutations(FACTS), POLICIES)
def test_order_does_not_matter(facts: list[OriginFact], rules: OriginPolicy) -> None:
    assert texts(facts, rules) == texts(FACTS, rules)
