"""Two versions side by side: over REST and on the page."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from governance.permissions import Role
from registry.models import ModelVersion
from tests import desk, factories, folders, intake, rest

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(tmp_path: Path) -> tuple[ModelVersion, ModelVersion]:
    changes: dict[str, bytes | None] = {
        "config_json": b'{"architectures": ["LlamaForCausalLM"], "model_type": "<mistral>"}',
        "model_safetensors": folders.weights("model.weight", "model.new"),
        "LICENSE": None,
    }
    return intake.resolved(tmp_path / "one"), intake.resolved(tmp_path / "two", **changes)


def test_rest_says_what_differs(pair: tuple[ModelVersion, ModelVersion]) -> None:
    before, after = pair

    body = rest.person(Role.AUDITOR).get(f"/api/v1/model-versions/{after.pk}/diff?against={before.pk}").json()

    assert (body["before"], body["after"]) == (before.pk, after.pk)
    assert {change["path"]: change["what"] for change in body["files"]} == {
        "LICENSE": "removed",
        "config.json": "changed",
        "model.safetensors": "changed",
    }
    assert body["configuration"][0]["members"]["changes"] == [
        {"member": "model_type", "before": '"llama"', "after": '"<mistral>"'}
    ]
    assert body["tensors"]["counts"]["added"] == 1
    assert body["tensors"]["changes"][0]["name"] == "model.new"
    assert body["unread"] == []


def test_rest_says_what_it_could_not_look_at(pair: tuple[ModelVersion, ModelVersion]) -> None:
    before, after = pair
    (Path(after.location) / "config.json").write_bytes(b"{}")

    body = rest.person(Role.OFFICER).get(f"/api/v1/model-versions/{after.pk}/diff?against={before.pk}").json()

    assert body["unread"] == [
        {"side": "after", "path": "config.json", "why": "the stored copy is not the file that was registered"}
    ]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "invalid_input"),
        ("?against=x", 422, "invalid_input"),
        ("?against=99999999", 422, "invalid_input"),
        ("?against=1&other=2", 422, "invalid_input"),
    ],
)
def test_rest_refuses_what_names_no_version(
    pair: tuple[ModelVersion, ModelVersion], query: str, status: int, code: str
) -> None:
    answer = rest.person(Role.OFFICER).get(f"/api/v1/model-versions/{pair[0].pk}/diff{query}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["field"] in {"against", "other"}


def test_a_draft_has_nothing_to_compare(pair: tuple[ModelVersion, ModelVersion], tmp_path: Path) -> None:
    folders.write(tmp_path / "draft", folders.model_files())
    draft = intake.registered(tmp_path / "draft")

    for one, other in ((draft, pair[0]), (pair[0], draft)):
        answer = rest.person(Role.OFFICER).get(f"/api/v1/model-versions/{one.pk}/diff?against={other.pk}")
        rest.problem(answer, 409, "not_resolved")


def page(version: ModelVersion, **query: object) -> str:
    client: Client = desk.client(Role.AUDITOR)[0]
    answer = client.get(reverse("admin:registry_modelversion_diff", args=[version.pk]), query)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_page_shows_both_sides(pair: tuple[ModelVersion, ModelVersion]) -> None:
    before, after = pair

    shown = page(after, against=before.pk)

    assert "&quot;&lt;mistral&gt;&quot;" in shown
    assert "<mistral>" not in shown
    assert "model.new" in shown
    assert "<del>MIT License</del>" in shown
    assert f"{reverse('admin:registry_modelversion_diff', args=[before.pk])}?against={after.pk}" in shown


def test_the_page_asks_what_to_compare_with(pair: tuple[ModelVersion, ModelVersion]) -> None:
    before, after = pair

    assert f'<option value="{before.pk}">' in page(after)
    assert "There is no such version" in page(after, against="7' or 1")
    assert "There is no such version" in page(after, against=after.pk)


def test_the_page_is_empty_where_there_is_nothing_else(tmp_path: Path) -> None:
    assert "nothing to compare with yet" in page(intake.resolved(tmp_path / "one"))
    assert "has no files yet" in page(factories.draft_version())
