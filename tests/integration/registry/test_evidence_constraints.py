"""What PostgreSQL itself refuses of what approvals and evidence rest on."""

from datetime import timedelta
from typing import Any

import pytest

from governance.permissions import Role
from registry import models
from registry.lifecycle import Outcome
from tests import factories, releasing
from tests.factories import NOW
from tests.refusals import refused

pytestmark = pytest.mark.django_db


def approve_by(row: models.Approval, **fields: Any) -> int:
    return models.Approval.objects.filter(pk=row.pk).update(**fields)


def decided(**fields: Any) -> dict[str, Any]:
    return {"status": "approved", "decided_by": factories.user(Role.REVIEWER), "decided_at": NOW, **fields}


# -- what an approval rests on ------------------------------------------------------------------------------------


def test_an_approval_begins_as_a_request() -> None:
    refused("registry_approval_begins_as_request", lambda: factories.approval(**decided()))


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.ERROR])
def test_an_approval_rests_on_a_verification_that_passed(outcome: Outcome) -> None:
    version = factories.resolved_version()
    run = factories.verification_run(version, outcome)

    refused(
        "registry_approval_rests_on_evidence",
        lambda: factories.approval(version, verification_run=run),
    )


@pytest.mark.parametrize("verdict", ["needs_licence", "prohibited", "needs_review"])
def test_an_approval_rests_on_a_verdict_that_permits(verdict: str) -> None:
    version, place = factories.resolved_version(), factories.environment()
    found = factories.evaluation(version, place, verdict=verdict)

    refused(
        "registry_approval_rests_on_evidence",
        lambda: factories.approval(version, environment=place, evaluation=found),
    )


def test_an_approval_rests_on_the_evaluation_of_its_own_use() -> None:
    version, place, other = factories.resolved_version(), factories.environment(), factories.environment()
    elsewhere = factories.evaluation(version, other)
    otherwise = factories.evaluation(version, place, purpose="coder")

    for found in (elsewhere, otherwise):
        refused(
            "registry_approval_rests_on_evidence",
            lambda found=found: factories.approval(version, environment=place, evaluation=found),
        )


def test_only_a_resolved_version_is_approved() -> None:
    row = factories.approval()
    barred = {"quarantined_by": "user:x", "quarantined_at": NOW, "quarantine_reason": "odd"}
    models.ModelVersion.objects.filter(pk=row.version_id).update(status="quarantined", **barred)

    refused("registry_approval_of_a_usable_version", lambda: approve_by(row, **decided()))
    assert approve_by(row, **decided(status="rejected")) == 1


def test_the_words_of_a_decision_stay() -> None:
    row = factories.approval(status="approved")

    refused("registry_approval_frozen", lambda: approve_by(row, decision_note="something else"))


# -- what evidence rests on ---------------------------------------------------------------------------------------


def test_the_time_of_a_quarantine_is_neither_moved_nor_forgotten() -> None:
    rows = models.ModelVersion.objects.filter(pk=factories.resolved_version().pk)
    barred = {"quarantined_by": "user:x", "quarantined_at": NOW, "quarantine_reason": "odd"}
    rows.update(status="quarantined", **barred)
    releasing.agreed(rows.get())
    rows.update(status="resolved")

    refused("registry_modelversion_frozen", lambda: rows.update(quarantined_at=NOW - timedelta(days=1)))
    refused("registry_modelversion_frozen", lambda: rows.update(**dict.fromkeys(barred)))
    assert rows.update(status="quarantined", **{**barred, "quarantined_at": NOW + timedelta(days=1)}) == 1


def test_the_card_of_a_resolved_version_stays() -> None:
    rows = models.ModelVersion.objects.filter(pk=factories.resolved_version().pk)

    refused("registry_modelversion_frozen", lambda: rows.update(card={"license": "mit"}))


def test_names_of_models_and_environments_stay() -> None:
    model, place = factories.registered_model(), factories.environment()

    refused(
        "registry_registeredmodel_frozen",
        lambda: models.RegisteredModel.objects.filter(pk=model.pk).update(publisher="other"),
    )
    refused(
        "registry_servingenvironment_frozen",
        lambda: models.ServingEnvironment.objects.filter(pk=place.pk).update(name="other"),
    )
