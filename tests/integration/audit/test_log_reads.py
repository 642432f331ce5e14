from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from modelcustody_client import canonical, merkle, note, proof

from audit import log, selectors, store
from audit.events import Event, Log
from audit.ingest import records
from audit.ingest import store as ingest
from governance import keys
from governance.permissions import Role, Scope
from tests import factories
from tests.factories import NOW
from tests.logs import add_leaves, clock, decide, deployment, lines, record, sequence_all

URL = "/api/v1/decisions"
MODEL = "sha256:" + "1" * 64


@pytest.mark.django_db
def test_entries_of_subjects_come_with_proofs_against_one_checkpoint() -> None:
    for number in range(5):
        decide(f"model-version:{number % 2}", number=number)
    sequence_all()
    signed = selectors.checkpoint("decisions")
    decide("model-version:1", number=5)
    sequence_all()
    decide("model-version:1", number=6)

    then = selectors.decision_entries(subjects=["model-version:1"], signed=signed)
    now = selectors.decision_entries(subjects=["model-version:1"])

    assert [entry.index for entry in then] == [1, 3, None, None]
    assert [entry.index for entry in now] == [1, 3, 5, None]
    assert [canonical.loads(entry.leaf)["body"]["number"] for entry in now] == [1, 3, 5, 6]
    assert then[-1].proof is None
    vkeys = [keys.log_key("decisions").vkey]
    for entry in then[:2]:
        assert entry.proof is not None
        assert proof.parse_proof(entry.proof.encode()).checkpoint == signed
        shown = proof.verify_proof(entry.proof.encode(), leaf_hash=merkle.leaf_hash(entry.leaf), vkeys=vkeys)
        assert (shown.index, shown.checkpoint.size) == (entry.index, 5)


@pytest.mark.django_db
def test_a_model_s_deployments_and_requests_come_in_the_order_of_the_log() -> None:
    mine = deployment()
    other = deployment(model_digest="sha256:" + "9" * 64, node="node-2")
    found = [record(n, deployment_digest=(mine, other)[n % 2].deployment_digest) for n in range(6)]
    ingest.take_over(records.read_batch(lines(found), is_lines=True), now=clock())
    sequence_all(Log.REQUESTS)

    entries = selectors.request_entries(model_digest=MODEL)
    counts = selectors.served_counts(MODEL)

    assert [entry.index for entry in entries] == [0, 2, 4, 6]
    assert canonical.loads(entries[0].leaf)["type"] == "modelcustody/deployment/v1"
    assert [canonical.loads(entry.leaf)["record"]["sequence"] for entry in entries[1:]] == [0, 2, 4]
    for entry in entries:
        assert entry.proof is not None
        vkeys = [keys.log_key("requests").vkey]
        proof.verify_proof(entry.proof.encode(), leaf_hash=merkle.leaf_hash(entry.leaf), vkeys=vkeys)
    assert (counts.deployments, counts.requests, counts.input_tokens, counts.output_tokens) == (1, 3, 36, 102)
    assert selectors.served_counts("sha256:" + "0" * 64).requests == 0


@pytest.mark.django_db
def test_before_anything_is_signed_there_are_entries_without_proofs() -> None:
    decide("model-version:7")

    [entry] = selectors.decision_entries(subjects=["model-version:7"])

    assert (entry.index, entry.proof, selectors.checkpoint("decisions")) == (None, None, None)


@pytest.mark.django_db
def test_decisions_are_listed_newest_first_and_filtered(client: Client) -> None:
    with transaction.atomic():
        for number in range(4):
            log.append(
                event=(Event.VERSION_DRAFTED, Event.VERSION_RESOLVED)[number % 2],
                actor="user:olga",
                subject=f"model-version:{number}",
                body={"number": number},
                at=NOW + timedelta(days=number),
            )
    sequence_all()
    client.force_login(factories.user(Role.AUDITOR))

    def listed(**query: object) -> list[int]:
        response = client.get(URL, query)
        assert response.status_code == 200, response.content
        return [row["body"]["number"] for row in response.json()["results"]]

    first = client.get(URL).json()["results"][0]
    assert first == {
        "batch_id": first["batch_id"],
        "index": 3,
        "event": "registry.version.resolved",
        "actor": "user:olga",
        "subject": "model-version:3",
        "at": "2026-11-25T12:00:00Z",
        "body": {"number": 3},
    }
    assert listed() == [3, 2, 1, 0]
    assert listed(event="registry.version.drafted") == [2, 0]
    assert listed(subject="model-version:1") == [1]
    assert listed(actor="user:nobody") == []
    assert listed(**{"from": "2026-11-24T12:00:00Z", "to": "2026-11-25T12:00:00Z"}) == [2]
    page = client.get(URL, {"limit": 3}).json()
    assert [row["body"]["number"] for row in client.get(page["next"]).json()["results"]] == [0]
    assert client.get(URL, {"evnt": "x"}).json()["field"] == "evnt"


