"""What PostgreSQL itself refuses of reviews and admissions: a row that passes, and one that does not."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from governance.permissions import Role
from registry import models
from tests import factories
from tests.factories import NOW
from tests.refusals import refused

pytestmark = pytest.mark.django_db


def approve_by(row: models.Approval, **fields: Any) -> int:
    return models.Approval.objects.filter(pk=row.pk).update(**fields)


def decided(**fields: Any) -> dict[str, Any]:
    return {"status": "approved", "decided_by": factories.user(Role.REVIEWER), "decided_at": NOW, **fields}


def ended(status: str, **fields: Any) -> dict[str, Any]:
    return {"status": status, "ended_by": "user:x", "ended_at": NOW, "end_reason": "over", **fields}


# -- approvals ----------------------------------------------------------------------------------------------------


def test_approval_passes_through_its_life() -> None:
    row = factories.approval()

    assert approve_by(row, **decided()) == 1
    assert approve_by(row, **ended("revoked")) == 1


def test_requester_cannot_be_the_one_who_decides() -> None:
    row = factories.approval()

    refused("registry_approval_four_eyes", lambda: approve_by(row, **decided(decided_by=row.requested_by)))


@pytest.mark.parametrize("missing", ["decided_by", "decided_at"])
def test_decider_and_time_come_together(missing: str) -> None:
    row = factories.approval()

    refused(
        "registry_approval_decided_by_and_at_paired", lambda: approve_by(row, **decided(**{missing: None}))
    )


def test_a_decision_has_a_person() -> None:
    refused(
        "registry_approval_decision_has_person", lambda: approve_by(factories.approval(), status="rejected")
    )


@pytest.mark.parametrize("missing", ["ended_by", "ended_at", "end_reason"])
def test_an_end_is_complete(missing: str) -> None:
    row = factories.approval()

    refused(
        "registry_approval_end_complete", lambda: approve_by(row, **ended("withdrawn", **{missing: None}))
    )


def test_what_has_ended_says_why() -> None:
    refused(
        "registry_approval_ended_has_reason", lambda: approve_by(factories.approval(), status="withdrawn")
    )


def test_an_approval_ends_after_it_was_asked_for() -> None:
    refused("registry_approval_expires_later", lambda: factories.approval(expires_at=NOW))


def test_purpose_and_digest_have_a_form() -> None:
    refused("registry_approval_purpose_form", lambda: _raw_approval(purpose="Not A Name"))
    refused("registry_approval_manifest_digest_form", lambda: _raw_approval(manifest_digest="sha1:0"))


def test_one_live_approval_for_a_use() -> None:
    row = factories.approval(status="approved")
    version = row.version

    refused("registry_approval_one_live", lambda: factories.approval(version, environment=row.environment))
    approve_by(row, **ended("withdrawn"))
    factories.approval(version, environment=row.environment)


@pytest.mark.parametrize(
    ("start", "change"),
    [
        ("requested", "expired"),
        ("requested", "revoked"),
        ("approved", "requested"),
        ("approved", "rejected"),
        ("rejected", "approved"),
        ("rejected", "requested"),
        ("rejected", "rejected"),
    ],
)
def test_moves_outside_the_table_are_refused(start: str, change: str) -> None:
    row = factories.approval(status=start)

    refused("registry_approval_moves", lambda: approve_by(row, status=change))


@pytest.mark.parametrize(
    "field",
    [
        "version",
        "environment",
        "purpose",
        "manifest_digest",
        "verification_run",
        "smoke_run",
        "evaluation",
        "policy",
        "requested_by",
        "requested_at",
        "expires_at",
        "note",
    ],
)
def test_what_an_approval_binds_is_frozen(field: str) -> None:
    row, other = factories.approval(), factories.approval(policy=factories.policy_document("# another\n"))
    other_value: Any = getattr(other, field)
    if other_value == getattr(row, field):
        other_value = {
            "purpose": "other",
            "requested_at": NOW - timedelta(days=1),
            "expires_at": NOW + timedelta(days=9999),
            "note": "other",
        }[field]

    refused("registry_approval_frozen", lambda: approve_by(row, **{field: other_value}))


def test_a_decision_and_an_end_are_written_once() -> None:
    row = factories.approval(status="approved")

    refused("registry_approval_frozen", lambda: approve_by(row, decided_by=factories.user(Role.REVIEWER)))
    refused("registry_approval_frozen", lambda: approve_by(row, decided_at=NOW + timedelta(days=1)))


def test_approvals_cite_the_evidence_of_their_own_version() -> None:
    other = factories.resolved_version()

    refused(
        "registry_approval_cites_own_verification",
        lambda: factories.approval(verification_run=factories.verification_run(other)),
    )
    refused(
        "registry_approval_cites_own_smoke", lambda: factories.approval(smoke_run=factories.smoke_run(other))
    )
    refused(
        "registry_approval_cites_own_evaluation",
        lambda: factories.approval(evaluation=factories.evaluation(other, factories.environment())),
    )


def test_approvals_bind_the_manifest_of_their_version() -> None:
    row = factories.approval()
    with connection.cursor() as cursor:
        # The evidence is of the same manifest, so this guard only speaks where that one is gone.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in ("verification", "smoke"):
            cursor.execute(
                f"ALTER TABLE registry_approval DROP CONSTRAINT registry_approval_cites_own_{name}"
            )

    refused(
        "registry_approval_binds_manifest", lambda: _raw_approval(row, manifest_digest=f"sha256:{'0' * 64}")
    )


def test_approvals_are_never_deleted() -> None:
    row = factories.approval()

    refused("registry_approval_never_deleted", lambda: models.Approval.objects.filter(pk=row.pk).delete())


def _raw_approval(row: models.Approval | None = None, **fields: Any) -> models.Approval:
    row = row or factories.approval()
    values = {
        "version": row.version,
        "environment": factories.environment(),
        "purpose": "assistant",
        "manifest_digest": row.manifest_digest,
        "verification_run": row.verification_run,
        "smoke_run": row.smoke_run,
        "evaluation": row.evaluation,
        "policy": row.policy,
        "requested_by": row.requested_by,
        "requested_at": NOW,
        "expires_at": NOW + timedelta(days=1),
        **fields,
    }
    return models.Approval.objects.create(**values)
