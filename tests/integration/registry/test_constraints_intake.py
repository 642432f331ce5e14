"""Every constraint of models, versions, files and runs: a row that passes, and one that is refused by name."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from registry.models import (
    Artifact,
    CheckResult,
    LicenseFinding,
    LineageEdge,
    ModelVersion,
    RegisteredModel,
    ResolutionRun,
    SmokeAnswer,
    SmokeRun,
    VerificationRun,
)
from tests import factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW
DIGEST = f"sha256:{64 * 'a'}"
COMMIT = 40 * "c"
RESOLVED = {
    "status": "resolved",
    "manifest_digest": DIGEST,
    "model_digest": DIGEST,
    "size_bytes": 1,
    "file_count": 1,
    "resolved_at": NOW,
}
QUARANTINED = {"quarantined_by": "user:x", "quarantined_at": NOW, "quarantine_reason": "why"}
REVOKED = {"status": "revoked", "revoked_by": "user:x", "revoked_at": NOW, "revocation_reason": "why"}
RUNNING = {"state": "running", "heartbeat_at": NOW, "worker": "w"}
FINISHED = {"state": "finished", "outcome": "fail", "finished_at": NOW, "message": "why"}


def registered_model() -> dict[str, Any]:
    return {"publisher": "acme", "name": "model", "created_by": factories.user()}


def draft() -> dict[str, Any]:
    model = factories.registered_model()
    return {
        "registered_model": model,
        "source_kind": "folder",
        "location": "/m",
        "submitted_by": model.created_by,
    }


def artifact() -> dict[str, Any]:
    return {
        "version": factories.draft_version(),
        "path": "a/b.json",
        "size": 0,
        "sha256": 64 * "a",
        "role": "config",
    }


def finding() -> dict[str, Any]:
    return {"version": factories.draft_version(), "kind": "concluded", "license_id": "mit", "method": "m"}


def edge() -> dict[str, Any]:
    return {"version": factories.draft_version(), "relation": "merge", "base_model": "a/b"}


def run() -> dict[str, Any]:
    version = factories.resolved_version()
    return {"version": version, "manifest_digest": version.manifest_digest, "requested_by": "user:x"}


def result() -> dict[str, Any]:
    run_row = VerificationRun.objects.create(**run(), **RUNNING)
    return {
        "run": run_row,
        "check_id": "C1",
        "title": "t",
        "outcome": "pass",
        "severity": "low",
        "message": "m",
        "tool": "t",
        "tool_version": "1",
        "duration_ms": 1.0,
    }


def answer() -> dict[str, Any]:
    return {
        "run": SmokeRun.objects.create(**run(), **RUNNING),
        "position": 0,
        "prompt": "p",
        "text": "t",
        "token_ids": [],
        "logprobs": [],
        "finish_reason": "stop",
        "duration_ms": 1.0,
    }


# Constraint -> (table, base row, what makes it pass, what makes it refused; "again" repeats the passing row).
Row = Callable[[], dict[str, Any]]
Case = tuple[type[models.Model], Row, dict[str, Any], dict[str, Any] | str]
CASES: dict[str, Case] = {
    "registry_registeredmodel_unique": (RegisteredModel, registered_model, {}, "again"),
    "registry_registeredmodel_publisher_form": (RegisteredModel, registered_model, {}, {"publisher": "a/b"}),
    "registry_registeredmodel_name_form": (RegisteredModel, registered_model, {"name": "a.b-c_d"}, {"name": "-a"}),
    "registry_modelversion_status_known": (ModelVersion, draft, RESOLVED, RESOLVED | {"status": "blessed"}),
    "registry_modelversion_source_known": (ModelVersion, draft, {}, {"source_kind": "ftp"}),
    "registry_modelversion_manifest_digest_form": (
        ModelVersion, draft, RESOLVED, RESOLVED | {"manifest_digest": "sha256:" + 64 * "A"},
    ),
    "registry_modelversion_model_digest_form": (
        ModelVersion, draft, RESOLVED, RESOLVED | {"model_digest": 64 * "a"},
    ),
    "registry_modelversion_revision_pinned": (
        ModelVersion, draft, {"source_kind": "hub", "revision": COMMIT}, {"source_kind": "hub", "revision": "main"},
    ),
    "registry_modelversion_resolved_has_digest": (ModelVersion, draft, RESOLVED, {"status": "resolved"}),
    "registry_modelversion_hub_has_commit": (
        ModelVersion, draft, RESOLVED | {"source_kind": "hub", "revision": COMMIT}, RESOLVED | {"source_kind": "hub"},
    ),
    "registry_modelversion_resolved_together": (ModelVersion, draft, RESOLVED, RESOLVED | {"file_count": None}),
    "registry_modelversion_quarantine_complete": (
        ModelVersion, draft, RESOLVED | QUARANTINED, RESOLVED | QUARANTINED | {"quarantine_reason": None},
    ),
    "registry_modelversion_quarantined_has_reason": (
        ModelVersion, draft, RESOLVED | QUARANTINED | {"status": "quarantined"}, RESOLVED | {"status": "quarantined"},
    ),
    "registry_modelversion_revocation_complete": (ModelVersion, draft, REVOKED, REVOKED | {"revoked_by": None}),
    "registry_modelversion_revoked_has_reason": (ModelVersion, draft, REVOKED, {"status": "revoked"}),
    "registry_modelversion_revision_once": (ModelVersion, draft, {"source_kind": "hub", "revision": COMMIT}, "again"),
    "registry_modelversion_location_once": (ModelVersion, draft, RESOLVED, "again"),
    "registry_modelversion_id_and_manifest": (ModelVersion, draft, RESOLVED | {"id": 77}, "own test"),
    "registry_artifact_path_once": (Artifact, artifact, {}, "again"),
    "registry_artifact_sha256_form": (Artifact, artifact, {}, {"sha256": 64 * "A"}),
    "registry_artifact_role_known": (Artifact, artifact, {"role": "weight"}, {"role": "magic"}),
    "registry_artifact_size_not_negative": (Artifact, artifact, {}, {"size": -1}),
    "registry_artifact_path_inside": (Artifact, artifact, {"path": "a..b/c"}, {"path": "a/../b"}),
    "registry_licensefinding_kind_known": (LicenseFinding, finding, {}, {"kind": "guessed"}),
    "registry_licensefinding_one_conclusion": (LicenseFinding, finding, {}, "again"),
    "registry_licensefinding_score_concludes_nothing": (
        LicenseFinding, finding, {"license_id": "unknown", "score": "0.970"}, {"license_id": "mit", "score": "0.970"},
    ),
    "registry_lineageedge_relation_known": (LineageEdge, edge, {}, {"relation": "cousin"}),
    "registry_lineageedge_once": (LineageEdge, edge, {}, "again"),
    "registry_verificationrun_has_manifest": (VerificationRun, run, {}, {"manifest_digest": None}),
    "registry_smokerun_has_manifest": (SmokeRun, run, {}, {"manifest_digest": None}),
    "registry_smokerun_pass_has_fingerprint": (
        SmokeRun, run, FINISHED | {"outcome": "pass", "fingerprint": DIGEST, "engine": {"name": "x"}},
        FINISHED | {"outcome": "pass"},
    ),
    "registry_checkresult_outcome_known": (CheckResult, result, {}, {"outcome": "maybe"}),
    "registry_checkresult_severity_known": (CheckResult, result, {}, {"severity": "awful"}),
    "registry_checkresult_once": (CheckResult, result, {}, "again"),
    "registry_smokeanswer_position_once": (SmokeAnswer, answer, {}, "again"),
}  # fmt: skip
for _model in (ResolutionRun, VerificationRun, SmokeRun):
    _name = f"registry_{_model.__name__.lower()}"
    CASES |= {
        f"{_name}_state_known": (_model, run, RUNNING, {"state": "asleep"}),
        f"{_name}_outcome_known": (_model, run, FINISHED, FINISHED | {"outcome": "maybe"}),
        f"{_name}_finished_has_outcome": (_model, run, FINISHED, FINISHED | {"outcome": ""}),
        f"{_name}_running_has_worker": (_model, run, RUNNING, RUNNING | {"worker": ""}),
        f"{_name}_not_passed_says_why": (_model, run, FINISHED, FINISHED | {"message": ""}),
        f"{_name}_one_open": (_model, run, {}, "again"),
        f"{_name}_id_and_version": (_model, run, FINISHED | {"id": 77}, "own test"),
    }
TABLES = {case[0] for case in CASES.values()}


def test_no_constraint_is_forgotten() -> None:
    assert {constraint.name for table in TABLES for constraint in table._meta.constraints} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_right_row_passes(name: str) -> None:
    table, row, good, _ = CASES[name]

    assert table._default_manager.create(**(row() | good)).pk


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[3] != "own test"])
def test_a_wrong_row_is_refused_by_name(name: str) -> None:
    table, row, good, bad = CASES[name]
    fields = row()
    if isinstance(bad, str):
        table._default_manager.create(**(fields | good))
        bad = good

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        table._default_manager.create(**(fields | bad))

    assert _constraint(refusal) == name


@pytest.mark.parametrize("path", ["", "/a", "a\\b", "..", "../a", "a/.."])
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(IntegrityError, match="registry_artifact_path_inside"), transaction.atomic():
        Artifact.objects.create(**(artifact() | {"path": path}))


@pytest.mark.parametrize("table", [VerificationRun, SmokeRun])
def test_a_run_of_another_manifest_is_refused(table: Any) -> None:
    name = f"registry_{table.__name__.lower()}_binds_manifest"

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        table.objects.create(**(run() | {"manifest_digest": DIGEST}))


def _constraint(refusal: pytest.ExceptionInfo[IntegrityError]) -> str:
    """The name by which the database refused."""
    return str(refusal.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]
