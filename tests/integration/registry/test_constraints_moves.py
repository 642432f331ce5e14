"""Status by status: the database and the tables of moves agree."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from registry.lifecycle import (
    APPROVAL_MOVES,
    RUN_MOVES,
    VERSION_MOVES,
    ApprovalStatus,
    RunState,
    Status,
    edges,
)
from registry.models import (
    Approval,
    ModelVersion,
)
from tests import factories, releasing
from tests.refusals import RUN_FIELDS, RUNS, refused_by, rows_of, run_of, version_in

pytestmark = pytest.mark.django_db
NOW = factories.NOW
LATER = NOW + timedelta(days=1)
DIGEST = f"sha256:{64 * 'b'}"


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
    if (source, target) == (Status.QUARANTINED, Status.RESOLVED):
        releasing.agreed(version)
    changes = version_fields(target, version)

    if (source.value, target.value) in edges(VERSION_MOVES):
        assert rows_of(version).update(**changes) == 1
    else:
        refused_by("registry_modelversion_moves", rows_of(version), **changes)


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
