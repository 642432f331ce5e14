"""Everything approved is evaluated again: campaigns, their parts, and what is written of them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from governance import broker
from governance.errors import Forbidden
from governance.permissions import Role
from registry import bulk_evaluation, catalogs, evaluation, models
from registry.actions import conclusions, environments, lineage, reevaluate, reevaluations
from registry.attestations import facts_in_force
from registry.models import Evaluation, Reevaluation, ReevaluationPart
from tests import decisions, factories, licenses
from tests.reevaluating import (
    LARGE,
    LATER,
    SMALL,
    approval,
    approved,
    attest,
    change,
    clock,
    redefine,
    work,
)
from tests.reviewing import NOW, USE

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The parts that the broker is told of."""
    found: list[int] = []

    def send_task(task: str, *, kwargs: dict[str, int], queue: str, **_: Any) -> None:
        assert (task, queue) == ("registry.tasks.reevaluate_part_task", "default")
        found.append(kwargs["part_id"])

    monkeypatch.setattr(broker.current_app, "send_task", send_task)
    return found


# -- what causes a campaign -----------------------------------------------------------------------------------------


def test_facts_cause_a_campaign_in_their_own_transaction() -> None:
    desk = approved()

    profile = attest(desk, SMALL)

    campaign = Reevaluation.objects.get()
    assert (campaign.cause, campaign.because) == ("facts", f"organization-facts:{profile.pk}")
    assert (campaign.total, campaign.done, campaign.finished_at) == (1, 0, None)
    assert campaign.requested_by == str(desk.officer)
    assert decisions.last(f"reevaluation:{campaign.pk}")[0] == "registry.reevaluation.requested"
    [part] = campaign.parts.all()
    assert (part.first_id, part.last_id) == (0, 2**63 - 1)


def test_a_change_that_is_taken_back_leaves_no_campaign(sent: list[int]) -> None:
    desk = approved()

    with transaction.atomic():
        attest(desk, LARGE)
        transaction.set_rollback(True)

    assert not Reevaluation.objects.exists()
    assert sent == []


def test_workers_are_told_once_it_is_committed(
    sent: list[int], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    desk = approved()

    with django_capture_on_commit_callbacks(execute=True):
        attest(desk, LARGE)
        assert sent == []

    assert sent == [ReevaluationPart.objects.get().pk]


def test_facts_of_a_later_day_cause_one_when_the_day_has_come() -> None:
    desk = approved()
    begins = NOW + timedelta(hours=3)
    profile = attest(desk, LARGE, at=NOW, effective_at=begins)
    assert not Reevaluation.objects.exists()

    early = reevaluations.begin_due(begins - timedelta(minutes=1))
    due = reevaluations.begin_due(begins)
    again = reevaluations.begin_due(begins + timedelta(minutes=1))

    assert [row.cause for row in early] == ["scheduled"]
    assert [(row.cause, row.because) for row in due] == [("facts", f"organization-facts:{profile.pk}")]
    assert again == []
    work(at=begins)
    assert (
        Reevaluation.objects.get(cause="facts").worse + Reevaluation.objects.get(cause="scheduled").worse == 1
    )


def test_a_new_day_causes_one_whoever_asks_first() -> None:
    approved()

    today, again = reevaluations.begin_due(LATER), reevaluations.begin_due(LATER)
    tomorrow = reevaluations.begin_due(LATER + timedelta(days=1))

    assert [row.because for row in today] == ["day:2026-11-22"]
    assert again == []
    assert [row.because for row in tomorrow] == ["day:2026-11-23"]


def test_where_nothing_is_approved_no_day_causes_one() -> None:
    factories.approval()

    assert reevaluations.begin_due(LATER) == []


def test_the_use_of_an_environment_causes_one_for_that_environment_alone() -> None:
    desk, other = approved(), approved(with_policy=False)

    redefine(desk, hosting="public_api")

    campaign = Reevaluation.objects.get()
    assert (campaign.cause, campaign.environment, campaign.total) == ("environment", desk.environment, 1)
    work()
    campaign.refresh_from_db()
    assert campaign.done == 1
    assert Evaluation.objects.filter(version=other.version).count() == 2  # as it was requested and approved


def test_words_about_an_environment_cause_none() -> None:
    desk = approved()

    environments.define_environment(
        name=desk.environment.name,
        description="other words",
        regions=["eu-west"],
        use=USE,
        actor=desk.officer,
        now=LATER,
    )

    assert not Reevaluation.objects.exists()


def test_a_person_may_ask_for_one() -> None:
    desk = approved()

    campaign = reevaluations.request_by_person(actor=desk.reviewer, now=LATER)

    assert (campaign.cause, campaign.requested_by) == ("requested", str(desk.reviewer))
    with pytest.raises(Forbidden):
        reevaluations.request_by_person(actor=factories.actor(Role.AUDITOR), now=LATER)


# -- parts ----------------------------------------------------------------------------------------------------------


def test_parts_hold_whole_groups_and_leave_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reevaluations, "PART_SIZE", 3)
    groups = [(0, 2), (1, 1), (4, 1), (5, 9), (9, 1)]

    found = list(reevaluations._ranges(groups))

    assert found == [(0, 255), (256, 319), (320, 575), (576, 2**63 - 1)]
    assert list(reevaluations._ranges([])) == [(0, 2**63 - 1)]


