"""Obligations become work with an approval's request, follow each evaluation, and hold an approval back."""

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest

from governance.permissions import Role
from registry import models
from registry.actions import evaluate, obligation_work, obligations, review
from registry.lifecycle import ApprovalStatus, TaskStatus
from tests import decisions, factories
from tests.obligations import NOW, SHARED, finish, sharing_desk, tasks
from tests.reviewing import USE, Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db
REQUIRED = policy_text(obligations='"required"')
SOME = policy_text(obligations='"required"\nrequire_done = ["notice-retention"]')


def use(desk: Desk, **changes: Any) -> None:
    desk.environment.use = {**SHARED, **changes}
    desk.environment.save()


def changed(row: models.Evaluation, **first: Any) -> models.Evaluation:
    """Another evaluation of the same use, whose first obligation says something else."""
    items = [dict(item) for item in row.result["obligations"]]
    items[0] |= first
    return factories.evaluation(
        row.version, row.environment, purpose=row.purpose, result={**row.result, "obligations": items}
    )


def statuses(desk: Desk) -> dict[str, str]:
    return {task.obligation_id: task.status for task in tasks(desk)}


# -- opening --------------------------------------------------------------------------------------------------------


def test_a_request_makes_work_of_each_obligation() -> None:
    desk = sharing_desk()

    approval = desk.request()

    found = tasks(desk)
    assert {task.obligation_id for task in found} == {
        item["id"] for item in approval.evaluation.result["obligations"]
    }
    assert {"licence-copy", "notice-retention"} <= set(statuses(desk))
    copy = next(task for task in found if task.obligation_id == "licence-copy")
    assert (copy.license_id, copy.evidence_kind, copy.clause) == (
        "apache-2.0",
        "release_file",
        "§4(a), §4(c)",
    )
    assert (copy.owner, copy.asked_by, copy.status) == (desk.officer.user, desk.officer.user, "open")
    assert (copy.due_on, copy.evaluation) == (date(2026, 12, 22), approval.evaluation)
    event, actor, body = decisions.last(f"obligation:{copy.pk}")
    assert (event, actor) == ("registry.obligation.opened", str(desk.officer))
    assert body["evaluation_digest"] == approval.evaluation.evaluation_digest
    assert copy.do not in str(body)


def test_the_policy_says_when_work_is_due() -> None:
    desk = sharing_desk(policy=policy_text(obligations_due_days="7"))

    desk.request()

    assert {task.due_on for task in tasks(desk)} == {date(2026, 11, 29)}


def test_a_use_that_triggers_nothing_makes_no_work() -> None:
    desk = open_desk()

    desk.approved()

    assert tasks(desk) == []


def test_the_same_evaluation_again_opens_nothing() -> None:
    desk = sharing_desk()
    approval = desk.request()
    before, entries = tasks(desk), decisions.count()

    again = obligations.open_tasks(evaluation=approval.evaluation, actor="system:reevaluation", now=NOW)

    assert again == before == tasks(desk)
    assert decisions.count() == entries


def test_a_request_that_is_refused_leaves_no_work() -> None:
    desk = sharing_desk()
    desk.request()
    tasks_before = models.ObligationTask.objects.count()

    with pytest.raises(review.ApprovalExists):
        desk.request()

    assert models.ObligationTask.objects.count() == tasks_before


def test_without_a_request_the_evaluation_of_a_version_makes_no_work() -> None:
    desk = sharing_desk()

    evaluate.evaluate_version(
        version=desk.version, environment=desk.environment, purpose="assistant", actor=desk.officer, now=NOW
    )

    assert tasks(desk) == []


def test_work_opened_by_the_service_itself_belongs_to_who_asked() -> None:
    desk = sharing_desk()
    approval = desk.request()
    models.ObligationTask.objects.all()
    other = changed(approval.evaluation, id="something-new")

    obligations.open_tasks(evaluation=other, actor="system:reevaluation", now=NOW)

    new = next(task for task in tasks(desk) if task.obligation_id == "something-new")
    assert (new.owner, new.opened_by) == (desk.officer.user, "system:reevaluation")


def test_an_evaluation_from_before_license_ids_still_makes_work() -> None:
    desk = open_desk()
    bare = factories.evaluation(
        desk.version,
        desk.environment,
        result={"obligations": [{"id": "copy", "do": "Copy.", "evidence": "e", "clause": "c"}]},
    )

    (task,) = obligations.open_tasks(evaluation=bare, actor=desk.officer, now=NOW)

    assert (task.license_id, task.evidence_kind) == ("unknown", "document")


# -- lapsing --------------------------------------------------------------------------------------------------------


def test_what_is_no_longer_due_lapses() -> None:
    desk = sharing_desk()
    desk.request()
    finish(tasks(desk)[0], desk.officer)
    use(desk, distribute_weights=False)

    evaluate.evaluate_version(
        version=desk.version, environment=desk.environment, purpose="assistant", actor=desk.reviewer, now=NOW
    )

    assert set(statuses(desk).values()) == {TaskStatus.LAPSED}
    event, actor, body = decisions.last(f"obligation:{tasks(desk)[0].pk}")
    assert (event, actor, body["was"]) == ("registry.obligation.lapsed", str(desk.reviewer), "done")


