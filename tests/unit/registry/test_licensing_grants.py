"""What a signed agreement lifts of another license, for whom, for which models and until when."""

from datetime import date
from typing import Any

import pytest

from registry.licensing import catalog, evaluate, request
from registry.licensing.answer import EvaluationResult
from registry.licensing.record_reader import InvalidCatalog

MODEL = "meta-llama/Llama-3.3-70B-Instruct"
HUGE = {"2024-11": {"all_products_incl_affiliates": 700_000_001}}
USE = {
    "commercial": True,
    "purpose": "production",
    "environment": "production",
    "role": "licensee",
    "use_case_tags": ["chatbot"],
    "hosting": "none",
    "distribute_weights": False,
    "distribute_derivative": False,
    "public_statements_about_derivative": False,
    "served_territories": ["US"],
}
RECORD = """
id = "signed-meta"
name = "Agreement with Meta"
publisher = "Acme GmbH"
category = "community"
verification = "verified_text"
sources = ["contract 7"]

[hub]

[scope]
finetune = "covered"
adapter = "covered"
quantized = "covered"
merge = "covered"
distillation = "covered"
synthetic_outputs = "covered"

[[conditions]]
kind = "territory"
clause = "contract §4"
effect = "prohibited"
regions = ["CN"]
test = "use"
verification = "verified_text"

[[obligations]]
id = "report-quarterly"
do = "Report usage every quarter."
evidence = "the report"
clause = "contract §6"
trigger = "any_use"

[[grants]]
of = "llama-3.3"
conditions = ["mau_threshold"]
models = ["meta-llama/*"]
licensees = ["Acme GmbH"]
reference = "contract 7"
effective_on = "2025-01-01"
expires_on = "2026-12-31"
"""


def with_record(text: str) -> catalog.Catalog:
    ours = [(path.name, path.read_bytes()) for path in sorted(catalog.FOLDER.glob("*.toml"))]
    return catalog.build([*ours, ("signed-meta.toml", text.encode())])


def asked(text: str = RECORD, *, on: str = "2026-11-22", model: str = MODEL, **more: Any) -> EvaluationResult:
    org = {"mau_by_month": HUGE, "licensee_entity": "Acme GmbH", "principal_place_of_business": "US"}
    question = {"model": model, "evaluation_date": on, "org": {**org, **more}, "use": USE}
    if model != MODEL:
        question["lineage"] = [{"model": model, "relation": "finetune", "parents": [MODEL]}]
        question["declared_metadata"] = {"license": "llama3.3"}
    return evaluate.evaluate(request.parse_request(question, today=date(2027, 6, 1)), with_record(text))


def test_it_lifts_what_it_names_and_brings_its_own_terms() -> None:
    result = asked()
    finding = next(item for item in result.findings if item.condition == "mau_threshold")

    assert result.verdict == "allowed_with_obligations"
    assert result.effective_licenses == ("llama-3.3", "signed-meta")
    assert "lifted by signed-meta (contract 7) until 2026-12-31" in finding.reason
    assert ("signed-meta", "report-quarterly") in {
        (due.license, due.obligation.id) for due in result.obligations
    }


def test_a_finetune_under_the_same_license_must_be_named_too() -> None:
    both = RECORD.replace('"meta-llama/*"', '"meta-llama/*", "acme/*"')

    assert asked(model="acme/Llama-3.3-tuned").verdict == "needs_licence"
    assert asked(both, model="acme/Llama-3.3-tuned").verdict == "allowed_with_obligations"


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({"on": "2026-12-31"}, "allowed_with_obligations"),
        ({"on": "2027-01-01"}, "needs_licence"),
        ({"on": "2025-01-01"}, "allowed_with_obligations"),
        ({"on": "2024-12-31"}, "needs_licence"),
        ({"licensee_entity": "Acme Ltd"}, "needs_licence"),
        ({"licensee_entity": None}, "needs_licence"),
        ({"text": RECORD.replace('"meta-llama/*"', '"meta-llama/Llama-3.1*"')}, "needs_licence"),
        ({"text": RECORD.replace('["mau_threshold"]', '["territory"]')}, "needs_licence"),
        ({"text": RECORD.replace('regions = ["CN"]', 'regions = ["US"]')}, "prohibited"),
    ],
)
def test_it_lifts_nothing_else(case: Any, verdict: str) -> None:
    assert asked(**case).verdict == verdict


