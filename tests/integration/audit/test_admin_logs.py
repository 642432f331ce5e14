"""Pages of the logs: what answered a request, what was decided, what is missing."""

from pathlib import Path

import pytest
from django.urls import reverse

from audit.events import Log
from governance.permissions import Role
from tests import desk, logs
from tests.desk import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def whole(log_folders: Path, tmp_path: Path) -> Desk:
    return desk.served(tmp_path / "model")


def test_a_served_request_says_which_version_answered_and_what_was_in_force(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)
    address = reverse("admin:audit_servedrequest_change", args=[whole.request.pk])

    before = client.get(address).content.decode()
    logs.sequence_all(Log.REQUESTS)
    after = client.get(address).content.decode()

    for text in (
        whole.version.purl,
        whole.version.model_digest,
        whole.version.manifest_digest,
        whole.deployment.deployment_digest[7:19],
        "eu-central",
        "vllm 0.32.0",
        "was in force",
        "allowed with obligations",
        str(whole.admission.pk),
        "&quot;received_at&quot;",
    ):
        assert text in after, text
    assert "the next checkpoint will cover it" in before
    assert "under a checkpoint that is signed" in after
    assert f"/api/v1/served-requests/{whole.request.pk}/proof" not in before
    assert f"/api/v1/served-requests/{whole.request.pk}/proof" in after


def test_requests_are_found_by_every_id_and_digest(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)
    other = desk.record(whole.deployment, sequence=1, response_id="chatcmpl-2")

    def shown(term: str) -> set[object]:
        return set(
            client.get(reverse("admin:audit_servedrequest_changelist"), {"q": term}).context["page"].rows
        )

    for term in ("chatcmpl-1", "req-0", str(whole.request.pk)):
        assert shown(term) == {whole.request}, term
    for term in (whole.deployment.deployment_digest, whole.version.model_digest):
        assert shown(term) == {other, whole.request}, term
    assert shown("chatcmpl") == set()


def test_the_search_goes_straight_to_the_only_hit(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)
    find = reverse("admin:find")

    assert client.get(find, {"q": "chatcmpl-1"})["Location"] == reverse(
        "admin:audit_servedrequest_change", args=[whole.request.pk]
    )
    assert client.get(find, {"q": whole.version.manifest_digest})["Location"] == reverse(
        "admin:registry_modelversion_change", args=[whole.version.pk]
    )
    several = client.get(find, {"q": whole.version.model_digest})
    assert several.context["versions"] == [whole.version]
    assert several.context["requests"] == [whole.request]
    assert "Nothing was found" in client.get(find, {"q": "nothing"}).content.decode()


def test_the_decisions_log_shows_places_and_leaves(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)
    page = client.get(reverse("admin:audit_decisionentry_changelist"))
    assert {row.place.state for row in page.context["page"].rows} == {"pending"}

    logs.sequence_all(Log.DECISIONS)
    page = client.get(
        reverse("admin:audit_decisionentry_changelist"), {"event": "registry.approval.approved"}
    )
    [row] = page.context["page"].rows
    leaf = client.get(reverse("admin:audit_decisionentry_change", args=[row.pk])).content.decode()

    assert row.place.state == "in tree"
    assert f"approval:{whole.approval.pk}" in leaf
    assert "modelcustody/decision/v1" in leaf


def test_a_gap_is_shown_until_a_late_batch_closes_it(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)
    address = reverse("admin:audit_sequencegap_changelist")
    desk.record(whole.deployment, sequence=3, response_id="chatcmpl-4")

    missing = client.get(address).content.decode()
    desk.record(whole.deployment, sequence=1, response_id="chatcmpl-2")
    desk.record(whole.deployment, sequence=2, response_id="chatcmpl-3")
    closed = client.get(address).content.decode()

    assert "1 to 2" in missing
    assert "missing</span>" in missing
    assert "arrived late" in closed


def test_a_list_of_requests_takes_as_many_queries_for_many_as_for_one(
    whole: Desk, django_assert_max_num_queries: object
) -> None:
    client, _ = desk.client(Role.AUDITOR)
    for number in range(1, 8):
        desk.record(whole.deployment, sequence=number, response_id=f"chatcmpl-{number + 1}")

    for name in ("audit_servedrequest", "audit_deployment", "audit_decisionentry"):
        with django_assert_max_num_queries(16):  # type: ignore[operator]
            client.get(reverse(f"admin:{name}_changelist"))
