from pathlib import Path

import pytest

from registry import evidence
from registry.actions import custody, smoke
from registry.actions.runs import RunInProgress
from registry.smoke import suite
from registry.smoke.engine import EngineNotInstalled
from tests import factories, fakes, intake

pytestmark = pytest.mark.django_db


def test_a_verified_version_is_loaded_and_asked(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    engine = fakes.FakeEngine()

    run = intake.smoke_open(version, engine)

    assert (run.outcome, run.code) == ("pass", "")
    assert engine.loaded == [tmp_path / "m"]
    assert not engine.is_running
    assert [prompt for prompt, _ in engine.asked] == list(suite.QUESTIONS)
    assert len({request_id for _, request_id in engine.asked}) == len(suite.QUESTIONS)
    assert run.fingerprint.startswith("sha256:")
    assert run.suite_digest == suite.suite_digest()
    assert run.engine["model_digest"] == version.model_digest
    assert run.hardware["cpu"] == "none"
    answers = list(run.answers.order_by("position"))
    assert answers[0].token_ids == answers[-1].token_ids
    assert intake.events(version)[-1] == "registry.run.finished"
    assert evidence.current_smoke(version) == run


def test_the_same_answers_give_the_same_fingerprint(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    first = intake.smoke_open(version)
    smoke.request_smoke(version=version, actor="user:x", now=intake.now())

    assert intake.smoke_open(version).fingerprint == first.fingerprint


def test_the_same_run_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    run = intake.smoke_open(version)
    engine = fakes.FakeEngine()

    smoke.smoke_test_version(run_id=run.pk, worker="host:2", engine=engine)

    assert engine.loaded == []
    assert run.answers.count() == len(suite.QUESTIONS)


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (fakes.FakeEngine(text=" "), "empty"),
        (fakes.FakeEngine(text="\ufffd\ufffda"), "not text"),
        (fakes.FakeEngine(logprob=float("nan")), "not a number"),
        (fakes.FakeEngine(drifts=True), "other tokens"),
    ],
)
def test_unsound_answers_fail_and_are_kept(tmp_path: Path, engine: fakes.FakeEngine, words: str) -> None:
    version = intake.verified(tmp_path / "m")

    run = intake.smoke_open(version, engine)

    assert (run.outcome, run.code) == ("fail", "answers_unsound")
    assert words in run.message
    assert run.answers.count() == len(suite.QUESTIONS)


def test_a_text_with_a_nul_can_be_kept(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")

    run = intake.smoke_open(version, fakes.FakeEngine(text="yes\x00 it is and goes on for a while"))

    assert run.outcome == "pass"


def test_a_worker_without_an_engine_says_so(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")

    run = intake.smoke_open(
        version, fakes.FakeEngine(fails_with=EngineNotInstalled("vLLM is not installed here."))
    )

    assert (run.outcome, run.code, run.message) == (
        "error",
        "engine_not_installed",
        "vLLM is not installed here.",
    )


def test_an_engine_that_breaks_off_leaves_no_answers(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")

    run = intake.smoke_open(version, fakes.FakeEngine(breaks_at=3))

    assert (run.outcome, run.code, run.answers.count()) == ("error", "engine_failed", 0)


def test_files_that_changed_since_are_not_loaded_and_bar_the_version(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x02")
    engine = fakes.FakeEngine()

    run = intake.smoke_open(version, engine)

    version.refresh_from_db()
    assert (run.outcome, run.code) == ("fail", "files_changed")
    assert engine.loaded == []
    assert (version.status, version.quarantined_by) == ("quarantined", "system:smoke")
    assert intake.events(version)[-2:] == ["registry.run.finished", "registry.version.quarantined"]


def test_a_file_written_to_while_it_is_loaded_bars_the_version(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")

    class Meddling(fakes.FakeEngine):
        def serving(self, folder, *, keep_alive):  # type: ignore[no-untyped-def]
            data = (folder / "config.json").read_bytes()
            (folder / "config.json").write_bytes(data[:-1] + b" }")
            return super().serving(folder, keep_alive=keep_alive)

    run = intake.smoke_open(version, Meddling())

    version.refresh_from_db()
    assert (run.code, version.status) == ("files_changed", "quarantined")


def test_nothing_unverified_is_loaded(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")

    with pytest.raises(smoke.VersionNotVerified):
        smoke.request_smoke(version=version, actor="user:x", now=intake.now())


def test_a_failed_verification_after_the_request_keeps_it_from_being_loaded(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    factories.verification_run(version, "fail", at=intake.now())
    engine = fakes.FakeEngine()

    run = intake.smoke_open(version, engine)

    assert (run.outcome, run.code, engine.loaded) == ("error", "version_not_verified", [])


def test_one_smoke_test_at_a_time(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")

    with pytest.raises(RunInProgress):
        smoke.request_smoke(version=version, actor="user:x", now=intake.now())


def test_a_barred_version_is_not_loaded(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    custody.quarantine(version=version, reason="a rumour", actor="user:x", now=intake.now())

    assert intake.smoke_open(version).code == "version_not_resolved"
