"""What PostgreSQL itself refuses of obligations: a row that passes, and one that does not."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from governance.permissions import Role
from registry.licensing.terms import EvidenceKind
from registry.lifecycle import TASK_MOVES, TaskStatus, edges
from registry.models import ObligationEvidence, ObligationTask
from tests import factories
from tests.obligations import NOW, prove, task_of_kind
from tests.refusals import refused, rows_of
from tests.reviewing import open_desk

pytestmark = pytest.mark.django_db
TASK, EVIDENCE = "registry_obligationtask", "registry_obligationevidence"
URL = {"kind": "url", "url": "https://example.org/", "shown_on": date(2026, 11, 22)}


def decided(status: str, **fields: Any) -> dict[str, Any]:
    person = factories.user(Role.REVIEWER)
    return {"status": status, "decided_by": person, "decided_at": NOW, "decision_note": "why", **fields}


def lapsed(**fields: Any) -> dict[str, Any]:
    return {"status": "lapsed", "lapsed_by": "system:x", "lapsed_at": NOW, "lapse_reason": "over", **fields}


def bring(task: ObligationTask, **fields: Any) -> ObligationEvidence:
    fields = {**URL, "added_by": factories.user(), "added_at": NOW, **fields}
    return ObligationEvidence.objects.create(task=task, **fields)


def in_status(status: str) -> ObligationTask:
    task = task_of_kind("url")
    bring(task)
    if status in {"done", "waived"}:
        rows_of(task).update(**decided(status))
    if status == "lapsed":
        rows_of(task).update(**lapsed())
    task.refresh_from_db()
    return task


# -- the work -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [status.value for status in TaskStatus])
@pytest.mark.parametrize("target", [status.value for status in TaskStatus])
def test_the_work_moves_as_the_table_says(source: str, target: str) -> None:
    task = in_status(source)
    fields: dict[str, Any] = {"status": target}
    if source == "open" and target in {"done", "waived"}:
        fields = decided(target)
    if source != target and target == "lapsed":
        fields = lapsed()

    if (source, target) in edges(TASK_MOVES):
        assert rows_of(task).update(**fields) == 1
    else:
        refused(f"{TASK}_moves", lambda: rows_of(task).update(**fields))


@pytest.mark.parametrize("status", ["done", "waived", "lapsed"])
def test_work_begins_open(status: str) -> None:
    fields = lapsed() if status == "lapsed" else decided(status)

    refused(f"{TASK}_begins_open", lambda: task_of_kind("url", **fields))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("purpose", "other"),
        ("license_id", "mit"),
        ("obligation_id", "other"),
        ("do", "Nothing."),
        ("evidence_kind", "statement"),
        ("evidence_wanted", "a nod"),
        ("clause", "§0"),
        ("opened_by", "user:other"),
        ("opened_at", NOW - timedelta(days=1)),
    ],
)
def test_what_the_work_says_is_frozen(column: str, value: Any) -> None:
    task = task_of_kind("url")

    refused(f"{TASK}_frozen", lambda: rows_of(task).update(**{column: value}))


@pytest.mark.parametrize("column", ["version", "environment", "evaluation", "asked_by"])
def test_what_the_work_is_about_is_frozen(column: str) -> None:
    task, other = task_of_kind("url"), task_of_kind("url")

    refused(f"{TASK}_frozen", lambda: rows_of(task).update(**{column: getattr(other, column)}))


@pytest.mark.parametrize("column", ["owner", "due_on", "decision_note"])
def test_after_the_decision_nothing_of_it_changes(column: str) -> None:
    task = in_status("done")
    value = {"owner": factories.user(), "due_on": date(2030, 1, 1), "decision_note": "x"}[column]

    refused(f"{TASK}_frozen", lambda: rows_of(task).update(**{column: value}))


def test_one_live_task_for_one_obligation_of_a_use() -> None:
    desk = open_desk()
    first = task_of_kind("url", desk=desk)
    refused(f"{TASK}_one_live", lambda: task_of_kind("url", desk=desk))

    rows_of(first).update(**lapsed())

    assert task_of_kind("url", desk=desk).status == "open"


def test_the_evaluation_is_of_this_very_use() -> None:
    other = factories.evaluation(factories.resolved_version(), factories.environment())

    def write(**changes: Any) -> ObligationTask:
        desk = open_desk(with_policy=False)
        fields = {
            "version": desk.version,
            "environment": desk.environment,
            "purpose": "assistant",
            "license_id": "mit",
            "obligation_id": "copy",
            "do": "Copy.",
            "evidence_wanted": "it",
            "evidence_kind": "url",
            "clause": "c",
            "asked_by": desk.officer.user,
            "owner": desk.officer.user,
            "due_on": date(2026, 12, 1),
            "opened_by": "user:x",
            "opened_at": NOW,
            **changes,
        }
        fields.setdefault("evaluation", factories.evaluation(desk.version, desk.environment))
        return ObligationTask.objects.create(**fields)

    assert write().pk
    refused(f"{TASK}_comes_from_its_evaluation", lambda: write(evaluation=other))
    refused(f"{TASK}_comes_from_its_evaluation", lambda: write(purpose="another"))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"status": "lost"}, "status_known"),
        ({"evidence_kind": "photograph"}, "evidence_kind_known"),
        ({"do": ""}, "says_what_to_do"),
        ({"license_id": ""}, "says_what_to_do"),
        ({"obligation_id": ""}, "says_what_to_do"),
        ({"due_on": date(2026, 11, 21)}, "due_after_opening"),
        ({"decided_at": NOW}, "decision_has_person"),
        ({"lapsed_at": NOW}, "lapse_complete"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(changes: dict[str, Any], name: str) -> None:
    desk = open_desk()
    place = factories.environment()

    refused(f"{TASK}_{name}", lambda: task_of_kind("url", desk=desk, environment=place, **changes))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"status": "waived"}, "closed_has_person"),
        ({"status": "lapsed"}, "lapsed_has_reason"),
        ({"decided_by": None, "decided_at": NOW}, "decision_has_person"),
    ],
)
def test_a_step_without_a_person_or_reason_is_refused(changes: dict[str, Any], name: str) -> None:
    task = task_of_kind("url")

    refused(f"{TASK}_{name}", lambda: rows_of(task).update(**changes))


@pytest.mark.parametrize("who", ["owner", "asked_by", "nobody with a reason"])
def test_a_waiver_takes_a_second_person_and_a_reason(who: str) -> None:
    desk = open_desk()
    task = task_of_kind("url", desk=desk, owner=factories.user(), asked_by=desk.officer.user)
    changes = {"decision_note": ""} if who.startswith("nobody") else {"decided_by": getattr(task, who)}

    refused(f"{TASK}_waiver_four_eyes", lambda: rows_of(task).update(**decided("waived", **changes)))
    assert rows_of(task).update(**decided("waived")) == 1


# -- its evidence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [kind.value for kind in EvidenceKind])
@pytest.mark.parametrize("brought", [kind.value for kind in EvidenceKind])
def test_the_database_and_the_vocabulary_agree_on_what_is_enough(wanted: str, brought: str) -> None:
    desk = open_desk(with_policy=False)
    task = task_of_kind(wanted, desk=desk)
    done = decided("done")
    refused(f"{TASK}_done_has_evidence", lambda: rows_of(task).update(**done))
    source = task_of_kind(brought, desk=desk, obligation_id="source")
    row = prove(source, desk.officer)
    ObligationEvidence.objects.create(
        task=task,
        added_by=desk.officer.user,
        added_at=NOW,
        **{
            name: getattr(row, name)
            for name in ("kind", "document", "url", "shown_on", "path", "sha256", "published_name", "note")
        },
    )

    if EvidenceKind(brought) in EvidenceKind(wanted).accepted:
        assert rows_of(task).update(**done) == 1
    else:
        refused(f"{TASK}_done_has_evidence", lambda: rows_of(task).update(**done))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"kind": "photograph"}, "complete"),
        ({"url": "http://example.org/"}, "complete"),
        ({"shown_on": None}, "complete"),
        ({"kind": "release_file", "path": "NOTICE", "sha256": "00"}, "complete"),
        ({"kind": "release_file", "path": "", "sha256": "0" * 64}, "complete"),
        ({"kind": "screenshot"}, "complete"),
        ({"kind": "statement"}, "complete"),
        ({"kind": "document"}, "complete"),
        ({"kind": "published_name"}, "complete"),
        ({"shown_on": date(2026, 11, 23)}, "not_in_the_future"),
    ],
)
def test_evidence_that_shows_nothing_is_refused(fields: dict[str, Any], name: str) -> None:
    task = task_of_kind("url")

    assert bring(task).pk
    refused(f"{EVIDENCE}_{name}", lambda: bring(task, **fields))


def test_a_screenshot_is_a_picture() -> None:
    task = task_of_kind("screenshot")

    refused(
        f"{EVIDENCE}_screenshot_is_a_picture",
        lambda: bring(task, kind="screenshot", document=factories.document()),
    )


@pytest.mark.parametrize(
    ("status", "taken"), [("open", True), ("done", True), ("waived", False), ("lapsed", False)]
)
def test_evidence_comes_while_the_task_counts(status: str, taken: bool) -> None:
    task = in_status(status)

    if taken:
        assert bring(task).pk
    else:
        refused(f"{EVIDENCE}_while_it_counts", lambda: bring(task))


@pytest.mark.parametrize("changes", [{"license_id": "mit"}, {"obligation_id": "x"}, {"environment": None}])
def test_evidence_is_carried_over_from_its_like_alone(changes: dict[str, Any]) -> None:
    desk = open_desk()
    task = task_of_kind("url", desk=desk)
    like = bring(task_of_kind("url", environment=desk.environment))
    if "environment" in changes:
        changes = {"environment": factories.environment()}
    unlike = bring(task_of_kind("url", **{"environment": desk.environment, **changes}))

    refused(f"{EVIDENCE}_carried_from_its_like", lambda: bring(task, carried_from=unlike))
    refused(
        f"{EVIDENCE}_carried_from_its_like",
        lambda: bring(task, carried_from=like, url="https://example.org/another"),
    )
    assert bring(task, carried_from=like).pk
    refused(f"{EVIDENCE}_carried_once", lambda: bring(task, carried_from=like))


def test_evidence_is_written_once_and_work_is_never_deleted() -> None:
    task = task_of_kind("url")
    row = bring(task)

    refused(f"{EVIDENCE}_written_once", lambda: rows_of(row).update(note="x"))
    for table, name in ((EVIDENCE, "written_once"), (TASK, "never_deleted")):
        refused(f"{table}_{name}", lambda table=table: connection.cursor().execute(f"DELETE FROM {table}"))
