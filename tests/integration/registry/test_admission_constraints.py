"""What PostgreSQL itself refuses of environments, facts, evaluations and admissions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry import models
from tests import factories
from tests.factories import NOW
from tests.refusals import refused

pytestmark = pytest.mark.django_db


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
    approval = fields.get("approval") or factories.approval(status="approved")
    values = {
        "version": approval.version,
        "approval": approval,
        "model_digest": approval.version.model_digest,
        "environment": approval.environment.name,
        "decided_at": NOW,
        "expires_at": NOW,
        "reasons": [],
    }
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
            catalog_digest=factories.catalog_release().catalog_digest,
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


OF_THIS_MOMENT = "registry_admission_of_this_moment"


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment": "elsewhere"},
        {"purpose": "coder"},
        {"model_digest": "sha256:" + "0" * 64},
        {"decided_at": NOW - timedelta(seconds=1)},
        {"decided_at": NOW + timedelta(days=90), "expires_at": NOW + timedelta(days=90)},
        {"expires_at": NOW + timedelta(days=91)},
    ],
    ids=" ".join,
)
def test_an_allow_is_for_what_was_approved_while_it_holds(wrong: dict[str, Any]) -> None:
    refused(OF_THIS_MOMENT, lambda: allowed(**wrong))


@pytest.mark.parametrize("status", ["requested", "rejected"])
def test_an_allow_needs_an_approval_that_was_given(status: str) -> None:
    approval = factories.approval(status=status)

    refused(OF_THIS_MOMENT, lambda: allowed(approval=approval))


def test_an_allow_cites_an_approval_of_its_own_version() -> None:
    refused(OF_THIS_MOMENT, lambda: allowed(version=factories.resolved_version()))


@pytest.mark.parametrize("axis", ["version", "approval"])
def test_an_allow_comes_before_what_it_rests_on_ends(axis: str) -> None:
    approval = factories.approval(status="approved")
    ended = {"ended_by": "user:x", "ended_at": NOW, "end_reason": "over"}
    barred = {"quarantined_by": "user:x", "quarantined_at": NOW, "quarantine_reason": "odd"}
    if axis == "version":
        models.ModelVersion.objects.filter(pk=approval.version_id).update(status="quarantined", **barred)
    else:
        models.Approval.objects.filter(pk=approval.pk).update(status="revoked", **ended)

    refused(OF_THIS_MOMENT, lambda: allowed(approval=approval))


@pytest.mark.parametrize("decide", [admission, allowed])
def test_a_decision_cites_the_policy_in_force(decide: Callable[..., Any]) -> None:
    old = factories.policy_document("# old\n")
    factories.policy_document("# new\n")

    refused(OF_THIS_MOMENT, lambda: decide(policy=old))
