"""What PostgreSQL itself refuses of environments, facts, evaluations and admissions."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from registry import models
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


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


def admission(**fields: Any) -> models.Admission:
    values: dict[str, Any] = {
        "decision": "deny",
        "mode": "enforce",
        "policy": factories.policy_document(),
        "environment": "production",
        "purpose": "assistant",
        "node": "node-1",
        "reasons": [{"code": "not_registered"}],
        "requested_by": "token:1",
        **fields,
    }
    return models.Admission.objects.create(**values)


def allowed(**fields: Any) -> models.Admission:
    approval = factories.approval(status="approved")
    values = {"version": approval.version, "approval": approval, "expires_at": NOW, "reasons": []}
    return admission(**{"decision": "allow", **values, **fields})


# -- environments, facts, evaluations -------------------------------------------------------------------------------


def test_environment_has_a_plain_name_and_stays() -> None:
    row = factories.environment()

    refused("registry_servingenvironment_name_form", lambda: factories.environment(name="Prod!"))
    refused(
        "registry_servingenvironment_never_deleted",
        lambda: models.ServingEnvironment.objects.filter(pk=row.pk).delete(),
    )


def test_facts_are_written_once() -> None:
    rows = models.OrganizationProfile.objects.filter(pk=factories.organization().pk)

    refused("registry_organizationprofile_written_once", lambda: rows.update(facts={}))
    refused("registry_organizationprofile_written_once", rows.delete)


def test_evaluations_are_of_known_words_and_written_once() -> None:
    version, place = factories.resolved_version(), factories.environment()
    rows = models.Evaluation.objects.filter(pk=factories.evaluation(version, place).pk)

    refused(
        "registry_evaluation_verdict_known", lambda: factories.evaluation(version, place, verdict="maybe")
    )
    refused("registry_evaluation_purpose_form", lambda: factories.evaluation(version, place, purpose="A b"))
    refused("registry_evaluation_written_once", lambda: rows.update(verdict="allowed"))
    refused("registry_evaluation_written_once", rows.delete)
    refused(
        "registry_evaluation_digest_form",
        lambda: models.Evaluation.objects.create(
            version=version,
            environment=place,
            purpose="assistant",
            verdict="allowed",
            request={},
            result={},
            evaluation_digest="0",
            catalog_digest="0",
            evaluated_by="x",
        ),
    )


# -- admissions -----------------------------------------------------------------------------------------------------


def test_admissions_that_pass() -> None:
    assert admission().decision == "deny"
    assert allowed().decision == "allow"


def test_admission_words_are_known() -> None:
    refused("registry_admission_decision_known", lambda: allowed(decision="maybe"))
    refused("registry_admission_mode_known", lambda: admission(mode="quiet"))


@pytest.mark.parametrize("field", ["version", "approval", "expires_at"])
def test_an_allow_rests_on_an_approval(field: str) -> None:
    refused("registry_admission_allow_has_approval", lambda: allowed(**{field: None}))


def test_an_allow_has_no_reasons_against_it() -> None:
    refused("registry_admission_allow_has_approval", lambda: allowed(reasons=[{"code": "revoked"}]))


def test_a_deny_has_reasons() -> None:
    refused("registry_admission_deny_has_reasons", lambda: admission(reasons=[]))


def test_admissions_are_written_once() -> None:
    rows = models.Admission.objects.filter(pk=admission().pk)

    refused("registry_admission_written_once", lambda: rows.update(decision="allow"))
    refused("registry_admission_written_once", rows.delete)
