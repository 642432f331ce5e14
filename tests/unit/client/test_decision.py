import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import admission

GOOD = {
    "decision": "allow",
    "admission_id": "5c8b6f0e-8f53-4f6f-8a52-0d8f4c1f2b11",
    "model_version": "pkg:huggingface/org/name@0",
    "model_digest": "sha256:x",
    "approval_id": 4,
    "policy_digest": "sha256:y",
    "reasons": [{"code": "not_approved", "message": "No.", "evidence_url": None}],
    "obligations": [{"id": "a", "do": "b"}],
    "expires_at": "2027-01-01T00:00:00Z",
    "mode": "enforce",
}


def parsed(**changes) -> admission.Decision:
    value = {name: item for name, item in {**GOOD, **changes}.items() if item is not ...}
    return admission.parse_decision(json.dumps(value).encode())


def test_parse_decision_of_an_answer():
    decision = parsed()

    assert decision.is_allowed
    assert (decision.mode, decision.approval_id) == ("enforce", "4")
    assert decision.reasons == (admission.Reason("not_approved", "No.", None),)
    assert not parsed(decision="deny").is_allowed


def test_parse_decision_without_a_mode_enforces():
    assert parsed(decision="deny", mode=...).mode == "enforce"


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "Allow"},
        {"decision": True},
        {"decision": ...},
        {"mode": "off"},
        {"mode": None},
        {"admission_id": None},
        {"reasons": {}},
        {"reasons": [{}]},
        {"obligations": "x"},
        {"model_digest": ["x"]},
    ],
)
def test_parse_decision_refuses(changes):
    with pytest.raises(admission.AdmissionUnavailable):
        parsed(**changes)


@given(st.binary())
def test_parse_decision_raises_nothing_but_its_own_error(data):
    with pytest.raises(admission.AdmissionUnavailable):
        admission.parse_decision(data)


def test_parse_decision_refuses_an_answer_that_says_both():
    with pytest.raises(admission.AdmissionUnavailable):
        admission.parse_decision(
            b'{"decision":"deny","decision":"allow","admission_id":"a","mode":"enforce"}'
        )


def test_a_denial_needs_no_admission_id_unless_it_only_warns():
    assert parsed(decision="deny", admission_id=None).admission_id == ""
    with pytest.raises(admission.AdmissionUnavailable):
        parsed(decision="deny", admission_id=None, mode="warn")
