import pytest
from django.test import Client
from modelcustody_client import canonical, merkle, proof

from audit import selectors
from audit.events import Log
from governance import keys
from governance.permissions import Role, Scope
from tests import factories
from tests.logs import RECORDER, Send, assert_problem, assert_whole, batch, sequence_all

URL = "/api/v1/served-requests"


@pytest.mark.django_db
def test_a_served_request_is_found_shown_and_proved(
    send: Send, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "_contexts", [])
    found = batch(0, 1, 2)
    send(*found)
    client.force_login(factories.user(Role.AUDITOR))
    address = f"{URL}/{found[1]['record_id']}"

    waiting = client.get(f"{address}/proof")
    before = client.get(address).json()
    sequence_all(Log.REQUESTS)
    after = client.get(address).json()
    proved = client.get(f"{address}/proof", headers={"Accept": "text/plain"})

    assert (waiting.status_code, waiting["Retry-After"]) == (202, "1")
    assert (before["index"], after["index"]) == (None, 2)
    assert after["record"] == found[1]
    assert after["deployment"]["model_version"].startswith("pkg:huggingface/acme/model@")
    assert after["in_force"] is None
    assert (proved.status_code, proved["Content-Type"]) == (200, "text/plain; charset=utf-8")
    shown = proof.verify_proof(
        proved.content,
        leaf_hash=merkle.leaf_hash(after["leaf"].encode()),
        vkeys=[keys.log_key("requests").vkey],
    )
    assert (shown.index, shown.checkpoint.size) == (2, 4)
    assert canonical.loads(after["leaf"].encode())["record"] == found[1]
    assert assert_whole(Log.REQUESTS) == 4


@pytest.mark.django_db
def test_a_served_request_is_shown_with_what_was_in_force_then(
    send: Send, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = batch(0)
    send(*found)
    client.force_login(factories.user(Role.AUDITOR))
    monkeypatch.setattr(selectors, "_contexts", [])
    selectors.register_context(
        lambda deployment, at: {"admission": deployment["admission_id"], "at": at.isoformat()}
    )

    shown = client.get(f"{URL}/{found[0]['record_id']}").json()

    assert shown["in_force"] == {
        "admission": "6f1f2c1e-6a43-4a0c-9a53-0d7c9d2f6a01",
        "at": "2026-11-22T12:00:00.500000+00:00",
    }


@pytest.mark.django_db
def test_served_requests_are_listed_by_what_they_are_found_by(send: Send, client: Client) -> None:
    found = batch(0, 1, 2, 3)
    found[3]["started_at"] = "2026-11-23T00:00:00Z"
    send(*found)
    client.force_login(factories.user(Role.AUDITOR))
    ids = [one["record_id"] for one in found]

    def listed(**query: object) -> list[int]:
        response = client.get(URL, query)
        assert response.status_code == 200, response.content
        return sorted(ids.index(row["record_id"]) for row in response.json()["results"])

    assert listed() == [0, 1, 2, 3]
    assert listed(record_id=ids[2]) == [2]
    assert listed(request_id="req-1") == [1]
    assert listed(response_id="chatcmpl-3") == [3]
    assert listed(deployment_digest=found[0]["deployment_digest"]) == [0, 1, 2, 3]
    assert listed(deployment_digest="sha256:" + "0" * 64) == []
    assert listed(model_digest="sha256:" + "1" * 64, request_id="req-0") == [0]
    assert listed(**{"from": "2026-11-22T12:00:01Z"}) == [3]
    assert listed(to="2026-11-23T00:00:00Z") == [0, 1, 2]
    assert listed(recorder=RECORDER, environment="production") == [0, 1, 2, 3]
    first = client.get(URL, {"limit": 3}).json()
    second = client.get(first["next"]).json()
    assert [row["record_id"] for row in first["results"] + second["results"]] == sorted(ids, reverse=True)
    assert_problem(client.get(URL, {"modeldigest": "x"}), 422, "invalid_input", field="modeldigest")
    assert_problem(client.get(URL, {"model_digest": "x"}), 422, "invalid_input", field="model_digest")
    assert_problem(client.get(f"{URL}?limit=1&limit=2"), 422, "invalid_input", field="limit")
    assert_problem(client.get(f"{URL}/019ab0c0-0000-7000-8000-000000000000"), 404, "not_found")
    assert_problem(client.get(f"{URL}/019ab0c0-0000-7000-8000-000000000000/proof"), 404, "not_found")


@pytest.mark.django_db
def test_reading_needs_the_right_to_read(client: Client, send: Send) -> None:
    _, token = factories.api_token(Scope.RECORD, recorder=RECORDER)
    _, reader = factories.api_token(Scope.READ)

    assert client.get(URL).status_code == 401
    assert_problem(client.get(URL, headers={"Authorization": f"Bearer {token}"}), 403, "forbidden")
    assert client.get(URL, headers={"Authorization": f"Bearer {reader}"}).status_code == 200
