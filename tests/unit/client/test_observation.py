import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import observation

CHUNKS = [
    {
        "id": "chatcmpl-1",
        "model": "m",
        "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}],
    },
    {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": {"content": 'say "usage":{'}}]},
    {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "chatcmpl-1", "model": "m", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
]
EVENTS = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in CHUNKS) + b"data: [DONE]\n\n"
EXPECTED = {
    "response_id": "chatcmpl-1",
    "response_model": "m",
    "input_tokens": 5,
    "output_tokens": 7,
    "finish_reasons": ["stop"],
}


def fed(*chunks: bytes) -> observation.Stream:
    stream = observation.Stream()
    for chunk in chunks:
        stream.feed(chunk)
    return stream


@given(st.lists(st.integers(0, len(EVENTS)), max_size=12))
def test_a_stream_is_read_alike_wherever_it_is_cut(cuts):
    places = [0, *sorted(cuts), len(EVENTS)]

    stream = fed(*(EVENTS[start:end] for start, end in itertools.pairwise(places)))

    assert observation.response_fields(stream.documents()) == EXPECTED
    assert stream.is_done


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_feeding_any_bytes_raises_nothing(chunks):
    stream = fed(*chunks)

    assert isinstance(observation.response_fields(stream.documents()), dict)


def test_a_stream_takes_little_memory_however_long_it_is(monkeypatch):
    monkeypatch.setattr(observation, "MAX_LINE_BYTES", 1000)
    stream = fed(*[b"data: " + b"x" * 400] * 50)
    assert len(stream._rest) <= 1000

    stream.feed(b"\n\n" + EVENTS)

    assert observation.response_fields(stream.documents())["finish_reasons"] == ["stop"]
    for _ in range(500):
        stream.feed(b'data: {"usage":{"prompt_tokens":1},"choices":[{"finish_reason":"stop"}]}\n\n')
    assert len(stream.finished) <= observation.MAX_FINISHED
    assert len(stream.usages) == 2


def test_usage_on_every_chunk_gives_the_last_one():
    lines = [b'data: {"id":"a","usage":{"prompt_tokens":5,"completion_tokens":%d}}\n\n' % n for n in range(9)]

    assert observation.response_fields(fed(*lines).documents())["output_tokens"] == 8


def test_events_of_the_responses_api():
    events = [
        {
            "type": "response.created",
            "response": {"id": "resp_1", "model": "m", "object": "response", "status": "in_progress"},
        },
        {"type": "response.output_text.delta", "delta": "hi"},
        {
            "type": "response.completed",
            "response": {
                "id": "resp_1",
                "model": "m",
                "object": "response",
                "status": "completed",
                "usage": {"input_tokens": 3, "output_tokens": 4},
            },
        },
    ]
    stream = fed(*(b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events))

    assert observation.response_fields(stream.documents()) == {
        "response_id": "resp_1",
        "response_model": "m",
        "input_tokens": 3,
        "output_tokens": 4,
        "finish_reasons": ["completed"],
    }


def test_events_of_the_messages_api():
    events = [
        {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 0}},
        },
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    ]
    stream = fed(*(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))

    assert observation.response_fields(stream.documents()) == {
        "response_id": "msg_1",
        "response_model": "m",
        "input_tokens": 3,
        "output_tokens": 9,
        "finish_reasons": ["end_turn"],
    }


def test_request_fields_keep_parameters_as_they_were_sent():
    body = observation.parse_object(
        b'{"model":"m","stream":true,"temperature":0.10,"top_p":1,"top_k":5,"max_completion_tokens":9,'
        b'"seed":18446744073709551615,"n":2,"stop":"END","messages":[{"content":"secret"}]}'
    )

    assert observation.request_fields(body) == {
        "request_model": "m",
        "stream": True,
        "parameters": {
            "temperature": "0.10",
            "top_p": 1,
            "top_k": 5,
            "max_tokens": 9,
            "seed": "18446744073709551615",
            "n": 2,
            "stop": ["END"],
        },
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": ["x"], "temperature": {}, "seed": "7", "n": True, "stop": [1], "max_tokens": 2**60},
        {"model": "x" * 300, "stop": ["x" * 65], "temperature": "x" * 33},
        {"top_k": -2, "max_tokens": -1, "n": 2**31, "stop": ["\ud800"], "temperature": ""},
        {"seed": 10**32, "top_p": 2**60},
        {"model": "a\nb", "stop": ["x"] * 17, "temperature": float("inf")},
    ],
)
def test_request_fields_leave_out_what_is_not_well_formed(body):
    assert observation.request_fields(body) == {"request_model": None, "stream": False, "parameters": None}


@given(st.binary())
def test_parse_object_never_raises(data):
    assert isinstance(observation.parse_object(data), dict)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["choices", "usage", "response", "message", "delta", "id", "model", "error", "finish_reason"]), inner
)))  # fmt: skip
def test_fields_of_any_json_never_raise(value):
    body = observation.parse_object(json.dumps(value).encode())

    observation.request_fields(body)
    observation.response_fields([body])
    observation.error_of([body])


def test_an_error_inside_a_stream_is_seen():
    stream = fed(
        EVENTS[:200], b'\n\ndata: {"error":{"message":"x","type":"InternalServerError","code":500}}\n\n'
    )

    assert observation.error_of(stream.documents()) == "500"


def test_response_fields_leave_out_what_is_out_of_bounds():
    body = {
        "id": "x" * 257,
        "model": "a\nb",
        "choices": [{"finish_reason": "x" * 65}],
        "usage": {"prompt_tokens": -1, "completion_tokens": 2**31},
    }

    assert set(observation.response_fields([body]).values()) == {None}
    assert observation.error_of([{"error": {"type": "x" * 129}}]) == "error"
