"""Work on one obligation: evidence of its kind, completion, a second person's waiver, another owner."""

from datetime import date, timedelta
from typing import Any

import pytest

from governance.actors import Actor
from governance.errors import GovernanceError, InvalidInput
from governance.permissions import Role
from registry.actions import obligation_work as work
from registry.licensing.terms import EvidenceKind
from registry.models import ObligationEvidence
from tests import decisions, factories
from tests.obligations import NOW, finish, prove, task_of_kind
from tests.reviewing import Desk, open_desk

pytestmark = pytest.mark.django_db
KINDS = [kind.value for kind in EvidenceKind]


@pytest.fixture
def desk() -> Desk:
    return open_desk()


# -- evidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_of_the_kind_that_is_asked_for_lets_it_be_done(desk: Desk, kind: str) -> None:
    task = task_of_kind(kind, desk=desk)
    with pytest.raises(work.ProofMissing, match="First add the evidence"):
        work.complete(task=task, note="", actor=desk.officer, now=NOW)

    row = prove(task, desk.officer)
    done = work.complete(task=task, note="It hangs there.", actor=desk.officer, now=NOW)

    assert (done.status, done.decided_by, done.decided_at) == ("done", desk.officer.user, NOW)
    events = decisions.about(f"obligation:{task.pk}")
    assert [entry["event"] for entry in events] == [
        "registry.obligation.evidenced",
        "registry.obligation.done",
    ]
    assert events[0]["body"]["evidence_digest"].startswith("sha256:")
    assert events[1]["body"]["evidence"] == [row.pk]
    assert "It hangs there." not in str(events)
    assert "example.org" not in str(events)


