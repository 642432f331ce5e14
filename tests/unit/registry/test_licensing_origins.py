"""The origin data that ship with the project, and what is said of data that are wrong."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import catalog, origins
from registry.licensing.origins import LawKind, LicensorKind
from registry.licensing.terms import Verification

SHIPPED = origins.load()
DEVELOPER = """
as_of = "2026-11-22"
[[developers]]
id = "acme"
name = "Acme"
publishers = ["Acme", "acme-labs"]
countries = ["DE", "FR"]
verification = "verified_text"
source = "its imprint"
[[developers.licensors]]
name = "Acme GmbH"
country = "DE"
verification = "secondary_source"
source = "a register"
"""
LICENSE = """
as_of = "2026-11-22"
[[licenses]]
ids = ["acme-1.0", "acme-2.0"]
licensor = "named"
governing_law = "stated"
verification = "verified_text"
source = "license text"
[[licenses.licensors]]
name = "Acme GmbH"
country = "DE"
seated_in = ["EEA"]
verification = "verified_text"
source = "license text"
[[licenses.licensors]]
name = "Acme Inc."
country = "US"
not_seated_in = ["EEA"]
verification = "verified_text"
source = "license text"
[[licenses.laws]]
country = "DE"
law = "Germany"
verification = "verified_text"
source = "license text, §9"
"""


def build(*texts: str) -> origins.Origins:
    return origins.build((f"{number}.toml", text.encode()) for number, text in enumerate(texts))


def test_every_license_of_the_catalogue_has_its_origin() -> None:
    assert sorted(set(catalog.load().licenses) - set(SHIPPED.licenses)) == []


def test_the_eighty_one_licenses_and_the_developers_of_the_field_are_there() -> None:
    assert len(SHIPPED.licenses) == 81
    assert len({one.id for one in SHIPPED.developers.values()}) >= 51
    assert all(one.source for one in SHIPPED.licenses.values())


@pytest.mark.parametrize(
    ("publisher", "countries", "verification", "licensor"),
    [
        ("meta-llama", ("US",), Verification.VERIFIED_TEXT, ("Meta Platforms, Inc.", "US")),
        ("mistralai", ("FR",), Verification.VERIFIED_TEXT, ("Mistral AI SAS", "FR")),
        ("qwen", ("CN",), Verification.VERIFIED_TEXT, ("Alibaba Cloud", "CN")),
        ("black-forest-labs", ("DE",), Verification.FROM_MEMORY_UNVERIFIED, ("Black Forest Labs, Inc.", "US")),
        ("tencent", ("CN",), Verification.FROM_MEMORY_UNVERIFIED, ("THL A29 Limited", None)),
        ("huggingfacetb", ("US", "FR"), Verification.FROM_MEMORY_UNVERIFIED, ("Hugging Face, Inc.", "US")),
    ],
)  # fmt: skip
def test_developers(
    publisher: str, countries: tuple[str, ...], verification: Verification, licensor: tuple[str, str | None]
) -> None:
    found = SHIPPED.developers[publisher]

    assert (found.countries, found.verification) == (countries, verification)
    assert (found.licensors[0].name, found.licensors[0].country) == licensor


@pytest.mark.parametrize(
    ("license_id", "licensors", "laws"),
    [
        ("llama-3.3", ["US", "IE"], ["US"]),
        ("deepseek-model-1.0", ["CN", "CN"], ["CN"]),
        ("minimax-model-2025-01-15", ["CN"], ["SG"]),
        ("stability-community-2024-07-05", ["GB"], ["US"]),
        ("flux-1-dev-nc", ["US"], ["US"]),
        ("tencent-hunyuan-community", [None], ["HK"]),
        ("ltxv-owl-2025-05-05", ["IL"], ["US"]),
    ],
)
def test_licensor_and_law_are_two_facts(
    license_id: str, licensors: list[str | None], laws: list[str]
) -> None:
    found = SHIPPED.licenses[license_id]

    assert [one.country for one in found.licensors] == licensors
    assert [one.country for one in found.laws] == laws


@pytest.mark.parametrize("license_id", ["mit", "apache-2.0", "gpl-3.0", "bigscience-openrail-m"])
def test_licenses_that_anyone_grants_name_no_licensor_and_no_law(license_id: str) -> None:
    found = SHIPPED.licenses[license_id]

    assert (found.licensor, found.governing_law) == (LicensorKind.AUTHOR, LawKind.NONE_STATED)


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert SHIPPED.licenses["unknown"].licensor is LicensorKind.UNKNOWN
    assert SHIPPED.licenses["grok-2-community"].governing_law is LawKind.UNKNOWN


def test_a_file_is_read_as_it_stands() -> None:
    found = build(DEVELOPER, LICENSE)

    assert found.developers["acme"] is found.developers["acme-labs"]
    assert found.developers["acme"].as_of == date(2026, 11, 22)
    assert [one.seated_in for one in found.licenses["acme-2.0"].licensors] == [("EEA",), ()]


def test_the_digest_names_what_is_said_and_not_how_it_is_laid_out() -> None:
    found = build(DEVELOPER)

    assert build(DEVELOPER + "\n# a remark\n").origins_digest == found.origins_digest
    assert build(DEVELOPER.replace('"FR"', '"AT"')).origins_digest != found.origins_digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEVELOPER.replace('as_of = "2026-11-22"', ""), "as_of: is required"),
        (DEVELOPER.replace('"DE", "FR"', '"DE", "UK"'), "countries: must be ISO"),
        (DEVELOPER.replace('["DE", "FR"]', "[]"), "countries: must be ISO"),
        (DEVELOPER.replace('["Acme", "acme-labs"]', "[]"), "publishers: is required"),
        (DEVELOPER.replace("acme-labs", "a/b"), "publishers: must match"),
        (DEVELOPER.replace("verified_text", "gossip"), "verification: must be one of"),
        (DEVELOPER.replace('source = "its imprint"', ""), "source: is required"),
        (DEVELOPER + 'seated_in = ["EEA"]', "belong to a license"),
        (DEVELOPER + "loosen = true", "loosen: unknown key"),
        (LICENSE.replace('"named"', '"author"'), "licensors: are there exactly when"),
        (LICENSE.replace('"stated"', '"none_stated"'), "laws: are there exactly when"),
        (LICENSE.replace('not_seated_in = ["EEA"]', ""), "must leave no licensee without one"),
        (LICENSE.replace('not_seated_in = ["EEA"]', 'not_seated_in = ["EU"]'), "must leave no licensee"),
        (LICENSE.replace('seated_in = ["EEA"]\n', 'seated_in = ["Europe"]\n', 1), "seated_in: must be ISO"),
        (LICENSE.replace('"acme-2.0"', '"acme-1.0"'), "must not repeat"),
        (LICENSE.replace('ids = ["acme-1.0", "acme-2.0"]', "ids = []"), "ids: is required"),
        ("as_of = 1", "as_of: must be a text"),
        ("=", "0.toml"),
    ],
)
def test_wrong_data_are_refused(text: str, words: str) -> None:
    with pytest.raises(origins.InvalidOrigins, match=words):
        build(text)


def test_names_are_there_once() -> None:
    with pytest.raises(origins.InvalidOrigins, match=r"acme-1\.0 is there twice"):
        build(LICENSE, LICENSE)
    with pytest.raises(origins.InvalidOrigins, match="id: is there twice"):
        build(DEVELOPER, DEVELOPER)
    with pytest.raises(origins.InvalidOrigins, match="ACME is there twice"):
        build(
            DEVELOPER,
            DEVELOPER.replace('id = "acme"', 'id = "other"').replace('"Acme", "acme-labs"', '"ACME"'),
        )


@given(st.binary(max_size=200))
def test_any_bytes_are_data_or_refused(content: bytes) -> None:
    with pytest.raises(origins.InvalidOrigins):
        origins.build([("x.toml", content)])