def test_a_verdict_that_got_worse_is_written_counted_and_logged() -> None:
    desk = approved()
    before = Evaluation.objects.latest("pk")

    campaign = change(desk, LARGE)

    row = Evaluation.objects.latest("pk")
    assert row.pk != before.pk
    assert (row.verdict, row.evaluated_by, row.evaluated_at) == (
        "needs_licence",
        "system:reevaluation",
        LATER,
    )
    assert row.request["org"] == LARGE
    assert row.organization_id is not None
    counts = (
        campaign.done,
        campaign.worse,
        campaign.better,
        campaign.same,
        campaign.failed,
        campaign.recorded,
    )
    assert counts == (1, 1, 0, 0, 0, 1)
    assert campaign.finished_at == LATER
    made = [
        one
        for one in decisions.about(f"model-version:{desk.version.pk}")
        if one["body"].get("evaluation") == row.pk
    ]
    assert [one["event"] for one in made] == ["registry.evaluation.made"]
    assert made[0]["body"]["evaluation_digest"] == row.evaluation_digest
    assert decisions.last(f"reevaluation:{campaign.pk}")[2]["worse"] == 1


def test_what_says_the_same_is_confirmed_and_not_written_again() -> None:
    desk = approved()
    before = Evaluation.objects.count()

    campaign = change(desk, {**SMALL, "annual_revenue_usd": {"group": 5}})

    assert (campaign.same, campaign.recorded) == (1, 0)
    assert Evaluation.objects.count() == before
    assert campaign.parts.get().catalog_digest == catalogs.shipped().catalog_digest


def test_what_rests_on_other_facts_is_written_though_the_verdict_stays() -> None:
    desk = approved()

    campaign = change(
        desk, {**SMALL, "mau_by_month": {"2024-11": {"all_products_incl_affiliates": 2 * 10**6}}}
    )

    assert (campaign.same, campaign.recorded) == (1, 1)
    assert Evaluation.objects.latest("pk").verdict == "allowed_with_obligations"


def test_a_part_that_is_finished_is_not_done_again() -> None:
    desk = approved()
    campaign = change(desk, LARGE)
    rows, log = Evaluation.objects.count(), decisions.count()
    part = campaign.parts.get()

    again = reevaluate.reevaluate_part(part_id=part.pk, worker="other", clock=clock(LATER))

    assert again is False
    assert (Evaluation.objects.count(), decisions.count()) == (rows, log)
    part.refresh_from_db()
    assert (part.attempt, part.worker) == (1, "test")


def test_only_approvals_in_force_are_evaluated() -> None:
    desk = approved()
    waiting = approved(with_policy=False).request(purpose="other")
    ended = approved(with_policy=False)
    models.Approval.objects.filter(version=ended.version).update(
        status="revoked", ended_by="user:x", ended_at=LATER, end_reason="why"
    )
    attest(desk, LARGE, at=NOW + timedelta(days=91))  # past the end of all

    campaign = change(desk, LARGE)

    assert waiting.status == "requested"
    assert campaign.done == 2
    assert Reevaluation.objects.get(requested_at=NOW + timedelta(days=91)).total == 0


def test_an_approval_given_meanwhile_belongs_to_the_campaign() -> None:
    desk = approved()
    profile = attest(desk, {**SMALL, "operates_maas": True})
    late = approved(with_policy=False)
    attest(desk, LARGE, at=LATER)

    work()

    campaign = Reevaluation.objects.get(because=f"organization-facts:{profile.pk}")
    assert (campaign.total, campaign.done) == (1, 2)
    assert Evaluation.objects.filter(version=late.version).latest("pk").verdict == "needs_licence"


def test_facts_that_cannot_be_read_count_as_failed() -> None:
    desk = approved()
    factories.organization(facts={"a_fact_of_last_year": 1}, effective_at=LATER)

    reevaluations.request(cause=models.Cause.REQUESTED, because="request", by="user:x", now=LATER)
    work()

    campaign = Reevaluation.objects.get()
    assert (campaign.done, campaign.failed, campaign.recorded) == (1, 1, 0)
    alert = models.Alert.objects.get()
    assert (alert.kind, alert.severity, alert.approval, alert.evaluation) == (
        "not_evaluated",
        "high",
        approval(desk),
        None,
    )
    assert "a_fact_of_last_year" in alert.message


