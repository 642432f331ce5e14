"""The vocabulary in plain words: nothing is forgotten, and a use reads like a sentence."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import asked, catalog, countries, country_names, fact_values, use_words, vocabulary
from registry.licensing.facts import OrgFacts, UseFacts
from registry.licensing.vocabulary import Kind


@pytest.mark.parametrize("holder", [OrgFacts, UseFacts])
def test_every_fact_has_a_label_and_a_way_to_be_asked(holder: type) -> None:
    known = vocabulary.ORG_FACTS if holder is OrgFacts else vocabulary.USE_FACTS

    assert list(known) == [one.name for one in dataclasses.fields(holder)]
    for fact in known.values():
        assert fact.label
        assert fact.help, f"{fact.name} has no words yet"
        assert fact.kind is not Kind.OTHER, f"{fact.name} has no field of its own"
    if holder is OrgFacts:
        assert {fact.name for _, facts in vocabulary.groups() for fact in facts} == set(known)


def test_a_fact_that_nobody_wrote_words_for_is_there_all_the_same() -> None:
    @dataclasses.dataclass(frozen=True)
    class New:
        """Facts of tomorrow."""

        number_of_offices: int | None = None
        is_listed: bool | None = None
        revenue_by_year: Mapping[str, int] = dataclasses.field(default_factory=dict)

    facts = {fact.name: (fact.label, fact.kind) for fact in vocabulary._facts(New, {})}

    assert facts == {
        "number_of_offices": ("Number of offices", Kind.AMOUNT),
        "is_listed": ("Is listed", Kind.FLAG),
        "revenue_by_year": ("Revenue by year", Kind.OTHER),
    }


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (
            "org.mau_by_month.2024-11.licensee_only",
            "Monthly active users, 2024-11, all products of this entity",
        ),
        ("annual_revenue_usd.group", "Revenue of a year, in US dollars, the whole group"),
        ("org.annual_revenue_usd.licensee", "Revenue of a year, in US dollars, this entity alone"),
        ("use.commercial", "Commercial"),
        ("derivative.multimodal", "Derivative.multimodal"),
    ],
)
def test_paths_in_words(path: str, label: str) -> None:
    assert vocabulary.label_of(path) == label


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("org.operates_maas", False, "No"),
        ("domicile", "DE", "Germany (DE)"),
        ("annual_revenue_usd.group", 1200, "1,200 US dollars"),
        ("mau_by_month.2024-11.licensee_only", 1200, "1,200"),
        ("affiliates", [], "None"),
        ("affiliates", ["A", "B"], "A, B"),
        ("use.hosting", "public_api", "As a public API"),
        ("use.served_territories", ["DE", "FR"], "Germany, France"),
        ("entity_type", None, "unknown"),
        ("derivative.relation", "merge", "merge"),
        ("model.size", 7, "7"),
    ],
)
def test_facts_in_words(path: str, value: Any, words: str) -> None:
    assert fact_values.words(path, value) == words


def test_every_country_has_a_name_and_is_found_by_it() -> None:
    assert set(country_names.NAMES) == countries.CODES
    for code, name in country_names.NAMES.items():
        assert country_names.codes_of(name.upper()) == ([code], [])
    assert country_names.codes_of("de; france\nDE, Atlantis") == (["DE", "FR"], ["Atlantis"])
    assert set(country_names.codes_of("EU")[0]) == countries.EUROPEAN_UNION
    assert (
        country_names.in_words([*sorted(countries.EUROPEAN_UNION), "CH"]) == "the European Union, Switzerland"
    )


def test_a_use_in_words() -> None:
    use = {
        "role": "licensee", "purpose": "production", "environment": "production", "commercial": True,
        "hosting": "embedded_feature", "distribute_weights": False, "distribute_derivative": False,
        "public_statements_about_derivative": True, "served_territories": ["DE"], "use_case_tags": ["customer_support"],
    }  # fmt: skip

    assert use_words.sentence(use) == (
        "We use the model ourselves, under its licence, for our products, in production, commercially. "
        "Others reach it as a feature of our product, its weights stay with us, models made from it stay with us, and "
        "models made from it are spoken of in public. People in Germany use it. It is used for customer support."
    )
    assert use_words.sentence({}).startswith(
        "The model is used. Not stated: how the model reaches us, purpose"
    )


@given(
    st.dictionaries(
        st.sampled_from(sorted(vocabulary.USE_FACTS)),
        st.none() | st.booleans() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=3),
    )
)
def test_any_use_has_a_sentence(use: dict[str, Any]) -> None:
    typed = {
        name: value
        for name, value in use.items()
        if isinstance(value, list) == (name in {"use_case_tags", "served_territories"}) or value is None
    }

    assert use_words.sentence(typed).endswith(".")


def test_the_catalogue_says_which_facts_it_asks_for() -> None:
    found = asked.asked(catalog.load(), on=date(2026, 11, 22))

    assert set(found) <= set(vocabulary.ORG_FACTS)
    assert "llama-3.3" in found["mau_by_month"]
    assert "llama-4" in found["principal_place_of_business"]
    assert "mistral-mrl-0.1" in found["entity_type"]


def test_the_limits_of_users_are_those_of_the_records() -> None:
    limits = {(one.license, one.limit, one.basis, one.months) for one in asked.user_limits(catalog.load())}

    assert ("llama-3.3", 700_000_000, "all_products_incl_affiliates", ("2024-11",)) in limits
    assert ("qwen-2024", 100_000_000, "licensee_only", ()) in limits
