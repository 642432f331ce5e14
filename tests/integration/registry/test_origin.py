"""Origin from the policy to the node: what is refused and why, at approval, at admission, over REST and on the page."""

import io
import json
import tarfile
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from governance import keys
from governance.actions import policies
from governance.errors import InvalidInput
from governance.permissions import Role
from registry import models
from registry.actions import review
from tests import decisions, factories
from tests.desk import client as browser
from tests.rest import approve, ask, codes, fresh_desk, now, person, problem
from tests.reviewing import Desk, policy_text

pytestmark = pytest.mark.django_db

DECLARED = """
[[origin.declared]]
publisher = "acme"
name = "ACME GmbH"
country = "DE"
source = "commercial register HRB 1"
"""


def load(text: str) -> models.ModelVersion | Any:
    return policies.load_policy(text=f"{policy_text()}\n{text}", actor=factories.actor(Role.ADMIN), now=now())


def tuned(base: str = "Qwen/Qwen2.5-7B", publisher: str = "acme") -> models.ModelVersion:
    """A draft of a fine-tune."""
    model = factories.registered_model(publisher=publisher)
    version = factories.draft_version(registered_model=model)
    models.LineageEdge.objects.create(version=version, relation="finetune", base_model=base)
    return factories.resolve(version, license_id="apache-2.0")


@pytest.fixture
def desk() -> Desk:
    """A fine-tune of a Chinese model, with evidence as of this moment."""
    made = fresh_desk()
    made.version = tuned()
    factories.verification_run(made.version, at=now())
    factories.smoke_run(made.version, at=now())
    return made


def origin_of(version: models.ModelVersion, **query: str) -> Any:
    return person(Role.AUDITOR).get(f"/api/v1/model-versions/{version.pk}/origin", query)


ADMITTED = [
    ("", True),
    ('[origin.developer]\ndenied = ["CN"]' + DECLARED, True),
    ('[origin.developer]\nallowed = ["EU"]' + DECLARED, True),
    ('[origin.developer]\ndenied = ["CN"]\nunknown = "accept"', True),
    ('[environments.elsewhere.origin]\ndenied_countries = ["CN"]', True),
    ('[origin.governing_law]\ndenied = ["CN"]', True),
    ('[origin.developer]\ndenied = ["CN"]', False),
    ('[origin.ancestors]\ndenied = ["CN"]', False),
    ('[origin.ancestors]\nallowed = ["EU", "US"]' + DECLARED, False),
    ('[origin.licensor]\ndenied = ["CN"]' + DECLARED, False),
    ('[origin.governing_law]\nallowed = ["DE"]', False),
]


@pytest.mark.parametrize(("rules", "admitted"), ADMITTED)
def test_a_rule_decides_at_the_node(client: Client, desk: Desk, rules: str, admitted: bool) -> None:
    approve(desk)
    if rules:
        load(rules)

    found = codes(ask(client, desk.offer()))

    assert set(found) == (set() if admitted else {"origin_restricted"})


@pytest.mark.parametrize(("rules", "admitted"), ADMITTED)
def test_the_same_rule_decides_when_approval_is_asked_for(desk: Desk, rules: str, admitted: bool) -> None:
    if rules:
        load(rules)

    if admitted:
        assert approve(desk).status == "approved"
    else:
        with pytest.raises(review.OriginNotAccepted, match="the policy"):
            approve(desk)


def test_the_reason_names_attribute_value_model_and_source(client: Client, desk: Desk) -> None:
    approve(desk)
    load('[origin.ancestors]\ndenied = ["CN"]')

    answer = ask(client, desk.offer()).json()

    assert answer["reasons"] == [
        {
            "code": "origin_restricted",
            "message": "The developer of the ancestor Qwen/Qwen2.5-7B is Alibaba Cloud / Qwen (CN); the policy denies CN. "
            "Source: license text qwen-2024, the parties and §9.",
            "evidence_url": f"http://127.0.0.1:8000/api/v1/model-versions/{desk.version.pk}/origin",
        }
    ]
    body = decisions.last(f"admission:{answer['admission_id']}")[2]
    assert body["origin"]["ancestors"] == {"countries": ["CN"], "unknown": False}
    assert body["origin"]["developer"] == {"countries": [], "unknown": True}


