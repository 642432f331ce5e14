"""What follows from a worse verdict: alerts, and suspensions that only another person lifts."""

from datetime import timedelta
from typing import Any

import pytest

from governance.actions import policies
from governance.actors import Actor
from governance.errors import Forbidden, InvalidInput
from governance.permissions import Role, Scope
from registry import models
from registry.actions import admit, alerts, reevaluations, review, suspensions
from registry.models import Alert, Suspension
from tests import decisions, factories
from tests.reevaluating import LARGE, LATER, SMALL, UNKNOWN, approval, approved, change, redefine, work
from tests.refusals import refused, refused_by, rows_of
from tests.reviewing import NOW, Desk, policy_text

pytestmark = pytest.mark.django_db
EVEN_LATER = LATER + timedelta(hours=1)


def reasons(desk: Desk, *, at: Any = LATER) -> list[tuple[str, str]]:
    token, _ = factories.api_token(Scope.ADMISSION)
    row = admit.decide_admission(request=desk.offer(), actor=Actor(user=token.owner, token=token), now=at)
    return [(reason["code"], reason["message"]) for reason in row.reasons]


# -- alerts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"), [(LARGE, "needs_licence", "high"), (UNKNOWN, "needs_review", "high")]
)
def test_a_worse_verdict_raises_an_alert(facts: dict[str, Any], verdict: str, severity: str) -> None:
    desk = approved()

    campaign = change(desk, facts)

    alert = Alert.objects.get()
    assert (alert.kind, alert.severity, alert.state) == ("verdict_worse", severity, "open")
    assert (alert.approval, alert.version, alert.environment) == (
        approval(desk),
        desk.version,
        desk.environment,
    )
    assert (alert.evaluation.verdict, alert.reevaluation, alert.raised_at) == (verdict, campaign, LATER)
    assert alert.facts == {"was": "allowed_with_obligations", "now": verdict, "new_obligations": []}
    assert "was allowed with obligations when this was approved" in alert.message
    [entry] = [
        one
        for one in decisions.about(f"model-version:{desk.version.pk}")
        if one["event"] == "registry.alert.raised"
    ]
    assert entry["body"]["evaluation_digest"] == alert.evaluation.evaluation_digest
    assert alert.message not in str(entry)


def test_missing_facts_are_named() -> None:
    desk = approved()

    change(desk, UNKNOWN)

    assert "missing: org.mau_by_month.2024-11.all_products_incl_affiliates" in Alert.objects.get().message


def test_a_prohibited_use_is_critical() -> None:
    desk = approved()

    redefine(desk, use_case_tags=["military"])
    work()

    assert (Alert.objects.get().severity, Alert.objects.get().evaluation.verdict) == (
        "critical",
        "prohibited",
    )


def test_one_alert_stands_however_often_it_is_found() -> None:
    desk = approved()
    change(desk, LARGE)

    change(desk, {**LARGE, "annual_revenue_usd": {"group": 1}}, at=EVEN_LATER)

    assert Alert.objects.count() == 1
    assert Suspension.objects.count() == 1


def test_another_verdict_is_another_alert() -> None:
    desk = approved()
    change(desk, UNKNOWN)

    change(desk, LARGE, at=EVEN_LATER)

    first, second = Alert.objects.order_by("pk")
    assert (first.resolution, first.resolved_at) == ("superseded", EVEN_LATER)
    assert (second.state, second.facts["now"]) == ("open", "needs_licence")


def test_a_verdict_that_recovers_resolves_its_alert() -> None:
    desk = approved()
    change(desk, LARGE)

    campaign = change(desk, SMALL, at=EVEN_LATER)

    alert = Alert.objects.get()
    assert (alert.state, alert.resolution, alert.resolved_at) == ("resolved", "recovered", EVEN_LATER)
    assert campaign.better == 1
    assert decisions.last(f"model-version:{desk.version.pk}")[0] == "registry.alert.resolved"


def test_obligations_that_were_not_there_raise_a_low_alert_and_suspend_nothing() -> None:
    desk = approved()

    redefine(desk, hosting="public_api", distribute_weights=True)
    work()

    alert = Alert.objects.get()
    assert (alert.kind, alert.severity) == ("new_obligations", "low")
    assert alert.facts["new_obligations"]
    assert not Suspension.objects.exists()
    tasks = models.ObligationTask.objects.filter(version=desk.version, opened_at=LATER)
    assert {task.obligation_id for task in tasks} == {one[1] for one in alert.facts["new_obligations"]}
    assert {(task.owner, task.opened_by) for task in tasks} == {(desk.officer.user, "system:reevaluation")}
    redefine(desk, at=EVEN_LATER)
    work(at=EVEN_LATER)
    alert.refresh_from_db()
    assert alert.resolution == "recovered"
    assert set(tasks.values_list("status", flat=True)) == {"lapsed"}


