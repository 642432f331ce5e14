"""What PostgreSQL refuses of releases, drift runs and alerts about sources, whoever asks."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from governance.permissions import Role
from registry.lifecycle import Outcome, RunState, Severity
from registry.models import Alert, DriftRun, ModelVersion, QuarantineRelease
from tests import factories, intake, releasing

pytestmark = pytest.mark.django_db
FAILED = ("C3-digests", Outcome.FAIL, Severity.CRITICAL)
UNDECIDED = ("C3-digests", Outcome.ERROR, Severity.CRITICAL)
SOUND = ("C3-digests", Outcome.PASS, Severity.CRITICAL)


def refused(name: str, change: Any) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        change()


def barred() -> ModelVersion:
    return releasing.quarantined(factories.resolved_version())


def decide(release: QuarantineRelease, **fields: Any) -> int:
    reviewer = factories.user(Role.REVIEWER)
    changes = {"decision": "released", "decided_by": reviewer, "decided_at": intake.now()} | fields
    return QuarantineRelease.objects.filter(pk=release.pk).update(**changes)


def test_nobody_releases_what_they_asked_to_release() -> None:
    release = releasing.asked(barred())
    releasing.checked(release)

    refused("second_person", lambda: decide(release, decided_by=release.requested_by))
    assert decide(release) == 1
    release.refresh_from_db()
    refused("registry_quarantinerelease_frozen", lambda: decide(release, decision="refused"))
    refused("DELETE is refused", lambda: QuarantineRelease.objects.filter(pk=release.pk).delete())


@pytest.mark.parametrize("result", [FAILED, UNDECIDED])
def test_a_critical_check_that_did_not_pass_keeps_it_barred(result: tuple[str, Outcome, Severity]) -> None:
    release = releasing.asked(barred())
    releasing.checked(release, SOUND, (f"{result[0]}-2", *result[1:]))

    refused("rests_on_checks", lambda: decide(release))
    assert decide(release, decision="refused") == 1


def test_checks_that_have_not_ended_decide_nothing() -> None:
    release = releasing.asked(barred())

    refused("rests_on_checks", lambda: decide(release))


def test_no_version_leaves_a_quarantine_by_hand() -> None:
    version = barred()
    rows = ModelVersion.objects.filter(pk=version.pk)

    refused("released_by_two", lambda: rows.update(status="resolved"))
    releasing.asked(version)
    refused("released_by_two", lambda: rows.update(status="resolved"))


def test_a_release_of_an_earlier_quarantine_opens_no_later_one() -> None:
    version = releasing.released(barred())
    releasing.quarantined(version)

    refused("released_by_two", lambda: ModelVersion.objects.filter(pk=version.pk).update(status="resolved"))


def test_only_what_is_quarantined_is_asked_to_be_released() -> None:
    version = factories.resolved_version()
    run = version.verificationruns.create(
        manifest_digest=version.manifest_digest, requested_by="user:x", requested_at=intake.now()
    )
    row = {"version": version, "verification_run": run, "reason": "x", "requested_by": version.submitted_by}

    refused("begins_open", lambda: QuarantineRelease.objects.create(**row))


def test_a_request_is_not_dated_ahead_of_the_quarantine_that_it_would_end() -> None:
    refused("begins_open", lambda: releasing.asked(barred(), now=intake.now() + timedelta(days=3650)))


def test_a_look_moves_as_runs_do() -> None:
    version = factories.resolved_version()
    run = DriftRun.objects.create(
        version=version, manifest_digest=version.manifest_digest, requested_by="user:x"
    )
    rows = DriftRun.objects.filter(pk=run.pk)
    at = intake.now()
    rows.update(state=RunState.RUNNING, worker="w", heartbeat_at=at)
    rows.update(state=RunState.FINISHED, outcome="pass", finished_at=at)

    refused("registry_driftrun_moves", lambda: rows.update(message="other words"))
    refused("DELETE is refused", rows.delete)
    refused(
        "registry_driftrun_has_manifest",
        lambda: DriftRun.objects.create(version=factories.resolved_version(), requested_by="user:x"),
    )


def test_an_alert_about_a_source_says_who_and_what_to_do() -> None:
    version = factories.resolved_version()
    run = DriftRun.objects.create(
        version=version, manifest_digest=version.manifest_digest, requested_by="user:x"
    )
    row: dict[str, Any] = {
        "kind": "source_gone",
        "severity": "high",
        "version": version,
        "owner": version.submitted_by,
        "message": "It is gone.",
        "remedy": "Ask why.",
        "drift_run": run,
    }
    for lacking in ({"remedy": ""}, {"owner": None}, {"drift_run": None}):
        refused("of_source_complete", lambda lacking=lacking: Alert.objects.create(**row | lacking))
    alert = Alert.objects.create(**row)

    refused("one_open_of_version", lambda: Alert.objects.create(**row))
    refused("registry_alert_frozen", lambda: Alert.objects.filter(pk=alert.pk).update(remedy="Nothing."))
