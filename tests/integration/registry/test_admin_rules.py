"""Registering, environments and facts: forms that call one action and show refusals at the field."""

from pathlib import Path

import pytest
from django.urls import reverse

from governance.permissions import Role
from registry.models import ModelVersion, OrganizationProfile, ServingEnvironment
from tests import decisions, desk, folders

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
    ],
)
def test_a_bad_source_is_refused_at_its_field(values: dict[str, str], field: str) -> None:
    client, _ = desk.client(Role.OFFICER)

    answer = client.post(reverse("admin:registry_modelversion_register"), {"revision": "", **values})

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == [field]
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert ModelVersion.objects.count() == 0


def test_an_environment_is_defined_and_defined_anew() -> None:
    client, _ = desk.client(Role.OFFICER)
    values = {
        "name": "production",
        "description": "",
        "regions": "eu-central, eu-west",
        "use": '{"role": "licensee"}',
    }

    client.post(reverse("admin:registry_servingenvironment_define"), values)
    row = ServingEnvironment.objects.get()
    change = reverse("admin:registry_servingenvironment_act", args=[row.pk, "redefine"])
    client.post(change, {**values, "name": "other", "regions": ""})

    row.refresh_from_db()
    assert (row.name, row.regions) == ("production", [])
    assert len(decisions.about("environment:production")) == 2


@pytest.mark.parametrize("use", ["{", '{"role": "owner"}', '{"unheard_of": 1}'])
def test_a_bad_use_is_refused_at_its_field(use: str) -> None:
    client, _ = desk.client(Role.OFFICER)

    answer = client.post(
        reverse("admin:registry_servingenvironment_define"),
        {"name": "production", "description": "", "regions": "", "use": use},
    )

    assert answer.status_code in {409, 422}
    assert answer.context["form"].errors
    assert ServingEnvironment.objects.count() == 0


def test_facts_are_attested_and_the_newest_are_in_force() -> None:
    client, _ = desk.client(Role.OFFICER)
    form = reverse("admin:registry_organizationprofile_attest")

    client.post(
        form, {"facts": '{"entity_type": "company"}', "effective_at": "2026-01-01", "note": "Register."}
    )
    again = client.get(form).content.decode()
    client.post(form, {"facts": '{"entity_type": "public"}', "effective_at": "2026-02-01", "note": ""})
    page = client.get(reverse("admin:registry_organizationprofile_changelist"))

    assert "company" in again
    assert OrganizationProfile.objects.count() == 2
    assert [row.state for row in page.context["page"].rows] == ["in force", "superseded"]
