from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from governance.actors import Actor
from governance.errors import Forbidden, GovernanceError, InvalidInput
from governance.permissions import Role, Scope
from registry import evidence
from registry.actions import custody, releases, verify
from registry.actions._transition import TransitionNotAllowed
from registry.actions.review import FourEyesRequired
from registry.actions.runs import RunInProgress, VersionNotResolved
from registry.lifecycle import Outcome, Severity
from registry.models import QuarantineRelease, VerificationRun
from tests import decisions, factories, folders, intake, racing, releasing

pytestmark = pytest.mark.django_db
CRITICAL, HIGH = Severity.CRITICAL, Severity.HIGH


def test_two_people_and_fresh_checks_end_a_quarantine(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    intake.smoke_open(version)
    releasing.quarantined(version)
    officer, reviewer = factories.actor(), factories.actor(Role.REVIEWER)

    release = releasing.asked(version, actor=officer)

    assert (version.status, release.verification_run.state) == ("quarantined", "queued")
    run = intake.verify_open(version)
    version.refresh_from_db()
    assert (run.outcome, version.status) == ("pass", "quarantined")
    assert not version.smokeruns.filter(state="queued").exists()
    releases.decide_release(
        release=release, decision="released", note="read it", actor=reviewer, now=intake.now()
    )
    version.refresh_from_db()
    assert (version.status, release.decided_by, release.decision) == ("resolved", reviewer.user, "released")
    assert evidence.current_verification(version) == run
    assert evidence.current_smoke(version) is None
    assert version.smokeruns.get(state="queued").requested_by == "system:intake"
    assert intake.events(version)[-5:] == [
        "registry.run.requested",
        "registry.release.requested",
        "registry.run.finished",
        "registry.version.released",
        "registry.run.requested",
    ]


def test_a_smoke_test_from_before_the_quarantine_does_not_stand_in_the_way(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    old = version.smokeruns.get(state="queued")
    releasing.quarantined(version)

    releasing.released(version)

    old.refresh_from_db()
    assert (old.outcome, old.code) == ("error", "version_not_resolved")
    new = version.smokeruns.get(state="queued")
    assert new.requested_at > version.quarantined_at


def test_the_log_names_both_people_and_no_words() -> None:
    version = releasing.quarantined(factories.resolved_version())
    officer, reviewer = factories.actor(), factories.actor(Role.REVIEWER)
    release = releasing.asked(version, actor=officer, reason="Ada was wrong")
    releasing.decided(release, actor=reviewer, note="Ada told me")

    entry = next(
        one for one in decisions.about(f"model-version:{version.pk}") if one["event"].endswith("released")
    )
    assert (entry["actor"], entry["body"]["requested_by"]) == (str(reviewer), str(officer))
    assert entry["body"]["verification_run"] == release.verification_run_id
    assert entry["body"]["note_sha256"] == factories.sha256("Ada told me")
    assert "Ada" not in str(entry)


def test_nobody_decides_alone() -> None:
    # A reviewer may ask too, and then another one decides.
    reviewer = factories.actor(Role.REVIEWER)
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version, actor=reviewer)
    releasing.checked(release)

    for decision in ("released", "refused"):
        with pytest.raises(FourEyesRequired):
            releasing.decided(release, decision, actor=reviewer)

    releasing.decided(release)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.ADMIN])
def test_reviewers_decide(role: Role) -> None:
    release = releasing.asked(releasing.quarantined(factories.resolved_version()))

    with pytest.raises(Forbidden, match="approval_decide"):
        releasing.decided(release, actor=factories.actor(role))


def test_a_token_asks_for_nothing() -> None:
    version = releasing.quarantined(factories.resolved_version())
    token, _ = factories.api_token(*Scope, recorder="node-1", owner=factories.user(Role.OFFICER))

    with pytest.raises(Forbidden):
        releasing.asked(version, actor=Actor(user=token.owner, token=token))


@pytest.mark.parametrize("status", ["draft", "resolved", "revoked"])
def test_only_a_quarantined_version_is_released(status: str) -> None:
    version = factories.draft_version() if status == "draft" else factories.resolved_version()
    if status == "revoked":
        custody.revoke(version=version, reason="x", actor=factories.actor(), now=intake.now())

    with pytest.raises(TransitionNotAllowed):
        releasing.asked(version)


def test_one_request_at_a_time() -> None:
    version = releasing.quarantined(factories.resolved_version())
    first = releasing.asked(version)

    with pytest.raises(releases.ReleaseInProgress) as caught:
        releasing.asked(version)

    assert caught.value.extra["quarantine_release"] == first.pk
    assert VerificationRun.objects.count() == 1


def test_a_run_of_before_the_quarantine_is_waited_for(tmp_path: Path) -> None:
    version = releasing.quarantined(intake.resolved(tmp_path / "m"))

    with pytest.raises(RunInProgress):
        releasing.asked(version)

    assert intake.verify_open(version).code == "version_not_resolved"
    releasing.asked(version)
    assert intake.verify_open(version).outcome == "pass"