def test_what_comes_back_is_new_work() -> None:
    desk = sharing_desk()
    approval = desk.request()
    finish(tasks(desk)[0], desk.officer)
    empty = factories.evaluation(desk.version, desk.environment)
    obligations.open_tasks(evaluation=empty, actor="system:reevaluation", now=NOW)

    obligations.open_tasks(evaluation=approval.evaluation, actor="system:reevaluation", now=NOW)

    found = tasks(desk, obligation_id=tasks(desk)[0].obligation_id)
    assert [task.status for task in found] == ["lapsed", "open"]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"do": "Do more."}, "lapsed"), ({"evidence_kind": "url"}, "lapsed"), ({"clause": "§9"}, "done")],
)
def test_work_that_asks_for_something_else_is_new_work(change: dict[str, str], status: str) -> None:
    desk = sharing_desk()
    approval = desk.request()
    first = tasks(desk)[0]
    finish(first, desk.officer)

    obligations.open_tasks(evaluation=changed(approval.evaluation, **change), actor="system:x", now=NOW)

    found = [task.status for task in tasks(desk, obligation_id=first.obligation_id)]
    assert found == ([status, "open"] if status == "lapsed" else [status])


@pytest.mark.parametrize("ending", ["withdraw", "reject", "revoke", "expire"])
def test_with_the_approval_ends_the_work_but_what_was_done_stays(ending: str) -> None:
    desk = sharing_desk()
    approval = desk.request()
    done, waived, *rest = tasks(desk)
    finish(done, desk.officer)
    obligation_work.waive(task=waived, reason="Not here.", actor=desk.reviewer, now=NOW)
    if ending in {"revoke", "expire"}:
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)
    if ending == "withdraw":
        review.withdraw(approval=approval, reason="over", actor=desk.officer, now=NOW)
    elif ending == "reject":
        review.reject(approval=approval, note="no", actor=desk.reviewer, now=NOW)
    elif ending == "revoke":
        review.revoke(approval=approval, reason="over", actor=desk.reviewer, now=NOW)
    else:
        assert review.expire_due(NOW + timedelta(days=400)) == 1

    found = statuses(desk)
    assert found.pop(done.obligation_id) == TaskStatus.DONE
    assert set(found.values()) == {TaskStatus.LAPSED}
    assert len(found) == 1 + len(rest)
    again = desk.request(now=NOW)
    assert again.status == ApprovalStatus.REQUESTED
    live = tasks(desk, status__in=obligations.LIVE)
    assert sorted(task.status for task in live) == ["done", *["open"] * (1 + len(rest))]


# -- the gate of an approval ----------------------------------------------------------------------------------------


def test_open_obligations_do_not_hold_an_approval_back_unless_the_policy_says_so() -> None:
    desk = sharing_desk()

    assert desk.approved().status == ApprovalStatus.APPROVED
    assert set(statuses(desk).values()) == {TaskStatus.OPEN}


def test_a_policy_that_requires_them_refuses_and_lists_what_is_open() -> None:
    desk = sharing_desk(policy=REQUIRED)
    approval = desk.request()

    with pytest.raises(obligations.ObligationsOpen) as refusal:
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)

    assert refusal.value.code == "obligations_open"
    listed: Any = refusal.value.extra["errors"]
    assert {(item["license"], item["obligation"]) for item in listed} == {
        (task.license_id, task.obligation_id) for task in tasks(desk)
    }
    assert {item["task"] for item in listed} == {task.pk for task in tasks(desk)}
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.REQUESTED


def test_done_and_waived_obligations_let_the_approval_through() -> None:
    desk = sharing_desk(policy=REQUIRED)
    approval = desk.request()
    first, *rest = tasks(desk)
    obligation_work.waive(task=first, reason="Not here.", actor=desk.reviewer, now=NOW)
    for task in rest:
        finish(task, desk.officer)

    review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)

    assert approval.status == ApprovalStatus.APPROVED


def test_a_policy_may_require_some_of_them() -> None:
    desk = sharing_desk(policy=SOME)
    approval = desk.request()
    (wanted,) = tasks(desk, obligation_id="notice-retention")
    with pytest.raises(obligations.ObligationsOpen) as refusal:
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)
    assert [item["task"] for item in refusal.value.extra["errors"]] == [wanted.pk]  # type: ignore[attr-defined]

    finish(wanted, desk.officer)
    review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)

    assert approval.status == ApprovalStatus.APPROVED


def test_an_obligation_that_appeared_since_the_request_counts_too() -> None:
    desk = open_desk(policy=REQUIRED)
    approval = desk.request()
    use(desk)

    with pytest.raises((obligations.ObligationsOpen, review.EvidenceChanged)) as refusal:
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)
    assert refusal.value.status == 409

    fresh = evaluate.evaluate_version(
        version=desk.version, environment=desk.environment, purpose="assistant", actor=desk.officer, now=NOW
    )
    assert len(tasks(desk)) == len(fresh.result["obligations"]) > 0


def test_what_was_done_under_other_words_does_not_count() -> None:
    desk = sharing_desk()
    approval = desk.request()
    for task in tasks(desk):
        finish(task, desk.officer)
    required = frozenset({"*"})
    assert obligations.outstanding(evaluation=approval.evaluation, required=required) == []

    other = changed(approval.evaluation, do="Something else.")

    assert len(obligations.outstanding(evaluation=other, required=required)) == 1
    assert obligations.outstanding(evaluation=other, required=frozenset()) == []


def test_an_officer_who_reads_only_their_own_use_is_not_confused_with_another() -> None:
    desk = sharing_desk()
    desk.request()
    other = dataclasses.replace(desk, environment=factories.environment(use=USE))

    other.request()

    assert {task.environment for task in tasks(desk)} == {desk.environment}


def test_a_reviewer_is_not_asked_to_be_an_officer() -> None:
    desk = sharing_desk()
    desk.request()
    task = tasks(desk)[0]

    with pytest.raises(Exception, match="lacks the right obligation_work"):
        finish(task, desk.reviewer)
    with pytest.raises(Exception, match="lacks the right obligation_waive"):
        obligation_work.waive(task=task, reason="x", actor=factories.actor(Role.OFFICER), now=NOW)
