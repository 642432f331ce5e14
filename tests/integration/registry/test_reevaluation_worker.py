"""Re-evaluation on real workers: child processes, the broker that needs no server, kill -9 in between."""

import itertools
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from registry.actions import reevaluations, suspensions
from registry.models import Alert, Evaluation, Reevaluation, ReevaluationPart, Suspension
from tests import brokers, factories, workers
from tests.reevaluating import LARGE, SMALL, approval, attest
from tests.rest import approve, fresh_desk
from tests.reviewing import Desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def desks(monkeypatch: pytest.MonkeyPatch) -> list[Desk]:
    """Three approvals, each of which will be a part of its own."""
    brokers.empty()
    found = [fresh_desk(license_id="llama-3.3", with_policy=number == 0) for number in range(3)]
    factories.organization(facts=SMALL, effective_at=timezone.now() - timedelta(days=2))
    ids = [approve(desk).pk for desk in found]
    ranges = [(0, ids[0]), (ids[0] + 1, ids[1]), (ids[1] + 1, reevaluations.LARGEST_ID)]
    monkeypatch.setattr(reevaluations, "_ranges", lambda _: iter(ranges))
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


def is_finished() -> bool:
    return Reevaluation.objects.filter(finished_at__isnull=False).exists()


def assert_done_once(desks: list[Desk]) -> None:
    campaign = Reevaluation.objects.get()
    assert (campaign.total, campaign.done, campaign.worse, campaign.recorded) == (3, 3, 3, 3)
    assert Evaluation.objects.filter(evaluated_by="system:reevaluation").count() == 3
    assert Alert.objects.filter(resolved_at__isnull=True).count() == 3
    assert Suspension.objects.filter(lifted_at__isnull=True).count() == 3


def test_a_change_of_facts_suspends_through_a_worker(desks: list[Desk], log: Path) -> None:
    attest(desks[0], LARGE, at=timezone.now())  # before any worker is there
    worker = workers.start(log, queues="default")
    try:
        workers.wait_for(is_finished, log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    assert_done_once(desks)


def test_a_worker_killed_within_a_part_loses_nothing(
    desks: list[Desk], log: Path, connect_as: Callable[[str], Any]
) -> None:
    attest(desks[0], LARGE, at=timezone.now())
    turn = [suspensions.LOCK_CLASS, approval(desks[0]).pk >> reevaluations.GROUP_BITS]
    holder = connect_as("custody_app")
    holder.execute("SELECT pg_advisory_lock(%s, %s)", turn)
    worker = workers.start(log, queues="default")
    # A part has been computed, and now stands still before anything is written.
    workers.wait_for(waits_for_its_turn, log=log)
    workers.stop(worker, signal.SIGKILL)
    brokers.empty()  # the messages are gone with it
    holder.close()
    assert not Evaluation.objects.filter(evaluated_by="system:reevaluation").exists()
    worker = workers.start(log, queues="default")
    minutes = itertools.count(2, 2)
    try:
        workers.wait_for(lambda: finished_after_sweep(timedelta(minutes=next(minutes))), log=log)
    finally:
        workers.stop(worker)

    assert_done_once(desks)
    assert sorted(ReevaluationPart.objects.values_list("attempt", flat=True)) == [1, 1, 2]


def finished_after_sweep(later: timedelta) -> bool:
    reevaluations.sweep(timezone.now() + later)
    return is_finished()


def waits_for_its_turn() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid::int = %s",
            [suspensions.LOCK_CLASS],
        )
        row = cursor.fetchone()
    return bool(row and row[0])
