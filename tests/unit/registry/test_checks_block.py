"""What a verification found, as pages show it."""

from datetime import UTC, datetime, timedelta

import pytest

from governance.templatetags import desk
from registry.admin import checks_block, journey, source_block
from registry.models import CheckResult, VerificationRun

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def result(check_id: str, outcome: str, severity: str = "high", path: str = "") -> CheckResult:
    return CheckResult(check_id=check_id, outcome=outcome, severity=severity, path=path)


def groups(*rows: CheckResult) -> dict[str, tuple[bool, list[str]]]:
    found = checks_block.grouped(list(rows))
    return {
        group.key: (group.is_open, [f"{row.check_id} {row.path}".strip() for row in group.rows])
        for group in found
    }


def test_what_is_wrong_stands_first_and_the_worst_first_of_it() -> None:
    found = groups(
        result("C3-digests", "pass"),
        result("C22-at-rest", "fail", "low", "a"),
        result("C13-custom-code", "fail", "high", "b"),
        result("C11-pickle", "fail", "critical", "c"),
        result("C2-file-set", "fail", "high", "d"),
        result("C9-architecture", "error"),
        result("C10-gguf", "skip", "low"),
    )

    assert found == {
        "wrong": (True, ["C11-pickle c", "C2-file-set d", "C13-custom-code b"]),
        "undecided": (True, ["C9-architecture"]),
        "minor": (True, ["C22-at-rest a"]),
        "passed": (False, ["C3-digests"]),
        "skipped": (False, ["C10-gguf"]),
    }


def test_where_nothing_was_found_what_passed_is_open_and_in_the_order_of_the_checks() -> None:
    found = groups(
        result("C10-gguf", "pass"), result("C2-file-set", "pass"), result("C4-signature", "skip", "low")
    )

    assert found == {"passed": (True, ["C2-file-set", "C10-gguf"]), "skipped": (False, ["C4-signature"])}


def test_a_skip_is_never_called_a_pass() -> None:
    (skipped,) = checks_block.grouped([result("C10-gguf", "skip", "low")])

    assert (skipped.count, skipped.badge) == ("1 not applicable", "none")
    assert "not a pass" in skipped.meaning


def test_what_a_run_was_given_is_told_in_words() -> None:
    run = VerificationRun(
        worker="node:1",
        attempt=2,
        bytes_read=1_500_000,
        manifest_digest="sha256:aa",
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=2.5),
        inputs={
            "policy": "sha256:bb",
            "catalog": "sha256:cc",
            "observed": {"id": 1, "digest": "sha256:dd", "observed_at": NOW.isoformat()},
            "earlier": None,
            "bases": [{"model": "acme/base", "manifest_digest": "sha256:ee"}],
            "limits": {"seconds": 900.4, "memory_bytes": 1_000_000_000},
            "tools": {"jinja2": "3.1.6"},
            "network": "namespace",
            "system_calls": "not possible here: no",
            "cpu_seconds": 0.5,
            "peak_memory_bytes": 46_000_000,
        },
    )

    assert checks_block.facts(run) == [
        ("Bytes read", "1.5 MB"),
        ("Started", "2026-11-22 12:00:00 UTC"),
        ("Took", "2.5 s, 0.5 s of processor time, at most 46.0 MB of memory"),
        ("Worker", "node:1, attempt 2"),
        ("Manifest", "sha256:aa"),
        ("Policy", "sha256:bb"),
        ("Licence catalogue", "sha256:cc"),
        ("Newest look at the source", "2026-11-22 12:00 UTC, sha256:dd"),
        ("Ancestors compared with", "acme/base (sha256:ee)"),
        ("Limits", "900 s, 1.0 GB of memory"),
        ("Tools", "jinja2 3.1.6"),
        ("Network", "cut off by the kernel"),
        ("System calls", "not possible here: no"),
    ]
    assert checks_block.facts(VerificationRun(state="queued")) == []


@pytest.mark.parametrize(
    ("actor", "shown"),
    [("user:olga", "olga"), ("system:verify", "the service (verify)"), ("token:7", "token:7"), ("", "")],
)
def test_who_did_something_is_named_as_people_do(actor: str, shown: str) -> None:
    assert desk.actor(actor) == shown


def test_what_an_engine_printed_is_no_part_of_what_to_do_next() -> None:
    run = VerificationRun(message="vLLM ended\n  File x, line 1\n")

    assert journey.first_sentence(run) == "vLLM ended."


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2024-06-30T12:00:00.000Z", "2024-06-30 12:00 UTC"),
        ("2024-06-30T12:00:00+02:00", "2024-06-30 10:00 UTC"),
        ("Sun, 30 Jun 2024", "Sun, 30 Jun 2024"),
        ("2024-06-30", "2024-06-30"),
    ],
)
def test_times_that_a_source_tells_are_written_as_all_others(told: str, shown: str) -> None:
    assert source_block.time_in_words(told) == shown
