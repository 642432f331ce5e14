"""The licence catalogue over REST: lists, records, releases, and the organisation's own."""

from typing import Any

import pytest
from django.test import Client

from governance.permissions import Role, Scope
from registry import catalogs, models
from registry.licensing import records
from tests import factories, licenses
from tests.licenses import HOUSE
from tests.rest import as_, person, post, problem

pytestmark = pytest.mark.django_db
STRICT = licenses.variant("mit", note="Our reading.")


def get(address: str, *, client: Client | None = None, status: int = 200) -> Any:
    answer = (client or person(Role.AUDITOR)).get(f"/api/v1/{address}")
    assert answer.status_code == status, answer.content
    return answer.json()


def pages(address: str) -> list[dict[str, Any]]:
    """Every row of a list, page after page."""
    client, found = person(Role.AUDITOR), []
    page = get(address, client=client)
    while True:
        found += page["results"]
        if page["next"] is None:
            return found
        page = client.get(page["next"]).json()


def test_before_any_release_the_files_are_listed() -> None:
    page = get("licenses")

    assert page["catalog_digest"] == catalogs.shipped().catalog_digest
    assert [row["id"] for row in pages("licenses?limit=7")] == sorted(records.shipped())
    assert {row["origin"] for row in pages("licenses")} == {"project"}


def test_licences_are_narrowed_down() -> None:
    licenses.in_force(STRICT)
    licenses.in_force()

    assert [row["id"] for row in pages("licenses?origin=organization")] == ["house-1.0", "mit"]
    assert all(row["category"] == "community" for row in pages("licenses?category=community&limit=2"))
    assert len(pages("licenses?category=community&limit=2")) > 2
    mit = next(row for row in pages("licenses") if row["id"] == "mit")
    assert mit["overrides"] == records.record_digest(records.shipped()["mit"])


def test_a_licence_comes_with_its_record_and_what_it_hides() -> None:
    before = factories.catalog_release()
    licenses.in_force(STRICT)
    factories.resolved_version(license_id="mit")

    found = get("licenses/mit")
    then = get(f"licenses/mit?catalog_digest={before.catalog_digest}")

    assert (found["record"]["note"], found["versions"], found["origin"]) == (
        "Our reading.",
        1,
        "organization",
    )
    assert found["project_record"] == records.shipped()["mit"]
    assert [(line["path"], line["after"]) for line in found["differences"]] == [("note", "Our reading.")]
    assert (then["origin"], then["overrides"], then["differences"]) == ("project", None, [])
    assert then["record"] == records.shipped()["mit"]


def test_releases_are_listed_and_read() -> None:
    first, second = factories.catalog_release(), licenses.in_force()

    rows = pages("license-catalogs?limit=1")
    found = get(f"license-catalogs/{second.catalog_digest}")

    assert [row["catalog_digest"] for row in rows] == [second.catalog_digest, first.catalog_digest]
    assert (rows[0]["previous"], rows[0]["changes"]) == (first.catalog_digest, {"house-1.0": "added"})
    assert found["licenses"] == second.entries


@pytest.mark.parametrize(
    ("address", "status", "code", "field"),
    [
        ("licenses?category=nonsense", 422, "invalid_input", "category"),
        ("licenses?bogus=1", 422, "invalid_input", "bogus"),
        ("licenses?limit=0", 422, "invalid_input", "limit"),
        ("licenses?catalog_digest=x", 422, "invalid_input", "catalog_digest"),
        (f"licenses?catalog_digest=sha256:{'0' * 64}", 404, "catalog_unknown", None),
        (f"licenses/mit?catalog_digest=sha256:{'0' * 64}", 404, "catalog_unknown", None),
        ("licenses/none", 404, "not_found", None),
        ("license-catalogs/x", 404, "catalog_unknown", None),
        ("license-catalogs?bogus=1", 422, "invalid_input", "bogus"),
        ("license-records?state=open", 422, "invalid_input", "state"),
        ("license-records/99", 404, "not_found", None),
    ],
)
def test_what_cannot_be_read_is_said(address: str, status: int, code: str, field: str | None) -> None:
    problem(person(Role.AUDITOR).get(f"/api/v1/{address}"), status, code, field)


