import threading
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from audit.events import Event
from audit.models import DecisionEntry
from governance import broker
from registry.actions import custody, heartbeat, runs
from registry.actions._transition import TransitionNotAllowed, move
from registry.lifecycle import Outcome, Status
from registry.models import ModelVersion, ResolutionRun, SmokeRun, VerificationRun
from tests import factories
from tests.racing import race

NOW = factories.NOW
PASSED = runs.Ending(Outcome.PASS)
STOPPED = runs.Ending(Outcome.ERROR, "worker_failed", "The worker was stopped.")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str]]:
    """What goes to the broker: task, run, queue."""
    found: list[tuple[str, int, str]] = []

    def send_task(task: str, *, kwargs: dict[str, int], queue: str, **_: Any) -> None:
        found.append((task, kwargs["run_id"], queue))

    monkeypatch.setattr(broker.current_app, "send_task", send_task)
    return found


def queued(model: Any = VerificationRun) -> Any:
    return runs.request(model, version=factories.resolved_version(), actor="user:x", now=NOW)


def claimed(model: Any = VerificationRun) -> tuple[Any, runs.Lease]:
    found = runs.claim(model, run_id=queued(model).pk, worker="w", now=NOW)
    assert found is not None
    return found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "task", "queue"),
    [
        (ResolutionRun, "registry.tasks.resolve_version_task", "default"),
        (VerificationRun, "registry.tasks.verify_version_task", "verify"),
        (SmokeRun, "registry.tasks.smoke_version_task", "smoke"),
    ],
)
def test_a_request_is_sent_once_it_is_committed(
    sent: list[Any],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    model: Any,
    task: str,
    queue: str,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = queued(model)
        assert sent == []

    assert sent == [(task, run.pk, queue)]
    assert (run.state, run.attempt, run.dispatched_at) == ("queued", 0, NOW)


@pytest.mark.django_db
def test_a_broker_that_is_away_does_not_fail_the_request(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    def send_task(*args: Any, **kwargs: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(broker.current_app, "send_task", send_task)

    with django_capture_on_commit_callbacks(execute=True):
        run = queued()

    run.refresh_from_db()
    assert run.state == "queued"


@pytest.mark.django_db
def test_a_run_is_claimed_once() -> None:
    run = queued()

    first = runs.claim(VerificationRun, run_id=run.pk, worker="a", now=NOW)
    second = runs.claim(VerificationRun, run_id=run.pk, worker="b", now=NOW)

    assert first is not None
    assert second is None
    assert (first[0].worker, first[0].attempt, first[0].state) == ("a", 1, "running")
    assert runs.claim(VerificationRun, run_id=10**9, worker="a", now=NOW) is None


@pytest.mark.django_db
def test_a_finished_run_is_logged_with_how_it_ended() -> None:
    run, lease = claimed()

    runs.finish(lease, runs.Ending(Outcome.FAIL, "some_code", "some words"), now=NOW)

    run.refresh_from_db()
    assert (run.state, run.outcome, run.code, run.message, run.finished_at) == (
        "finished", "fail", "some_code", "some words", NOW,
    )  # fmt: skip
    entry = DecisionEntry.objects.get(event=Event.RUN_FINISHED)
    assert (entry.actor, entry.subject) == ("system:verification", f"model-version:{run.version_id}")


@pytest.mark.django_db
def test_a_lost_lease_can_write_nothing() -> None:
    run, old = claimed()
    runs.put_back(old, STOPPED, now=NOW)
    assert (
        runs.claim(VerificationRun, run_id=run.pk, worker="w", now=NOW) is not None
    )  # the same worker, later

    assert not runs.beat(old, now=NOW)
    with pytest.raises(runs.LeaseLost):
        runs.finish(old, PASSED, now=NOW)
    runs.give_up(old, PASSED, now=NOW)
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("running", 2)


@pytest.mark.django_db
def test_the_sweep_sends_again_what_nobody_took(
    sent: list[Any], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    run = queued()
    times = []

    for second in range(0, 200, 5):
        at = NOW + timedelta(seconds=second)
        with django_capture_on_commit_callbacks(execute=True):
            if runs.sweep(at)["sent"]:
                times.append(second)

    assert times == [15, 30, 60, 120, 180]
    assert [found[1] for found in sent[-5:]] == [run.pk] * 5


@pytest.mark.django_db
def test_the_sweep_leaves_a_living_run_alone(settings: Settings) -> None:
    settings.LEASE_SECONDS = 60
    _, lease = claimed()
    runs.beat(lease, now=NOW + timedelta(seconds=30))

    assert runs.sweep(NOW + timedelta(seconds=89)) == {"sent": 0, "returned": 0, "ended": 0}


@pytest.mark.django_db
def test_a_silent_run_goes_to_another_worker_and_after_three_is_ended(settings: Settings) -> None:
    settings.LEASE_SECONDS = 60
    run = queued()
    at = NOW

    for attempt in (1, 2, 3):
        found = runs.claim(VerificationRun, run_id=run.pk, worker=f"w{attempt}", now=at)
        assert found is not None
        assert found[0].attempt == attempt
        at += timedelta(seconds=61)
        counts = runs.sweep(at)
        assert (counts["returned"], counts["ended"]) == ((1, 0) if attempt < 3 else (0, 1))

    run.refresh_from_db()
    assert (run.state, run.outcome, run.code) == ("finished", "error", "worker_lost")
    assert "w3" in run.message
    assert runs.sweep(at + timedelta(hours=1)) == {"sent": 0, "returned": 0, "ended": 0}


@pytest.mark.django_db
def test_a_stopped_worker_gives_its_run_back_at_once(
    sent: list[Any], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    run, lease = claimed()

    class Stopped(Exception): ...

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(Stopped), runs.held(lease):
        raise Stopped

    run.refresh_from_db()
    assert (run.state, run.worker) == ("queued", "")
    assert sent[-1] == ("registry.tasks.verify_version_task", run.pk, "verify")


@pytest.mark.django_db
def test_the_heart_tells_the_work_when_its_lease_is_lost() -> None:
    run, lease = claimed()
    heart = heartbeat.Heart(lease)
    heart.expect(100)
    heart.advance(40)
    heart._beat()
    run.refresh_from_db()
    assert (run.bytes_done, run.bytes_total) == (40, 100)

    runs.put_back(lease, STOPPED, now=NOW)
    heart._beat()

    with pytest.raises(runs.LeaseLost):
        heart.advance(1)


@pytest.mark.django_db
def test_the_heart_tells_stage_and_pace_until_the_run_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    run, lease = claimed()
    heart, clock = heartbeat.Heart(lease), iter([10.0, 12.0, 14.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    heart.stage(heartbeat.Stage.FETCHING)
    heart.expect(10_000)
    heart._beat()
    heart.advance(4000)
    heart._beat()

    run.refresh_from_db()
    assert (run.stage, run.bytes_per_second, run.seconds_left) == ("fetching", 2000, 3)
    heart.stage(heartbeat.Stage.READING)
    heart._beat()
    run.refresh_from_db()
    assert (run.stage, run.bytes_per_second, run.seconds_left) == ("reading", 0, None)
    runs.put_back(lease, STOPPED, now=NOW)
    run.refresh_from_db()
    assert (run.stage, run.bytes_per_second, run.seconds_left) == ("", 0, None)


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        ([(0, 0)], 0),
        ([(0, 0), (0, 5)], 0),
        ([(0, 0), (2, 200)], 100),
        ([(0, 0), (2, 0), (4, 400), (6, 800), (8, 1200), (10, 1600), (12, 2000)], 200),
        ([(0, 0), (60, 600)], 10),
        ([(0, 900), (2, 100)], 0),  # what was given up is no pace
    ],
)
def test_the_pace_is_that_of_the_last_ten_seconds(samples: list[tuple[int, int]], rate: int) -> None:
    pace = heartbeat.Rate()

    assert [pace.add(done, now=float(now)) for now, done in samples][-1] == rate


@pytest.mark.django_db(transaction=True)
def test_of_eight_racing_moves_one_wins_and_one_is_logged() -> None:
    version = factories.resolved_version()

    def quarantine() -> str:
        mine = ModelVersion.objects.get(pk=version.pk)
        barrier.wait(timeout=30)
        custody.quarantine(version=mine, reason="race", actor="user:x", now=NOW)
        return "won"

    barrier = threading.Barrier(8)
    found = race(8, quarantine)

    assert found.count("won") == 1
    assert sum(isinstance(item, TransitionNotAllowed) for item in found) == 7
    assert DecisionEntry.objects.filter(event=Event.VERSION_QUARANTINED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_racing_workers_one_gets_the_run(sent: list[Any]) -> None:
    run = queued()

    found = race(8, lambda: runs.claim(VerificationRun, run_id=run.pk, worker="w", now=NOW))

    assert sum(item is not None for item in found) == 1
    assert not any(isinstance(item, Exception) for item in found)


@pytest.mark.django_db(transaction=True)
def test_of_eight_racing_requests_one_opens_a_run(sent: list[Any]) -> None:
    version = factories.resolved_version()

    found = race(8, lambda: runs.request(SmokeRun, version=version, actor="user:x", now=NOW))

    assert sum(isinstance(item, SmokeRun) for item in found) == 1
    assert sum(isinstance(item, runs.RunInProgress) for item in found) == 7
    assert DecisionEntry.objects.filter(event=Event.RUN_REQUESTED).count() == 1


@pytest.mark.django_db
def test_a_move_that_the_table_does_not_have_is_refused_before_the_database_is_asked() -> None:
    version = factories.resolved_version()

    with pytest.raises(TransitionNotAllowed):
        move(version, target=Status.DRAFT, event=Event.VERSION_DRAFTED, actor="x", now=NOW, body={})
