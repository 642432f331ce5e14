"""What must hold of every evaluation: more burden never helps, silence never helps, order does not matter.

"Helps" means that a use which was not permitted becomes permitted, or that a permission loses its obligations.
"""

import copy
import dataclasses
import random
from datetime import date
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registry.licensing import catalog, evaluate, facts, request, tags
from registry.licensing.answer import EvaluationResult
from registry.licensing.terms import Relation, Verdict

CATALOG = catalog.load()
IDS = sorted(CATALOG.licenses)
MODELS = [f"org/m{number}" for number in range(6)]
MONTHS = ["2023-06", "2024-02", "2024-03", "2024-06", "2024-11", "2025-03", "2026-10"]
ON = "2026-11-22"
COUNT = st.sampled_from([0, 1_000_000, 10_000_000, 100_000_000, 100_000_001, 700_000_000, 700_000_001])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def rising(*names: str) -> st.SearchStrategy[dict[str, int]]:
    return st.lists(COUNT, min_size=len(names), max_size=len(names)).map(
        lambda counts: dict(zip(names, sorted(counts), strict=True))
    )


USERS = rising("product_using_model", "licensee_only", "all_products_incl_affiliates")
COUNTRY = st.sampled_from(["US", "DE", "GB", "KR", "NO", "CN"])
ORG = st.fixed_dictionaries(
    {
        "licensee_entity": maybe(st.just("Acme")),
        "principal_place_of_business": maybe(COUNTRY),
        "entity_type": maybe(st.sampled_from(["company", "academic", "nonprofit"])),
        "affiliates": maybe(st.just([])),
        "competes_with": maybe(st.sampled_from([[], ["NAVER"]])),
        "operates_maas": maybe(st.booleans()),
        "operates_ai_assistant": maybe(st.booleans()),
        "mau_by_month": st.dictionaries(st.sampled_from(MONTHS), USERS),
        "annual_revenue_usd": maybe(rising("licensee", "group")),
        "monthly_revenue_usd": maybe(rising("product", "group_consolidated")),
        "trailing_12m_revenue_group": maybe(COUNT),
        "arr_product": maybe(COUNT),
        "attributable_revenue": maybe(COUNT),
        "registrations": maybe(st.lists(st.sampled_from(IDS), unique=True, max_size=3)),
    }
)
USE = st.fixed_dictionaries(
    {
        "role": maybe(st.sampled_from(list(facts.Role))),
        "purpose": maybe(st.sampled_from(list(facts.Purpose))),
        "environment": maybe(st.sampled_from(list(facts.Stage))),
        "commercial": maybe(st.booleans()),
        "use_case_tags": maybe(st.lists(st.sampled_from(sorted(tags.KNOWN)), unique=True, max_size=2)),
        "served_territories": maybe(st.lists(COUNTRY, unique=True, max_size=2)),
        "hosting": maybe(st.sampled_from(list(facts.Hosting))),
        "distribute_weights": maybe(st.booleans()),
        "distribute_derivative": maybe(st.booleans()),
        "public_statements_about_derivative": maybe(st.booleans()),
    }
)
PLAN = st.just({}) | st.fixed_dictionaries(
    {
        "relation": maybe(st.sampled_from(list(Relation))),
        "name": maybe(st.sampled_from(["acme/x", "acme/Llama-x"])),
        "own_licence": maybe(st.sampled_from(IDS)),
        "multimodal": maybe(st.booleans()),
        "guardrails_intact": maybe(st.booleans()),
        "foundation_model": maybe(st.booleans()),
        "competes": maybe(st.booleans()),
    }
)
EDGE = st.fixed_dictionaries(
    {
        "model": st.sampled_from(MODELS),
        "relation": maybe(st.sampled_from(list(Relation))),
        "parents": st.lists(st.sampled_from(MODELS), unique=True, max_size=2),
        "teacher": maybe(st.sampled_from(MODELS)),
    }
)
QUESTION = st.fixed_dictionaries(
    {
        "model": st.just(MODELS[0]),
        "licenses": st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True),
        "lineage": st.lists(EDGE, max_size=4),
        "evaluation_date": st.just(ON),
        "org": ORG,
        "use": USE,
        "derivative": PLAN,
    }
)
# What the registry concluded of every other model, so that a lineage can be permitted at all.
KNOWN = st.fixed_dictionaries({model: st.sampled_from(IDS).map(lambda one: (one,)) for model in MODELS[1:]})
SLOW = settings(max_examples=300, deadline=None)


def asked(question: dict[str, Any], known: dict[str, tuple[str, ...]]) -> EvaluationResult:
    parsed = request.parse_request(question, today=date(2026, 11, 22))
    return evaluate.evaluate(dataclasses.replace(parsed, known=known), CATALOG)


def freedom(result: EvaluationResult) -> int:
    """Two for allowed, one for allowed with obligations, zero for everything that does not permit."""
    return {Verdict.ALLOWED: 2, Verdict.ALLOWED_WITH_OBLIGATIONS: 1}.get(result.verdict, 0)


@given(QUESTION, KNOWN)
@SLOW
def test_every_question_has_an_answer(question: dict[str, Any], known: dict[str, tuple[str, ...]]) -> None:
    result = asked(question, known)

    assert result.to_json()["verdict"] in list(Verdict)
    assert result.verdict is not Verdict.NEEDS_REVIEW or any(
        finding.effect is Verdict.NEEDS_REVIEW for finding in result.findings
    )