def test_two_people_put_a_record_in_force_and_take_it_out() -> None:
    officer, reviewer = person(Role.OFFICER), person(Role.REVIEWER)

    preview = post(officer, "license-records/preview", {"toml": STRICT}).json()
    proposed = post(officer, "license-records", {"toml": STRICT, "reason": "We read it so."})
    number = proposed.json()["id"]
    published = post(
        reviewer,
        f"license-records/{number}/publish",
        {"note": "Read.", "catalog_digest": proposed.json()["catalog_digest"]},
    ).json()

    assert proposed.status_code == 201
    assert (proposed.json()["state"], proposed.json()["toml"]) == ("waiting", STRICT)
    assert (published["state"], published["published_catalog"]) == ("published", preview["catalog_digest"])
    assert catalogs.current().catalog_digest == preview["catalog_digest"]
    assert preview["overrides"] == records.record_digest(records.shipped()["mit"])
    assert [line["path"] for line in preview["differences"]] == ["note"]
    leaving = post(officer, f"license-records/{number}/withdraw", {"reason": "Over."})
    assert (leaving.status_code, leaving.json()["change"]) == (201, "withdraw")
    post(reviewer, f"license-records/{leaving.json()['id']}/publish", {})
    assert catalogs.current().catalog_digest == catalogs.shipped().catalog_digest
    assert [row["state"] for row in pages("license-records?license_id=mit")] == ["published"] * 2


def test_looking_stores_nothing() -> None:
    post(person(Role.OFFICER), "license-records/preview", {"toml": HOUSE})

    assert not models.LicenseRecord.objects.exists()
    assert not models.CatalogRelease.objects.exists()


def test_nobody_publishes_their_own() -> None:
    proposal = licenses.propose()
    user = proposal.proposed_by
    user.role = Role.REVIEWER
    user.save()

    problem(post(as_(user), f"license-records/{proposal.pk}/publish", {}), 403, "four_eyes_required")


def test_a_proposal_is_declined_once() -> None:
    proposal, reviewer = licenses.propose(), person(Role.REVIEWER)
    address = f"license-records/{proposal.pk}/decline"

    found = post(reviewer, address, {"reason": "No."}).json()

    assert (found["state"], found["close_reason"]) == ("declined", "No.")
    problem(post(reviewer, address, {"reason": "No."}), 409, "license_proposal_closed")
    problem(post(reviewer, f"license-records/{proposal.pk}/publish", {}), 409, "license_proposal_closed")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"toml": HOUSE}, 422, "invalid_input", "reason"),
        ({"toml": HOUSE, "reason": " "}, 422, "invalid_input", "reason"),
        ({"toml": "", "reason": "x"}, 422, "invalid_input", "toml"),
        ({"toml": HOUSE, "reason": "x", "extra": 1}, 422, "invalid_input", "extra"),
        ({"toml": "[", "reason": "x"}, 422, "invalid_catalog", "toml"),
        (
            {"toml": HOUSE.replace('"§1"', "1"), "reason": "x"},
            422,
            "invalid_catalog",
            "toml.conditions[0].clause",
        ),
        ({"toml": HOUSE, "reason": "x", "document": 99}, 422, "invalid_input", "document"),
        ({"toml": HOUSE, "takes_over": ["none"], "reason": "x"}, 422, "invalid_catalog", "takes_over"),
        ({"toml": licenses.variant("mit"), "reason": "x"}, 422, "invalid_input", "toml"),
    ],
)
def test_a_bad_record_names_its_field(body: Any, status: int, code: str, field: str) -> None:
    problem(post(person(Role.OFFICER), "license-records", body), status, code, field)


def test_rights() -> None:
    proposal = licenses.propose()
    record = {"toml": HOUSE, "reason": "x"}
    _, token = factories.api_token(Scope.READ)
    reading = {"headers": {"authorization": f"Bearer {token}"}}

    for role in (Role.REVIEWER, Role.AUDITOR, Role.ADMIN):
        problem(post(person(role), "license-records", record), 403, "forbidden")
        problem(post(person(role), "license-records/preview", {"toml": HOUSE}), 403, "forbidden")
        problem(
            post(person(role), f"license-records/{proposal.pk}/withdraw", {"reason": "x"}), 403, "forbidden"
        )
    for role in (Role.OFFICER, Role.AUDITOR, Role.ADMIN):
        problem(post(person(role), f"license-records/{proposal.pk}/publish", {}), 403, "forbidden")
    problem(post(Client(), "license-records", record, **reading), 403, "forbidden")
    problem(Client().get("/api/v1/licenses"), 401, "authentication_required")
    assert Client().get("/api/v1/licenses", **reading).status_code == 200
