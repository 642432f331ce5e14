"""What is read for many versions at once is what is read for each."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import standing, standing_many, suspended
from registry.actions import custody
from registry.lifecycle import Outcome, Severity
from registry.models import Approval
from tests import factories, releasing
from tests.factories import NOW
from tests.reviewing import open_desk

pytestmark = pytest.mark.django_db


def test_each_of_many_is_as_it_is_alone() -> None:
    whole = open_desk()
    whole.approved()
    failed = factories.resolved_version()
    factories.verification_run(failed, Outcome.PASS, at=NOW - timedelta(days=1))
    factories.verification_run(
        failed, Outcome.FAIL, failing="C7-safetensors", minor=("C20", Outcome.FAIL, Severity.LOW)
    )
    factories.smoke_run(failed, Outcome.ERROR)
    released = open_desk(with_policy=False).version
    officer = factories.actor()
    releasing.released(releasing.quarantined(released))
    barred = releasing.quarantined(open_desk(with_policy=False).version)
    revoked = factories.resolved_version()
    custody.revoke(version=revoked, reason="poisoned", actor=officer, now=NOW)
    versions = [
        whole.version,
        failed,
        released,
        barred,
        revoked,
        factories.resolved_version(),
        factories.draft_version(),
    ]
    for version in versions:
        version.refresh_from_db()

    found = standing_many.bases(versions)

    for version in versions:
        rows = Approval.objects.filter(version=version).select_related("environment").order_by("pk")
        approvals = suspended.marked(rows)
        alone = standing.candidate(version, approvals=approvals, license_evidence=None)
        assert found[version.pk] == dataclasses.replace(alone, files=(), origin=None)
    assert found[barred.pk].verification is None
    again, run = found[released.pk].verification, released.verificationruns.latest("pk")
    assert again is not None
    assert again.id == run.pk


def test_many_take_as_many_queries_as_one() -> None:
    versions = [open_desk(with_policy=False).version for _ in range(3)]

    with CaptureQueriesContext(connection) as one:
        standing_many.bases(versions[:1])
    with CaptureQueriesContext(connection) as three:
        standing_many.bases(versions)

    assert len(one) == len(three) == 5
