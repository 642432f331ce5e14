"""What tests of re-evaluation start from: an approved version under a licence with a threshold, and facts that cross it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from registry import models
from registry.actions import environments, organization, reevaluate
from registry.models import Reevaluation, ReevaluationPart
from tests import factories
from tests.reviewing import NOW, USE, Desk, open_desk

LATER = NOW + timedelta(hours=1)
# Below and above the 700 million monthly users of November 2024 that Llama 3.3 asks about.
SMALL = {
    "principal_place_of_business": "DE",
    "mau_by_month": {"2024-11": {"all_products_incl_affiliates": 10**6}},
}
LARGE = {**SMALL, "mau_by_month": {"2024-11": {"all_products_incl_affiliates": 8 * 10**8}}}
UNKNOWN: dict[str, Any] = {"principal_place_of_business": "DE"}


def approved(license_id: str = "llama-3.3", **fields: Any) -> Desk:
    """A version approved when the organisation was small; its campaign from then is done."""
    desk = open_desk(license_id=license_id, **fields)
    factories.organization(facts=SMALL, effective_at=NOW - timedelta(days=2))
    desk.approved()
    return desk


def approval(desk: Desk) -> models.Approval:
    return models.Approval.objects.get(version=desk.version)


def attest(
    desk: Desk, facts: dict[str, Any], *, at: datetime = LATER, **changes: Any
) -> models.OrganizationProfile:
    fields = {"effective_at": at, "note": "", "actor": desk.officer, "now": at, **changes}
    return organization.attest_facts(facts=facts, **fields)


def redefine(desk: Desk, *, at: datetime = LATER, **use: Any) -> None:
    environments.define_environment(
        name=desk.environment.name,
        description="",
        regions=desk.environment.regions,
        use={**USE, **use},
        actor=desk.officer,
        now=at,
    )


def clock(at: datetime) -> Callable[[], datetime]:
    return lambda: at


def work(*, at: datetime = LATER) -> int:
    """Carry out every open part; how many."""
    parts = list(ReevaluationPart.objects.filter(finished_at__isnull=True).order_by("pk"))
    return sum(reevaluate.reevaluate_part(part_id=part.pk, worker="test", clock=clock(at)) for part in parts)


def change(desk: Desk, facts: dict[str, Any], *, at: datetime = LATER) -> Reevaluation:
    """Attest facts, and evaluate everything again because of them."""
    profile = attest(desk, facts, at=at)
    work(at=at)
    return Reevaluation.objects.get(because=f"organization-facts:{profile.pk}")
