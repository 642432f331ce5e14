"""What tests of the logs need: entries, rounds of the sequencer, and the whole tree checked from outside."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from modelcustody_client import canonical, merkle, note

from audit import batches, cycle, log, store
from audit.events import Event, Log
from audit.models import Batch, BatchSequence, Deployment, Pending
from audit.tlog import proofs
from governance import keys

RECORDER = "node-1/vllm"
Send = Callable[..., Any]


def clock() -> datetime:
    return datetime.now(UTC)


@transaction.atomic
def decide(subject: str = "model-version:1", **body: object) -> int:
    return log.append(event=Event.VERSION_DRAFTED, actor="user:test", subject=subject, body=body, at=clock())


@transaction.atomic
def add_leaves(*leaves: bytes, to: Log = Log.REQUESTS) -> int:
    return int(batches.append_batch(leaves, log=to, at=clock()).pk)


def sequence_all(which: Log = Log.DECISIONS) -> int:
    return cycle.drain(which, clock=clock)


def assert_whole(which: Log = Log.DECISIONS) -> int:
    """Hold the signed checkpoint against the leaves and against every proof; return the size."""
    signed = store.newest_checkpoint(which)
    assert signed is not None
    checkpoint = note.verify_note(signed, [keys.log_key(which).vkey])
    leaves = store.leaves_between(which, start=0, end=checkpoint.size)
    assert len(leaves) == checkpoint.size
    assert merkle.root_hash(leaves) == checkpoint.root
    reader = store.TileReader(which)
    for index in {0, checkpoint.size // 2, checkpoint.size - 1} if checkpoint.size else set():
        merkle.verify_inclusion(
            leaf_hash=merkle.leaf_hash(leaves[index]),
            index=index,
            size=checkpoint.size,
            proof=proofs.inclusion(index=index, size=checkpoint.size, read=reader.read),
            root=checkpoint.root,
        )
    places = list(
        BatchSequence.objects.filter(log=which).order_by("first_index").values_list("first_index", "count")
    )
    assert [first for first, _ in places] == [
        sum(count for _, count in places[:n]) for n in range(len(places))
    ]
    waiting = set(Pending.objects.filter(log=which).values_list("batch_id", flat=True))
    placed = set(BatchSequence.objects.filter(log=which).values_list("batch_id", flat=True))
    assert not waiting & placed
    assert waiting | placed == set(Batch.objects.filter(log=which).values_list("pk", flat=True))
    return checkpoint.size


def deployment_statement(**changes: object) -> bytes:
    """A valid deployment statement, as the client sends it."""
    value: dict[str, object] = {
        "type": "modelcustody/deployment/v1",
        "admission_id": "6f1f2c1e-6a43-4a0c-9a53-0d7c9d2f6a01",
        "model_version": "pkg:huggingface/acme/model@" + "a" * 40,
        "model_digest": "sha256:" + "1" * 64,
        "manifest_digest": "sha256:" + "2" * 64,
        "adapters": [],
        "engine": {
            "name": "vllm",
            "version": "0.32.0",
            "image_digest": None,
            "arguments": ["serve", "/models/m"],
        },
        "dtype": None,
        "quantization": None,
        "parallelism": None,
        "gpu": None,
        "environment": "production",
        "purpose": "assistant",
        "node": "node-1",
        "region": "eu-central",
        "operator": None,
        "recorder": RECORDER,
        "started_at": "2026-11-22T11:59:00Z",
    }
    return canonical.dumps({**value, **changes})


def deployment(**changes: object) -> Deployment:
    """A deployment in the log, without asking whether it was admitted."""
    data = deployment_statement(**changes)
    value = canonical.loads(data)
    with transaction.atomic():
        batch = batches.append_batch([data], log=Log.REQUESTS, at=clock())
        names = ("admission_id", "model_version", "model_digest", "manifest_digest", "environment", "purpose")
        return Deployment.objects.create(
            log=Log.REQUESTS,
            deployment_digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
            batch_id=batch.pk,
            recorder=value["recorder"],
            node=value["node"],
            region=value["region"],
            started_at=clock(),
            reported_by="token:test",
            reported_at=clock(),
            **{name: value[name] for name in names},
        )


def record(sequence: int, /, **changes: object) -> dict[str, object]:
    """A valid record of a served request."""
    value: dict[str, object] = {
        "record_id": f"019ab0c0-{sequence:04x}-7000-8000-{uuid.uuid4().hex[:12]}",
        "recorder": RECORDER,
        "epoch": 1,
        "sequence": sequence,
        "deployment_digest": "sha256:" + "d" * 64,
        "started_at": "2026-11-22T12:00:00.5Z",
        "duration_ms": 1234,
        "operation": "chat",
        "request_id": f"req-{sequence}",
        "response_id": f"chatcmpl-{sequence}",
        "request_model": "acme/model",
        "stream": True,
        "parameters": {"temperature": 0.7, "top_p": "0.95", "max_tokens": 64, "seed": "18446744073709551615"},
        "input_tokens": 12,
        "output_tokens": 34,
        "finish_reasons": ["stop"],
        "status": 200,
        "region": None,
        "input_commitment": "hmac-sha256:" + "e" * 64,
    }
    return {**value, **changes}


def lines(records: Iterable[Mapping[str, object]]) -> bytes:
    """Records as NDJSON."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def batch(*numbers: int, **changes: object) -> list[dict[str, object]]:
    """Records of one deployment, which is reported on first use."""
    known = Deployment.objects.order_by("pk").first() or deployment()
    return [record(number, **{"deployment_digest": known.deployment_digest, **changes}) for number in numbers]


def assert_problem(response: Any, status: int, code: str, **members: object) -> None:
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), (
        response.content
    )
    problem = response.json()
    assert problem["code"] == code
    assert {name: problem.get(name) for name in members} == members