def test_one_environment_may_be_stricter(client: Client, desk: Desk) -> None:
    approve(desk)
    load(f'[environments.{desk.environment.name}.origin.ancestors]\ndenied = ["CN"]')

    assert codes(ask(client, desk.offer())) == ["origin_restricted"]


def test_what_was_judged_at_approval_stands_in_the_log(desk: Desk) -> None:
    load(DECLARED)

    approval = approve(desk)

    requested, approved = decisions.about(f"approval:{approval.pk}")
    for entry in (requested, approved):
        assert entry["body"]["origin"]["developer"] == {"countries": ["DE"], "unknown": False}
        assert entry["body"]["origin"]["licensor"]["countries"] == ["CN", "DE"]
        assert "ACME" not in json.dumps(entry)
    assert requested["body"]["origin"] == approved["body"]["origin"]


def test_a_change_of_policy_between_request_and_decision_is_seen(desk: Desk) -> None:
    approval = desk.request(now=now(), expires_at=now() + timedelta(days=30))
    load('[origin.ancestors]\ndenied = ["CN"]')

    with pytest.raises(review.EvidenceChanged, match="denies CN"):
        review.approve(approval=approval, note="seen", actor=desk.reviewer, now=now())


@pytest.mark.parametrize(("country", "licensor"), [("DE", "IE"), ("US", "US")])
def test_the_licensor_depends_on_where_the_licensee_is_seated(
    client: Client, country: str, licensor: str
) -> None:
    factories.organization(facts={"principal_place_of_business": country}, effective_at=now())
    version = tuned("meta-llama/Llama-3.1-8B")
    load(f'[origin.licensor]\nallowed = ["DE", "{licensor}"]{DECLARED}')

    found = origin_of(version).json()

    assert {one["country"] for one in found["licensor"]} == {"DE", "IE", "US"}
    assert [one["outcome"] for one in found["rules"] if one["attribute"] == "licensor"] == ["passes"]


def test_rest_shows_values_sources_and_rules(desk: Desk) -> None:
    load(f'[origin.ancestors]\ndenied = ["CN"]\n[origin.developer]\nallowed = ["EU"]{DECLARED}')

    found = origin_of(desk.version).json()

    model = str(desk.version.registered_model)
    assert (found["model_version"], found["model"], found["environment"]) == (desk.version.pk, model, None)
    assert [
        (one["country"], one["name"], one["verification"], one["source"]) for one in found["developer"]
    ] == [("DE", "ACME GmbH", "declared", "commercial register HRB 1")]
    assert [(one["model"], one["country"]) for one in found["ancestors"]] == [("Qwen/Qwen2.5-7B", "CN")]
    assert {one["state"] for one in found["governing_law"]} <= {"none_stated", "known"}
    assert found["lineage"] == [{"child": model, "parent": "Qwen/Qwen2.5-7B", "relation": "finetune"}]
    assert [(one["attribute"], one["outcome"], len(one["reasons"])) for one in found["rules"]] == [
        ("developer", "passes", 0),
        ("licensor", "no_rule", 0),
        ("governing_law", "no_rule", 0),
        ("ancestors", "refused", 1),
    ]
    assert found["left_out"] == {}
    assert found["policy_digest"].startswith("sha256:")
    assert found["origins_digest"].startswith("sha256:")


def test_rest_shows_the_rules_of_an_environment(desk: Desk) -> None:
    load(f'[environments.{desk.environment.name}.origin]\ndenied_countries = ["CN"]')

    everywhere = origin_of(desk.version).json()
    here = origin_of(desk.version, environment=desk.environment.name).json()

    assert {one["outcome"] for one in everywhere["rules"]} == {"no_rule"}
    assert {one["outcome"] for one in here["rules"]} == {"refused", "no_rule"}
    assert here["environment"] == desk.environment.name


def test_rest_without_a_policy_shows_the_data() -> None:
    version = factories.resolved_version()

    found = origin_of(version).json()

    assert found["policy_digest"] is None
    assert found["developer"][0]["state"] == "unknown"


def test_rest_refuses_what_it_cannot_answer() -> None:
    version = factories.resolved_version()

    problem(origin_of(factories.draft_version()), 409, "not_resolved")
    problem(origin_of(version, environment="nowhere"), 422, "unknown_environment", "environment")
    problem(origin_of(version, country="DE"), 422, "invalid_input", "country")
    problem(origin_of(version, limit="3"), 422, "invalid_input", "limit")
    assert person(Role.AUDITOR).get("/api/v1/model-versions/999999/origin").status_code == 404
    assert Client().get(f"/api/v1/model-versions/{version.pk}/origin").status_code == 401


