"""The `modelcustody` command as a process of its own, against a stand-in for the service."""

import json
import sys
from pathlib import Path

import pytest
from modelcustody_client import canonical, folder, launch, manifest

from tests import standin
from tests.integration.client.command import CLIENT, run

DENIAL = {
    "decision": "deny",
    "admission_id": "a-1",
    "mode": "enforce",
    "reasons": [
        {"code": "not_approved", "message": "Nobody approved \x1b[31mthis.", "evidence_url": "https://c/e"}
    ],
}
SHOW = "import json,os,sys; print(json.dumps({'argv': sys.argv[1:], 'environ': dict(os.environ)}))"


@pytest.fixture
def service():
    with standin.serving() as found:
        yield found


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def allowance(model: Path) -> dict:
    digest = manifest.model_digest(folder.hash_folder(model))
    return {**DENIAL, "decision": "allow", "reasons": [], "model_version": "pkg:x", "model_digest": digest}


def admit(service, model, tmp_path, *options: str, command: list[str] | None = None, **environ: str):
    words = [
        "--model",
        str(model),
        "--environment",
        "prod",
        "--purpose",
        "chat",
        "--spool",
        str(tmp_path / "spool"),
    ]
    server = [sys.executable, "-c", SHOW, "vllm", str(model)] if command is None else command
    settings = {"MODELCUSTODY_URL": service.url, "MODELCUSTODY_TOKEN": "mc_k_s", **environ}
    return run("admit", *words, *options, "--", *server, **settings)


def test_an_allowed_model_is_stated_and_then_served_with_recording_on(service, model, tmp_path):
    service.tell("/api/v1/admissions", 200, allowance(model))

    done = admit(
        service,
        model,
        tmp_path,
        "--node",
        "n1",
        "--region",
        "eu",
        "--recorder",
        "r1",
        PYTHONPATH=f"{CLIENT}:/more",
    )

    assert done.returncode == 0, done.stderr
    child = json.loads(done.stdout)
    assert child["argv"] == ["vllm", str(model), "--middleware", launch.MIDDLEWARE]
    (asked,), (stated,) = service.sent("/api/v1/admissions"), service.sent("/api/v1/deployments")
    assert asked.headers["authorization"] == "Bearer mc_k_s"
    files = [
        {"path": file.path, "size": file.size, "sha256": file.sha256} for file in folder.hash_folder(model)
    ]
    assert asked.json() == {
        "environment": "prod",
        "purpose": "chat",
        "files": files,
        "engine": {"name": "vllm", "version": None},
        "node": "n1",
        "region": "eu",
    }
    statement = canonical.loads_canonical(stated.body)
    assert (statement["admission_id"], statement["recorder"], statement["node"]) == ("a-1", "r1", "n1")
    assert statement["model_digest"] == allowance(model)["model_digest"]
    assert statement["engine"]["arguments"][-2:] == ["--middleware", launch.MIDDLEWARE]
    environ = child["environ"]
    assert environ["MODELCUSTODY_DEPLOYMENT_DIGEST"].startswith("sha256:")
    assert (environ["MODELCUSTODY_RECORDER"], environ["MODELCUSTODY_REGION"]) == ("r1", "eu")
    assert (environ["MODELCUSTODY_SPOOL"], environ["MODELCUSTODY_URL"]) == (
        str(tmp_path / "spool"),
        service.url,
    )
    assert environ["PYTHONPATH"] == f"{tmp_path}/spool/import:{CLIENT}:/more"


def test_a_denied_model_is_not_started(service, model, tmp_path):
    service.tell("/api/v1/admissions", 200, DENIAL)

    done = admit(service, model, tmp_path, "--json")

    assert done.returncode == 3
    assert "not_approved: Nobody approved \\x1b[31mthis. (https://c/e)" in done.stderr
    assert json.loads(done.stdout) == DENIAL
    assert service.sent("/api/v1/deployments") == []


def test_a_denied_model_is_started_with_a_warning_when_the_policy_only_warns(service, model, tmp_path):
    service.tell("/api/v1/admissions", 200, {**DENIAL, "mode": "warn"})

    done = admit(service, model, tmp_path)

    assert done.returncode == 0
    assert "WARNING" in done.stderr
    assert "DENIED" in done.stderr
    assert len(service.sent("/api/v1/deployments")) == 1


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, {"title": "Unauthorized", "code": "token_expired"}, "expired"),
        (403, {"code": "wrong_scope"}, "wrong_scope"),
        (302, b"", "redirects are not followed"),
        (500, b"oops", "HTTP 500"),
        (200, b"<html>", "no decision"),
        (200, {**DENIAL, "decision": "maybe"}, "no decision"),
        (200, {**DENIAL, "decision": "allow", "model_digest": "sha256:other"}, "another model"),
    ],
)
def test_without_a_decision_nothing_is_started(service, model, tmp_path, status, body, why):
    service.tell("/api/v1/admissions", status, body, Location="http://127.0.0.1:1/elsewhere")

    done = admit(service, model, tmp_path)

    assert (done.returncode, done.stdout) == (4, "")
    assert why in done.stderr
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(422, {"code": "not_canonical"}), (201, {"deployment_digest": "sha256:other"}), (200, b"")],
)
def test_without_its_deployment_on_the_log_nothing_is_started(service, model, tmp_path, status, body):
    service.tell("/api/v1/admissions", 200, allowance(model))
    service.tell("/api/v1/deployments", status, body)

    done = admit(service, model, tmp_path)

    assert (done.returncode, done.stdout) == (4, "")
    assert "was not recorded" in done.stderr


def test_a_service_that_is_away_starts_nothing(service, model, tmp_path):
    done = admit(service, model, tmp_path, "--url", "http://127.0.0.1:9")

    assert (done.returncode, done.stdout) == (4, "")
    assert "does not answer" in done.stderr


def test_wrong_usage_of_admit_asks_nobody(service, model, tmp_path):
    (model / "link").symlink_to("/etc/hostname")
    wrong = [
        admit(service, model, tmp_path, command=["vllm", "serve", "/elsewhere"]),
        admit(service, model, tmp_path, command=[]),
        admit(service, model, tmp_path),
        run("admit", "--model", str(model)),
        run("admit", "--bogus"),
        run(
            "admit",
            "--model",
            str(model),
            "--environment",
            "prod",
            "--url",
            service.url,
            "--",
            "vllm",
            str(model),
            MODELCUSTODY_TOKEN="t",
        ),
        run(),
    ]

    assert [done.returncode for done in wrong] == [2] * 7
    assert "for a purpose" in wrong[5].stderr
    assert "leaves the folder" in wrong[2].stderr
    assert service.requests == []


def test_a_command_that_cannot_be_started_is_told(service, model, tmp_path):
    service.tell("/api/v1/admissions", 200, allowance(model))

    done = admit(service, model, tmp_path, command=["/nonexistent/vllm", str(model)])

    assert done.returncode == 2
    assert "cannot start /nonexistent/vllm" in done.stderr


def test_settings_that_are_missing_are_told(service, model, tmp_path):
    assert admit(service, model, tmp_path, MODELCUSTODY_TOKEN="").returncode == 4
    assert admit(service, model, tmp_path, MODELCUSTODY_URL="").returncode == 4
    assert admit(service, model, tmp_path, "--token-file", "/nonexistent").returncode == 4
