"""The list of versions: search, filters and pages."""

import pytest
from django.test import Client
from django.urls import reverse

from governance.desk import lists
from governance.permissions import Role
from registry.models import ModelVersion
from tests import desk, factories

pytestmark = pytest.mark.django_db
LIST = "admin:registry_modelversion_changelist"


@pytest.fixture
def browser() -> Client:
    return desk.client(Role.AUDITOR)[0]


def shown(browser: Client, **query: str) -> list[ModelVersion]:
    return list(browser.get(reverse(LIST), query).context["page"].rows)


def test_versions_are_found_by_what_people_have_in_hand(browser: Client) -> None:
    model = factories.registered_model(publisher="mistralai", name="Mistral-7B")
    version = factories.resolved_version(registered_model=model)
    factories.resolved_version()
    file = version.artifacts.get(role="weight")

    for term in (
        "mistral",
        "mistralai/mistral",
        version.purl,
        version.manifest_digest,
        version.model_digest,
        version.model_digest.removeprefix("sha256:")[:12].upper(),
        file.sha256,
        version.short_revision,
    ):
        assert shown(browser, q=term) == [version], term
    assert shown(browser, q="no such thing") == []


def test_a_commit_is_found_by_its_first_digits(browser: Client) -> None:
    commit = factories.sha256("commit")[:40]
    version = factories.draft_version(source_kind="hub", location="a/b", revision=commit)
    factories.draft_version()

    assert shown(browser, q=commit[:8]) == [version]


def test_filters_narrow_the_list_and_unknown_values_do_not(browser: Client) -> None:
    draft, resolved = factories.draft_version(), factories.resolved_version()
    approved = factories.approval(status="approved").version

    assert shown(browser, status="draft") == [draft]
    assert shown(browser, approval="approved") == [approved]
    assert shown(browser, model=str(resolved.registered_model_id)) == [resolved]
    assert len(shown(browser, status="nonsense", model="x")) == 3


def test_failing_evidence_is_a_filter(browser: Client) -> None:
    good, bad = factories.resolved_version(), factories.resolved_version()
    factories.verification_run(good)
    factories.verification_run(bad, "fail")

    assert shown(browser, evidence="failing") == [bad]


def test_long_lists_have_pages(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "COUNTED", 3)
    monkeypatch.setattr(lists.page_of, "__kwdefaults__", {"size": 2})
    versions = [factories.draft_version() for _ in range(5)]

    first = browser.get(reverse(LIST), {"status": "draft"}).context["page"]
    beyond = browser.get(reverse(LIST), {"page": "99"}).context["page"]

    assert first.rows == [versions[4], versions[3]]
    assert first.following == "?status=draft&page=2"
    assert first.total == "more than 3"
    assert beyond.number == 2


def test_an_empty_list_says_what_to_do(browser: Client) -> None:
    page = browser.get(reverse(LIST)).content.decode()

    assert "Register a model" in page
    assert "Nothing matches" in browser.get(reverse(LIST), {"q": "x"}).content.decode()


@pytest.mark.parametrize("address", [LIST, "admin:registry_licenserecord_changelist", "admin:find"])
def test_a_search_may_hold_anything(browser: Client, address: str) -> None:
    assert browser.get(reverse(address), {"q": "\x00" + "x" * 5000}).status_code == 200
