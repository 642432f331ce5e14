"""What a card leaves out, names that nobody can bear, ancestors nobody knows: findings, for every model of the lineage."""

import dataclasses
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.licensing import catalog, evaluate
from registry.licensing.answer import EvaluationResult
from registry.licensing.catalog import Catalog
from registry.licensing.request import (
    MAX_ENTRIES,
    MAX_MODELS,
    EvaluationRequest,
    InvalidRequest,
    parse_request,
)

TODAY = date(2026, 11, 22)
SHIPPED = catalog.load()
LLAMA33, LLAMA3, GEMMA = (
    "meta-llama/Llama-3.3-70B-Instruct",
    "meta-llama/Meta-Llama-3-8B",
    "google/gemma-2-9b-it",
)
V3, QWEN3 = "deepseek-ai/DeepSeek-V3", "Qwen/Qwen3-8B"
OTHER = """
id = "house-1"
name = "A house license with a name of its own"
publisher = "Somewhere"
category = "community"
verification = "verified_text"
[[repositories]]
pattern = "somewhere/Else-*"
[scope]
finetune = "covered"
adapter = "covered"
quantized = "covered"
merge = "covered"
distillation = "covered"
synthetic_outputs = "covered"
[[conditions]]
kind = "name_prefix"
clause = "§3.4"
effect = "prohibited"
on_outputs = true
prefix = "Else"
even_undistributed = EVEN
verification = "verified_text"
"""


def with_prefix(*, even_undistributed: bool) -> Catalog:
    files = {path.name: path.read_text() for path in catalog.FOLDER.glob("*.toml")}
    files["house-1.toml"] = OTHER.replace("EVEN", str(even_undistributed).lower())
    return catalog.build((name, text.encode()) for name, text in files.items())


HOUSE, STRICT = with_prefix(even_undistributed=False), with_prefix(even_undistributed=True)
ORG = {"principal_place_of_business": "US", "mau_by_month": {"2024-11": {"all_products_incl_affiliates": 5}}}
USE = {"role": "licensee", "purpose": "internal", "commercial": True, "use_case_tags": ["chatbot"], "hosting": "none",
       "distribute_weights": False, "distribute_derivative": False, "public_statements_about_derivative": False}  # fmt: skip


def question(*entries: tuple[Any, ...], **more: Any) -> EvaluationRequest:
    lineage = [
        {"model": model, "relation": relation, "parents": parents, "teacher": (rest or [None])[0]}
        for model, relation, parents, *rest in entries
    ]
    value = {
        "model": "acme/m",
        "declared_metadata": {"license": "mit"},
        "lineage": lineage,
        "org": ORG,
        "use": USE,
    }
    return parse_request({**value, **more}, today=TODAY)


def asked(
    *entries: tuple[Any, ...],
    known: dict[str, tuple[str, ...]] | None = None,
    records: Catalog = SHIPPED,
    **more: Any,
) -> EvaluationResult:
    request = dataclasses.replace(question(*entries, **more), known=known or {})
    return evaluate.evaluate(request, records)


def conflicts(result: EvaluationResult, kind: str = "declared_license_conflict") -> list[tuple[str, str]]:
    found = [item for item in result.to_json()["conflicts"] if item["kind"] == kind]
    return [(item["model"], item["imposed"]) for item in found]


def findings(result: EvaluationResult, condition: str) -> list[Any]:
    return [item for item in result.findings if item.condition == condition]


def test_every_card_of_the_lineage_that_leaves_something_out_is_told() -> None:
    result = asked(
        ("acme/m", "quantized", ["acme/b"]),
        ("acme/b", "merge", ["acme/a", QWEN3]),
        ("acme/a", "finetune", [LLAMA33]),
        known={"acme/m": ("mit",), "acme/b": ("llama-3.3",), "acme/a": ("apache-2.0",)},
    )

    assert conflicts(result) == [("acme/m", "llama-3.3"), ("acme/a", "llama-3.3")]
    assert [item.outcome for item in findings(result, "declared_license_conflict")] == [
        "violated",
        "violated",
    ]
    assert result.to_json()["conflicts"][1]["ancestors"] == [LLAMA33]
    assert result.verdict == "allowed_with_obligations"


