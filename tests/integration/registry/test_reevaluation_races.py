"""What happens to approvals while a part of a campaign computes, and between a lift and the next campaign."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry import bulk_evaluation
from registry.actions import conclusions, reevaluations, review, suspensions
from registry.models import Alert, Cause, Evaluation, ObligationTask, Suspension
from tests.reevaluating import LARGE, LATER, SMALL, approval, approved, attest, change, redefine, work
from tests.reviewing import policy_text

pytestmark = pytest.mark.django_db
EVEN_LATER = LATER + timedelta(hours=1)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[int]]:
    """Has something happen once, after verdicts are computed and before they are written."""
    judge_many, rounds = bulk_evaluation.judge_many, []

    def happens(deed: Callable[[], object]) -> list[int]:
        def slow(*args: Any, **fields: Any) -> Any:
            found = judge_many(*args, **fields)
            rounds.append(len(found))
            if len(rounds) == 1:
                deed()
            return found

        monkeypatch.setattr(bulk_evaluation, "judge_many", slow)
        return rounds

    return happens


@pytest.mark.parametrize("on_worse", ["suspend", "alert"])
def test_nothing_stands_against_an_approval_that_ended_meanwhile(meanwhile: Any, on_worse: str) -> None:
    desk = approved(policy=policy_text(on_worse_verdict=f'"{on_worse}"'))
    row = approval(desk)
    attest(desk, LARGE)
    meanwhile(lambda: review.revoke(approval=row, reason="odd", actor=desk.reviewer, now=LATER))

    assert work() == 1

    assert not Alert.objects.filter(resolved_at__isnull=True).exists()
    assert not Suspension.objects.exists()


def test_an_approval_that_ended_meanwhile_gets_no_work(meanwhile: Any) -> None:
    desk = approved()
    row = approval(desk)
    redefine(desk, hosting="public_api", distribute_weights=True)
    meanwhile(lambda: review.revoke(approval=row, reason="odd", actor=desk.reviewer, now=LATER))

    assert work() == 1

    assert not ObligationTask.objects.filter(status="open").exists()


def test_a_conclusion_drawn_while_a_part_computes_is_the_one_that_counts(meanwhile: Any) -> None:
    desk = approved("apache-2.0")
    reevaluations.request(cause=Cause.REQUESTED, because="request", by="user:x", now=LATER)
    fields = {"licenses": ["cc-by-nc-4.0"], "reason": "read it", "actor": desk.officer, "now": LATER}
    rounds = meanwhile(lambda: conclusions.conclude_license(version=desk.version, **fields))

    work()

    assert len(rounds) == 2
    assert Evaluation.objects.latest("pk").result["effective_licenses"] == ["cc-by-nc-4.0"]


def test_a_lift_makes_work_of_the_obligations_of_its_verdict() -> None:
    desk = approved()
    change(desk, LARGE)
    before = set(ObligationTask.objects.filter(status="open").values_list("obligation_id", flat=True))
    attest(desk, SMALL, at=EVEN_LATER)
    redefine(desk, hosting="public_api", distribute_weights=True, at=EVEN_LATER)

    row = suspensions.lift(approval=approval(desk), note="Small again.", actor=desk.reviewer, now=EVEN_LATER)
    work(at=EVEN_LATER)

    assert row.lifted_evaluation is not None
    due = {item["id"] for item in row.lifted_evaluation.result["obligations"]}
    assert due > before
    assert set(ObligationTask.objects.filter(status="open").values_list("obligation_id", flat=True)) == due
