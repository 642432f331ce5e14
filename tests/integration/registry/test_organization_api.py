"""The organisation's facts over REST: attested, listed, and as they hold or held at a moment."""

from datetime import timedelta
from typing import Any

import pytest

from governance.permissions import Role
from tests import factories
from tests.rest import now, person, post, problem

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/organization-facts"


def attest(facts: dict[str, Any], **more: Any) -> Any:
    return post(person(Role.OFFICER), "organization-facts", {"facts": facts, **more})


def test_a_change_with_its_evidence_is_attested() -> None:
    paper = factories.document()
    shows = {"document": paper.pk, "facts": ["annual_revenue_usd.group"]}

    made = attest(
        {"annual_revenue_usd": {"group": 7}, "domicile": None},
        complete=False,
        note="report",
        evidence=[shows],
    )

    assert made.status_code == 201, made.content
    assert made.json()["complete"] is False
    assert made.json()["facts"] == {"annual_revenue_usd": {"group": 7}, "domicile": None}
    assert made.json()["evidence"] == [{**shows, "name": paper.name, "sha256": paper.sha256}]
    auditor = person(Role.AUDITOR)
    assert auditor.get(f"{ADDRESS}/{made.json()['id']}").json() == made.json()
    assert auditor.get(ADDRESS).json()["results"] == [made.json()]
    assert auditor.get(f"{ADDRESS}/999999").status_code == 404


def test_the_facts_in_force_say_where_each_comes_from() -> None:
    paper = factories.document()
    first = attest({"domicile": "DE", "operates_maas": False}).json()
    second = attest({"operates_maas": True}, complete=False, evidence=[{"document": paper.pk}]).json()

    found = person(Role.AUDITOR).get(f"{ADDRESS}/in-force").json()

    assert found["facts"] == {"domicile": "DE", "operates_maas": True}
    assert found["attestation"] == second["id"]
    sources = {path: (one["attestation"], one["documents"]) for path, one in found["provenance"].items()}
    assert sources == {"domicile": (first["id"], []), "operates_maas": (second["id"], [paper.pk])}


def test_the_facts_of_another_moment() -> None:
    reader = person(Role.AUDITOR)
    past = now() - timedelta(days=30)
    assert reader.get(f"{ADDRESS}/in-force").json()["facts"] == {}
    attest({"operates_maas": True}, effective_at=(past - timedelta(days=1)).isoformat())

    then = reader.get(f"{ADDRESS}/in-force", {"at": past.isoformat()}).json()
    known = reader.get(f"{ADDRESS}/in-force", {"at": past.isoformat(), "known_at": past.isoformat()}).json()
    before = reader.get(f"{ADDRESS}/in-force", {"at": "2020-01-01T00:00:00Z"}).json()

    assert then["facts"] == {"operates_maas": True}
    assert (known["facts"], known["attestation"]) == ({}, None)
    assert before["facts"] == {}
    problem(reader.get(f"{ADDRESS}/in-force?at=yesterday"), 422, "invalid_input", "at")
    problem(reader.get(f"{ADDRESS}/in-force?on=2026-01-01"), 422, "invalid_input", "on")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"facts": {"size": 7}}, "invalid_input", "org.size"),
        ({"facts": {"arr_product": -1}}, "invalid_input", "org.arr_product"),
        ({"facts": {}, "complete": False}, "invalid_input", "facts"),
        ({"facts": {}, "effective_at": "2999-01-01T00:00:00Z"}, "invalid_input", "effective_at"),
        ({"facts": {}, "partial": True}, "invalid_input", "partial"),
        ({"facts": {"domicile": "DE"}, "evidence": [{"document": 999}]}, "invalid_input", "documents"),
        (
            {"facts": {"domicile": "DE"}, "evidence": [{"document": 0}]},
            "invalid_input",
            "evidence.0.document",
        ),
        ({"facts": {"domicile": "DE"}, "evidence": [{"document": 1}] * 21}, "invalid_input", "evidence"),
        ({"facts": {"domicile": "DE"}, "evidence": [{"file": 1}]}, "invalid_input", "evidence.0.file"),
        (
            {"facts": {"annual_revenue_usd": {"group": 6}}, "complete": False},
            "facts_contradict",
            "org.annual_revenue_usd.group",
        ),
    ],
)
def test_refusals_name_the_field(body: dict[str, Any], code: str, field: str) -> None:
    attest({"annual_revenue_usd": {"licensee": 7}})

    problem(post(person(Role.OFFICER), "organization-facts", body), 422, code, field)


def test_only_officers_attest() -> None:
    problem(post(person(Role.REVIEWER), "organization-facts", {"facts": {}}), 403, "forbidden")
