"""The log can be published: what people write, and what the organisation calls its own, enter it by digest."""

from typing import Any

import pytest

from governance.actors import Actor
from governance.permissions import Scope
from registry.actions import admit, conclusions, custody
from registry.models import Admission, ObligationTask
from tests import decisions, factories, licenses
from tests.factories import sha256
from tests.reevaluating import LARGE, LATER, approved, change
from tests.reviewing import NOW, Desk, open_desk

pytestmark = pytest.mark.django_db


def asked(desk: Desk) -> Admission:
    token, _ = factories.api_token(Scope.ADMISSION)
    return admit.decide_admission(request=desk.offer(), actor=Actor(user=token.owner, token=token), now=LATER)


def logged(row: Admission) -> dict[str, Any]:
    return decisions.last(f"admission:{row.pk}")[2]


def test_why_a_version_was_quarantined_stays_out_of_the_log_of_admissions() -> None:
    desk = approved()
    custody.quarantine(version=desk.version, reason="Mr Meier took it along", actor=desk.officer, now=LATER)

    row = asked(desk)

    assert "Meier" in str(row.reasons)
    assert "Meier" not in str(logged(row))
    assert logged(row)["reasons"][0] == {
        "code": "quarantined",
        "message_sha256": sha256(row.reasons[0]["message"]),
    }


def test_why_an_approval_is_suspended_stays_out_of_the_log_of_admissions() -> None:
    desk = approved()
    change(desk, LARGE)

    row = asked(desk)

    assert any("suspended since" in reason["message"] for reason in row.reasons)
    assert "needs licence" not in str(logged(row))


def test_a_conclusion_names_licences_of_the_organisation_by_digest() -> None:
    licenses.in_force()
    version = factories.resolved_version()

    conclusions.conclude_license(
        version=version, licenses=["house-1.0", "mit"], reason="read it", actor=factories.actor(), now=NOW
    )

    body = decisions.last(f"model-version:{version.pk}")[2]
    assert body["licenses"] == [f"sha256:{sha256('house-1.0')}", "mit"]


def test_work_on_obligations_of_the_organisation_is_named_by_digest() -> None:
    house = licenses.HOUSE.replace("needs_review", "allowed").replace('kind = "manual_review"', "")
    licenses.in_force(
        house.partition("[[conditions]]")[0] + "[[obligations]]" + house.partition("[[obligations]]")[2]
    )
    desk = open_desk(license_id="house-1.0")
    desk.approved()

    task = ObligationTask.objects.get()
    assert (task.license_id, task.obligation_id) == ("house-1.0", "house-notice")
    body = decisions.last(f"obligation:{task.pk}")[2]
    assert "house" not in str(body)
    assert body["license"] == f"sha256:{sha256('house-1.0')}"
    assert "house" not in str(logged(asked(desk)))
