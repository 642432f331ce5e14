"""Each role at each page: shown, or refused with 403."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import DecisionEntry
from governance.models import PolicyDocument
from governance.permissions import Role, Scope
from registry.models import CatalogRelease, LicenseProposal, LicenseRecord, OrganizationProfile
from tests import desk, factories, licenses, releasing
from tests.desk import Desk

pytestmark = pytest.mark.django_db

EVERYONE = set(Role)
LISTS = {
    "registry_modelversion": EVERYONE,
    "registry_approval": EVERYONE,
    "registry_admission": EVERYONE,
    "registry_quarantinerelease": EVERYONE,
    "registry_servingenvironment": EVERYONE,
    "registry_organizationprofile": EVERYONE,
    "registry_evaluation": EVERYONE,
    "registry_evidencedocument": EVERYONE,
    "registry_licenserecord": EVERYONE,
    "registry_licenseproposal": EVERYONE,
    "registry_catalogrelease": EVERYONE,
    "audit_servedrequest": EVERYONE,
    "audit_deployment": EVERYONE,
    "audit_decisionentry": EVERYONE,
    "audit_sequencegap": EVERYONE,
    "governance_policydocument": EVERYONE,
    "governance_user": {Role.ADMIN},
    "governance_apitoken": {Role.ADMIN},
}
MAKING = {
    "registry_modelversion_register": {Role.OFFICER},
    "registry_servingenvironment_define": {Role.OFFICER},
    "registry_organizationprofile_attest": {Role.OFFICER},
    "registry_licenserecord_propose": {Role.OFFICER},
    "governance_user_create": {Role.ADMIN},
    "governance_apitoken_issue": {Role.ADMIN},
    "governance_policydocument_load": {Role.ADMIN},
}
# Words that only a page with a button has; nobody who changes nothing may see one.
BUTTON_MARKS = ('class="button button-primary"', 'class="button button-danger"')


@pytest.fixture
def whole(log_folders: Path, tmp_path: Path) -> Desk:
    factories.organization()
    licenses.in_force()
    return desk.served(tmp_path / "model")


def object_pages(whole: Desk) -> dict[str, object]:
    return {
        "registry_modelversion": whole.version.pk,
        "registry_approval": whole.approval.pk,
        "registry_admission": whole.admission.pk,
        "registry_quarantinerelease": releasing.asked(releasing.quarantined(factories.resolved_version())).pk,
        "registry_servingenvironment": whole.environment.pk,
        "registry_organizationprofile": OrganizationProfile.objects.get().pk,
        "registry_evaluation": whole.approval.evaluation_id,
        "registry_evidencedocument": factories.document().pk,
        "registry_licenserecord": LicenseRecord.objects.get(license_id="mit", origin="project").pk,
        "registry_licenseproposal": LicenseProposal.objects.get().pk,
        "registry_catalogrelease": CatalogRelease.objects.order_by("pk").first().pk,
        "audit_servedrequest": whole.request.pk,
        "audit_deployment": whole.deployment.pk,
        "audit_decisionentry": DecisionEntry.objects.order_by("pk").first().pk,
        "governance_policydocument": PolicyDocument.objects.get().pk,
        "governance_user": whole.version.submitted_by.pk,
    }


@pytest.mark.parametrize("role", Role)
def test_lists_are_shown_to_those_who_may_read_them(role: Role) -> None:
    client, _ = desk.client(role)

    for name, readers in LISTS.items():
        answer = client.get(reverse(f"admin:{name}_changelist"))

        assert answer.status_code == (200 if role in readers else 403), name


@pytest.mark.parametrize("role", Role)
def test_rows_are_shown_to_those_who_may_read_them(role: Role, whole: Desk) -> None:
    client, _ = desk.client(role)
    pages = object_pages(whole)
    token = factories.api_token(Scope.ADMISSION)[0]
    pages["governance_apitoken"] = token.pk

    for name, pk in pages.items():
        answer = client.get(reverse(f"admin:{name}_change", args=[pk]))

        assert answer.status_code == (200 if role in LISTS[name] else 403), name


@pytest.mark.parametrize("role", Role)
def test_new_things_are_made_by_those_who_may(role: Role) -> None:
    client, _ = desk.client(role)

    for name, makers in MAKING.items():
        expected = 200 if role in makers else 403

        assert client.get(reverse(f"admin:{name}")).status_code == expected, name
        assert client.post(reverse(f"admin:{name}"), {}).status_code == (422 if role in makers else 403), name


def test_an_auditor_sees_no_button_anywhere(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)
    addresses = [
        reverse(f"admin:{name}_changelist") for name, readers in LISTS.items() if Role.AUDITOR in readers
    ]
    addresses += [
        reverse(f"admin:{name}_change", args=[pk])
        for name, pk in object_pages(whole).items()
        if Role.AUDITOR in LISTS[name]
    ]

    for address in [*addresses, reverse("admin:index")]:
        page = client.get(address).content.decode()

        assert not any(mark in page for mark in BUTTON_MARKS), address
        posted = [form for form in page.split("<form")[1:] if 'method="post"' in form]
        assert all("logout" in form for form in posted), address


@pytest.mark.parametrize("page", ["9999999", "99999999999999999999", "nonsense"])
def test_what_does_not_exist_is_not_found(page: str) -> None:
    client, _ = desk.client(Role.AUDITOR)

    for name in ("registry_modelversion", "registry_admission", "audit_servedrequest"):
        assert client.get(reverse(f"admin:{name}_change", args=[page])).status_code == 404


def test_strangers_are_sent_to_the_login() -> None:
    answer = Client().get(reverse("admin:registry_modelversion_changelist"))

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("admin:login"))


def test_djangos_own_forms_are_not_routed(whole: Desk) -> None:
    client, _ = desk.client(Role.OFFICER)
    page = reverse("admin:registry_modelversion_change", args=[whole.version.pk])

    for tail in ("delete/", "history/", "change/"):
        assert client.get(page + tail).status_code == 404
    assert client.post(page, {"status": "revoked"}).status_code in {200, 405}
    whole.version.refresh_from_db()
    assert whole.version.status == "resolved"
