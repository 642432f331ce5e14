"""Questions from files and pipes: one, a list, or one a line; answers go as the questions came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import GovernanceError, InvalidInput
from registry.whatif import inputs
from registry.whatif.inputs import Form


@pytest.mark.parametrize(
    ("data", "form", "count"),
    [
        (b'{"model": "a/b"}', Form.ONE, 1),
        (b'{\n "model":\n "a/b"\n}', Form.ONE, 1),
        (b'[{"model": "a/b"}, {"model": "c/d"}]', Form.LIST, 2),
        (b'{"model": "a/b"}\n{"model": "c/d"}\n', Form.LINES, 2),
        (b'{"model": "a/b"}\r\n\r\n{"model": "c/d"}', Form.LINES, 2),
    ],
)
def test_forms(data: bytes, form: Form, count: int) -> None:
    found = inputs.read(data)

    assert (found.form, len(found.items)) == (form, count)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "1 to 10,000 questions"),
        (b"3", "must be a JSON object"),
        (b"[{}, 3]", r"\[1\]: the question must be a JSON object"),
        (b'{"a": 1}\n{"a": \n', "line 2"),
        (b'{"a": 1}\n[]\n', "line 2: the question must be a JSON object"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'{"a": NaN}', "NaN"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 5000, "not JSON|nested"),
    ],
)
def test_what_is_no_question_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        inputs.read(data)


def test_a_question_that_is_not_understood_is_placed() -> None:
    def refuse(item: Any) -> dict[str, Any]:
        if item["model"] == "bad":
            raise InvalidInput("model: is bad", field="model")
        return {}

    with pytest.raises(InvalidInput) as lines:
        inputs.read(b'{"model": "good"}\n{"model": "bad"}').answered(refuse)
    with pytest.raises(InvalidInput) as listed:
        inputs.read(b'[{"model": "good"}, {"model": "bad"}]').answered(refuse)
    with pytest.raises(InvalidInput) as alone:
        inputs.read(b'{"model": "bad"}').answered(refuse)

    assert lines.value.detail == "line 2: model: is bad"
    assert listed.value.detail == "[1]: model: is bad"
    assert alone.value.detail == "model: is bad"


def test_answers_go_as_questions_came() -> None:
    answers = [{"verdict": "allowed"}, {"verdict": "prohibited"}]

    assert json.loads(inputs.written(answers[:1], Form.ONE)) == answers[0]
    assert json.loads(inputs.written(answers, Form.LIST)) == answers
    assert [json.loads(line) for line in inputs.written(answers, Form.LINES).splitlines()] == answers


def refusal(data: bytes) -> GovernanceError | None:
    try:
        inputs.read(data)
    except GovernanceError as error:
        return error
    return None


@given(st.binary(max_size=60))
def test_any_bytes_are_questions_or_a_clear_refusal(data: bytes) -> None:
    refused = refusal(data)

    assert refused.detail if refused else all(isinstance(item, dict) for item in inputs.read(data).items)