@pytest.mark.parametrize(
    ("declared", "base", "imposed"),
    [
        ("llama3.3", V3, ["deepseek-model-1.0"]),
        ("mit", V3, ["deepseek-model-1.0"]),
        ("apache-2.0", GEMMA, ["gemma-tou-2025-03-24"]),
        ("cc-by-nc-4.0", LLAMA33, []),
        ("apache-2.0", QWEN3, []),
        ("llama3.3", LLAMA33, []),
        ("something", LLAMA33, []),
    ],
)
def test_tags_that_claim_another_freedom(declared: str, base: str, imposed: list[str]) -> None:
    result = asked(("acme/m", "quantized", [base]), declared_metadata={"license": declared})

    assert [license_id for _, license_id in conflicts(result)] == imposed


def test_a_registered_name_that_claims_less_than_it_is_known_for() -> None:
    result = asked(known={"acme/m": ("mit",), LLAMA33: ("mit",)}, model=LLAMA33, declared_metadata={})

    assert result.effective_licenses == ("llama-3.3", "mit")
    assert conflicts(result) == [(LLAMA33, "llama-3.3")]


def test_what_a_person_concluded_stands_before_everything() -> None:
    said = {"model": LLAMA33, "parents": [], "concluded_by": "user:ada"}
    result = asked(known={LLAMA33: ("mit",)}, lineage=[said], model=LLAMA33, declared_metadata={})

    assert result.effective_licenses == ("mit",)
    assert (
        "concluded by user:ada, although the repository is known for llama-3.3" in result.findings[0].reason
    )


@pytest.mark.parametrize(
    ("records", "use", "plan", "verdict", "outcome"),
    [
        (HOUSE, {}, {}, "needs_review", "unknown"),
        (HOUSE, {"distribute_derivative": True}, {}, "prohibited", "violated"),
        (HOUSE, {}, {"relation": "merge", "name": "acme/Llama-Else-1"}, "needs_review", "unknown"),
        (HOUSE, {"hosting": "public_api"}, {"relation": "merge", "name": "acme/Llama-Else"}, "prohibited", "violated"),
        (STRICT, {}, {"relation": "merge", "name": "acme/Else-1"}, "needs_review", "unknown"),
        (STRICT, {"hosting": "public_api"}, {"relation": "merge", "name": "x"}, "prohibited", "violated"),
    ],
)  # fmt: skip
def test_no_name_begins_with_both_words(
    records: Catalog, use: dict[str, Any], plan: dict[str, Any], verdict: str, outcome: str
) -> None:
    result = asked(
        ("acme/m", "merge", [LLAMA33, "somewhere/Else-7B"]),
        records=records,
        use={**USE, **use},
        derivative=plan,
    )

    (found,) = [item for item in result.to_json()["conflicts"] if item["kind"] == "naming_conflict"]
    assert found["licenses"] == ["house-1", "llama-3.3"]
    assert found["prefixes"] == ["Else", "Llama"]
    (finding,) = findings(result, "naming_conflict")
    assert (result.verdict, finding.outcome) == (verdict, outcome)
    assert finding.clause == "§3.4; §1.b.i"
    assert not finding.curable


def test_words_that_fit_into_one_name_are_no_conflict() -> None:
    result = asked(
        ("acme/m", "merge", [LLAMA33, LLAMA3]),
        derivative={"relation": "finetune", "name": "acme/Llama-3-mine"},
        use={**USE, "hosting": "public_api"},
    )

    assert not findings(result, "naming_conflict")
    assert {item.outcome for item in findings(result, "name_prefix")} == {"met"}


def test_notices_of_several_teachers_are_all_kept() -> None:
    """As tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5: made from Llama 3.1, taught with outputs of Gemma."""
    result = asked(
        ("acme/m", "finetune", ["meta-llama/Llama-3.1-8B"], [GEMMA, V3]),
        use={**USE, "distribute_weights": True},
    )

    duties = {(due.license, due.obligation.id) for due in result.obligations}
    assert {"llama-3.1", "gemma-tou-2025-03-24"} <= {one for one, duty in duties if "notice" in duty}
    assert ("deepseek-model-1.0", "licence-copy") in duties


def test_an_ancestor_that_nobody_knows_is_named() -> None:
    result = asked(("acme/m", "finetune", ["nobody/knows"]))

    (finding,) = findings(result, "ancestor_unresolved")
    assert "nobody/knows" in finding.reason
    assert "lineage.nobody/knows.license" in result.missing_facts
    assert result.verdict == "needs_review"
    assert conflicts(result) == []


