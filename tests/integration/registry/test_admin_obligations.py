"""The pages of obligations: the list and its views, one obligation and its forms, blocks on other pages, notices."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from modelcustody_client import archive

from governance.models import User
from governance.permissions import Role
from registry.actions import obligation_work, obligations
from registry.models import ModelVersion, ObligationEvidence, ObligationTask
from tests import desk as pages
from tests import factories
from tests.obligations import PNG, finish, prove, sharing_desk, task_of_kind, tasks
from tests.rest import as_, now
from tests.reviewing import Desk, policy_text

pytestmark = pytest.mark.django_db
LIST = "admin:registry_obligationtask_changelist"


@pytest.fixture
def desk() -> Desk:
    return sharing_desk()


def act(client: Client, task: ObligationTask, name: str, **values: Any) -> Any:
    return client.post(reverse("admin:registry_obligationtask_act", args=[task.pk, name]), values)


def page(client: Client, task: ObligationTask) -> str:
    return client.get(reverse("admin:registry_obligationtask_change", args=[task.pk])).content.decode()


def shown(client: Client, query: str = "") -> list[ObligationTask]:
    rows: list[ObligationTask] = client.get(f"{reverse(LIST)}{query}").context["page"].rows
    return rows


def late(desk: Desk, **fields: Any) -> ObligationTask:
    days = {"opened_at": now() - timedelta(days=40), "due_on": (now() - timedelta(days=10)).date()}
    return task_of_kind("statement", desk=desk, obligation_id="late", **{**days, **fields})


# -- the list -------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_how_work_comes_about() -> None:
    client, _ = pages.client(Role.OFFICER)

    assert (
        "Obligations become work when approval of a use is requested."
        in client.get(reverse(LIST)).content.decode()
    )


def test_the_most_pressing_comes_first_and_says_so_in_words(desk: Desk) -> None:
    desk.request()
    done = tasks(desk)[0]
    finish(done, desk.officer)
    task = late(desk)
    client = as_(desk.officer.user)

    found = shown(client)

    assert (found[0], found[-1].pk) == (task, done.pk)
    html = client.get(reverse(LIST)).content.decode()
    assert "overdue by 10 days" in html
    assert html.index("overdue by 10 days") < html.index("due in ")


def test_the_list_is_looked_at_in_four_ways(desk: Desk) -> None:
    desk.request()
    other = factories.user(Role.OFFICER)
    mine = late(desk, owner=other)
    client = as_(other)

    views = {view["label"]: view for view in client.get(reverse(LIST)).context["views"]}

    assert list(views) == ["Mine", "Open", "Overdue", "All"]
    assert (
        shown(client, f"?{views['Mine']['query']}")
        == [mine]
        == shown(client, f"?{views['Overdue']['query']}")
    )
    assert views["Open"]["count"] == len(shown(client, "?state=open")) == ObligationTask.objects.count()
    assert {task.license_id for task in shown(client, "?license=apache-2.0")} == {"apache-2.0"}
    assert len(shown(client, f"?environment={desk.environment.pk}")) == ObligationTask.objects.count()
    assert shown(client, "?q=nothing-like-this") == []


@pytest.mark.parametrize("number", [1, 6])
def test_the_list_takes_as_many_queries_for_many_as_for_one(
    desk: Desk, number: int, django_assert_num_queries: Any
) -> None:
    for place in range(number):
        task_of_kind("url", desk=desk, obligation_id=f"one-{place}")
    client = as_(desk.officer.user)

    with django_assert_num_queries(16):
        client.get(reverse(LIST))


def test_the_menu_and_the_start_page_count_what_waits(desk: Desk) -> None:
    late(desk)

    html = as_(desk.officer.user).get(reverse("admin:index")).content.decode()

    assert "are yours to meet" in html
    assert "Overdue obligations" in html
    assert "of 1 that are open" in html


# -- one obligation -------------------------------------------------------------------------------------------------


def test_the_page_says_what_to_do_why_and_what_shows_it(desk: Desk) -> None:
    desk.request()
    task = next(one for one in tasks(desk) if one.obligation_id == "licence-copy")

    html = page(as_(desk.officer.user), task)

    assert "Give recipients a copy of the Apache License 2.0" in html
    assert "§4(a), §4(c)" in html
    assert "A file of the release: its path and its SHA-256" in html
    assert "None yet." in html
    assert "To complete it, first add the evidence that it asks for." in html
    assert "registry.obligation.opened" in html


def test_a_screenshot_is_uploaded_and_shown(desk: Desk) -> None:
    task, client = task_of_kind("screenshot", desk=desk), as_(desk.officer.user)
    form = client.get(
        reverse("admin:registry_obligationtask_act", args=[task.pk, "evidence"])
    ).content.decode()
    assert 'enctype="multipart/form-data"' in form

    act(
        client,
        task,
        "evidence",
        url="https://example.org/about",
        shown_on=now().date().isoformat(),
        file=SimpleUploadedFile("about.png", PNG, "image/png"),
        note="Bottom of the page.",
    )
    act(client, task, "complete", note="")

    task.refresh_from_db()
    row = ObligationEvidence.objects.get()
    assert (task.status, row.kind, row.document.name) == ("done", "screenshot", "about.png")  # type: ignore[union-attr]
    html = page(client, task)
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "evidence-picture" in html
    assert "Add evidence" in html
    assert "Complete<" not in html


def test_an_address_with_a_picture_counts_as_a_screenshot(desk: Desk) -> None:
    task = task_of_kind("url", desk=desk)
    file = SimpleUploadedFile("about.png", PNG, "image/png")
    day = now().date().isoformat()

    act(as_(desk.officer.user), task, "evidence", url="https://example.org/", shown_on=day, file=file)

    assert ObligationEvidence.objects.get().kind == "screenshot"


def test_the_digest_of_a_release_file_is_computed_and_the_file_let_go(desk: Desk) -> None:
    task = task_of_kind("release_file", desk=desk)

    act(as_(desk.officer.user), task, "evidence", file=SimpleUploadedFile("NOTICE", b"a notice\n"))

    row = ObligationEvidence.objects.get()
    assert (row.kind, row.path, row.document) == ("release_file", "NOTICE", None)
    assert row.sha256 == factories.sha256("a notice\n")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("release_file", {"path": "NOTICE", "sha256": "0" * 64}, "release_file"),
        ("statement", {"note": "I looked."}, "statement"),
        ("url", {"url": "https://example.org/", "shown_on": "2026-01-01"}, "url"),
    ],
)
def test_evidence_without_a_file(desk: Desk, kind: str, values: dict[str, str], expected: str) -> None:
    answer = act(as_(desk.officer.user), task_of_kind(kind, desk=desk), "evidence", **values)

    assert answer.status_code == 302
    assert ObligationEvidence.objects.get().kind == expected


def test_a_document_or_a_name_is_evidence_too(desk: Desk) -> None:
    client, model = as_(desk.officer.user), factories.registered_model(name="Llama-own")
    file = SimpleUploadedFile("receipt.pdf", b"%PDF-1.7 a receipt", "application/pdf")

    act(client, task_of_kind("document", desk=desk), "evidence", file=file)
    named = task_of_kind("published_name", desk=desk)
    form = client.get(
        reverse("admin:registry_obligationtask_act", args=[named.pk, "evidence"])
    ).content.decode()
    act(client, named, "evidence", published_name=str(model))

    assert f'<option value="{model}">' in form
    assert sorted(ObligationEvidence.objects.values_list("kind", flat=True)) == ["document", "published_name"]


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("url", {"url": "http://example.org/", "shown_on": "2026-01-01"}, "url"),
        ("url", {"url": "https://example.org/", "shown_on": "2999-01-01"}, "shown_on"),
        ("screenshot", {"url": "https://example.org/", "shown_on": "2026-01-01"}, "file"),
        ("statement", {}, "note"),
        ("release_file", {"path": "NOTICE"}, "sha256"),
        ("published_name", {"published_name": "acme/unheard-of"}, "published_name"),
        ("document", {}, "file"),
    ],
)
def test_bad_evidence_is_refused_at_its_field(
    desk: Desk, kind: str, values: dict[str, str], field: str
) -> None:
    answer = act(as_(desk.officer.user), task_of_kind(kind, desk=desk), "evidence", **values)

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == [field]
    assert ObligationEvidence.objects.count() == 0


def test_a_refused_upload_keeps_no_document(desk: Desk) -> None:
    file = SimpleUploadedFile("about.png", b"no picture", "image/png")

    answer = act(
        as_(desk.officer.user),
        task_of_kind("screenshot", desk=desk),
        "evidence",
        url="https://example.org/",
        shown_on="2026-01-01",
        file=file,
    )

    assert answer.status_code == 409
    assert "are not those of image/png" in answer.content.decode()


def test_earlier_evidence_is_offered_and_carried_over(desk: Desk) -> None:
    earlier = task_of_kind("url", desk=desk, purpose="earlier")
    row = prove(earlier, desk.officer)
    task, client = task_of_kind("url", desk=desk), as_(desk.officer.user)
    assert "Use earlier evidence" in page(client, task)
    form = client.get(reverse("admin:registry_obligationtask_act", args=[task.pk, "carry"])).content.decode()
    assert "https://example.org/about, seen 2026-11-22" in form

    act(client, task, "carry", evidence=row.pk, note="Still there.")

    assert task.evidence.get().carried_from == row
    html = page(client, task)
    assert "Carried over from" in html
    assert "Use earlier evidence" not in html


def test_work_is_assigned_to_an_officer(desk: Desk) -> None:
    task, other = task_of_kind("url", desk=desk), factories.user(Role.OFFICER)
    day = (now() + timedelta(days=4)).date()

    act(as_(desk.officer.user), task, "assign", owner=other.pk, due_on=day.isoformat())
    refused = act(as_(desk.officer.user), task, "assign", owner=desk.reviewer.user.pk, due_on=day.isoformat())

    task.refresh_from_db()
    assert (task.owner, task.due_on) == (other, day)
    assert list(refused.context["form"].errors) == ["owner"]


def test_a_reviewer_waives_what_is_not_their_own(desk: Desk) -> None:
    task = task_of_kind("url", desk=desk)
    own = task_of_kind("statement", desk=desk, owner=desk.reviewer.user)
    client = as_(desk.reviewer.user)
    assert "another reviewer decides whether it is waived" in page(client, own)
    assert act(client, own, "waive", reason="x").status_code == 409

    act(client, task, "waive", reason="The page is internal.")

    task.refresh_from_db()
    assert task.status == "waived"
    html = page(client, task)
    assert "Why it was waived:</b> The page is internal." in html


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        (Role.OFFICER, {"Add evidence", "Assign", "Complete"}),
        (Role.REVIEWER, {"Waive"}),
        (Role.AUDITOR, set()),
        (Role.ADMIN, set()),
    ],
)
def test_the_buttons_follow_the_role(desk: Desk, role: Role, labels: set[str]) -> None:
    task = task_of_kind("url", desk=desk)
    client, _ = pages.client(role)

    answer = client.get(reverse("admin:registry_obligationtask_change", args=[task.pk]))

    assert {button.action.label for button in answer.context["buttons"]} == labels


def test_a_lapsed_obligation_says_why(desk: Desk) -> None:
    desk.request()
    task = tasks(desk)[0]
    empty = factories.evaluation(desk.version, desk.environment)
    obligations.open_tasks(evaluation=empty, actor="system:reevaluation", now=now())

    html = page(as_(desk.officer.user), task)

    assert "The licence no longer asks for it in this use." in html
    assert "Add evidence</a>" not in html


# -- on other pages -------------------------------------------------------------------------------------------------


def test_a_version_shows_the_work_of_each_use_with_a_bar(desk: Desk) -> None:
    desk.request()
    task_of_kind("url", desk=desk)
    first, second, *_ = tasks(desk)
    finish(first, desk.officer)
    obligation_work.waive(task=second, reason="x", actor=desk.reviewer, now=now())

    html = (
        as_(desk.officer.user)
        .get(reverse("admin:registry_modelversion_change", args=[desk.version.pk]))
        .content.decode()
    )

    total = len(tasks(desk))
    assert f"2 of {total} settled: 1 done, 1 waived, {total - 2} open" in html
    assert 'role="img" aria-label="Obligations for assistant in' in html


def test_a_version_without_work_says_when_there_will_be_some(desk: Desk) -> None:
    client = as_(desk.officer.user)

    html = client.get(reverse("admin:registry_modelversion_change", args=[desk.version.pk])).content.decode()

    assert "No work yet." in html


def test_an_approval_says_which_obligations_come_first() -> None:
    desk = sharing_desk(policy=policy_text(obligations='"required"\nrequire_done = ["licence-copy"]'))
    approval = desk.request()
    wanted = next(task for task in tasks(desk) if task.obligation_id == "licence-copy")
    address = reverse("admin:registry_approval_change", args=[approval.pk])
    client = as_(desk.reviewer.user)

    before = client.get(address)
    finish(wanted, desk.officer)
    after = client.get(address)

    assert "The policy wants these done or waived before this is approved" in before.content.decode()
    assert [item["task"] for item in before.context["work"]["first"]] == [wanted.pk]
    assert after.context["work"]["first"] == []
    assert f"1 of {len(tasks(desk))} settled" in after.content.decode()


def test_approving_too_early_is_refused_on_the_page() -> None:
    desk = sharing_desk(policy=policy_text(obligations='"required"'))
    approval = desk.request(now=now(), expires_at=now() + timedelta(days=30))

    answer = as_(desk.reviewer.user).post(
        reverse("admin:registry_approval_act", args=[approval.pk, "approve"]), {"note": ""}
    )

    assert answer.status_code == 409


# -- notices --------------------------------------------------------------------------------------------------------


def on_disk(folder: Path, **fields: Any) -> ModelVersion:
    files = {"LICENSE": b"terms\n", "model.safetensors": b"weights"}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return factories.resolved_version(files, location=str(folder), **fields)


def someone() -> tuple[Client, User]:
    return pages.client(Role.AUDITOR)


def test_versions_are_chosen_in_the_list(tmp_path: Path) -> None:
    row = on_disk(tmp_path)

    html = someone()[0].get(reverse("admin:registry_modelversion_changelist")).content.decode()

    assert f'name="version" value="{row.pk}" aria-label="Choose {row}"' in html
    assert f'action="{reverse("admin:registry_modelversion_notices")}"' in html


def test_the_page_shows_what_the_pack_says_and_makes_it(tmp_path: Path) -> None:
    first = on_disk(tmp_path / "a", license_id="llama-3.3")
    second = on_disk(tmp_path / "b", license_id="apache-2.0")
    client, _ = someone()
    address = reverse("admin:registry_modelversion_notices")

    html = client.get(f"{address}?version={first.pk}&version={second.pk}").content.decode()
    answer = client.post(address, {"version": [first.pk, second.pk]})

    assert "Built with Llama" in html
    assert "To be added by hand" in html
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert f"models/{second.pk}/snapshot/LICENSE" in archive.Archive(io.BytesIO(answer.content)).members


def test_the_page_without_versions_says_how_to_choose_some() -> None:
    client, _ = someone()
    address = reverse("admin:registry_modelversion_notices")

    assert "No version is chosen." in client.get(address).content.decode()
    assert "No version is chosen." in client.get(f"{address}?version=x&version={'9' * 40}").content.decode()
    assert client.get(f"{address}?version=999999").status_code == 422


def test_a_pack_from_changed_files_is_refused_on_the_page(tmp_path: Path) -> None:
    row = on_disk(tmp_path)
    (tmp_path / "LICENSE").write_bytes(b"other\n")
    client, _ = someone()

    answer = client.post(reverse("admin:registry_modelversion_notices"), {"version": row.pk})

    assert answer.status_code == 409
    assert "is not the file that was registered" in answer.content.decode()
