"""C13: whether a model needs code, by its files, its configurations and what it is loaded onto."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import standing
from registry.lifecycle import Outcome, Severity
from registry.verification.subject import Ancestor
from tests import folders, subjects
from tests.corpus import code_configs as configs
from tests.corpus import sources

CHECK = "C13-custom-code"


@pytest.mark.parametrize("case", configs.HOSTILE, ids=lambda case: case.name)
def test_a_configuration_that_leads_to_code_fails_and_says_which_member(case: configs.Hostile) -> None:
    found = subjects.outcomes(CHECK, subjects.subject(folders.model_files() | {case.path: case.content}))[
        case.path
    ]

    assert found.finding.outcome is Outcome.FAIL
    assert found.severity is (Severity.CRITICAL if case.is_critical else Severity.HIGH)
    assert case.says in found.finding.message + json.dumps(dict(found.finding.evidence))


@pytest.mark.parametrize("name", configs.GOOD)
def test_an_ordinary_configuration_passes(name: str) -> None:
    path, content = configs.GOOD[name]

    assert subjects.verdict(CHECK, subjects.subject(folders.model_files() | {path: content})) == "pass"


@pytest.mark.parametrize("name", configs.UNDECIDED)
def test_a_configuration_that_cannot_be_understood_is_undecided(name: str) -> None:
    path, content = configs.UNDECIDED[name]

    assert subjects.verdict(CHECK, subjects.subject(folders.model_files() | {path: content})) == "error"


def test_ordinary_code_needs_a_review_and_gives_no_alarm() -> None:
    found = subjects.outcomes(CHECK, subjects.subject({"modeling_x.py": sources.MODEL.encode()}))[
        "modeling_x.py"
    ]

    assert (found.finding.outcome, found.severity) == (Outcome.FAIL, Severity.HIGH)
    assert found.finding.message == "The model brings code of its own, which nobody has reviewed here."


def test_code_that_attacks_is_critical_and_says_what_it_does() -> None:
    code = next(case for case in sources.HOSTILE if case.name == "decoded").text
    found = subjects.outcomes(CHECK, subjects.subject({"modeling_x.py": code.encode()}))["modeling_x.py"]

    assert found.severity is Severity.CRITICAL
    assert "runs what it first decodes" in found.finding.message
    assert "(line 2)" in found.finding.message
    assert found.finding.evidence["signs"][0]["line"] == 2


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("a.pyc", b"\x00", "compiled"),
        ("kernels/a.cu", b"", "not Python"),
        ("a.py", sources.BROKEN["no Python"], "cannot be examined: line 1"),
        ("a.py", sources.BROKEN["another encoding"], "utf-7"),
        ("a.ipynb", b"{", "not a notebook"),
        ("a.ipynb", sources.notebook("!rm -r x"), "runs a command of the shell"),
        ("sitecustomize.py", b"", "imports by itself"),
        (
            "custom_generate/generate.py",
            b"import subprocess\nsubprocess.run(['id'])\n",
            "as soon as it is imported",
        ),
    ],
)
def test_code_of_every_kind_is_told(path: str, content: bytes, says: str) -> None:
    found = subjects.outcomes(CHECK, subjects.subject({path: content}))[path]

    assert found.finding.outcome is Outcome.FAIL
    assert says in found.finding.message


def test_code_of_which_only_the_beginning_was_kept_is_not_taken_for_harmless() -> None:
    given = subjects.cut(subjects.subject({"a.py": b"x = 1\n" * 99}), "a.py")

    assert "too large" in subjects.outcomes(CHECK, given)["a.py"].finding.message


def test_more_code_than_can_be_examined_is_said() -> None:
    found = subjects.outcomes(CHECK, subjects.subject({f"{place:03}.py": b"x = 1\n" for place in range(260)}))

    assert "more code than is examined" in found["259.py"].finding.message
    assert "more code" not in found["000.py"].finding.message


def test_a_state_of_random_numbers_is_told_and_makes_no_model_need_code() -> None:
    given = subjects.subject(folders.model_files() | {"rng_state_0.pth": b"\x80\x02."})
    found = subjects.outcomes(CHECK, given)

    assert (found["rng_state_0.pth"].severity, found[""].finding.outcome) == (Severity.LOW, Outcome.PASS)
    assert "CVE-2026-1839" in found["rng_state_0.pth"].finding.message
    evidence = [
        standing.CheckEvidence(
            check_id=CHECK,
            outcome=item.finding.outcome,
            message="",
            code=None,
            counts=item.severity not in standing.MINOR,
        )
        for item in found.values()
    ]
    assert standing._remote_code(evidence) is False


ADAPTER = {
    "adapter_config.json": json.dumps({"base_model_name_or_path": "acme/base", "peft_type": "LORA"}).encode()
}
CLEAN = {"config.json": json.dumps(configs.LLAMA).encode()}
NEEDS = {"config.json": json.dumps(configs.LLAMA | {"auto_map": {"AutoModel": "m.X"}}).encode()}


@pytest.mark.parametrize(
    ("bases", "expected", "says"),
    [
        ([], "error", "not registered here"),
        ([("acme/base", {})], "error", "cannot be read"),
        ([("ACME/Base", CLEAN)], "pass", "No file holds code"),
        ([("acme/base", NEEDS)], "fail:high", "loaded onto acme/base, which needs code"),
        ([("acme/base", CLEAN | {"m.py": b""})], "fail:high", "brings code of its own"),
        ([("acme/base", CLEAN | {"generation_config.json": b"{"})], "error", "cannot be said"),
        ([("acme/base", ADAPTER)], "error", "an adapter itself"),
        ([("acme/other", CLEAN)], "error", "not registered here"),
    ],
)
def test_an_adapter_needs_what_its_base_needs(
    bases: list[tuple[str, dict[str, bytes]]], expected: str, says: str
) -> None:
    given = subjects.subject(ADAPTER, bases=tuple(subjects.base(*item) for item in bases))

    assert subjects.verdict(CHECK, given) == expected
    assert any(says in item.finding.message for item in subjects.outcomes(CHECK, given).values())


def test_an_adapter_by_its_lineage_alone_is_one_too() -> None:
    given = subjects.subject(CLEAN, lineage=(Ancestor("acme/base", "adapter"),))

    assert subjects.verdict(CHECK, given) == "error"


def test_an_adapter_of_nothing_is_undecided() -> None:
    assert subjects.verdict(CHECK, subjects.subject({"adapter_config.json": b"{}"})) == "error"


@pytest.mark.parametrize("relation", ["finetune", "merge", "quantized", "unstated"])
def test_a_model_that_stands_for_itself_is_not_affected_by_its_ancestors(relation: str) -> None:
    given = subjects.subject(
        CLEAN,
        lineage=(Ancestor("acme/base", relation),),
        bases=(subjects.base("acme/base", NEEDS, relation),),
    )

    assert subjects.verdict(CHECK, given) == "pass"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["a/b--c.D", "a.b", "os.system", "kernels/x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["auto_map", "type", "_target_", "quant_method", "model_file", "code_revision", "architectures", "activation_fn", "_attn_implementation", "x"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(
    JSON,
    st.binary(max_size=80),
    st.sampled_from(["config.json", "modules.json", "model_index.json", "adapter_config.json"]),
)
def test_any_configuration_gives_findings(value: object, yaml: bytes, name: str) -> None:
    given_files = {
        name: json.dumps(value).encode(),
        "x.yaml": b"_target_: " + yaml,
        "README.md": b"---\n" + yaml + b"\n---\n",
    }

    found = subjects.outcomes(CHECK, subjects.subject(given_files))

    assert found
    assert not [item for item in found.values() if "broke down" in item.finding.message]