def test_an_unknown_licensee_is_named_as_missing() -> None:
    assert "org.licensee_entity" in asked(licensee_entity=None).missing_facts


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('of = "llama-3.3"', 'of = "unknown"', "signed-meta.toml"),
        ('of = "llama-3.3"', 'of = "no-such"', "signed-meta.toml"),
        ('["mau_threshold"]', '["everything"]', "conditions"),
        ('conditions = ["mau_threshold"]', "conditions = []", "conditions"),
        ('models = ["meta-llama/*"]', "models = []", "models"),
        ('expires_on = "2026-12-31"', 'expires = "2026-12-31"', "expires"),
    ],
)
def test_a_wrong_grant_is_refused(old: str, new: str, field: str) -> None:
    with pytest.raises(InvalidCatalog) as refusal:
        with_record(RECORD.replace(old, new))

    assert field in str(refusal.value)


KIMI = """
[[obligations]]
id = "show-name"
do = "Show the name."
evidence = "URL and dated screenshot"
clause = "last paragraph"
trigger = "any_use"
above = [
    {kind = "mau_threshold", limit = 100, operator = "more_than", basis = "product_using_model"},
    {kind = "revenue_threshold", limit = 20, operator = "more_than", measure = "monthly_revenue_usd.product"},
]

[obligations.applies]
commercial = true
"""


@pytest.mark.parametrize(
    ("users", "revenue", "commercial", "due", "verdict"),
    [
        (100, 20, True, False, "allowed_with_obligations"),
        (101, 20, True, True, "allowed_with_obligations"),
        (100, 21, True, True, "allowed_with_obligations"),
        (101, None, True, True, "allowed_with_obligations"),
        (100, None, True, True, "needs_review"),
        (None, 20, True, True, "needs_review"),
        (101, 21, False, False, "allowed_with_obligations"),
    ],
)
def test_an_obligation_may_wait_for_a_threshold(
    users: int | None, revenue: int | None, commercial: bool, due: bool, verdict: str
) -> None:
    org = {
        "mau_by_month": {"2026-10": {"product_using_model": users}},
        "monthly_revenue_usd": {"product": revenue},
        "licensee_entity": "Acme GmbH",
    }
    question = {
        "licenses": ["signed-meta"],
        "evaluation_date": "2026-11-22",
        "org": {**org, "principal_place_of_business": "US"},
        "use": {**USE, "commercial": commercial},
    }
    result = evaluate.evaluate(request.parse_request(question), with_record(RECORD + KIMI))

    assert ("show-name" in {item.obligation.id for item in result.obligations}) is due
    assert result.verdict == verdict


CHAIN = """
id = "signed-again"
name = "Side letter"
publisher = "Acme GmbH"
category = "community"
verification = "verified_text"
sources = ["contract 8"]

[hub]

[scope]
finetune = "covered"
adapter = "covered"
quantized = "covered"
merge = "covered"
distillation = "covered"
synthetic_outputs = "covered"

[[conditions]]
kind = "non_commercial"
clause = "side letter §1"
effect = "prohibited"
verification = "verified_text"

[[grants]]
of = "signed-meta"
conditions = ["territory"]
models = ["meta-llama/*"]
reference = "contract 8"
"""


def chained(side_letter: str) -> EvaluationResult:
    """A side letter lifts a term of the agreement that the use would break."""
    here = RECORD.replace('["CN"]', '["US"]')
    ours = [(path.name, path.read_bytes()) for path in sorted(catalog.FOLDER.glob("*.toml"))]
    more = [("signed-meta.toml", here.encode()), ("signed-again.toml", side_letter.encode())]
    question = {
        "model": MODEL,
        "evaluation_date": "2026-11-22",
        "org": {"mau_by_month": HUGE, "licensee_entity": "Acme GmbH", "principal_place_of_business": "US"},
        "use": USE,
    }
    return evaluate.evaluate(request.parse_request(question), catalog.build([*ours, *more]))


def test_an_agreement_that_lifts_a_term_of_an_agreement_brings_its_own() -> None:
    result = chained(CHAIN)

    assert result.verdict == "prohibited"
    assert result.effective_licenses == ("llama-3.3", "signed-again", "signed-meta")


def test_agreements_that_lift_each_other_come_to_an_end() -> None:
    back = CHAIN.replace('of = "signed-meta"', 'of = "signed-meta"', 1) + (
        '\n[[grants]]\nof = "llama-3.3"\nconditions = ["mau_threshold"]\nmodels = ["*"]\nreference = "contract 9"\n'
    )

    assert chained(back).verdict == "prohibited"