@given(QUESTION, KNOWN, EDGE)
@SLOW
def test_another_ancestor_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], edge: dict[str, Any]
) -> None:
    # The one exception is in the licences themselves: some spare the students that come from their own family.
    spares = {name for name, terms in CATALOG.licenses.items() if terms.student_exceptions}
    assume(not spares & {*question["licenses"], *(one for ids in known.values() for one in ids)})
    before = asked(question, known)
    after = asked({**question, "lineage": [*question["lineage"], edge]}, known)

    assert freedom(after) <= freedom(before)
    assert set(before.effective_licenses) <= set(after.effective_licenses)


@given(QUESTION, KNOWN, st.sampled_from(IDS))
@SLOW
def test_another_license_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], more: str
) -> None:
    before = asked(question, known)
    after = asked({**question, "licenses": sorted({*question["licenses"], more})}, known)

    assert freedom(after) <= freedom(before)


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += leaves(value, (*path, key))
        elif value is not None:
            found.append((*path, key))
    return found


@given(QUESTION, KNOWN, st.data())
@SLOW
def test_silence_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    stated = [path for path in leaves(question) if path[0] in ("org", "use")]
    assume(stated)
    silent = copy.deepcopy(question)
    path = data.draw(st.sampled_from(stated))
    table = silent
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = None

    assert freedom(asked(silent, known)) <= freedom(asked(question, known))


@given(QUESTION, KNOWN, st.randoms())
@SLOW
def test_order_does_not_matter(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], chance: random.Random
) -> None:
    other = copy.deepcopy(question)
    chance.shuffle(other["lineage"])
    for entry in other["lineage"]:
        chance.shuffle(entry["parents"])
    chance.shuffle(other["licenses"])

    assert asked(other, known).to_json() == asked(question, known).to_json()


@given(QUESTION, KNOWN)
@SLOW
def test_more_users_and_revenue_never_help(
    question: dict[str, Any], known: dict[str, tuple[str, ...]]
) -> None:
    grown = copy.deepcopy(question)
    for path in leaves(grown["org"]):
        table = grown["org"]
        for key in path[:-1]:
            table = table[key]
        if isinstance(table[path[-1]], int) and not isinstance(table[path[-1]], bool):
            table[path[-1]] *= 1000
    before = asked(question, known)
    # Growth may decide what silence left open: a duty behind a limit that is certainly passed is certainly due.
    assume(before.verdict is not Verdict.NEEDS_REVIEW)

    assert freedom(asked(grown, known)) <= freedom(before)


@given(QUESTION, KNOWN, st.sampled_from(MODELS))
@SLOW
def test_another_teacher_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], teacher: str
) -> None:
    entry = {"model": MODELS[0], "relation": "synthetic_outputs", "parents": [], "teacher": teacher}
    before = asked(question, known)
    after = asked({**question, "lineage": [*question["lineage"], entry]}, known)

    assert freedom(after) <= freedom(before)
    assert set(before.effective_licenses) <= set(after.effective_licenses)


@given(QUESTION, KNOWN, st.randoms())
@SLOW
def test_letter_case_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], chance: random.Random
) -> None:
    other = copy.deepcopy(question)
    for entry in other["lineage"]:
        entry["model"] = chance.choice([entry["model"], entry["model"].upper()])
        entry["parents"] = [chance.choice([name, name.swapcase()]) for name in entry["parents"]]
    before, after = asked(question, known), asked(other, known)

    assert after.verdict is before.verdict
    assert after.effective_licenses == before.effective_licenses
    assert freedom(after) == freedom(before)


@given(QUESTION, KNOWN, st.sampled_from(MODELS[1:]), st.sampled_from(IDS))
@SLOW
def test_a_person_concludes_only_about_the_model_they_named(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], model: str, license_id: str
) -> None:
    said = {"model": model, "parents": [], "concluded_by": "user:ada"}
    told = {**known, model: (license_id,)}
    before = asked({**question, "lineage": [*question["lineage"], {**said, "concluded_by": None}]}, told)
    after = asked({**question, "lineage": [*question["lineage"], said]}, told)
    sources = [
        [item for item in result.findings if item.clause is None and not item.reason.startswith(f"{model}: ")]
        for result in (before, after)
    ]

    assert sources[0] == sources[1]
    assert before.effective_licenses == after.effective_licenses
    assert before.verdict is after.verdict


@given(
    QUESTION,
    KNOWN,
    st.sampled_from(["relation", "own_licence", "multimodal", "guardrails_intact", "competes"]),
)
@SLOW
def test_silence_about_the_plan_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], key: str
) -> None:
    planned = {**question, "derivative": {**question["derivative"], "name": "acme/Llama-x"}}
    silent = {**planned, "derivative": {**planned["derivative"], key: None}}

    assert freedom(asked(silent, known)) <= freedom(asked(planned, known))


@given(
    QUESTION,
    KNOWN,
    st.sampled_from([("hosting", "none", "public_api"), ("hosting", "none", "embedded_feature"),
                     ("distribute_weights", False, True), ("distribute_derivative", False, True)]),
)  # fmt: skip
@SLOW
def test_to_let_others_have_the_model_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]], change: tuple[str, Any, Any]
) -> None:
    key, kept, shared = change
    before, after = ({**question, "use": {**question["use"], key: value}} for value in (kept, shared))

    assert freedom(asked(after, known)) <= freedom(asked(before, known))
