"""The table of cases: each names its clause, and together they try every term of every record."""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.licensing import catalog, evaluate, request
from registry.licensing.answer import EvaluationResult
from registry.licensing.terms import State

FOLDER = Path(__file__).parent / "license_cases"
RULES = tuple(f"IR{number}" for number in range(1, 13))
MEMBERS = {"name", "clause", "expect", "org", "use", "derivative", "licenses", "records"}
GIVEN = ("model", "declared_metadata", "lineage", "revision", "revision_date")
MEMBERS |= {*GIVEN, "evaluation_date"}
EXPECTATIONS = {"verdict", "effective", "obligations", "without", "missing", "conflicts", "findings"}
# What nobody can try: a text that no one may rely on, and a term that only a person can judge.
UNTRIED = {"manual_review"}
CATALOG = catalog.load()


@functools.cache
def ordinary() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "ordinary.yaml").read_text())
    return found


def merged(base: Any, patch: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(patch, Mapping):
        return patch
    return {
        key: merged(base.get(key), patch[key]) if key in patch else base[key] for key in {**base, **patch}
    }


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.stem == "ordinary":
            continue
        table = yaml.safe_load(path.read_text())
        for case in table["cases"]:
            assert set(case) <= MEMBERS, case
            assert set(case["expect"]) <= EXPECTATIONS, case
            yield pytest.param({"license": table.get("license"), **case}, id=f"{path.stem}: {case['name']}")


CASES = [item.values[0] for item in cases()]


def question(case: Mapping[str, Any]) -> dict[str, Any]:
    asked = {key: case[key] for key in GIVEN if key in case}
    asked["evaluation_date"] = case.get("evaluation_date", ordinary()["evaluation_date"])
    for table in ("org", "use", "derivative"):
        asked[table] = merged(ordinary()[table], case.get(table, {}))
    if case["license"] and "model" not in case:
        asked["licenses"] = case.get("licenses", [case["license"]])
    elif "licenses" in case:
        asked["licenses"] = case["licenses"]
    return asked


@functools.cache
def with_records(texts: tuple[str, ...]) -> catalog.Catalog:
    if not texts:
        return CATALOG
    ours = [(path.name, path.read_bytes()) for path in sorted(catalog.FOLDER.glob("*.toml"))]
    return catalog.build([*ours, *((text.split('"')[1] + ".toml", text.encode()) for text in texts)])


def answer(case: Mapping[str, Any]) -> EvaluationResult:
    return evaluate.evaluate(
        request.parse_request(question(case)), with_records(tuple(case.get("records", ())))
    )


@pytest.mark.parametrize("case", list(cases()))
def test_case(case: Mapping[str, Any]) -> None:
    result = answer(case)
    expect = case["expect"]
    due = {item.obligation.id for item in result.obligations}
    unmet = {finding.condition for finding in result.findings if finding.outcome is not State.MET}

    assert result.verdict == expect["verdict"], [
        (finding.condition, finding.reason) for finding in result.findings if finding.outcome is not State.MET
    ]
    assert result.effective_licenses == tuple(expect.get("effective", result.effective_licenses))
    assert set(expect.get("obligations", ())) <= due
    assert not set(expect.get("without", ())) & due
    assert set(expect.get("missing", ())) <= set(result.missing_facts)
    assert set(expect.get("findings", ())) <= unmet
    assert set(expect.get("conflicts", ())) <= {conflict.to_json()["kind"] for conflict in result.conflicts}


def test_there_are_enough() -> None:
    assert len(CASES) >= 300


def test_every_case_names_a_clause_of_its_license_or_a_rule() -> None:
    for case in CASES:
        terms = CATALOG.licenses.get(case["license"] or "")
        known = {*RULES}
        if terms:
            known |= {item.clause for item in (*terms.conditions, *terms.obligations)}
            known |= {"grant"}
        assert case["clause"] in known, case["name"]


@functools.cache
def tried() -> Mapping[tuple[str, str], set[State]]:
    """Every state that a condition of a licence, by kind and clause, came to in the cases of that licence."""
    states = defaultdict(set)
    for case in CASES:
        for finding in answer(case).findings:
            if finding.license == case["license"]:
                states[case["license"], f"{finding.condition} {finding.clause}"].add(finding.outcome)
    return states


@pytest.mark.parametrize("license_id", sorted(set(CATALOG.licenses) - {catalog.UNKNOWN}))
def test_every_license_is_once_allowed_and_once_not(license_id: str) -> None:
    verdicts = {case["expect"]["verdict"] for case in CASES if case["license"] == license_id}
    permitted = {"allowed", "allowed_with_obligations"}

    assert verdicts & permitted
    assert verdicts - permitted or not CATALOG.licenses[license_id].conditions


@pytest.mark.parametrize("license_id", sorted(CATALOG.licenses))
def test_every_condition_is_met_once_and_violated_once(license_id: str) -> None:
    for condition in CATALOG.licenses[license_id].conditions:
        if condition.kind not in UNTRIED:
            states = tried()[license_id, f"{condition.kind} {condition.clause}"]
            assert {State.MET, State.VIOLATED} <= states, (condition.kind, condition.clause, states)