def test_a_verdict_that_is_worse_and_still_accepted_suspends_nothing() -> None:
    desk = approved("apache-2.0")
    assert approval(desk).evaluation.verdict == "allowed"

    redefine(desk, distribute_weights=True)
    work()

    alert = Alert.objects.get()
    assert (alert.kind, alert.severity) == ("verdict_worse", "medium")
    assert alert.facts["now"] == "allowed_with_obligations"
    assert alert.facts["new_obligations"]
    assert not Suspension.objects.exists()
    assert reasons(desk) == []


def test_an_approval_that_ends_takes_its_alerts_along() -> None:
    desk = approved()
    change(desk, LARGE)

    review.revoke(approval=approval(desk), reason="odd", actor=desk.reviewer, now=EVEN_LATER)

    alert = Alert.objects.get()
    assert (alert.resolution, alert.resolved_at) == ("approval_ended", EVEN_LATER)


def test_an_alert_is_acknowledged_once() -> None:
    desk = approved()
    change(desk, LARGE)
    alert = Alert.objects.get()

    alerts.acknowledge(alert=alert, note="I ask Meta.", actor=desk.officer, now=EVEN_LATER)

    assert (alert.acknowledged_by, alert.acknowledged_at, alert.state) == (
        desk.officer.user,
        EVEN_LATER,
        "acknowledged",
    )
    event, actor, body = decisions.last(f"model-version:{desk.version.pk}")
    assert (event, actor) == ("registry.alert.acknowledged", str(desk.officer))
    assert "I ask Meta." not in str(body)
    with pytest.raises(alerts.AlertAcknowledged):
        alerts.acknowledge(alert=alert, note="me too", actor=desk.reviewer, now=EVEN_LATER)
    with pytest.raises(Forbidden):
        alerts.acknowledge(alert=alert, note="", actor=factories.actor(Role.AUDITOR), now=EVEN_LATER)
    with pytest.raises(InvalidInput):
        alerts.acknowledge(alert=alert, note="x" * 4001, actor=desk.officer, now=EVEN_LATER)


# -- suspension -----------------------------------------------------------------------------------------------------


def test_a_verdict_that_is_no_longer_accepted_suspends_the_approval() -> None:
    desk = approved()
    assert reasons(desk, at=NOW) == []

    change(desk, LARGE)

    row = Suspension.objects.get()
    assert (row.approval, row.evaluation.verdict, row.policy, row.raised_at) == (
        approval(desk),
        "needs_licence",
        desk.policy,
        LATER,
    )
    assert decisions.last(f"approval:{row.approval_id}")[0] == "registry.approval.suspended"
    codes = reasons(desk)
    assert [code for code, _ in codes] == ["license_condition_failed", "license_condition_failed"]
    assert codes[1][1].startswith(
        "The approval is suspended since 2026-11-22 at 13:00 UTC: The licence verdict was"
    )


def test_a_suspension_outlasts_the_verdict_until_a_reviewer_lifts_it() -> None:
    desk = approved()
    change(desk, LARGE)
    change(desk, SMALL, at=EVEN_LATER)

    assert [code for code, _ in reasons(desk, at=EVEN_LATER)] == ["license_condition_failed"]
    row = suspensions.lift(
        approval=approval(desk), note="The figure was wrong.", actor=desk.reviewer, now=EVEN_LATER
    )

    assert (row.lifted_by, row.lifted_at) == (desk.reviewer.user, EVEN_LATER)
    assert row.lifted_evaluation is not None
    assert row.lifted_evaluation.verdict == "allowed_with_obligations"
    assert decisions.last(f"approval:{row.approval_id}")[0] == "registry.approval.resumed"
    assert reasons(desk, at=EVEN_LATER) == []


def test_a_suspension_is_not_lifted_while_the_verdict_is_not_accepted() -> None:
    desk = approved()
    change(desk, LARGE)
    rows = models.Evaluation.objects.count()

    with pytest.raises(suspensions.StillNotAccepted, match="needs licence"):
        suspensions.lift(approval=approval(desk), note="Go on.", actor=desk.reviewer, now=EVEN_LATER)

    assert Suspension.objects.get().lifted_at is None
    assert models.Evaluation.objects.count() == rows


