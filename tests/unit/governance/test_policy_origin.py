"""What a policy may say of origin, and what is said of one that is wrong."""

import re
from pathlib import Path

import pytest

from governance.policy import document
from governance.policy.origin import Attribute, OriginRule, Stance

SHIPPED = document.DEFAULT.read_text()
# The section as it stood in every policy of version 1 before there were rules on each attribute.
FIRST = re.sub(
    r"\[origin\].*?\[admission\]",
    '[origin]\ndenied_countries = ["CN"]\n\n[admission]',
    SHIPPED,
    flags=re.DOTALL,
)


def parse(text: str) -> document.Policy:
    """The shipped policy with something more."""
    return document.parse(f"{SHIPPED}\n{text}\n".encode())


def refused(text: str) -> document.InvalidPolicy:
    with pytest.raises(document.InvalidPolicy) as found:
        parse(text)
    return found.value


def test_a_policy_of_before_means_what_it_meant() -> None:
    origin = document.parse(FIRST.encode()).origin

    assert origin.denied_countries == {"CN"}
    assert (origin.rules, origin.environments, origin.developers, origin.licenses) == ({}, {}, {}, {})


def test_the_shipped_policy_has_no_rule_and_its_examples_are_understood() -> None:
    examples = SHIPPED.replace("# [origin.", "[origin.").replace('\n# allowed = ["EU', '\nallowed = ["EU')
    examples = examples.replace("\n# denied", "\ndenied")

    assert document.load().origin.rules == {}
    assert set(document.parse(examples.encode()).origin.rules) == set(Attribute)


def test_the_examples_of_the_documentation_are_understood() -> None:
    page = (Path(__file__).parents[3] / "docs" / "origin-rules.md").read_text(encoding="utf-8")
    examples = "\n".join(re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL))
    text = re.sub(r"\[origin\].*?(?=\[admission\])", "", SHIPPED, flags=re.DOTALL)

    origin = document.parse(f"{text}\n{examples}".encode()).origin

    assert set(origin.rules) == set(Attribute)
    assert (set(origin.developers), set(origin.licenses)) == ({"acme"}, {"acme-mistral-2026"})
    assert set(origin.environments) == {"public-api"}


def test_each_attribute_has_a_rule_of_its_own() -> None:
    rules = parse(
        """
        [origin.developer]
        allowed = ["EU", "US"]
        denied = ["HU"]
        unverified = "deny"
        [origin.ancestors]
        denied = ["CN"]
        unknown = "accept"
        """
    ).origin.rules

    assert rules == {
        Attribute.DEVELOPER: OriginRule(
            denied=frozenset({"HU"}), allowed=frozenset({"EU", "US"}), unverified=Stance.DENY
        ),
        Attribute.ANCESTORS: OriginRule(denied=frozenset({"CN"}), unknown=Stance.ACCEPT),
    }


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ('denied = ["CN"]', Stance.ACCEPT),
        ('allowed = ["DE"]', Stance.DENY),
        ('allowed = ["DE"]\nnone_stated = "accept"', Stance.ACCEPT),
        ('denied = ["CN"]\nnone_stated = "deny"', Stance.DENY),
    ],
)
def test_no_law_chosen_is_not_on_a_list_of_those_allowed(lists: str, expected: Stance) -> None:
    rules = parse(f"[origin.governing_law]\n{lists}").origin.rules

    assert rules[Attribute.GOVERNING_LAW].none_stated is expected


def test_that_a_value_must_be_known_is_a_rule() -> None:
    rules = parse('[origin.licensor]\nunknown = "deny"').origin.rules

    assert rules == {Attribute.LICENSOR: OriginRule()}


def test_an_environment_adds_rules_for_itself() -> None:
    policy = parse('[environments.production.origin.developer]\nallowed = ["EU"]')

    assert policy.regions == {}
    assert policy.origin.rules == {}
    narrowed = policy.origin.environments["production"]
    assert narrowed.rules == {Attribute.DEVELOPER: OriginRule(allowed=frozenset({"EU"}))}
    assert narrowed.denied_countries == frozenset()


def test_an_environment_may_have_regions_and_denied_countries() -> None:
    policy = parse('[environments.production]\nregions = ["eu-central"]\norigin.denied_countries = ["RU"]')

    assert policy.regions == {"production": frozenset({"eu-central"})}
    assert policy.origin.environments["production"].denied_countries == {"RU"}


