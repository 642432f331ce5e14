"""Documents of evidence over REST and on their pages: in as a form or as bytes, and out only as a file to save."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from governance.permissions import Role, Scope
from registry.formats.evidence import MAX_BYTES
from registry.models import EvidenceDocument
from tests import factories
from tests.rest import as_, person, problem

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/evidence-documents"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 8


def send(
    client: Client, content: bytes, *, name: str = "users.csv", kind: str = "text/csv", **more: Any
) -> Any:
    return client.post(ADDRESS, {"content": SimpleUploadedFile(name, content, content_type=kind), **more})


def test_a_document_comes_in_as_a_form_and_is_listed() -> None:
    officer = person(Role.OFFICER)

    made = send(officer, b"month,users\n")
    again = send(officer, b"month,users\n", name="other.csv")

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    assert {"name": "users.csv", "media_type": "text/csv", "size": 12}.items() <= made.json().items()
    auditor = person(Role.AUDITOR)
    assert auditor.get(ADDRESS).json()["results"] == [made.json()]
    assert auditor.get(f"{ADDRESS}?sha256={'0' * 64}").json()["results"] == []
    assert auditor.get(f"{ADDRESS}/{made.json()['id']}").json() == made.json()


def test_a_document_comes_in_as_plain_bytes() -> None:
    officer = person(Role.OFFICER)

    made = officer.post(f"{ADDRESS}?name=shown.png", PNG, content_type="image/png")

    assert made.status_code == 201, made.content
    assert (made.json()["name"], made.json()["size"]) == ("shown.png", len(PNG))
    problem(officer.post(ADDRESS, PNG, content_type="image/png"), 422, "invalid_input", "name")
    problem(
        officer.post(f"{ADDRESS}?name=a&folder=b", PNG, content_type="image/png"),
        422,
        "invalid_input",
        "folder",
    )
    json = officer.post(f"{ADDRESS}?name=a.json", b'{"a": 1}', content_type="application/json")
    assert (json.status_code, json.json()["media_type"]) == (201, "application/json")


def test_what_is_refused() -> None:
    officer = person(Role.OFFICER)

    problem(
        send(officer, b"<svg/>", name="a.svg", kind="image/svg+xml"), 422, "document_refused", "media_type"
    )
    problem(send(officer, b"GIF89a", name="a.png", kind="image/png"), 422, "document_refused", "content")
    problem(send(officer, b""), 422, "document_refused", "content")
    problem(send(officer, b"x", other="y"), 422, "invalid_input", "other")
    problem(officer.post(ADDRESS, {"name": "x"}), 422, "invalid_input", "content")
    problem(send(person(Role.AUDITOR), b"x"), 403, "forbidden")
    problem(Client().get(ADDRESS), 401, "authentication_required")
    assert not EvidenceDocument.objects.exists()


def test_what_is_too_large(settings: Any) -> None:
    officer = person(Role.OFFICER)
    problem(send(officer, b"x" * (MAX_BYTES + 1)), 422, "document_refused", "content")
    problem(
        officer.post(f"{ADDRESS}?name=x.txt", b"x" * (MAX_BYTES + 1), content_type="text/plain"),
        413,
        "too_large",
    )
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    problem(send(officer, b"x" * 1001), 413, "too_large")
    assert not EvidenceDocument.objects.exists()


def test_a_file_that_is_over_the_limit_is_refused_on_any_page(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = Client().post(reverse("admin:login"), {"x": SimpleUploadedFile("x", b"x" * 2000)})

    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    "address", ["/api/v1/evidence-documents/{}/content", "/admin/registry/evidencedocument/{}/file/"]
)
def test_a_document_goes_out_as_a_file_to_save(address: str) -> None:
    row = factories.document(content=b"<script>alert(1)</script>", name='b"\u202e.html')

    answer = person(Role.AUDITOR).get(address.format(row.pk))

    assert answer.status_code == 200
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="b .html.txt"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_documents_are_not_for_tokens_that_register() -> None:
    row = factories.document()
    for scope, status in ((Scope.READ, 200), (Scope.REGISTER, 403)):
        _, token = factories.api_token(scope)
        answer = Client().get(f"{ADDRESS}/{row.pk}/content", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status


def test_pages_show_a_picture_as_one_and_text_never() -> None:
    reader = as_(factories.user(Role.AUDITOR))
    picture = factories.document(content=PNG, name="a.png", media_type="image/png")
    text = factories.document(content=b"<b>not shown</b>")

    page = reader.get(reverse("admin:registry_evidencedocument_change", args=[picture.pk])).content.decode()
    other = reader.get(reverse("admin:registry_evidencedocument_change", args=[text.pk])).content.decode()
    listed = reader.get(reverse("admin:registry_evidencedocument_changelist"), {"q": picture.sha256[:12]})

    assert "<img" in page
    assert "<img" not in other
    assert "not shown" not in other
    assert "a.png" in listed.content.decode()
    assert "evidence.txt" not in listed.content.decode()
    assert reader.get("/admin/registry/evidencedocument/999999/file/").status_code == 404
