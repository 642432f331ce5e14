import json
from pathlib import Path

import pytest

from governance.errors import GovernanceError
from registry import evidence
from registry.actions import custody, verify
from registry.actions.runs import RunInProgress, VersionNotResolved
from registry.models import CheckResult, VerificationRun
from registry.verification import examination, isolated, outcomes
from registry.verification.checks import CHECKS
from tests import factories, folders, intake

pytestmark = pytest.mark.django_db


def test_a_sound_version_passes_every_check_and_asks_for_its_smoke_test(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")

    run = intake.verify_open(version)

    assert (run.state, run.outcome, run.code, run.message) == ("finished", "pass", "", "")
    assert intake.results(run) == {
        check.check_id: "skip" if check.check_id in folders.SKIPPED else "pass" for check in CHECKS
    }
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
        ({"model_safetensors": None, "model.gguf": b"GGUF" + bytes(60)}, "C10-gguf", "fail"),
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


def test_a_critical_finding_of_many_words_quarantines_too(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    many_words = outcomes.failed("x" * 5000, path="y" * 500)

    intake.verify_open(version, examine=intake.examine_saying(many_words, check_id="C3-digests"))

    version.refresh_from_db()
    assert version.status == "quarantined"
    assert len(version.quarantine_reason) == custody.MAX_REASON


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


def ending_with(error: isolated.NoAnswer) -> verify.Examiner:
    def examine(*_: object, **__: object) -> isolated.Answer:
        raise error

    return examine


def test_what_reaches_a_limit_ends_at_once_and_says_where(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    run = version.verificationruns.get()
    error = isolated.LimitReached("It took too long, while running C14-chat-template.")

    verify.verify_version(run_id=run.pk, worker=intake.WORKER, examine=ending_with(error))

    run.refresh_from_db()
    assert (run.state, run.outcome, run.code, run.attempt) == ("finished", "error", "check_limit", 1)
    assert "C14-chat-template" in run.message
    assert run.inputs["limits"]["memory_bytes"] > 0
    assert not version.smokeruns.exists()
    assert not evidence.is_verified(version)


def test_what_breaks_down_is_tried_again_and_then_ends(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    run = version.verificationruns.get()
    error = isolated.Crashed("It was ended by SIGSEGV, while reading a.json.")

    for attempt in (1, 2, 3):
        verify.verify_version(run_id=run.pk, worker=intake.WORKER, examine=ending_with(error))
        run.refresh_from_db()
        assert (run.attempt, run.code, run.message) == (attempt, "check_crashed", str(error))
        assert (run.state, run.outcome) == (("queued", "") if attempt < 3 else ("finished", "error"))


def test_a_run_is_a_record_of_what_it_was_made_with(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    run = version.verificationruns.get()

    verify.verify_version(run_id=run.pk, worker=intake.WORKER)  # in a process of its own

    run.refresh_from_db()
    assert run.outcome == "pass"
    assert run.inputs["tools"]["jinja2"]
    assert run.inputs["system_calls"] == "filtered"
    assert run.inputs["limits"] == {"seconds": 900 + version.size_bytes / 20_000_000, "memory_bytes": 2**30}
    assert set(run.inputs) >= {
        "policy",
        "catalog",
        "bases",
        "observed",
        "host",
        "python",
        "peak_memory_bytes",
    }
    assert run.results.get(check_id="C14-chat-template").tool_version.startswith("1 (jinja2 ")
