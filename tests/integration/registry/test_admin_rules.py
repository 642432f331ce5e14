"""Registering, environments and facts: forms that call one action and show refusals at the field."""

from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.html import escape
from pytest_django.fixtures import Settings

from governance.permissions import Role
from registry.models import ModelVersion, ServingEnvironment
from registry.sources import parse
from tests import decisions, desk, factories, folders

pytestmark = pytest.mark.django_db


def test_an_officer_registers_a_folder(tmp_path: Path) -> None:
    client, officer = desk.client(Role.OFFICER)
    folders.write(tmp_path / "model", folders.model_files())

    answer = client.post(
        reverse("admin:registry_modelversion_register"),
        {"source": f"folder://{tmp_path / 'model'}", "revision": "", "name": "acme/model"},
        follow=True,
    )

    version = ModelVersion.objects.get()
    assert version.submitted_by == officer
    assert answer.redirect_chain == [(reverse("admin:registry_modelversion_change", args=[version.pk]), 302)]
    assert "is registered" in answer.content.decode()
    assert decisions.about(f"model-version:{version.pk}")[0]["event"] == "registry.version.drafted"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"source": "", "name": ""}, "source"),
        ({"source": "ftp://x", "name": "a/b"}, "source"),
        ({"source": "folder:///does/not/exist", "name": "a/b"}, "source"),
        ({"source": "hf://no-name", "name": ""}, "source"),
        ({"source": "folder:///", "name": ""}, "name"),
        ({"source": "folder:///", "name": "no slash"}, "name"),
        ({"kind": "http", "source": "example.org/SUMS", "name": "a/b"}, "source"),
        ({"kind": "ollama", "source": "/", "name": ""}, "revision"),
        ({"kind": "file", "source": "/nothing.gguf", "name": "a/b"}, "source"),
        ({"kind": "nothing", "source": "a/b", "name": ""}, "kind"),
    ],
)
def test_a_bad_source_is_refused_at_its_field(values: dict[str, str], field: str) -> None:
    client, _ = desk.client(Role.OFFICER)

    answer = client.post(reverse("admin:registry_modelversion_register"), {"revision": "", **values})

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == [field]
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert ModelVersion.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "kind", "location"),
    [
        ({"kind": "hub", "source": " acme/model "}, "hub", "acme/model"),
        ({"kind": "", "source": "acme/model"}, "hub", "acme/model"),
        ({"kind": "hub", "source": "s3://models/x", "name": "acme/m"}, "s3", "models/x"),
        ({"kind": "s3", "source": "models/x", "name": "acme/m"}, "s3", "models/x"),
        ({"kind": "http", "source": "example.org/S", "name": "acme/m"}, "http", "https://example.org/S"),
        ({"kind": "folder", "source": "{}", "name": "acme/m"}, "folder", "{}"),
        ({"kind": "ollama", "source": "{}", "revision": "llama3.2"}, "ollama", "{}"),
    ],
)
def test_a_source_is_chosen_and_written_in_short_or_in_full(
    settings: Settings, tmp_path: Path, values: dict[str, str], kind: str, location: str
) -> None:
    settings.SOURCE_HOSTS = ["example.org"]
    client, _ = desk.client(Role.OFFICER)
    sent = {"revision": "", "name": "", **values}
    sent["source"] = sent["source"].replace("{}", str(tmp_path))

    client.post(reverse("admin:registry_modelversion_register"), sent)

    version = ModelVersion.objects.get()
    assert (version.source_kind, version.location) == (kind, location.replace("{}", str(tmp_path)))


def test_every_kind_of_source_is_shown_with_how_it_is_written() -> None:
    client, _ = desk.client(Role.OFFICER)

    text = client.get(reverse("admin:registry_modelversion_register")).content.decode()

    for form, what in parse.FORMS.values():
        assert form in text
        assert escape(what) in text


def test_an_environment_is_defined_and_defined_anew() -> None:
    client, _ = desk.client(Role.OFFICER)
    values = {
        "name": "production",
        "description": "",
        "regions": "eu-central, eu-west",
        "use.role": "licensee",
        "use.commercial": "yes",
        "use.served_territories": "Germany, fr",
        "use.use_case_tags": ["translation", "search"],
    }

    client.post(reverse("admin:registry_servingenvironment_define"), values)
    row = ServingEnvironment.objects.get()
    change = reverse("admin:registry_servingenvironment_act", args=[row.pk, "redefine"])
    client.post(change, {**values, "name": "other", "regions": ""})

    row.refresh_from_db()
    assert (row.name, row.regions) == ("production", [])
    assert row.use == {
        "role": "licensee",
        "commercial": True,
        "served_territories": ["DE", "FR"],
        "use_case_tags": ["search", "translation"],
    }
    assert len(decisions.about("environment:production")) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("use.role", "owner"),
        ("use.served_territories", "Atlantis"),
        ("use.use_case_tags", "gossip"),
        ("use.commercial", "perhaps"),
        ("name", "No Spaces"),
        ("regions", "eu,eu"),
    ],
)
def test_a_bad_use_is_refused_at_its_field(name: str, value: str) -> None:
    client, _ = desk.client(Role.OFFICER)

    answer = client.post(
        reverse("admin:registry_servingenvironment_define"),
        {"name": "production", "description": "", "regions": "", name: value},
    )

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == [name]
    assert ServingEnvironment.objects.count() == 0


def test_a_use_is_said_in_words_while_it_is_typed() -> None:
    client, _ = desk.client(Role.OFFICER)
    address = reverse("admin:registry_servingenvironment_words")

    said = client.post(
        address, {"use.hosting": "public_api", "use.served_territories": "EU, US"}
    ).content.decode()

    assert "others reach it through a public API" in said.replace("Others", "others")
    assert "the European Union, United States" in said
    assert client.get(address).status_code == 405
    assert desk.client(Role.AUDITOR)[0].post(address, {}).status_code == 403


def test_a_tag_from_before_stays_and_says_what_it_means() -> None:
    client, officer = desk.client(Role.OFFICER)
    row = factories.environment(use={"use_case_tags": ["gossip"]}, defined_by=officer)
    change = reverse("admin:registry_servingenvironment_act", args=[row.pk, "redefine"])

    page = client.get(change).content.decode()
    client.post(change, {"use.use_case_tags": ["gossip", "search"]})

    row.refresh_from_db()
    assert "Not in the vocabulary" in page
    assert row.use == {"use_case_tags": ["gossip", "search"]}