def test_a_hint_is_a_question_until_it_is_answered() -> None:
    hint = {"model": "acme/b", "parents": [QWEN3], "hints": ["dataset acme/r1-traces"]}
    edge = {"model": "acme/m", "relation": "finetune", "parents": ["acme/b"]}
    result = asked(lineage=[edge, hint], known={"acme/b": ("apache-2.0",)})

    (finding,) = findings(result, "lineage_hint")
    assert "acme/r1-traces" in finding.reason
    assert (result.verdict, result.missing_facts) == ("needs_review", ("lineage.acme/b.ancestors",))
    assert asked(lineage=[{**hint, "model": "else/where"}]).verdict == "allowed"


def test_a_word_for_several_licenses_means_the_one_that_an_ancestor_brings() -> None:
    files = {path.name: path.read_text() for path in catalog.FOLDER.glob("*.toml")}
    second = files["gemma-tou-2025-03-24.toml"].replace('id = "gemma-tou-2025-03-24"', 'id = "gemma-old"')
    files["gemma-old.toml"] = second.partition("[[texts]]")[0] + "[scope]" + second.partition("[scope]")[2]
    both = catalog.build((name, text.encode()) for name, text in files.items())

    with_base = asked(("acme/m", "finetune", [GEMMA]), declared_metadata={"license": "gemma"}, records=both)
    without = asked(declared_metadata={"license": "gemma"}, records=both)

    assert with_base.effective_licenses == ("gemma-tou-2025-03-24",)
    assert without.effective_licenses == ("unknown",)
    assert without.verdict == "needs_review"


@pytest.mark.parametrize(
    "lineage",
    [
        [{"model": f"a/{i}", "parents": []} for i in range(MAX_ENTRIES + 1)],
        [{"model": "acme/m", "parents": [f"a/{i}" for i in range(MAX_MODELS)]}],
        [{"model": f"a/{i}", "parents": [f"b/{j}" for j in range(100)]} for i in range(201)],
    ],
)
def test_a_lineage_beyond_the_bounds_is_refused(lineage: list[Any]) -> None:
    with pytest.raises(InvalidRequest, match="more than"):
        parse_request({"model": "acme/m", "lineage": lineage}, today=TODAY)


def test_thousands_of_ancestors_are_judged_and_told_of_within_bounds() -> None:
    chain = [(f"a/{i}", "merge", [f"a/{i + 1}", f"a/{i + 2}"]) for i in range(MAX_ENTRIES - 2)]
    known = {f"a/{i}": ("mit",) for i in range(MAX_ENTRIES)}

    result = asked(("acme/m", "merge", ["a/0"]), *chain, (f"a/{MAX_ENTRIES - 2}", "merge", [V3]), known=known)

    assert "deepseek-model-1.0" in result.effective_licenses
    assert len(result.conflicts) == 500
    assert "1500 more cards" in findings(result, "declared_license_conflict")[-1].reason


MODELS = ["acme/m", "acme/a", "acme/b", LLAMA33, GEMMA, V3, QWEN3, "somewhere/Else-1", "nobody/knows"]
RELATIONS = ["finetune", "adapter", "quantized", "merge", "distillation", "synthetic_outputs"]
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(MODELS),
        st.sampled_from(RELATIONS),
        st.lists(st.sampled_from(MODELS), unique=True, max_size=3),
    ),
    max_size=6,
)
KNOWN = st.dictionaries(
    st.sampled_from(["acme/m", "acme/a", "acme/b"]), st.sampled_from([("mit",), ("llama-3.3",)])
)


@given(ENTRIES, KNOWN, st.randoms())
@settings(max_examples=60)
def test_any_lineage_has_an_answer_whatever_its_order(entries: Any, known: Any, random: Any) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)

    first = asked(*entries, known=known, records=HOUSE)

    assert asked(*shuffled, known=known, records=HOUSE).to_json() == first.to_json()


@given(ENTRIES, KNOWN, st.sampled_from(MODELS[1:]), st.sampled_from(RELATIONS))
@settings(max_examples=60)
def test_one_more_ancestor_never_improves(entries: Any, known: Any, parent: str, relation: str) -> None:
    less, more = (
        asked(*entries, *extra, known=known, records=HOUSE)
        for extra in ([], [("acme/m", relation, [parent])])
    )

    assert more.verdict.rank >= less.verdict.rank
    assert set(less.effective_licenses) <= set(more.effective_licenses)
