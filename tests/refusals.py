"""Rows in a given state, and what the database refuses to do with them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from registry.lifecycle import RunState, Status
from registry.models import ModelVersion, ResolutionRun, SmokeRun, VerificationRun
from tests import factories

NOW = factories.NOW
RUNS = (ResolutionRun, VerificationRun, SmokeRun)


def refused(name: str, write: Callable[[], Any]) -> None:
    """The write is refused by the constraint or trigger of this name."""

    def write_now() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            write()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError) as caught:
        write_now()
    found = getattr(caught.value.__cause__, "diag", None)
    assert found is not None
    assert found.constraint_name == name


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


RUN_FIELDS: dict[RunState, dict[str, Any]] = {
    RunState.QUEUED: {"outcome": "", "finished_at": None},
    RunState.RUNNING: {"outcome": "", "finished_at": None, "heartbeat_at": NOW, "worker": "w"},
    RunState.FINISHED: {"outcome": "error", "finished_at": NOW, "message": "why"},
}
