import gzip
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import zstandard
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from audit import selectors, store
from audit.events import Log
from audit.models import Batch, BatchKey, Pending, SequenceGap, ServedRequest
from governance.permissions import Role, Scope
from tests import factories
from tests.logs import (
    RECORDER,
    Send,
    add_leaves,
    assert_problem,
    batch,
    deployment,
    lines,
    record,
    sequence_all,
)

URL = "/api/v1/served-requests"


def stored() -> tuple[int, int, int]:
    return BatchKey.objects.count(), ServedRequest.objects.count(), SequenceGap.objects.count()


@pytest.mark.django_db
def test_a_batch_is_taken_over_with_its_very_bytes(send: Send) -> None:
    found = batch(0, 1, 2)
    data = lines(found)

    response = send(data=data)

    assert response.status_code == 202
    answer = response.json()
    key = BatchKey.objects.get()
    assert answer == {
        "batch_id": key.batch_id,
        "recorder": RECORDER,
        "epoch": 1,
        "first_sequence": 0,
        "count": 3,
        "digest": f"sha256:{bytes(key.digest).hex()}",
        "received_at": answer["received_at"],
    }
    leaves = store.leaves_of([key.batch_id])[key.batch_id]
    prefix = b'{"received_at":"' + answer["received_at"].encode() + b'","record":'
    assert leaves == [prefix + line + b"}" for line in data.splitlines()]
    rows = list(ServedRequest.objects.order_by("position").select_related("batch", "deployment"))
    assert [str(row.record_id) for row in rows] == [one["record_id"] for one in found]
    assert [(row.recorder, row.epoch, row.sequence) for row in rows] == [(RECORDER, 1, n) for n in range(3)]
    first = rows[0]
    assert (first.request_id, first.response_id, first.status) == ("req-0", "chatcmpl-0", "200")
    assert (first.input_tokens, first.output_tokens, first.region) == (12, 34, None)
    assert first.started_at == datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
    assert first.deployment.deployment_digest == found[0]["deployment_digest"]
    assert Pending.objects.filter(batch_id=key.batch_id).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress), ("identity", bytes)],
)
def test_packed_batches_and_arrays_are_taken(
    send: Send, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    found = batch(0, 1)

    first = send(data=pack(lines(found[:1])), **{"Content-Encoding": encoding})
    second = send(
        data=pack(json.dumps(found[1:]).encode()),
        **{"Content-Encoding": encoding, "Content-Type": "application/json"},
    )

    assert (first.status_code, second.status_code) == (202, 202)


@pytest.mark.django_db
def test_the_same_batch_again_gets_the_same_answer(send: Send) -> None:
    data = lines(batch(5, 6))

    first = send(data=data)
    again = send(data=gzip.compress(data), **{"Content-Encoding": "gzip"})

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.content == first.content
    assert first.json()["gap_before"] == [0, 4]
    assert stored() == (1, 2, 1)


@pytest.mark.django_db
def test_another_batch_under_the_same_number_is_a_conflict(send: Send) -> None:
    found = batch(0, 1)
    send(*found)

    for other in (batch(0, 1), found[:1], [*found, *batch(2)]):
        assert_problem(send(*other), 409, "batch_conflict", have=[0, 1])

    assert stored() == (1, 2, 0)


@pytest.mark.django_db
def test_batches_never_overlap(send: Send) -> None:
    send(*batch(10, 11, 12))

    for numbers in ((8, 9, 10), (11,), (12, 13), (9, 10, 11, 12, 13)):
        assert_problem(send(*batch(*numbers)), 409, "sequence_overlap", have=[10, 12])

    assert stored() == (1, 3, 1)
    assert send(*batch(13)).status_code == 202
    assert send(*batch(10, epoch=2)).status_code == 202


@pytest.mark.django_db
def test_a_gap_is_taken_kept_and_closed_by_a_batch_that_comes_late(send: Send) -> None:
    send(*batch(0, 1))

    late = send(*batch(5, 6))

    assert (late.status_code, late.json()["gap_before"]) == (202, [2, 4])
    gap = SequenceGap.objects.get()
    assert (gap.recorder, gap.epoch, gap.first_missing, gap.last_missing) == (RECORDER, 1, 2, 4)
    assert selectors.open_gaps() == [selectors.Gap(RECORDER, 1, 2, 4)]
    assert "gap_before" not in send(*batch(2, 3)).json()
    assert selectors.open_gaps(RECORDER) == [selectors.Gap(RECORDER, 1, 4, 4)]
    send(*batch(4))
    assert selectors.open_gaps() == []
    assert SequenceGap.objects.count() == 1


@pytest.mark.django_db
def test_one_bad_record_refuses_the_whole_batch_with_its_place(send: Send) -> None:
    found = [*batch(0, 1), *batch(2, output_tokens="many")]

    assert_problem(send(*found), 422, "invalid_record", index=2, field="output_tokens")

    assert stored() == (0, 0, 0)
    assert not Batch.objects.filter(count__gt=1).exists()


@pytest.mark.django_db
def test_a_deployment_that_this_recorder_did_not_report_is_unknown(send: Send) -> None:
    other = deployment(recorder="another")

    mine = deployment().deployment_digest

    for digest in ("sha256:" + "0" * 64, other.deployment_digest):
        found = [record(0, deployment_digest=mine), record(1, deployment_digest=digest)]
        assert_problem(send(*found), 422, "unknown_deployment", index=1, field="deployment_digest")

    assert stored() == (0, 0, 0)


@pytest.mark.django_db
def test_a_record_that_another_batch_holds_is_refused(send: Send) -> None:
    found = batch(0)
    send(*found)

    assert_problem(send(*batch(1, record_id=found[0]["record_id"])), 409, "record_exists", field="record_id")

    assert stored() == (1, 1, 0)


@pytest.mark.django_db
def test_bodies_that_are_too_large_or_bombs_are_refused(send: Send, settings: LazySettings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000

    assert_problem(send(data=b"x" * 10_001), 413, "too_large", limit=10_000)
    for encoding, pack in (("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)):
        bomb = pack(b"\n" * 1_000_000)
        assert len(bomb) < 10_000
        assert_problem(send(data=bomb, **{"Content-Encoding": encoding}), 413, "too_large", limit=10_000)
        assert_problem(send(data=bomb[:-2], **{"Content-Encoding": encoding}), 413, "too_large")
        assert_problem(send(data=b"rubbish", **{"Content-Encoding": encoding}), 400, "malformed_body")
    assert_problem(send(data=b"x", **{"Content-Encoding": "br"}), 415, "unsupported_encoding")


@pytest.mark.django_db
def test_other_bodies_are_refused(send: Send) -> None:
    assert_problem(send(data=b"a=1", **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    found = send(data=b"a=1", **{"Content-Type": "application/x-ndjson; charset=utf-8"})
    assert_problem(found, 422, "invalid_record", index=0)
    assert_problem(send(data=b"not json", **{"Content-Type": "application/json"}), 422, "invalid_batch")
    assert_problem(send(data=b"[]", **{"Content-Type": "application/json"}), 422, "invalid_batch")


@pytest.mark.django_db
def test_too_much_waiting_is_told_to_come_back(send: Send, settings: LazySettings) -> None:
    found = batch(0)
    settings.MAX_PENDING_BATCHES = 1
    add_leaves(b"waits")

    response = send(*found)

    assert_problem(response, 429, "overloaded")
    assert response["Retry-After"] == "5"
    sequence_all(Log.REQUESTS)
    assert send(*found).status_code == 202


@pytest.mark.django_db
def test_only_a_good_token_of_this_recorder_may_append(client: Client) -> None:
    data = lines(batch(0))
    now = datetime.now(UTC)

    def status(token: str | None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = client.post(URL, data, content_type="application/x-ndjson", headers=headers)
        return response.status_code, response.json().get("code", "")

    _, other_scope = factories.api_token(Scope.ADMISSION)
    _, other_recorder = factories.api_token(Scope.RECORD, recorder="another")
    _, expired = factories.api_token(Scope.RECORD, recorder=RECORDER, expires_at=now - timedelta(minutes=1))
    revoked_row, revoked = factories.api_token(Scope.RECORD, recorder=RECORDER)
    revoked_row.revoked_at, revoked_row.revoked_by = now, revoked_row.owner
    revoked_row.save()
    _, elsewhere = factories.api_token(Scope.RECORD, recorder=RECORDER, environment="staging")

    assert status(None)[0] == 401
    assert status("mc_rubbish") == (401, "token_invalid")
    assert status(expired) == (401, "token_expired")
    assert status(revoked) == (401, "token_invalid")
    assert status(other_scope) == (403, "forbidden")
    assert status(other_recorder) == (403, "recorder_mismatch")
    assert status(elsewhere) == (422, "unknown_deployment")
    client.force_login(factories.user(Role.OFFICER))
    assert status(None)[0] == 403
    assert stored() == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_many_times_at_once_is_stored_once(send: Send) -> None:
    data = lines(batch(0, 1))
    statuses: list[tuple[int, bytes]] = []

    def post() -> None:
        response = send(data=data)
        statuses.append((response.status_code, response.content))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(status for status, _ in statuses) == [200] * 7 + [202]
    assert len({content for _, content in statuses}) == 1
    assert stored() == (1, 2, 0)


@pytest.mark.django_db(transaction=True)
def test_a_copy_that_breaks_off_leaves_nothing(
    send: Send, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    client.raise_request_exception = False
    found = batch(0, 1)
    real = psycopg.Copy.write_row
    rows: list[object] = []

    def torn(self: Any, row: Any) -> None:
        if rows:
            raise OSError("the connection broke")
        rows.append(row)
        real(self, row)

    monkeypatch.setattr(psycopg.Copy, "write_row", torn)
    assert_problem(send(*found), 500, "internal")
    monkeypatch.undo()

    assert stored() == (0, 0, 0)
    assert send(*found).status_code == 202
