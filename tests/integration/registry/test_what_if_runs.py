"""Large questions: handed to a worker, carried out once, taken up again when a worker falls silent, never changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance.errors import Forbidden
from governance.permissions import Role
from registry import tasks
from registry.actions import what_if
from registry.licensing.changes import Change, Step
from registry.licensing.facts import InvalidFacts
from registry.models import WhatIfRun
from registry.whatif import selection
from registry.whatif.selection import Selection
from tests import decisions, factories, rest
from tests.reviewing import USE, Desk, policy_text

pytestmark = pytest.mark.django_db
CHANGE = Change((Step(use={"distribute_weights": True}),))
EVERYTHING = Selection()


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sent: list[int] = []
    monkeypatch.setattr(what_if, "_send", sent.append)
    return sent


def approved(license_id: str = "deepseek-model-1.0") -> Desk:
    desk = rest.fresh_desk(license_id=license_id)
    desk.environment.use = {**USE, "public_statements_about_derivative": False}
    desk.environment.save()
    rest.approve(desk)
    return desk


def handed_over(**fields: Any) -> WhatIfRun:
    now = rest.now()
    given: dict[str, Any] = {
        "chosen": EVERYTHING,
        "change": CHANGE,
        "policy_text": "",
        "cells": selection.choose(EVERYTHING, now=now),
        "actor": factories.actor(Role.OFFICER),
        "now": now,
        **fields,
    }
    return what_if.hand_over(**given)


def test_worker_answers_and_the_answer_is_kept(no_broker: list[int]) -> None:
    desk = approved()
    approved("mit")
    run = handed_over(policy_text=policy_text(required="true"))

    tasks.what_if_task(run_id=run.pk)

    run.refresh_from_db()
    assert no_broker == [run.pk]
    assert (run.state, run.code, run.cells_done, run.cells_total) == ("finished", "", 2, 2)
    assert run.summary["admissions"]["newly_denied"] == 2
    assert run.summary["deny_codes"] == {"signature_missing": 2}
    first, second = what_if.changed_cells(run, offset=0, limit=10)
    assert {first["model_version"], second["model_version"]} >= {desk.version.pk}
    assert what_if.changed_cells(run, offset=1, limit=1) == [second]
    event, actor, body = decisions.last(f"what-if:{run.pk}")
    assert (event, actor) == ("registry.what_if.answered", "system:what-if")
    assert body == {"question_digest": run.question_digest, "code": ""}


def test_answer_of_a_worker_is_the_answer_given_at_once() -> None:
    approved()
    now = rest.now()
    run = handed_over()

    tasks.what_if_task(run_id=run.pk)

    run.refresh_from_db()
    at_once = what_if.answer(
        selection.choose(EVERYTHING, now=now), what_if.ground(CHANGE, policy_text="", now=now)
    )
    assert what_if.changed_cells(run, offset=0, limit=10) == at_once.worst_first()
    assert {key: run.summary[key] for key in at_once.summary()} == at_once.summary()


def test_the_same_message_twice_changes_nothing() -> None:
    approved()
    run = handed_over()
    tasks.what_if_task(run_id=run.pk)
    run.refresh_from_db()

    tasks.what_if_task(run_id=run.pk)

    assert WhatIfRun.objects.get().finished_at == run.finished_at


def test_a_question_that_no_longer_holds_says_why() -> None:
    desk = approved()
    run = handed_over()
    desk.environment.use = {"role": "a word of last year"}
    desk.environment.save()

    tasks.what_if_task(run_id=run.pk)

    run.refresh_from_db()
    assert (run.state, run.code) == ("finished", "facts_outdated")
    assert desk.environment.name in run.message


def test_a_worker_that_breaks_gives_it_back_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    approved()
    run = handed_over()

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("disk full")

    monkeypatch.setattr(what_if.compare, "compare", broken)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            what_if.carry_out(run_id=run.pk, worker="host:1")

    run.refresh_from_db()
    assert (run.state, run.code, run.attempt) == ("finished", "worker_failed", 3)


def test_a_worker_that_fell_silent_is_replaced(no_broker: list[int]) -> None:
    approved()
    run = handed_over()
    long_ago = timezone.now() - timedelta(hours=1)
    WhatIfRun.objects.update(state="running", worker="host:1", heartbeat_at=long_ago, attempt=1)

    what_if.sweep(timezone.now())
    run.refresh_from_db()
    assert run.state == "queued"
    WhatIfRun.objects.update(dispatched_at=long_ago)
    what_if.sweep(timezone.now())

    assert no_broker == [run.pk, run.pk]
    tasks.what_if_task(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("finished", 2)


def test_a_worker_whose_lease_was_lost_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    approved()
    run = handed_over()

    def taken_meanwhile(asked: WhatIfRun, **_: Any) -> Any:
        WhatIfRun.objects.filter(pk=asked.pk).update(worker="host:2", attempt=2)
        return {}, []

    monkeypatch.setattr(what_if, "_answered", taken_meanwhile)
    what_if.carry_out(run_id=run.pk, worker="host:1")

    run.refresh_from_db()
    assert (run.state, run.worker) == ("running", "host:2")


def test_who_may_ask_a_worker() -> None:
    approved()

    with pytest.raises(Forbidden):
        handed_over(actor=factories.actor(Role.AUDITOR))
    assert handed_over(actor=factories.actor(Role.ADMIN)).state == "queued"


def test_contradictions_are_refused_before_a_worker_is_asked() -> None:
    approved()

    with pytest.raises(InvalidFacts):
        handed_over(change=Change((Step(org={"principal_place_of_business": "Germany"}),)))
    assert not WhatIfRun.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"change": []},
        {"policy_text": "another"},
        {"cells_total": 3},
        {"asked_by": "user:other"},
        {"cells_done": 99},
        {"state": "running"},
        {"state": "finished"},
        {"state": "finished", "finished_at": timezone.now(), "code": "x"},
    ],
)
def test_the_database_refuses_what_cannot_be(fields: dict[str, Any]) -> None:
    approved()
    run = handed_over()

    with pytest.raises(IntegrityError), transaction.atomic():
        WhatIfRun.objects.filter(pk=run.pk).update(**fields)


def test_an_answer_never_changes() -> None:
    approved()
    run = handed_over()
    tasks.what_if_task(run_id=run.pk)

    for fields in ({"summary": {}}, {"changed": b""}, {"state": "queued", "finished_at": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            WhatIfRun.objects.filter(pk=run.pk).update(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        WhatIfRun.objects.filter(pk=run.pk).delete()
