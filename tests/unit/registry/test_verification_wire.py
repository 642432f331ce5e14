import contextlib
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.lifecycle import Outcome, Severity
from registry.observed import Scan, SourceFacts
from registry.verification import wire
from registry.verification.examination import BaseCopy, Examination, Question
from registry.verification.outcomes import CheckOutcome, Finding, run_outcome
from registry.verification.subject import Ancestor, Expected, LicenseClaim

FILE = Expected("a.json", 3, "0" * 64, "config")


def outcome(**fields: Any) -> CheckOutcome:
    finding = Finding(**{"outcome": Outcome.FAIL, "message": "It is wrong."} | fields)
    return CheckOutcome("C1-x", "X", Severity.HIGH, finding, 1.5, "modelcustody", "1")


def crossed(*outcomes: CheckOutcome) -> Examination:
    """What arrives of an examination with these findings."""
    found = Examination(tuple(outcomes), bytes_read=7, file_states={"a.json": (1, 2, 3, 4, 5)})
    line = wire.encode_line(wire.Line(examination=found))
    assert line.count(b"\n") == 1
    answer = wire.decode_line(line).examination
    assert answer is not None
    assert (answer.bytes_read, answer.file_states) == (7, found.file_states)
    return answer


def test_a_question_arrives_as_it_was_sent() -> None:
    question = Question(
        source_kind="hub",
        revision="a" * 40,
        expected={"a.json": FILE},
        licenses=(LicenseClaim("declared", "mit", "README.md"),),
        model="acme/model",
        lineage=(Ancestor("acme/base", "finetune"),),
        bases=(BaseCopy("acme/base", "finetune", "/b", {"a.json": FILE}, is_verified=True),),
        observed=SourceFacts(commit="b" * 40, scans=(Scan("a.bin", "unsafe"),), refs={"main": "c" * 40}),
        last_read={"a.json": ((1, 2, 3), "0" * 64)},
    )
    task = wire.Task("/m", question)

    assert wire.decode_task(wire.encode_task(task)) == task


MESSY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(st.characters()), st.dictionaries(st.text(), MESSY, max_size=3))
def test_whatever_a_file_says_arrives_as_plain_text(message: str, evidence: dict[str, Any]) -> None:
    (found,) = crossed(outcome(message=message, path=message, evidence=evidence)).outcomes

    stored = json.dumps(dict(found.finding.evidence), ensure_ascii=False) + found.finding.message
    stored.encode()
    assert "\x00" not in stored
    assert dataclasses.replace(found, finding=outcome().finding) == outcome()


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "evidence", [{"x": "y" * 20_000}, {"x": object()}, {"x": deep(100_000)}, {"x": {"y": 1 + 2j}}]
)
def test_evidence_that_is_too_much_or_no_json_is_left_out(evidence: dict[str, Any]) -> None:
    (found,) = crossed(outcome(evidence=evidence)).outcomes

    assert list(found.finding.evidence) == ["left_out"]
    assert found.finding.message == "It is wrong."


def test_all_evidence_together_is_bounded() -> None:
    found = crossed(*(outcome(path=str(number), evidence={"x": "y" * 16_000}) for number in range(600)))

    sizes = [len(json.dumps(dict(one.finding.evidence))) for one in found.outcomes]
    assert 7_000_000 < sum(sizes) <= wire.EVIDENCE_TOTAL_BYTES + 100_000
    assert len(sizes) == 600


def test_of_very_many_findings_the_gravest_are_kept_and_the_others_counted() -> None:
    many = [outcome(outcome=Outcome.PASS, path=str(number)) for number in range(3000)]
    many[2500] = outcome(path="the-one")

    found = crossed(*many).outcomes

    assert (len(found), found[0].finding.path) == (wire.MOST_FINDINGS + 1, "the-one")
    assert found[-1].finding.message == "2000 more findings of this check are not shown."


def test_of_very_many_minor_findings_what_could_not_be_decided_is_kept() -> None:
    many = [dataclasses.replace(outcome(path=str(number)), severity=Severity.INFO) for number in range(3000)]
    many[2500] = outcome(outcome=Outcome.ERROR, path="the-one")

    found = crossed(*many)

    assert found.outcomes[0].finding.path == "the-one"
    assert run_outcome(found.outcomes) is Outcome.ERROR


def test_a_message_is_cut() -> None:
    (found,) = crossed(outcome(message="x" * 5000)).outcomes

    assert len(found.finding.message) == wire.MESSAGE_CHARACTERS + 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"all is well",
        b"[]",
        b'{"read": "7"}',
        b'{"read": 1.5}',
        b'{"now": "check"}',
        b'{"examination": {"outcomes": []}}',
        b'{"examination": {"outcomes": [{"check_id": "C1"}], "bytes_read": 1, "file_states": {}}}',
        b'{"examination": {"outcomes": [], "bytes_read": 1, "file_states": {"a": [1.5]}}}',
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"now": ["\xff"]}',
    ],
)
def test_what_is_no_line_is_nonsense(data: bytes) -> None:
    with pytest.raises(wire.Nonsense):
        wire.decode_line(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_line_or_nonsense(data: bytes) -> None:
    with contextlib.suppress(wire.Nonsense):
        assert isinstance(wire.decode_line(data), wire.Line)