@pytest.mark.django_db
def test_decisions_are_for_those_who_may_read_the_log(client: Client) -> None:
    _, token = factories.api_token(Scope.ADMISSION)

    assert client.get(URL).status_code == 401
    assert client.get(URL, headers={"Authorization": f"Bearer {token}"}).status_code == 403


@pytest.mark.django_db
def test_the_log_is_published_with_its_types_and_caching(client: Client) -> None:
    add_leaves(*(b"%d" % n for n in range(300)))
    assert client.get("/log/requests/checkpoint").status_code == 404
    sequence_all(Log.REQUESTS)

    signed = client.get("/log/requests/checkpoint", headers={"Accept": "text/plain"})
    vkey = client.get("/log/requests/vkey")
    full = client.get("/log/requests/tile/0/000")
    partial = client.get("/log/requests/tile/0/001.p/44")
    above = client.get("/log/requests/tile/1/000.p/1")
    entries = client.get("/log/requests/tile/entries/001.p/44")

    assert signed.content == store.newest_checkpoint(Log.REQUESTS)
    assert (signed["Content-Type"], signed["Cache-Control"]) == (
        "text/plain; charset=utf-8",
        "public, max-age=0, must-revalidate",
    )
    checkpoint = note.verify_note(signed.content, [note.parse_vkey(vkey.content.decode().strip())])
    assert (checkpoint.origin, checkpoint.size) == ("modelcustody.local/log/requests", 300)
    assert full.content == b"".join(merkle.leaf_hash(b"%d" % n) for n in range(256))
    assert (full["Content-Type"], full["Cache-Control"]) == (
        "application/octet-stream",
        "public, max-age=31536000, immutable",
    )
    assert partial.content == b"".join(merkle.leaf_hash(b"%d" % n) for n in range(256, 300))
    assert "immutable" not in partial["Cache-Control"]
    assert len(above.content) == 32
    assert entries.content.startswith(b"\x00\x03256\x00\x03257")
    assert "Set-Cookie" not in full
    assert full["Access-Control-Allow-Origin"] == "*"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "other/checkpoint",
        "other/vkey",
        "other/tile/0/000",
        "requests/tile/0/000",
        "requests/tile/0/000.p/4",
        "requests/tile/0/001.p/1",
        "requests/tile/1/000.p/1",
        "requests/tile/entries/000.p/4",
        "requests/tile/0/0",
        "requests/tile/0/000.p/03",
        "requests/tile/8/000",
        "requests/tile/0/..%2f000",
        "requests/tile/0/x999/x999/x999/x999/x999/999",
    ],
)
def test_what_the_signed_tree_does_not_have_is_not_found(client: Client, path: str) -> None:
    add_leaves(b"a", b"b", b"c")
    sequence_all(Log.REQUESTS)
    add_leaves(b"not signed yet")

    response = client.get(f"/log/{path}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert client.get("/log/requests/tile/0/000.p/3").status_code == 200
    assert client.get("/log/requests/tile/0/000.p/2").status_code == 200


@pytest.mark.django_db
def test_leaves_between_any_two_places_are_those_of_their_batches() -> None:
    for start, end in ((0, 3), (3, 4), (4, 9)):
        add_leaves(*(b"%d" % n for n in range(start, end)))
    sequence_all(Log.REQUESTS)

    for start in range(9):
        for end in range(start, 10):
            found = store.leaves_between(Log.REQUESTS, start=start, end=end)
            assert found == [b"%d" % n for n in range(start, min(end, 9))]
