"""What follows for a version's owner when its stored copy turns out damaged, or well again."""

from collections.abc import Sequence
from datetime import datetime

from registry.actions import source_alerts
from registry.lifecycle import Outcome, Severity
from registry.models import AlertKind, ModelVersion, VerificationRun
from registry.verification.outcomes import CheckOutcome
from registry.verification.wire import plain

BY = "system:verify"
AT_REST = "C22-at-rest"
# The checks that hold the copy against the manifest, and against its last reading.
OF_THE_COPY = ("C2-file-set", "C3-digests", AT_REST)
MOST_NAMED = 20
REMEDY = (
    "The version is quarantined, and no node is admitted with it. Put the files back as they were, from the source or "
    "a backup, and ask for the quarantine to be released: everything is checked again, and a second person decides. "
    "Have the disk or the storage examined: other copies on it may be damaged as well."
)


def settle(
    version: ModelVersion, run: VerificationRun, outcomes: Sequence[CheckOutcome], *, now: datetime
) -> None:
    """Raise an alert to the owner where the copy is not what was registered, and end it where it is again.

    A run that could not tell changes nothing.
    """
    found = [one for one in outcomes if one.check_id in OF_THE_COPY]
    damaged = [
        one for one in found if one.finding.outcome is Outcome.FAIL and one.severity is Severity.CRITICAL
    ]
    if damaged:
        source_alerts.raise_about_source(version, _wanted(run, damaged), by=BY, now=now)
    elif found and not any(one.finding.outcome is Outcome.ERROR for one in found):
        source_alerts.resolve(version, {AlertKind.COPY_ROTTED}, by=BY, now=now)


def _wanted(run: VerificationRun, damaged: Sequence[CheckOutcome]) -> source_alerts.Wanted:
    paths = sorted({plain(one.finding.path) for one in damaged})
    silent = [one for one in damaged if one.check_id == AT_REST]
    first = (silent or list(damaged))[0]
    place = f" {plain(first.finding.path)}:" if first.finding.path else ""
    more = f" {len(paths)} files are affected." if len(paths) > 1 else ""
    return source_alerts.Wanted(
        kind=AlertKind.COPY_ROTTED,
        severity=Severity.CRITICAL,
        message=f"The stored copy is not what was registered.{place} {plain(first.finding.message)}{more}",
        remedy=REMEDY,
        facts={"paths": paths[:MOST_NAMED], "files": len(paths), "silent": bool(silent)},
        verification_run=run,
    )
