"""Which evidence the desk shows as counting: the same as admission counts."""

from datetime import timedelta

import pytest

from registry.admin import axes
from registry.lifecycle import Outcome, RunState, Status
from registry.models import ModelVersion, VerificationRun
from tests.factories import NOW


@pytest.mark.parametrize(("asked", "counts"), [(-1, False), (0, True), (1, True)])
def test_a_run_counts_only_if_it_was_asked_for_after_the_quarantine(asked: int, counts: bool) -> None:
    version = ModelVersion(status=Status.RESOLVED, quarantined_at=NOW)
    run = VerificationRun(
        state=RunState.FINISHED,
        outcome=Outcome.PASS,
        requested_at=NOW + timedelta(minutes=asked),
        finished_at=NOW + timedelta(hours=1),
    )

    assert (axes.counting(run, version) is run) == counts
    assert axes.counting(run, ModelVersion(status=Status.RESOLVED)) is run