def test_a_quarantined_version_is_checked_for_a_release_only(tmp_path: Path) -> None:
    version = releasing.quarantined(intake.verified(tmp_path / "m"))
    with pytest.raises(VersionNotResolved):
        verify.request_verification(version=version, actor="user:x", now=intake.now())
    release = releasing.asked(version)
    releases.withdraw_release(
        release=release, note="", actor=Actor(user=release.requested_by), now=intake.now()
    )

    assert intake.verify_open(version).code == "version_not_resolved"


@pytest.mark.parametrize(
    ("results", "error"),
    [
        ([("C3-digests", Outcome.FAIL, CRITICAL)], releases.CriticalFindings),
        ([("C3-digests", Outcome.ERROR, CRITICAL)], releases.CriticalFindings),
        ([("C6-format", Outcome.FAIL, HIGH), ("C3-digests", Outcome.SKIP, CRITICAL)], None),
        ([("C6-format", Outcome.FAIL, HIGH)], None),
    ],
)
def test_what_the_checks_found_decides_what_can_be_decided(results: Any, error: Any) -> None:
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version)
    releasing.checked(release, *results)

    if error is None:
        releasing.decided(release)
        version.refresh_from_db()
        assert version.status == "resolved"
        assert not evidence.is_verified(version)
        assert not version.smokeruns.exists()  # what failed is not loaded
        return
    with pytest.raises(error, match="C3-digests as recorded") as caught:
        releasing.decided(release)
    assert caught.value.extra["errors"][0]["code"] == "C3-digests"
    releasing.decided(release, "refused")
    version.refresh_from_db()
    assert (version.status, release.decision) == ("quarantined", "refused")
    assert intake.events(version)[-1] == "registry.release.refused"


def test_nothing_is_decided_before_the_checks_have_run(tmp_path: Path) -> None:
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version)

    with pytest.raises(releases.ChecksNotFinished, match="is queued"):
        releases.decide_release(
            release=release,
            decision="released",
            note="",
            actor=factories.actor(Role.REVIEWER),
            now=intake.now(),
        )


def test_a_run_that_ended_without_a_result_releases_nothing() -> None:
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version)
    run = release.verification_run
    run.state, run.worker, run.heartbeat_at = "running", "test", intake.now()
    factories.finish(run, Outcome.ERROR, at=intake.now(), message="It took too long.")

    with pytest.raises(releases.ChecksNotFinished, match="It took too long"):
        releasing.decided(release)

    releasing.decided(release, "refused")
    releasing.asked(version)


def test_altered_files_are_not_released(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_bytes(b"[]")
    releasing.quarantined(version)
    release = releasing.asked(version)
    intake.verify_open(version)
    release.verification_run.refresh_from_db()

    with pytest.raises(releases.CriticalFindings):
        releasing.decided(release)

    folders.write(tmp_path / "m", folders.model_files())
    releasing.decided(release, "refused")
    again = releasing.asked(version)
    intake.verify_open(version)
    again.verification_run.refresh_from_db()
    releasing.decided(again)
    assert evidence.is_verified(version)


def test_a_refusal_says_why_and_a_decision_is_one_of_two() -> None:
    release = releasing.asked(releasing.quarantined(factories.resolved_version()))

    with pytest.raises(InvalidInput, match="Say why"):
        releasing.decided(release, "refused", note=" ")
    with pytest.raises(InvalidInput, match="released or refused"):
        releasing.decided(release, "withdrawn")
    with pytest.raises(InvalidInput, match="characters"):
        releasing.decided(release, "refused", note="x" * 4001)


def test_only_who_asked_takes_it_back_and_a_decision_is_final() -> None:
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version)
    with pytest.raises(releases.NotTheRequester):
        releases.withdraw_release(release=release, note="", actor=factories.actor(), now=intake.now())

    releases.withdraw_release(
        release=release, note="", actor=Actor(user=release.requested_by), now=intake.now()
    )

    assert (release.decision, intake.events(version)[-1]) == ("withdrawn", "registry.release.withdrawn")
    with pytest.raises(releases.ReleaseNotOpen):
        releasing.decided(release)
    version.refresh_from_db()
    assert version.status == "quarantined"


def test_revocation_closes_what_is_open() -> None:
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version)

    custody.revoke(version=version, reason="poisoned", actor=factories.actor(), now=intake.now())

    release.refresh_from_db()
    assert (release.decision, release.note) == ("refused", "The version was revoked for good.")
    assert intake.events(version)[-2:] == ["registry.release.refused", "registry.version.revoked"]
    with pytest.raises(releases.ReleaseNotOpen):
        releasing.decided(release)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_one_does() -> None:
    version = releasing.quarantined(factories.resolved_version())
    release = releasing.asked(version)
    releasing.checked(release)
    reviewers = iter([factories.actor(Role.REVIEWER) for _ in range(4)])
    choices = iter(["released", "refused"] * 2)

    def one() -> str:
        mine = QuarantineRelease.objects.get(pk=release.pk)
        return releasing.decided(mine, next(choices), actor=next(reviewers)).decision

    found = racing.race(4, one)

    done = [item for item in found if isinstance(item, str)]
    assert len(done) == 1
    assert all(isinstance(item, str | GovernanceError) for item in found)
    version.refresh_from_db()
    assert version.status == ("resolved" if done == ["released"] else "quarantined")
    assert connection.in_atomic_block is False