@pytest.mark.parametrize(
    ("wanted", "brought", "enough"),
    [
        ("url", "screenshot", True),
        ("screenshot", "url", False),
        ("statement", "document", True),
        ("document", "statement", False),
        ("release_file", "document", False),
        ("published_name", "statement", False),
    ],
)
def test_only_what_shows_as_much_answers(desk: Desk, wanted: str, brought: str, enough: bool) -> None:
    task = task_of_kind(wanted, desk=desk)
    prove(task, desk.officer, kind=brought)

    if enough:
        assert work.complete(task=task, note="", actor=desk.officer, now=NOW).status == "done"
    else:
        with pytest.raises(work.ProofMissing):
            work.complete(task=task, note="", actor=desk.officer, now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "photograph"}, "kind"),
        ({"kind": "url", "url": "http://example.org", "shown_on": date(2026, 1, 1)}, "url"),
        ({"kind": "url", "url": "https://example.org", "shown_on": date(2026, 11, 23)}, "shown_on"),
        ({"kind": "statement", "note": ""}, "note"),
        ({"kind": "document"}, "document"),
    ],
)
def test_evidence_that_says_nothing_is_refused(desk: Desk, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        work.add_evidence(task=task_of_kind("statement", desk=desk), actor=desk.officer, now=NOW, **changes)

    assert refusal.value.field == field
    assert ObligationEvidence.objects.count() == 0


@pytest.mark.parametrize("name", ["acme/own-model", "acme/never-registered-llama"])
def test_a_published_name_is_registered_and_as_the_license_wants_it(desk: Desk, name: str) -> None:
    factories.registered_model(name="own-model")
    task = task_of_kind("published_name", desk=desk)

    with pytest.raises(InvalidInput) as refusal:
        prove(task, desk.officer, published_name=name)

    assert refusal.value.field == "published_name"


def test_evidence_may_follow_after_it_was_done_but_not_after_it_was_waived(desk: Desk) -> None:
    task = finish(task_of_kind("url", desk=desk), desk.officer)
    prove(task, desk.officer)
    assert task.evidence.count() == 2

    waived = task_of_kind("statement", desk=desk)
    work.waive(task=waived, reason="Not here.", actor=desk.reviewer, now=NOW)
    with pytest.raises(work.TaskNotOpen):
        prove(waived, desk.officer)


def test_a_task_takes_a_bounded_number_of_evidence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MAX_EVIDENCE", 1)
    task = task_of_kind("statement", desk=desk)
    prove(task, desk.officer)

    with pytest.raises(InvalidInput, match="at most 1"):
        prove(task, desk.officer)


# -- carried over ---------------------------------------------------------------------------------------------------


def earlier(desk: Desk, **fields: Any) -> ObligationEvidence:
    """Evidence of the same obligation, for another version."""
    other = open_desk(with_policy=False)
    fields = {"desk": other, "environment": desk.environment, **fields}
    return prove(task_of_kind("screenshot", **fields), desk.officer)


def test_a_person_may_say_that_earlier_evidence_still_holds(desk: Desk) -> None:
    was = earlier(desk)
    task = task_of_kind("screenshot", desk=desk)
    assert list(work.reusable(task)) == [was]

    row = work.carry_over(task=task, evidence=was, note="Looked again today.", actor=desk.officer, now=NOW)

    assert (row.carried_from, row.url, row.document, row.shown_on) == (
        was,
        was.url,
        was.document,
        was.shown_on,
    )
    assert work.complete(task=task, note="", actor=desk.officer, now=NOW).status == "done"
    assert decisions.about(f"obligation:{task.pk}")[0]["body"]["carried_from"] == was.pk
    assert list(work.reusable(task)) == []


def test_evidence_is_never_carried_over_on_its_own(desk: Desk) -> None:
    earlier(desk)

    assert task_of_kind("screenshot", desk=desk).evidence.count() == 0


@pytest.mark.parametrize("other", ["license", "obligation", "environment", "itself"])
def test_evidence_of_something_else_is_not_carried_over(desk: Desk, other: str) -> None:
    task = task_of_kind("screenshot", desk=desk)
    was = {
        "license": lambda: earlier(desk, license_id="llama-3.1"),
        "obligation": lambda: earlier(desk, obligation_id="another"),
        "environment": lambda: earlier(desk, environment=factories.environment()),
        "itself": lambda: prove(task, desk.officer),
    }[other]()

    with pytest.raises(InvalidInput) as refusal:
        work.carry_over(task=task, evidence=was, note="", actor=desk.officer, now=NOW)

    assert refusal.value.field == "evidence"


# -- two persons ----------------------------------------------------------------------------------------------------


def test_a_reviewer_waives_with_a_reason(desk: Desk) -> None:
    task = task_of_kind("url", desk=desk)

    waived = work.waive(task=task, reason="The page is internal.", actor=desk.reviewer, now=NOW)

    assert (waived.status, waived.decided_by, waived.decision_note) == (
        "waived",
        desk.reviewer.user,
        "The page is internal.",
    )
    event, actor, body = decisions.last(f"obligation:{task.pk}")
    assert (event, actor) == ("registry.obligation.waived", str(desk.reviewer))
    assert "internal" not in str(body)


@pytest.mark.parametrize("part", ["owner", "asked_by"])
def test_nobody_waives_their_own_work(desk: Desk, part: str) -> None:
    task = task_of_kind("url", desk=desk, **{part: desk.reviewer.user})

    with pytest.raises(work.OwnWork):
        work.waive(task=task, reason="I say so.", actor=desk.reviewer, now=NOW)


def test_a_waiver_needs_a_reason(desk: Desk) -> None:
    with pytest.raises(InvalidInput) as refusal:
        work.waive(task=task_of_kind("url", desk=desk), reason=" ", actor=desk.reviewer, now=NOW)

    assert refusal.value.field == "reason"


@pytest.mark.parametrize("first", ["done", "waived"])
def test_what_is_decided_is_not_decided_again(desk: Desk, first: str) -> None:
    task = task_of_kind("statement", desk=desk)
    if first == "done":
        finish(task, desk.officer)
    else:
        work.waive(task=task, reason="Not here.", actor=desk.reviewer, now=NOW)

    steps: list[Any] = [
        lambda: work.waive(task=task, reason="x", actor=desk.reviewer, now=NOW),
        lambda: work.assign(task=task, owner=desk.officer.user, due_on=None, actor=desk.officer, now=NOW),
    ]
    if first == "done":
        steps.append(lambda: work.complete(task=task, note="", actor=desk.officer, now=NOW))
    for step in steps:
        with pytest.raises(work.TaskNotOpen):
            step()


# -- owner and day --------------------------------------------------------------------------------------------------


def test_work_is_given_to_another_officer_until_another_day(desk: Desk) -> None:
    task, other = task_of_kind("url", desk=desk), factories.user(Role.OFFICER)
    day = (NOW + timedelta(days=3)).date()

    work.assign(task=task, owner=other, due_on=day, actor=desk.officer, now=NOW)

    task.refresh_from_db()
    assert (task.owner, task.due_on) == (other, day)
    body = decisions.last(f"obligation:{task.pk}")[2]
    assert (body["owner"], body["was_owner"]) == (f"user:{other.username}", str(desk.officer))


@pytest.mark.parametrize(
    ("role", "active", "days", "field"),
    [
        (Role.REVIEWER, True, 3, "owner"),
        (Role.AUDITOR, True, 3, "owner"),
        (Role.OFFICER, False, 3, "owner"),
        (Role.OFFICER, True, -1, "due_on"),
        (Role.OFFICER, True, 4000, "due_on"),
    ],
)
def test_work_is_given_to_someone_who_can_do_it_in_time(
    desk: Desk,
    role: Role,
    active: bool,
    days: int,
    field: str,
) -> None:
    task, owner = task_of_kind("url", desk=desk), factories.user(role, is_active=active)

    with pytest.raises(InvalidInput) as refusal:
        work.assign(
            task=task, owner=owner, due_on=(NOW + timedelta(days=days)).date(), actor=desk.officer, now=NOW
        )

    assert refusal.value.field == field


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR, Role.ADMIN])
def test_only_officers_work_on_obligations(desk: Desk, role: Role) -> None:
    task, someone = task_of_kind("statement", desk=desk), factories.actor(role)
    steps: list[Any] = [
        lambda: prove(task, someone),
        lambda: work.complete(task=task, note="", actor=someone, now=NOW),
        lambda: work.assign(task=task, owner=desk.officer.user, due_on=None, actor=someone, now=NOW),
    ]

    for step in steps:
        with pytest.raises(GovernanceError) as refusal:
            step()
        assert refusal.value.status == 403


def test_the_due_day_passes(desk: Desk) -> None:
    task = task_of_kind("url", desk=desk)

    assert not task.is_overdue(task.due_on)
    assert task.is_overdue(task.due_on + timedelta(days=1))
    work.waive(task=task, reason="Not here.", actor=Actor(user=desk.reviewer.user), now=NOW)
    task.refresh_from_db()
    assert not task.is_overdue(task.due_on + timedelta(days=1))