def test_who_lifts_a_suspension() -> None:
    desk = approved()
    change(desk, LARGE)
    change(desk, SMALL, at=EVEN_LATER)
    row = approval(desk)
    lift: dict[str, Any] = {"approval": row, "note": "Well again.", "now": EVEN_LATER}

    with pytest.raises(Forbidden):
        suspensions.lift(**lift, actor=desk.officer)
    desk.officer.user.role = Role.REVIEWER
    with pytest.raises(review.FourEyesRequired):
        suspensions.lift(**lift, actor=desk.officer)
    with pytest.raises(InvalidInput):
        suspensions.lift(**{**lift, "note": "  "}, actor=desk.reviewer)
    suspensions.lift(**lift, actor=desk.reviewer)
    with pytest.raises(suspensions.NotSuspended):
        suspensions.lift(**lift, actor=desk.reviewer)


def test_after_a_lift_another_worse_verdict_suspends_again() -> None:
    desk = approved()
    change(desk, LARGE)
    change(desk, SMALL, at=EVEN_LATER)
    suspensions.lift(approval=approval(desk), note="Well.", actor=desk.reviewer, now=EVEN_LATER)

    change(desk, LARGE, at=EVEN_LATER + timedelta(hours=1))

    assert [row.lifted_at is None for row in Suspension.objects.order_by("pk")] == [False, True]


def test_the_policy_may_ask_for_an_alert_alone() -> None:
    desk = approved(policy=policy_text(on_worse_verdict='"alert"'))

    change(desk, LARGE)

    assert Alert.objects.count() == 1
    assert not Suspension.objects.exists()
    # The verdict of this moment denies all the same.
    assert [code for code, _ in reasons(desk)] == ["license_condition_failed"]


def test_a_policy_that_says_nothing_suspends() -> None:
    lines = [line for line in policy_text().splitlines() if not line.startswith("on_worse_verdict")]
    desk = approved(policy="\n".join(lines))

    change(desk, LARGE)

    assert Suspension.objects.count() == 1


def test_a_policy_loaded_later_suspends_at_the_next_campaign() -> None:
    desk = approved(policy=policy_text(on_worse_verdict='"alert"'))
    change(desk, LARGE)
    policies.load_policy(text=policy_text() + "# stricter\n", actor=None, now=EVEN_LATER)

    reevaluations.begin_due(EVEN_LATER)
    work(at=EVEN_LATER)

    assert Suspension.objects.count() == 1
    assert Alert.objects.count() == 1


# -- what the database refuses --------------------------------------------------------------------------------------


@pytest.fixture
def suspension() -> Suspension:
    desk = approved()
    change(desk, LARGE)
    return Suspension.objects.get()


def test_an_allow_under_a_suspended_approval_is_refused(suspension: Suspension) -> None:
    row = suspension.approval
    fields = {
        "decision": "allow",
        "mode": "enforce",
        "version": row.version,
        "approval": row,
        "policy": suspension.policy,
        "model_digest": row.version.model_digest,
        "environment": row.environment.name,
        "purpose": row.purpose,
        "node": "node-1",
        "requested_by": "user:x",
        "decided_at": LATER,
        "expires_at": LATER + timedelta(minutes=5),
    }

    refused("registry_admission_of_this_moment", lambda: models.Admission.objects.create(**fields))


def test_a_suspension_says_nothing_else_later(suspension: Suspension) -> None:
    rows = rows_of(suspension)

    refused_by("registry_suspension_frozen", rows, reason="another")
    refused_by("registry_suspension_lifted_complete", rows, lifted_at=LATER)
    refused("registry_suspension_never_deleted", rows.delete)


def test_a_suspension_is_lifted_by_another_on_a_verdict_that_permits(suspension: Suspension) -> None:
    rows, row = rows_of(suspension), suspension.approval
    lifted: dict[str, Any] = {"lifted_at": LATER, "lifted_note": "why", "lifted_evaluation": row.evaluation}

    refused_by("registry_suspension_lifted_by_another", rows, **lifted, lifted_by=row.requested_by)
    lifted["lifted_by"] = row.decided_by
    refused_by("registry_suspension_lifted_says_why", rows, **{**lifted, "lifted_note": ""})
    refused_by(
        "registry_suspension_lifted_on_a_verdict",
        rows,
        **{**lifted, "lifted_evaluation": suspension.evaluation},
    )
    rows.update(**lifted)
    refused_by("registry_suspension_frozen", rows, lifted_note="other words")


