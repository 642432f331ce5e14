import socket

import pytest
from modelcustody_client import complaints, transport

from tests import standin


@pytest.fixture
def service():
    with standin.serving() as found:
        yield found


def test_answers_are_bounded_in_size(service, monkeypatch):
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 1000)
    service.tell("/x", 200, b"x" * 2000)

    with pytest.raises(transport.ServiceUnavailable, match="larger"):
        transport.Service(service.url, token=lambda: "t").post("/x", body=b"", headers={}, timeout=5)


def test_answers_are_bounded_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = transport.Service(f"http://127.0.0.1:{silent.getsockname()[1]}", token=lambda: "t")

        with pytest.raises(transport.ServiceUnavailable, match="timed out"):
            target.post("/x", body=b"", headers={}, timeout=0.2)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "file:///etc/passwd",
        "http://",
        "http://u:p@x",
        "http://x/?q",
        "http://x#f",
        "x",
        "http://x:y",
        "http://x\n",
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(transport.BadSettings):
        transport.check_url(url)


def test_a_token_from_a_file_is_read_anew(tmp_path):
    file = tmp_path / "token"
    file.write_text("mc_a_1\n")
    token = transport.token_source({"MODELCUSTODY_TOKEN": "other"}, file=str(file))
    assert token() == "mc_a_1"
    file.write_text("mc_a_2\n")
    assert token() == "mc_a_2"
    for bad in ("", "two words", "caf\u00e9"):
        file.write_text(bad)
        with pytest.raises(transport.BadSettings):
            token()


@pytest.mark.parametrize("environ", [{}, {"MODELCUSTODY_TOKEN": ""}, {"MODELCUSTODY_TOKEN": "a b"}])
def test_without_a_token_nothing_is_asked(environ):
    with pytest.raises(transport.BadSettings):
        transport.token_source(environ)


def test_complaints_are_held_back_for_a_minute(capsys):
    now = [0.0]
    complain = complaints.Complaints(clock=lambda: now[0])
    for second in (0.0, 1.0, 59.0, 61.0):
        now[0] = second
        complain("the disk is full")
    complain("something else altogether")

    assert capsys.readouterr().err.splitlines() == [
        "modelcustody: the disk is full",
        "modelcustody: the disk is full (2 more messages held back)",
        "modelcustody: something else altogether",
    ]
