import json
from pathlib import Path

import pytest

from governance.errors import GovernanceError
from registry.actions import custody, verify
from registry.actions.runs import RunInProgress, VersionNotResolved
from registry.models import CheckResult, VerificationRun
from registry.verification import examination
from registry.verification.checks import CHECKS
from tests import factories, folders, intake

pytestmark = pytest.mark.django_db


def test_a_sound_version_passes_every_check_and_asks_for_its_smoke_test(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")

    run = intake.verify_open(version)

    assert (run.state, run.outcome, run.code, run.message) == ("finished", "pass", "", "")
    assert intake.results(run) == {check.check_id: "pass" for check in CHECKS}
    assert run.bytes_read == run.bytes_done == version.size_bytes
    assert all(result.message.endswith(".") and result.tool_version for result in run.results.all())
    assert version.smokeruns.get().requested_by == "system:intake"
    assert intake.events(version)[-2:] == ["registry.run.finished", "registry.run.requested"]


def test_the_same_run_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    before = intake.events(version)

    verify.verify_version(run_id=version.verificationruns.get().pk, worker="host:2")

    assert intake.events(version) == before
    assert CheckResult.objects.count() == len(CHECKS)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        (lambda m: cut(m / "model.safetensors"), "C3-digests", "cut off"),
        (lambda m: alter(m / "model.safetensors"), "C3-digests", "altered"),
        (lambda m: (m / "config.json").unlink(), "C2-file-set", "missing"),
        (lambda m: (m / "extra.txt").write_text("x"), "C2-file-set", "does not list"),
        (lambda m: (m / "out").symlink_to("/etc/hostname"), "C2-file-set", "leaves the folder"),
    ],
)
def test_what_changed_since_it_was_resolved_is_quarantined(
    tmp_path: Path, change, check: str, words: str
) -> None:
    version = intake.resolved(tmp_path / "m")
    change(tmp_path / "m")

    run = intake.verify_open(version)

    version.refresh_from_db()
    failed = run.results.get(check_id=check, outcome="fail")
    assert (run.outcome, run.code, failed.severity) == ("fail", "checks_failed", "critical")
    assert words in failed.message
    assert (version.status, version.quarantined_by) == ("quarantined", "system:verify")
    assert words in version.quarantine_reason or check != version.quarantine_reason.split(" ")[0].rstrip(":")
    assert intake.events(version)[-1] == "registry.version.quarantined"
    assert not version.smokeruns.exists()


@pytest.mark.parametrize(
    ("files", "check", "outcome"),
    [
        ({"modeling_x.py": b"import os"}, "C13-custom-code", "fail"),
        ({"pytorch_model.bin": b"\x80\x02."}, "C11-pickle", "fail"),
        ({"model_safetensors": None, "model.gguf": b"GGUF" + bytes(60)}, "C7-safetensors", "error"),
        ({"run.sh": b"#!/bin/sh\n"}, "C17-executables", "fail"),
        ({"tokenizer_config_json": b'{"chat_template": "{{ x.__class__ }}"}'}, "C14-chat-template", "fail"),
        ({"LICENSE": b"All rights reserved."}, "C20-license-text", "fail"),
        ({"model_safetensors": folders.weights() + b"PK"}, "C7-safetensors", "fail"),
    ],
)
def test_a_version_with_a_finding_does_not_pass_and_is_not_loaded(
    tmp_path: Path, files: dict[str, bytes | None], check: str, outcome: str
) -> None:
    version = intake.resolved(tmp_path / "m", **files)

    run = intake.verify_open(version)

    version.refresh_from_db()
    assert intake.results(run)[check] == outcome
    assert run.outcome == outcome
    assert check in run.message
    assert version.status == "resolved"
    assert not version.smokeruns.exists()


def test_a_finding_about_each_of_many_files_is_kept(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m", **{"a.py": b"a", "b/c.py": b"b", "config.json": None})

    run = intake.verify_open(version)

    assert set(run.results.filter(check_id="C13-custom-code").values_list("path", flat=True)) == {
        "a.py",
        "b/c.py",
    }


def test_evidence_is_json_whatever_the_file_says(tmp_path: Path) -> None:
    hostile = json.dumps({"auto_map": {"AutoModel": "\u0000\ud800" + "x" * 5000}}).encode()
    version = intake.resolved(tmp_path / "m", config_json=hostile)

    run = intake.verify_open(version)

    assert intake.results(run)["C13-custom-code"] == "fail"


def test_one_verification_at_a_time(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")

    with pytest.raises(RunInProgress):
        verify.request_verification(version=version, actor="user:x", now=intake.now())

    assert VerificationRun.objects.count() == 1


@pytest.mark.parametrize("status", ["draft", "quarantined", "revoked"])
def test_only_a_resolved_version_is_verified(tmp_path: Path, status: str) -> None:
    version = factories.draft_version() if status == "draft" else factories.resolved_version()
    move = {"quarantined": custody.quarantine, "revoked": custody.revoke}.get(status)
    if move:
        move(version=version, reason="test", actor="user:x", now=intake.now())

    with pytest.raises(VersionNotResolved) as refusal:
        verify.request_verification(version=version, actor="user:x", now=intake.now())

    assert isinstance(refusal.value, GovernanceError)
    assert refusal.value.extra["present_status"] == status


def test_a_version_barred_meanwhile_is_not_read(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    custody.quarantine(version=version, reason="a rumour", actor="user:x", now=intake.now())

    run = intake.verify_open(version)

    assert (run.outcome, run.code, run.bytes_read) == ("error", "version_not_resolved", 0)


def test_a_worker_that_breaks_down_gives_the_run_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = intake.resolved(tmp_path / "m")
    monkeypatch.setattr(examination, "run_checks", lambda *_, **__: 1 / 0)

    for attempt in (1, 2, 3):
        with pytest.raises(ZeroDivisionError):
            intake.verify_open(version)
        run = version.verificationruns.get()
        assert (run.attempt, run.results.count()) == (attempt, 0)

    assert (run.state, run.outcome, run.code) == ("finished", "error", "worker_failed")
