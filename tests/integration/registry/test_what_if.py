"""What would change: cells, counts and reasons over versions, environments, facts and policies; nothing is written."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import DecisionEntry
from governance.actions import policies
from governance.permissions import Role
from governance.policy import document
from registry import models
from registry.actions import custody, what_if
from registry.licensing.changes import Change, Step
from registry.licensing.facts import InvalidFacts
from registry.whatif import compare, selection
from registry.whatif.report import Report
from registry.whatif.selection import Selection
from tests import factories
from tests.reviewing import NOW, USE, Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db
ORG = {
    "principal_place_of_business": "US",
    "entity_type": "company",
    "mau_by_month": {"2025-03": {"all_products_incl_affiliates": 1000}},
}
SURE = {**USE, "public_statements_about_derivative": False}
MANY = {"mau_by_month": {"2025-03": {"all_products_incl_affiliates": 700_000_001}}}


EVERYTHING = Selection()


def asked(
    selected: Selection = EVERYTHING, *, policy: str = "", keeps_all: bool = True, **parts: Any
) -> Report:
    change = Change((Step(**parts),))
    cells = selection.choose(selected, now=NOW)
    return what_if.answer(cells, what_if.ground(change, policy_text=policy, now=NOW), keeps_all=keeps_all)


def cells(report: Report) -> dict[tuple[int, str], dict[str, Any]]:
    return {(cell["model_version"], cell["environment"]): cell for cell in report.worst_first()}


def llama(**fields: Any) -> Desk:
    """An approved Llama 4 model of an American company."""
    factories.organization(facts=ORG)
    desk = open_desk(license_id="llama-4", **fields)
    desk.environment.use = SURE
    desk.environment.save()
    return desk


def test_matrix_of_one_version_before_and_after_users_pass_the_threshold() -> None:
    desk = llama()
    selling = factories.environment(name="selling", use={**SURE, "role": "end_user_of_integrated_product"})
    wanted = Selection((desk.version.pk,))

    found = cells(asked(wanted, org=MANY))

    here = found[desk.version.pk, desk.environment.name]
    assert here["before"]["verdict"] == "allowed_with_obligations"
    assert here["after"]["verdict"] == "needs_licence"
    assert here["effect"] == "worse"
    assert any("more than 700,000,000 monthly active users" in reason for reason in here["reasons"])
    [finding] = [item for item in here["findings"] if item["condition"] == "mau_threshold"]
    assert (finding["before"], finding["after"], finding["clause"]) == ("met", "violated", "§2")
    assert "Request a license from Meta" in finding["remedy"]
    assert found[desk.version.pk, selling.name]["effect"] == "same"


def test_exactly_at_the_threshold_nothing_changes() -> None:
    desk = llama()
    at = {"mau_by_month": {"2025-03": {"all_products_incl_affiliates": 700_000_000}}}

    report = asked(Selection((desk.version.pk,)), org=at)

    assert report.summary()["worse"] == 0


def test_a_fact_made_unknown_asks_for_a_review_and_names_it() -> None:
    desk = llama()

    found = cells(asked(Selection((desk.version.pk,)), org={"principal_place_of_business": None}))

    here = found[desk.version.pk, desk.environment.name]
    assert here["after"]["verdict"] == "needs_review"
    assert here["missing_facts"]["added"] == ["org.principal_place_of_business"]


def test_a_missing_fact_that_becomes_known_makes_it_better() -> None:
    desk = open_desk(license_id="llama-4")

    found = cells(asked(Selection((desk.version.pk,)), org=ORG, use=SURE))

    assert found[desk.version.pk, desk.environment.name]["effect"] == "better"


def test_use_is_moved_in_every_environment_and_duties_appear() -> None:
    desk = llama()

    found = cells(asked(Selection((desk.version.pk,)), use={"distribute_weights": True}))

    here = found[desk.version.pk, desk.environment.name]
    assert here["effect"] == "different"
    assert {"licence-copy", "notice-file"} <= {item["id"] for item in here["obligations"]["added"]}


def test_a_planned_derivative_is_judged() -> None:
    desk = llama()

    found = cells(
        asked(
            Selection((desk.version.pk,)),
            use={"distribute_derivative": True},
            derivative={"relation": "finetune", "name": "Acme-Chat"},
        )
    )

    here = found[desk.version.pk, desk.environment.name]
    assert here["effect"] == "worse"
    assert any('begin with "Llama"' in reason for reason in here["reasons"])


def test_everything_approved_is_asked_about_where_it_is_approved() -> None:
    desk = llama()
    factories.environment(name="elsewhere")
    approval = desk.approved()
    other = factories.resolved_version()

    report = asked(org=MANY)

    found = cells(report)
    assert list(found) == [(desk.version.pk, desk.environment.name)]
    assert other.pk not in {version for version, _ in found}
    [admission] = found[desk.version.pk, desk.environment.name]["admissions"]
    assert (admission["approval"], admission["before"], admission["after"]) == (approval.pk, "allow", "deny")
    assert [reason["code"] for reason in admission["reasons_added"]] == ["license_condition_failed"]
    summary = report.summary()
    assert summary["admissions"]["newly_denied"] == 1
    assert summary["deny_codes"] == {"license_condition_failed": 1}
    assert summary["moves"] == [{"before": "allowed_with_obligations", "after": "needs_licence", "cells": 1}]


def test_a_proposed_policy_that_asks_for_more_says_whom_it_denies_and_why() -> None:
    desk = open_desk()
    desk.approved()
    strict = policy_text(required="true", verification_max_age_days="1")

    report = asked(policy=strict)

    [cell] = report.worst_first()
    [admission] = cell["admissions"]
    assert cell["effect"] == "worse"
    assert cell["before"] == cell["after"]
    assert [reason["code"] for reason in admission["reasons_added"]] == ["signature_missing"]
    assert report.summary()["deny_codes"] == {"signature_missing": 1}


def test_a_policy_that_narrows_regions_says_which_nodes_are_refused() -> None:
    desk = open_desk()
    desk.environment.regions = ["eu-central", "us-east"]
    desk.environment.save()
    desk.approved()
    name = desk.environment.name
    narrower = policy_text() + f'[environments."{name}"]\nregions = ["eu-central"]\n'
    elsewhere = policy_text() + f'[environments."{name}"]\nregions = ["ap-south"]\n'

    [narrowed] = asked(policy=narrower).worst_first()
    [denied] = asked(policy=elsewhere).worst_first()

    assert narrowed["effect"] == "different"
    assert narrowed["reasons"] == ["Nodes in us-east would be refused."]
    assert denied["effect"] == "worse"
    assert denied["admissions"][0]["reasons_added"][0]["code"] == "out_of_scope_region"


def test_a_warning_that_becomes_a_stop_is_worse() -> None:
    strict = policy_text(required="true", mode='"warn"')
    desk = open_desk(policy=policy_text())
    desk.approved()
    policies.load_policy(text=strict, actor=factories.actor(Role.ADMIN), now=NOW)

    report = asked(policy=strict.replace('"warn"', '"enforce"'))

    assert report.summary()["worse"] == 1


def test_a_revoked_version_with_the_same_content_speaks_for_it() -> None:
    desk = open_desk()
    desk.approved()
    files = {
        "config.json": b"{}",
        "model.safetensors": f"weights {desk.version.pk}".encode(),
        "README.md": b"x",
    }
    same = factories.resolved_version(files)
    custody.revoke(version=same, reason="poisoned", actor=factories.actor(), now=NOW)

    [cell] = asked(policy=policy_text(ttl_minutes="30")).worst_first()

    assert same.model_digest == desk.version.model_digest
    assert cell["admissions"][0]["before"] == cell["admissions"][0]["after"] == "deny"
    assert cell["effect"] == "same"


def test_moved_facts_are_held_against_the_vocabulary() -> None:
    desk = llama()
    wanted = Selection((desk.version.pk,))

    def refused(**parts: Any) -> str:
        with pytest.raises(InvalidFacts) as caught:
            asked(wanted, **parts)
        return str(caught.value.field)

    assert refused(org={"entity_type": "individual"}) == "org.principal_place_of_business"
    assert refused(org={"founded_on": "2099-01-01"}) == "org.founded_on"
    assert (
        refused(org={"mau_by_month": {"2025-03": {"licensee_only": 2000}}})
        == "org.mau_by_month.2025-03.all_products_incl_affiliates"
    )
    assert refused(use={"hosting": "moon"}) == "use.hosting"
    assert refused(derivative={"relation": "cloned"}) == "derivative.relation"


def test_facts_on_record_that_cannot_be_read_are_named() -> None:
    desk = llama()
    desk.environment.use = {"role": "a word of last year"}
    desk.environment.save()

    with pytest.raises(compare.FactsOutdated, match=desk.environment.name):
        asked(Selection((desk.version.pk,)), org=MANY)


def test_unknown_versions_and_environments_are_refused() -> None:
    draft = factories.draft_version()

    with pytest.raises(selection.UnknownVersion) as version:
        asked(Selection((draft.pk,)))
    with pytest.raises(selection.UnknownEnvironment) as environment:
        asked(Selection((factories.resolved_version().pk,), ("nowhere",)))

    assert version.value.field == "model_versions[0]"
    assert environment.value.field == "environments[0]"


def test_nothing_is_written() -> None:
    desk = llama()
    desk.approved()
    before = (
        DecisionEntry.objects.count(),
        models.Evaluation.objects.count(),
        models.Admission.objects.count(),
    )

    asked(org=MANY, policy=policy_text(required="true"))

    assert before == (
        DecisionEntry.objects.count(),
        models.Evaluation.objects.count(),
        models.Admission.objects.count(),
    )


def test_what_is_told_is_what_happens_when_the_facts_are_attested() -> None:
    desk = llama()
    desk.approved()
    [cell] = asked(org=MANY).worst_first()

    factories.organization(facts={**ORG, **MANY}, effective_at=NOW - timedelta(days=1))
    [now] = asked(keeps_all=True).worst_first()

    assert now["before"] == cell["after"]
    assert document.parse(policy_text().encode()).mode == "enforce"