@pytest.mark.parametrize(("code", "meant"), [("UK", "write GB"), ("XX", "is no country")])
def test_a_policy_that_denies_no_country_is_not_loaded(code: str, meant: str) -> None:
    text = policy_text(denied_countries=f'["{code}"]')

    with pytest.raises(InvalidInput, match=meant) as refused:
        policies.load_policy(text=text, actor=factories.actor(Role.ADMIN), now=now())

    assert refused.value.field == "origin.denied_countries"
    assert policies.parsed(text).origin.denied_countries == {code}


def page(version: models.ModelVersion) -> str:
    response = browser(Role.AUDITOR)[0].get(reverse("admin:registry_modelversion_change", args=[version.pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_page_shows_where_a_version_comes_from(desk: Desk) -> None:
    load('[origin.ancestors]\ndenied = ["CN"]')

    shown = page(desk.version)

    for text in (
        "Alibaba Cloud / Qwen",
        "refused by a rule",
        "the policy denies CN",
        "no rule",
        "Unknown",
        "country unknown",
        "fine-tuned from",
        "What it was made from",
        "no principal place of business is attested",
        "does not prove who made the model",
    ):
        assert text in shown, text


def test_the_page_says_which_licensor_is_not_for_us() -> None:
    factories.organization(facts={"principal_place_of_business": "DE"}, effective_at=now())

    shown = page(tuned("meta-llama/Llama-3.1-8B"))

    before = shown[: shown.index("(not for you)")]
    assert before.rindex("Meta Platforms, Inc.") > before.rindex("Meta Platforms Ireland Limited")
    assert shown.count("(not for you)") == 1
    assert "Licensors are judged for a licensee seated in DE." in shown


def test_the_page_of_a_draft_and_of_a_model_made_from_nothing() -> None:
    assert "What it was made from is known once the version is resolved." in page(factories.draft_version())
    alone = page(factories.resolved_version())
    assert "Its files name no model that it was made from." in alone
    assert "What it was made from</h3>" not in alone


def test_a_cycle_and_a_shared_ancestor_are_drawn_once() -> None:
    base = factories.draft_version(registered_model=factories.registered_model(publisher="acme", name="base"))
    models.LineageEdge.objects.create(version=base, relation="merge", base_model="acme/top")
    factories.resolve(base)
    top = factories.draft_version(registered_model=factories.registered_model(publisher="acme", name="top"))
    for name in ("acme/base", "google/gemma-2-9b"):
        models.LineageEdge.objects.create(version=top, relation="merge", base_model=name)
    factories.resolve(top)

    shown = page(top)

    assert "(as above)" in shown
    assert "own ancestors" in shown
    assert origin_of(top).json()["cycles"] == ["acme/base", "acme/top"]


def test_very_many_ancestors_are_counted() -> None:
    version = factories.draft_version()
    models.LineageEdge.objects.bulk_create(
        models.LineageEdge(version=version, relation="merge", base_model=f"other{number}/model")
        for number in range(300)
    )
    factories.resolve(version)

    found = origin_of(version).json()

    assert len(found["ancestors"]) == 200
    assert found["left_out"]["ancestors"] == 100
    assert "241 more models are behind it" in page(version)


def test_the_evidence_pack_says_where_the_model_comes_from(
    settings: LazySettings, tmp_path: Any, desk: Desk
) -> None:
    from registry import evidence_pack
    from tests.integration.registry.test_evidence_pack import sign

    settings.KEYS_DIR, settings.SIGNER_DIR = tmp_path / "keys", tmp_path / "signer"
    keys.create_keys()
    load(DECLARED)
    sign()

    data = evidence_pack.build(desk.version, generated_at=now())

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        document = json.load(archive.extractfile("origin.json"))  # type: ignore[arg-type]
        report = archive.extractfile("report.html").read().decode()  # type: ignore[union-attr]
    assert document["model_digest"] == desk.version.model_digest
    assert document["origin"]["developer"][0]["country"] == "DE"
    assert document["origin"]["ancestors"][0]["country"] == "CN"
    assert "declared by the organisation" in report
    assert "Alibaba Cloud / Qwen" in report