def test_one_question_that_breaks_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, other = approved(), approved(with_policy=False)
    judge = evaluation.Asking.judge

    def breaks(self: Any, place: models.ServingEnvironment, background: Any, known: Any) -> Any:
        if background["model"] == str(desk.version.registered_model):
            raise KeyError("a defect")
        return judge(self, place, background, known)

    monkeypatch.setattr(evaluation.Asking, "judge", breaks)

    campaign = change(desk, LARGE)

    assert (campaign.worse, campaign.failed) == (1, 1)
    assert Evaluation.objects.latest("pk").version == other.version


def test_facts_that_change_while_a_part_computes_are_the_ones_that_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = approved()
    attest(desk, LARGE, at=LATER)
    judge_many, rounds = bulk_evaluation.judge_many, []

    def slow(*args: Any, **fields: Any) -> Any:
        found = judge_many(*args, **fields)
        if not rounds:
            attest(desk, SMALL, at=LATER)
        rounds.append(1)
        return found

    monkeypatch.setattr(bulk_evaluation, "judge_many", slow)
    part = ReevaluationPart.objects.get()

    reevaluate.reevaluate_part(part_id=part.pk, worker="test", clock=clock(LATER))

    assert len(rounds) == 2
    assert not models.Alert.objects.exists()
    assert Evaluation.objects.latest("pk").verdict == "allowed_with_obligations"


# -- lost messages, lost workers ------------------------------------------------------------------------------------


