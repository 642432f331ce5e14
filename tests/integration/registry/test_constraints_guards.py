"""Every trigger and hand-written key of the guards: a change that passes, and one that is refused by name."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from registry.lifecycle import APPROVAL_MOVES, RUN_MOVES, VERSION_MOVES, ApprovalStatus, RunState, Status, edges
from registry.models import (
    Admission,
    Approval,
    Artifact,
    CheckResult,
    LicenseFinding,
    LineageEdge,
    ModelVersion,
    ResolutionRun,
    SmokeAnswer,
    SmokeRun,
    VerificationRun,
)
from tests import factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW
LATER = NOW + timedelta(days=1)
DIGEST = f"sha256:{64 * 'b'}"
RUNS = (ResolutionRun, VerificationRun, SmokeRun)


def refused_by(name: str, rows: models.QuerySet[Any], **changes: Any) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        rows.update(**changes)
    assert refusal.value.__cause__.diag.constraint_name == name  # type: ignore[union-attr]


def rows_of(row: models.Model) -> Any:
    return type(row)._default_manager.filter(pk=row.pk)


def run_of(table: Any, **fields: Any) -> Any:
    version = fields.pop("version", None) or factories.resolved_version()
    fields = {"requested_by": "user:x", "requested_at": NOW} | fields
    return table.objects.create(version=version, manifest_digest=version.manifest_digest, **fields)


# -- moves


def version_in(status: Status) -> ModelVersion:
    quarantined = {"quarantined_by": "user:x", "quarantined_at": NOW, "quarantine_reason": "why"}
    if status is Status.DRAFT:
        return factories.draft_version()
    version = factories.resolved_version()
    if status is not Status.RESOLVED:
        fields: dict[str, Any] = quarantined
        if status is Status.REVOKED:
            fields = {"revoked_by": "user:x", "revoked_at": NOW, "revocation_reason": "why"}
        rows_of(version).update(status=status, **fields)
    return version


def version_fields(target: Status, version: ModelVersion) -> dict[str, Any]:
    """What a version needs in the target status, so that only the move itself is judged."""
    fields: dict[str, Any] = {"status": target}
    if version.manifest_digest is None and target not in {Status.DRAFT, Status.REVOKED}:
        fields |= {"manifest_digest": DIGEST, "model_digest": DIGEST, "size_bytes": 1, "file_count": 1}
        fields |= {"resolved_at": NOW}
    if target is Status.QUARANTINED:
        fields |= {"quarantined_by": "user:x", "quarantined_at": NOW, "quarantine_reason": "why"}
    if target is Status.REVOKED:
        fields |= {"revoked_by": "user:x", "revoked_at": NOW, "revocation_reason": "why"}
    return fields


@pytest.mark.parametrize(("source", "target"), list(itertools.product(Status, Status)))
def test_a_version_moves_only_where_it_may(source: Status, target: Status) -> None:
    version = version_in(source)
    version.refresh_from_db()
    changes = version_fields(target, version)

    if (source.value, target.value) in edges(VERSION_MOVES):
        assert rows_of(version).update(**changes) == 1
    else:
        refused_by("registry_modelversion_moves", rows_of(version), **changes)


RUN_FIELDS: dict[RunState, dict[str, Any]] = {
    RunState.QUEUED: {"outcome": "", "finished_at": None},
    RunState.RUNNING: {"outcome": "", "finished_at": None, "heartbeat_at": NOW, "worker": "w"},
    RunState.FINISHED: {"outcome": "error", "finished_at": NOW, "message": "why"},
}


@pytest.mark.parametrize("table", RUNS)
@pytest.mark.parametrize(("source", "target"), list(itertools.product(RunState, RunState)))
def test_a_run_moves_only_where_it_may(table: Any, source: RunState, target: RunState) -> None:
    row = run_of(table, state=source, **RUN_FIELDS[source])
    changes = {"state": target, **RUN_FIELDS[target]}
    if source is RunState.FINISHED:
        changes["finished_at"] = NOW  # frozen, which is not what is judged here

    if (source.value, target.value) in edges(RUN_MOVES):
        assert rows_of(row).update(**changes) == 1
    else:
        refused_by(f"registry_{table.__name__.lower()}_moves", rows_of(row), **changes)


def approval_in(status: ApprovalStatus) -> Approval:
    decided = status not in {ApprovalStatus.REQUESTED, ApprovalStatus.WITHDRAWN}
    first = "rejected" if status is ApprovalStatus.REJECTED else "approved"
    row = factories.approval(status=first if decided else "requested")
    if status in {ApprovalStatus.WITHDRAWN, ApprovalStatus.EXPIRED, ApprovalStatus.REVOKED}:
        rows_of(row).update(status=status, ended_by="user:x", ended_at=NOW, end_reason="why")
    return row


@pytest.mark.parametrize(("source", "target"), list(itertools.product(ApprovalStatus, ApprovalStatus)))
def test_an_approval_moves_only_where_it_may(source: ApprovalStatus, target: ApprovalStatus) -> None:
    row = approval_in(source)
    row.refresh_from_db()
    changes: dict[str, Any] = {"status": target}
    if target in {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED} and row.decided_at is None:
        changes |= {"decided_by": factories.user(), "decided_at": NOW}
    ends = {ApprovalStatus.WITHDRAWN, ApprovalStatus.EXPIRED, ApprovalStatus.REVOKED}
    if target in ends and row.ended_at is None:
        changes |= {"ended_by": "user:x", "ended_at": NOW, "end_reason": "why"}

    if (source.value, target.value) in edges(APPROVAL_MOVES):
        assert rows_of(row).update(**changes) == 1
    else:
        refused_by("registry_approval_moves", rows_of(row), **changes)


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
@pytest.mark.parametrize("field", ["version", "manifest_digest", "requested_by", "requested_at", "finished_at"])
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
    "changes", [{"purpose": "other"}, {"expires_at": NOW + timedelta(days=999)}, {"note": "x"}, {"manifest_digest": DIGEST}]
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
        "licensefinding": version.license_findings.get(),
        "lineageedge": LineageEdge.objects.create(version=draft, relation="merge", base_model="a/b"),
        "checkresult": factories.verification_run(version).results.get(),
        "smokeanswer": factories.smoke_run(version).answers.get(),
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
    ["registeredmodel", "modelversion", "resolutionrun", "verificationrun", "smokerun", "approval", "servingenvironment"],
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
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.local_fields if field.name != "id"}

    with pytest.raises(IntegrityError, match="registry_approval_"), transaction.atomic():
        Approval.objects.create(**fields | {"manifest_digest": other.manifest_digest, "purpose": "other"})