def test_the_organisation_says_who_a_publisher_is() -> None:
    origin = parse(
        """
        [[origin.declared]]
        publisher = "Acme"
        name = "ACME GmbH"
        country = "DE"
        source = "commercial register HRB 1"
        [[origin.declared]]
        publisher = "sister"
        country = "CH"
        licensor = "Sister Holding Ltd."
        licensor_country = "IE"
        source = "group chart"
        [[origin.declared_licenses]]
        license = "acme-agreement"
        licensor = "Mistral AI SAS"
        licensor_country = "FR"
        law_country = "none_stated"
        source = "agreement of 2026-05-01"
        """
    ).origin

    acme, sister = origin.developers["acme"], origin.developers["sister"]
    assert (acme.name, acme.country, acme.licensor, acme.licensor_country) == (
        "ACME GmbH",
        "DE",
        "ACME GmbH",
        "DE",
    )
    assert (sister.name, sister.country, sister.licensor, sister.licensor_country) == (
        "sister",
        "CH",
        "Sister Holding Ltd.",
        "IE",
    )
    assert origin.licenses["acme-agreement"].law_country is None


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("[origin.developer]", "origin.developer.denied", "is required"),
        ('[origin.developer]\nunknown = "accept"', "origin.developer.denied", "is required"),
        ('[origin.developer]\ndenied = ["UK"]', "origin.developer.denied", "write GB"),
        ('[origin.developer]\ndenied = ["XX"]', "origin.developer.denied", "XX is no ISO 3166"),
        ('[origin.developer]\ndenied = ["cn"]', "origin.developer.denied", "cn is no ISO 3166"),
        ('[origin.developer]\ndenied = "CN"', "origin.developer.denied", "must be a list"),
        (
            '[origin.developer]\ndenied = ["DE"]\nallowed = ["DE", "FR"]',
            "origin.developer.allowed",
            "names DE, which is denied",
        ),
        ('[origin.developer]\ndenied = ["DE"]\nunknown = "maybe"', "origin.developer.unknown", "must be one"),
        ('[origin.developer]\ndenied = ["DE"]\nnone_stated = "deny"', "origin.developer.none_stated", "unknown"),
        ('[origin.teacher]\ndenied = ["DE"]', "origin.teacher", "unknown key"),
        ("[origin.developer]\nloosen = true\ndenied = []", "origin.developer.loosen", "unknown key"),
        ("[environments.production.origin]\nloosen = true", "environments.production.origin.loosen", "unknown"),
        (
            '[[environments.production.origin.declared]]\npublisher = "a"\ncountry = "DE"\nsource = "b"',
            "environments.production.origin.declared",
            "unknown key",
        ),
        ('[[origin.declared]]\npublisher = "acme"\ncountry = "DE"', "origin.declared[0].source", "is required"),
        ('[[origin.declared]]\npublisher = "a/b"', "origin.declared[0].publisher", "must match"),
        (
            '[[origin.declared]]\npublisher = "acme"\ncountry = "EU"\nsource = "x"',
            "origin.declared[0].country",
            "EU is no",
        ),
        (
            '[[origin.declared]]\npublisher = "acme"\ncountry = "DE"\nsource = "x"\nlicensor_country = "IE"',
            "origin.declared[0].licensor",
            "is required beside its country",
        ),
        (
            ('[[origin.declared]]\npublisher = "acme"\ncountry = "DE"\nsource = "x"\n'
            '[[origin.declared]]\npublisher = "ACME"\ncountry = "FR"\nsource = "x"'),
            "origin.declared[1].publisher",
            "declared twice",
        ),
        (
            '[[origin.declared_licenses]]\nlicense = "unknown"',
            "origin.declared_licenses[0].license",
            "must be the id",
        ),
        (
            '[[origin.declared_licenses]]\nlicense = "x"\nlicensor = "y"\nlicensor_country = "DE"\nsource = "z"',
            "origin.declared_licenses[0].law_country",
            "is required",
        ),
    ],
)  # fmt: skip
def test_a_wrong_table_is_named(text: str, field: str, words: str) -> None:
    problem = refused(text)

    assert problem.field == field
    assert words in problem.reason


def test_codes_of_no_country_are_pointed_out() -> None:
    doubtful = document.parse(FIRST.replace('["CN"]', '["UK", "CN", "EU"]').encode()).origin

    assert doubtful.doubtful == ("UK",)
    assert doubtful.denied_countries == {"UK", "CN", "EU"}