def test_the_sweep_sends_again_what_nobody_finished(
    sent: list[int], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    desk = approved()
    attest(desk, LARGE)
    part = ReevaluationPart.objects.get()

    with django_capture_on_commit_callbacks(execute=True):
        early = reevaluations.sweep(LATER + timedelta(seconds=14))
        due = reevaluations.sweep(LATER + timedelta(seconds=16))
        soon = reevaluations.sweep(LATER + timedelta(seconds=30))
        later = reevaluations.sweep(LATER + timedelta(seconds=50))

    assert (early, due, soon, later) == (0, 1, 0, 1)
    assert sent == [part.pk, part.pk]
    work()
    assert reevaluations.sweep(LATER + timedelta(hours=1)) == 0


def test_many_parts_are_sent_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
    sent: list[int],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(reevaluations, "SENT_AT_ONCE", 1)
    monkeypatch.setattr(reevaluations, "_ranges", lambda _: [(0, 9), (10, 19), (20, 2**63 - 1)])

    with django_capture_on_commit_callbacks(execute=True):
        reevaluations.request(cause=models.Cause.REQUESTED, because="request", by="user:x", now=NOW)
    assert len(sent) == 1
    with django_capture_on_commit_callbacks(execute=True):
        assert reevaluations.sweep(NOW) == 2

    assert len(set(sent)) == 3


def test_a_part_that_breaks_off_says_why_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = approved()
    attest(desk, LARGE)
    part = ReevaluationPart.objects.get()
    with monkeypatch.context() as patched:
        patched.setattr(reevaluate.log, "append_all", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            reevaluate.reevaluate_part(part_id=part.pk, worker="first", clock=clock(LATER))

    part.refresh_from_db()
    assert (part.attempt, part.worker, part.finished_at) == (1, "first", None)
    assert part.problem.startswith("ZeroDivisionError")
    assert not models.Alert.objects.exists()
    assert work() == 1
    assert Reevaluation.objects.get().worse == 1


def test_a_part_that_breaks_off_too_often_counts_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = approved()
    attest(desk, LARGE)
    part = ReevaluationPart.objects.get()
    monkeypatch.setattr(bulk_evaluation, "judge_many", lambda *_, **__: 1 / 0)
    for _ in range(reevaluate.MAX_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            reevaluate.reevaluate_part(part_id=part.pk, worker="test", clock=clock(LATER))

    assert reevaluate.reevaluate_part(part_id=part.pk, worker="test", clock=clock(LATER))

    campaign = Reevaluation.objects.get()
    assert (campaign.failed, campaign.finished_at) == (1, LATER)
    assert "ZeroDivisionError" in models.Alert.objects.get().message


def test_a_worker_told_to_stop_uses_up_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    from registry.tasks import WorkerStopping

    desk = approved()
    attest(desk, LARGE)
    part = ReevaluationPart.objects.get()

    def stop(*_: Any, **__: Any) -> Any:
        raise WorkerStopping("signal 15")

    monkeypatch.setattr(evaluation.Asking, "judge", stop)

    with pytest.raises(WorkerStopping):
        reevaluate.reevaluate_part(part_id=part.pk, worker="test", clock=clock(LATER))

    part.refresh_from_db()
    assert (part.attempt, part.problem, part.finished_at) == (0, "", None)


# -- many at once ---------------------------------------------------------------------------------------------------


def registered(name: str, license_id: str, *parents: str) -> models.ModelVersion:
    publisher, _, short = name.partition("/")
    draft = factories.draft_version(
        registered_model=factories.registered_model(publisher=publisher, name=short)
    )
    for parent in parents:
        models.LineageEdge.objects.create(version=draft, relation="finetune", base_model=parent)
    return factories.resolve(draft, license_id=license_id)


def test_many_at_once_are_answered_as_one_by_one() -> None:
    registered("acme/base", "llama-3.3")
    versions = [
        registered("acme/plain", "mit"),
        registered("acme/middle", "apache-2.0", "acme/base", "nobody/knows"),
        registered("acme/leaf", "mit", "acme/middle", "meta-llama/Llama-3.1-8B"),
        registered("acme/one", "mit", "acme/two"),
        registered("acme/two", "mit", "acme/one"),
    ]
    places = [factories.environment(use=USE), factories.environment(use={**USE, "role": "of last year"})]
    factories.organization(facts=SMALL, effective_at=NOW)
    facts = facts_in_force(at=NOW)
    questions = [(version, place) for version in versions for place in places]

    found = bulk_evaluation.judge_many(questions, organization=facts, on=NOW.date(), terms=catalogs.shipped())

    for (version, place), answer in zip(questions, found, strict=True):
        if place == places[1]:
            assert isinstance(answer, bulk_evaluation.Failure)
            assert answer.code == "invalid_facts"
            continue
        assert answer == evaluation.judge(
            version=version, environment=place, organization=facts, on=NOW.date()
        )
        assert isinstance(answer, evaluation.Judgement)
        whole = {
            name: value for name, value in answer.request.items() if name not in {"known", "attestations"}
        }
        known = {name: tuple(ids) for name, ids in answer.request["known"].items()}
        assert answer.result == evaluation.answer(whole, known=known, today=NOW.date())


def test_queries_do_not_grow_with_the_number_of_versions(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    registered("acme/base", "llama-3.3")
    versions = [registered(f"acme/model-of-{number}", "mit", "acme/base") for number in range(20)]
    place = factories.environment(use=USE)

    with django_assert_max_num_queries(16):
        found = bulk_evaluation.judge_many(
            [(version, place) for version in versions],
            organization=None,
            on=NOW.date(),
            terms=catalogs.shipped(),
        )

    assert {answer.verdict for answer in found if isinstance(answer, evaluation.Judgement)} == {
        "needs_review"
    }
    assert len(found) == 20


# -- the catalogue, and what people conclude ------------------------------------------------------------------------


@pytest.fixture
def forget() -> Iterator[None]:
    """What one test's database says of catalogues is nothing to the next."""
    catalogs.at.cache_clear()
    yield
    catalogs.at.cache_clear()


def test_another_catalogue_causes_one(forget: None) -> None:
    desk = approved("mit")
    review = {
        "kind": "manual_review",
        "clause": "house rule",
        "effect": "needs_review",
        "reason": "Ask first.",
        "verification": "verified_text",
    }

    release = licenses.in_force(licenses.variant("mit", conditions=[review]))

    campaign = Reevaluation.objects.get()
    assert (campaign.cause, campaign.because) == ("catalogue", f"catalog-release:{release.pk}")
    work()
    campaign.refresh_from_db()
    assert campaign.worse == 1
    assert campaign.parts.get().catalog_digest == release.catalog_digest
    alert = models.Alert.objects.get()
    assert alert.evaluation is not None
    assert (alert.approval, alert.evaluation.verdict) == (approval(desk), "needs_review")
    assert "Ask first." in alert.message


def test_a_catalogue_where_nothing_is_approved_causes_none(forget: None) -> None:
    licenses.in_force(licenses.HOUSE)

    assert not Reevaluation.objects.exists()


def test_what_an_officer_concludes_causes_one() -> None:
    desk = approved("mit")

    conclusions.conclude_license(
        version=desk.version,
        licenses=["cc-by-nc-4.0"],
        reason="Read the text.",
        actor=desk.officer,
        now=LATER,
    )
    work()

    campaign = Reevaluation.objects.get()
    assert (campaign.cause, campaign.because) == ("conclusion", f"model-version:{desk.version.pk}")
    assert campaign.worse == 1


def test_what_an_officer_states_of_the_lineage_causes_one() -> None:
    desk = approved("mit")
    stated = lineage.Stated(relation="finetune", base_model="meta-llama/Llama-2-7b-hf")

    lineage.state_ancestor(
        version=desk.version, stated=stated, reason="The paper says so.", actor=desk.officer, now=LATER
    )
    work()

    assert Reevaluation.objects.get().worse == 1
    assert models.Alert.objects.get().severity == "high"
