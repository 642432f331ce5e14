from datetime import datetime

import pytest
from django.db import transaction
from modelcustody_client import canonical, merkle

from audit import batches, log
from audit.events import Event, Log
from audit.models import Batch, DecisionEntry, Pending
from tests.factories import NOW


def append(**changes: object) -> int:
    fields = {
        "event": Event.VERSION_DRAFTED,
        "actor": "user:olga",
        "subject": "model-version:1",
        "body": {"source": "hf://acme/model", "files": [1, 2]},
        "at": NOW,
    }
    return log.append(**{**fields, **changes})


@pytest.mark.django_db
def test_append_stores_the_canonical_leaf_its_hash_and_its_projection() -> None:
    batch_id = append()

    batch = Batch.objects.get(pk=batch_id)
    [leaf] = batches.unpack(batch.body)
    assert canonical.loads_canonical(leaf) == {
        "type": "modelcustody/decision/v1",
        "event": "registry.version.drafted",
        "actor": "user:olga",
        "subject": "model-version:1",
        "at": "2026-11-22T12:00:00.000000Z",
        "body": {"source": "hf://acme/model", "files": [1, 2]},
    }
    assert batch.hashes == merkle.leaf_hash(leaf)
    assert (batch.log, batch.count, batch.received_at) == (Log.DECISIONS, 1, NOW)
    assert Pending.objects.get().batch_id == batch_id
    entry = DecisionEntry.objects.get(batch_id=batch_id)
    assert (entry.event, entry.actor, entry.subject) == (
        Event.VERSION_DRAFTED,
        "user:olga",
        "model-version:1",
    )


@pytest.mark.django_db(transaction=True)
def test_append_outside_a_transaction_is_refused() -> None:
    with pytest.raises(log.OutsideTransaction, match="needs a transaction"):
        append()

    assert not Batch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_rollback_leaves_nothing() -> None:
    def change_that_fails() -> None:
        append()
        raise LookupError

    with pytest.raises(LookupError), transaction.atomic():
        change_that_fails()

    assert not Batch.objects.exists()
    assert not Pending.objects.exists()
    assert not DecisionEntry.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"a": {"b": [1, 0.5]}}, r"float has no canonical form \(body\.a\.b\[1\]\)"),
        ({"at": NOW}, r"datetime has no canonical form \(body\.at\)"),
        ({"n": 2**54}, r"beyond .* \(body\.n\)"),
        ({"t": "\ud800"}, r"surrogate \(body\.t\)"),
        ({"t": "x" * 65_536}, "do not fit in a leaf"),
    ],
)
def test_what_has_no_canonical_form_is_refused_with_its_place(body: dict[str, object], said: str) -> None:
    with pytest.raises(log.EntryRefused, match=said):
        append(body=body)

    assert not Batch.objects.exists()


@pytest.mark.django_db
def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(log.EntryRefused, match="no zone"):
        append(at=datetime(2026, 11, 22))  # noqa: DTZ001
