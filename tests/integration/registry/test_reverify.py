"""Verification at rest: what is read again and when, and what follows where a copy rotted."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import questions
from registry.actions import reverify, runs
from registry.models import Alert, ModelVersion, VerificationRun
from tests import factories, intake
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def every_week(settings: Any) -> None:
    settings.REVERIFY_EVERY_DAYS, settings.REVERIFY_AT_ONCE = 7, 2


def read(days_ago: float, **given: Any) -> ModelVersion:
    """A version that was last read so many days before NOW."""
    version = factories.resolved_version(**given)
    factories.verification_run(version, at=NOW - days_ago * DAY)
    return version


def asked_for() -> list[int]:
    rows = VerificationRun.objects.filter(requested_by="system:schedule").order_by("pk")
    return list(rows.values_list("version", flat=True))


def test_what_was_not_read_for_a_week_is_read_again_those_in_use_first() -> None:
    later = NOW + 30 * DAY
    old, older, fresh = read(1), read(3), read(-29)
    used = read(0.5)
    factories.approval(used, status="approved", expires_at=later + DAY)

    assert list(reverify.due(later)) == [used, older, old]
    assert reverify.request_due(later) == 2

    assert asked_for() == [used.pk, older.pk]
    assert fresh.pk not in asked_for()
    assert reverify.request_due(later) == 0  # two of them wait
    run = VerificationRun.objects.get(version=used, state="queued")
    assert intake.events(used)[-1] == "registry.run.requested"
    factories.finish(run, "pass", at=later)
    assert reverify.request_due(later) == 1
    assert asked_for() == [used.pk, older.pk, old.pk]


def test_what_is_not_due() -> None:
    later = NOW + 30 * DAY
    waiting = read(1)
    runs.request(VerificationRun, version=waiting, actor="user:someone", now=NOW)
    factories.draft_version()

    assert list(reverify.due(later)) == []
    assert reverify.request_due(NOW) == 0


def test_it_can_be_switched_off(settings: Any) -> None:
    read(1)
    settings.REVERIFY_EVERY_DAYS = 0

    assert reverify.request_due(NOW + 30 * DAY) == 0


def rot(path: Path) -> None:
    """Change a byte and leave nothing that would show it but the bytes."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def forget_the_change(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """As where a disk loses bits: the file system tells of no change. A test cannot write without its noticing."""
    before, status = questions._last_read, path.stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def last_read(version: ModelVersion) -> dict[str, Any]:
        found = before(version)
        return found | {path.name: (state, found[path.name][1])}

    monkeypatch.setattr(questions, "_last_read", last_read)


def again(version: ModelVersion) -> VerificationRun:
    later = intake.now() + 30 * DAY
    assert reverify.request_due(later) == 1
    return intake.verify_open(version)


def test_a_copy_that_is_well_passes_and_is_not_loaded_again(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    intake.smoke_open(version)

    run = again(version)

    assert run.outcome == "pass"
    assert intake.results(run)["C22-at-rest"] == "pass"
    assert version.smokeruns.count() == 1
    assert not Alert.objects.exists()


def test_a_file_that_was_there_from_the_start_is_no_damage(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m", **{"LICENSE.bin": b"x"})

    run = intake.verify_open(version)

    assert run.results.filter(check_id="C2-file-set", outcome="fail", severity="high").exists()
    assert not Alert.objects.exists()


@pytest.mark.parametrize("silent", [True, False])
def test_a_copy_that_rotted_is_quarantined_and_its_owner_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    version = intake.verified(tmp_path / "m")
    intake.smoke_open(version)
    weights = tmp_path / "m" / "model.safetensors"
    rot(weights)
    if silent:
        forget_the_change(monkeypatch, weights)

    run = again(version)

    version.refresh_from_db()
    assert (run.outcome, version.status) == ("fail", "quarantined")
    result = run.results.get(check_id="C22-at-rest", path="model.safetensors")
    assert (result.outcome, result.severity) == ("fail", "critical" if silent else "low")
    alert = Alert.objects.get()
    assert (alert.kind, alert.severity, alert.owner) == ("copy_rotted", "critical", version.submitted_by)
    assert (alert.verification_run, alert.state) == (run, "open")
    assert alert.facts == {"paths": ["model.safetensors"], "files": 1, "silent": silent}
    assert "model.safetensors" in alert.message
    assert ("stored copy is damaged" in alert.message) is silent
    assert "backup" in alert.remedy
    assert "registry.alert.raised" in intake.events(version)