def test_a_suspension_rests_on_a_verdict_about_that_very_use(suspension: Suspension) -> None:
    elsewhere = factories.approval(status="approved")
    fields = {"policy": suspension.policy, "reason": "why"}

    refused(
        "registry_suspension_of_an_approval",
        lambda: Suspension.objects.create(approval=elsewhere, evaluation=suspension.evaluation, **fields),
    )
    requested = factories.approval()
    refused(
        "registry_suspension_of_an_approval",
        lambda: Suspension.objects.create(approval=requested, evaluation=requested.evaluation, **fields),
    )
    refused(
        "registry_suspension_one_open",
        lambda: Suspension.objects.create(
            approval=suspension.approval, evaluation=suspension.evaluation, **fields
        ),
    )


def test_an_alert_says_nothing_else_later(suspension: Suspension) -> None:
    alert = Alert.objects.get()
    rows, user = rows_of(alert), suspension.approval.decided_by

    refused_by("registry_alert_frozen", rows, message="another")
    refused_by("registry_alert_frozen", rows, severity="low")
    refused_by("registry_alert_acknowledged_paired", rows, acknowledged_at=LATER)
    refused_by("registry_alert_resolved_says_how", rows, resolved_at=LATER)
    refused("registry_alert_never_deleted", rows.delete)
    rows.update(acknowledged_at=LATER, acknowledged_by=user, acknowledged_note="seen")
    refused_by("registry_alert_frozen", rows, acknowledged_note="not seen")
    rows.update(resolved_at=LATER, resolution="recovered")
    refused_by("registry_alert_frozen", rows, resolved_at=EVEN_LATER)
    refused_by("registry_alert_frozen", rows, resolution="superseded")


def test_alerts_of_which_no_two_stand_and_none_is_of_something_else(suspension: Suspension) -> None:
    alert = Alert.objects.get()
    fields: dict[str, Any] = {
        "kind": alert.kind,
        "severity": "high",
        "approval": alert.approval,
        "version": alert.version,
        "environment": alert.environment,
        "evaluation": alert.evaluation,
        "message": "why",
    }

    refused("registry_alert_one_open", lambda: Alert.objects.create(**fields))
    fields["kind"] = "new_obligations"
    refused("registry_alert_names_its_approval", lambda: Alert.objects.create(**{**fields, "approval": None}))
    refused(
        "registry_alert_rests_on_evaluation", lambda: Alert.objects.create(**{**fields, "evaluation": None})
    )
    refused("registry_alert_says_why", lambda: Alert.objects.create(**{**fields, "message": ""}))
    refused(
        "registry_alert_of_one_use",
        lambda: Alert.objects.create(**{**fields, "version": factories.resolved_version()}),
    )
    refused(
        "registry_alert_begins_open",
        lambda: Alert.objects.create(**fields, resolved_at=LATER, resolution="recovered"),
    )


def test_a_campaign_adds_up_and_ends_once() -> None:
    desk = approved()
    campaign = change(desk, LARGE)
    rows, parts = rows_of(campaign), campaign.parts.all()

    refused_by("registry_reevaluation_frozen", rows, worse=0, done=0)
    refused_by("registry_reevaluationpart_frozen", parts, finished_at=None)
    refused("registry_reevaluation_never_deleted", lambda: rows._raw_delete("default"))
    refused("registry_reevaluationpart_never_deleted", parts.delete)
    refused(
        "registry_reevaluationpart_while_open",
        lambda: models.ReevaluationPart.objects.create(
            reevaluation=campaign, first_id=1, last_id=2, dispatched_at=LATER
        ),
    )
    fresh = reevaluations.request(cause=models.Cause.REQUESTED, because="x", by="user:x", now=LATER)
    refused_by("registry_reevaluation_adds_up", rows_of(fresh), done=3)
    refused_by("registry_reevaluation_frozen", rows_of(fresh), finished_at=LATER)
    refused_by("registry_reevaluation_recorded_bounded", rows_of(fresh), recorded=1)
    refused(
        "registry_reevaluation_once",
        lambda: models.Reevaluation.objects.create(
            cause="facts", because=campaign.because, requested_by="user:x", total=0
        ),
    )
