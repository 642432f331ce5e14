"""Every trigger and hand-written key of the guards: a change that passes, and one that is refused by name."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from registry.lifecycle import (
    RunState,
    Status,
)
from registry.models import (
    Admission,
    Approval,
    Artifact,
    CheckResult,
    LicenseFinding,
    LineageEdge,
    ResolutionRun,
    SmokeAnswer,
    SmokeRun,
    VerificationRun,
)
from tests import factories
from tests.refusals import RUN_FIELDS, RUNS, refused_by, rows_of, run_of, version_in

pytestmark = pytest.mark.django_db
NOW = factories.NOW
LATER = NOW + timedelta(days=1)
DIGEST = f"sha256:{64 * 'b'}"


# -- frozen


@pytest.mark.parametrize(
    "changes",
    [
        {"registered_model": "other"},
        {"source_kind": "hub"},
        {"location": "/elsewhere"},
        {"requested_revision": "v2"},
        {"submitted_by": "other"},
        {"submitted_at": LATER},
        {"manifest_digest": DIGEST},
        {"model_digest": DIGEST},
        {"size_bytes": 9},
        {"file_count": 9},
        {"resolved_at": LATER},
    ],
)
def test_what_a_version_is_stays(changes: dict[str, Any]) -> None:
    version = factories.resolved_version()
    if "registered_model" in changes:
        changes = {"registered_model": factories.registered_model()}
    if "submitted_by" in changes:
        changes = {"submitted_by": factories.user()}

    refused_by("registry_modelversion_frozen", rows_of(version), **changes)


def test_a_commit_and_a_revocation_stay() -> None:
    version = factories.draft_version(source_kind="hub", location="a/b")
    assert rows_of(version).update(revision=40 * "a") == 1
    refused_by("registry_modelversion_frozen", rows_of(version), revision=40 * "b")

    revoked = version_in(Status.REVOKED)
    refused_by("registry_modelversion_frozen", rows_of(revoked), revoked_at=LATER)


@pytest.mark.parametrize("table", RUNS)
@pytest.mark.parametrize(
    "field", ["version", "manifest_digest", "requested_by", "requested_at", "finished_at"]
)
def test_what_a_run_was_asked_for_stays(table: Any, field: str) -> None:
    row = run_of(table, state="finished", outcome="error", finished_at=NOW, message="why")
    values = {
        "version": factories.resolved_version,
        "manifest_digest": lambda: DIGEST,
        "requested_by": lambda: "user:y",
        "requested_at": lambda: LATER,
        "finished_at": lambda: LATER,
    }

    refused_by(f"registry_{table.__name__.lower()}_frozen", rows_of(row), **{field: values[field]()})


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "other"},
        {"expires_at": NOW + timedelta(days=999)},
        {"note": "x"},
        {"manifest_digest": DIGEST},
    ],
)
def test_what_was_approved_stays(changes: dict[str, Any]) -> None:
    refused_by("registry_approval_frozen", rows_of(factories.approval(status="approved")), **changes)


# -- kept


def evidence_rows() -> dict[str, models.Model]:
    version = factories.resolved_version()
    draft = factories.draft_version()
    place = factories.environment()
    return {
        "artifact": version.artifacts.all()[0],
        "licensefinding": version.license_findings.all()[0],
        "lineageedge": LineageEdge.objects.create(version=draft, relation="merge", base_model="a/b"),
        "checkresult": factories.verification_run(version).results.all()[0],
        "smokeanswer": factories.smoke_run(version).answers.all()[0],
        "organizationprofile": factories.organization(),
        "evaluation": factories.evaluation(version, place),
        "admission": Admission.objects.create(
            decision="deny", mode="enforce", policy=factories.policy_document(), environment="e", purpose="p", node="n",
            reasons=["x"], requested_by="user:x",
        ),
    }  # fmt: skip


CHANGES = {
    "artifact": {"size": 9},
    "licensefinding": {"license_id": "mit"},
    "lineageedge": {"base_model": "c/d"},
    "checkresult": {"outcome": "pass"},
    "smokeanswer": {"text": "x"},
    "organizationprofile": {"note": "x"},
    "evaluation": {"verdict": "allowed"},
    "admission": {"decision": "allow"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_evidence_is_written_once(name: str) -> None:
    row = evidence_rows()[name]

    refused_by(f"registry_{name}_written_once", rows_of(row), **CHANGES[name])
    assert_not_deleted(row, f"registry_{name}_written_once")


@pytest.mark.parametrize(
    "name",
    [
        "registeredmodel",
        "modelversion",
        "resolutionrun",
        "verificationrun",
        "smokerun",
        "approval",
        "servingenvironment",
    ],
)
def test_nothing_of_a_versions_story_is_deleted(name: str) -> None:
    approval = factories.approval()
    rows = {
        "registeredmodel": approval.version.registered_model,
        "modelversion": approval.version,
        "resolutionrun": run_of(ResolutionRun),
        "verificationrun": approval.verification_run,
        "smokerun": approval.smoke_run,
        "approval": approval,
        "servingenvironment": approval.environment,
    }

    assert_not_deleted(rows[name], f"registry_{name}_never_deleted")


def assert_not_deleted(row: models.Model, name: str) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {row._meta.db_table} WHERE id = %s", [row.pk])
    assert refusal.value.__cause__.diag.constraint_name == name  # type: ignore[union-attr]


# -- while open


@pytest.mark.parametrize("table", [Artifact, LicenseFinding, LineageEdge])
def test_a_resolved_version_takes_no_more(table: Any) -> None:
    rows: dict[Any, dict[str, Any]] = {
        Artifact: {"path": "new", "size": 1, "sha256": 64 * "a", "role": "other"},
        LicenseFinding: {"kind": "declared", "license_id": "mit", "method": "m"},
        LineageEdge: {"relation": "merge", "base_model": "a/b"},
    }
    table.objects.create(version=factories.draft_version(), **rows[table])
    version = factories.resolved_version()

    with pytest.raises(IntegrityError, match="takes no more"), transaction.atomic():
        table.objects.create(version=version, **rows[table])


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.FINISHED])
def test_only_a_running_run_takes_evidence(state: RunState) -> None:
    check = {"check_id": "C", "title": "t", "outcome": "pass", "severity": "low", "message": "m"}
    check |= {"tool": "t", "tool_version": "1", "duration_ms": 1.0}
    words = {"position": 0, "prompt": "p", "text": "t", "token_ids": [], "logprobs": []}
    words |= {"finish_reason": "stop", "duration_ms": 1.0}

    for runs, table, fields in ((VerificationRun, CheckResult, check), (SmokeRun, SmokeAnswer, words)):
        table.objects.create(run=run_of(runs, state="running", heartbeat_at=NOW, worker="w"), **fields)  # type: ignore[attr-defined]
        closed = run_of(runs, state=state, **RUN_FIELDS[state])
        with pytest.raises(IntegrityError, match="takes no more"), transaction.atomic():
            table.objects.create(run=closed, **fields)  # type: ignore[attr-defined]


# -- evidence of its own version


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("verification_run", "registry_approval_cites_own_verification"),
        ("smoke_run", "registry_approval_cites_own_smoke"),
        ("evaluation", "registry_approval_cites_own_evaluation"),
    ],
)
def test_an_approval_cites_evidence_of_its_own_version(field: str, name: str) -> None:
    assert factories.approval().pk
    other, place = factories.resolved_version(), factories.environment()
    foreign = {
        "verification_run": lambda: factories.verification_run(other),
        "smoke_run": lambda: factories.smoke_run(other),
        "evaluation": lambda: factories.evaluation(other, place),
    }[field]()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        factories.approval(factories.resolved_version(), environment=place, **{field: foreign})


def test_an_approval_binds_the_manifest_of_its_version() -> None:
    version, other = factories.resolved_version(), factories.resolved_version()
    row = factories.approval(version)
    fields = {
        field.attname: getattr(row, field.attname) for field in row._meta.local_fields if field.name != "id"
    }

    with pytest.raises(IntegrityError, match="registry_approval_"), transaction.atomic():
        Approval.objects.create(**fields | {"manifest_digest": other.manifest_digest, "purpose": "other"})
