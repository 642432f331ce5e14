"""Attestations and documents that arrive at the same moment."""

import itertools
from typing import Any

import pytest

from audit.models import DecisionEntry
from registry.actions import documents, organization
from registry.actions.organization import FactsContradict
from registry.models import EvidenceDocument, OrganizationProfile
from tests import factories
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
NOW = factories.NOW


def test_of_two_attestations_that_contradict_each_other_one_is_refused() -> None:
    officer = factories.actor()
    stated = itertools.cycle([("licensee_only", 700), ("all_products_incl_affiliates", 600)])

    def attest() -> OrganizationProfile:
        scope, count = next(stated)
        return organization.attest_facts(
            facts={"mau_by_month": {"2026-10": {scope: count}}},
            note="",
            effective_at=NOW,
            is_complete=False,
            actor=officer,
            now=NOW,
        )

    found: list[Any] = race(2, attest)

    assert sorted(type(one).__name__ for one in found) == ["FactsContradict", "OrganizationProfile"]
    assert sum(isinstance(one, FactsContradict) for one in found) == 1
    assert OrganizationProfile.objects.count() == 1


def test_the_same_document_from_many_at_once_is_kept_once() -> None:
    officer = factories.actor()

    def keep() -> int:
        return documents.keep_document(
            name="a.txt", media_type="text/plain", content=b"the same", actor=officer, now=NOW
        ).pk

    found = race(6, keep)

    assert set(found) == {EvidenceDocument.objects.get().pk}
    assert DecisionEntry.objects.filter(event="registry.document.kept").count() == 1
