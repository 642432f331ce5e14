"""Officer, reviewer, auditor and admin walk one model through its journey in a real browser."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from audit.events import Log
from governance.actors import Actor
from governance.models import User
from governance.permissions import Role, Scope
from registry.actions import runs
from registry.models import Approval, ModelVersion
from tests import desk, factories, folders, intake, logs
from tests.browser import Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAMES = {"anna": Role.ADMIN, "olga": Role.OFFICER, "rene": Role.REVIEWER, "aude": Role.AUDITOR}


@pytest.fixture
def people(people: Callable[[str], Person], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Person]:
    """As everywhere; everyone has an account already."""
    # No broker and no workers here: the test carries out each run itself, so that it sees every stage.
    monkeypatch.setattr(runs, "_send", lambda *_: None)
    for name, role in NAMES.items():
        factories.user(role, username=name)
    return people


def test_one_model_from_its_source_to_a_served_answer(
    people: Callable[[str], Person], tmp_path: Path
) -> None:
    set_up(people("anna"), people("olga"))
    version = register(people("olga"), tmp_path / "model")
    gather_evidence(people("olga"), version)
    approval = request_approval(people("olga"), version)
    say_why(people("aude"))
    nobody_approves_their_own(people("anna"), people("olga"), approval)
    review(people("rene"), approval)
    response_id = serve(version)
    audit(people("aude"), version, response_id, tmp_path)
    look_around(people("anna"), people("olga"), people("aude"))


def test_login_refuses_and_explains(live_server: LiveServer, people: Callable[[str], Person]) -> None:
    person = people("aude")
    person.context.clear_cookies()

    person.go("/admin/login/")
    person.look("login")
    person.page.fill("#id_username", "aude")
    person.page.fill("#id_password", "wrong")
    person.page.click("button[type=submit]")

    expect(person.page.get_by_role("alert")).to_contain_text("correct username and password")


def set_up(admin: Person, officer: Person) -> None:
    """Load a policy, issue a token, attest facts, define an environment."""
    admin.look("start-empty-admin")
    admin.press("Load a policy")
    admin.page.fill("#id_text", desk.POLICY.read_text())
    admin.press("Load a new policy")
    admin.look("policy")
    officer.look("start-empty-officer")
    officer.press("Attest facts")
    officer.look("facts-form")
    officer.page.fill("[name='org.licensee_entity']", "Example GmbH")
    officer.page.select_option("[name='org.entity_type']", "company")
    officer.page.select_option("[name='org.principal_place_of_business']", "DE")
    officer.page.check("[name='org.operates_maas'][value=no]")
    officer.page.fill("[name='org.annual_revenue_usd.group']", "12,500,000")
    officer.page.fill("[name='org.mau_by_month:2024-11:all_products_incl_affiliates']", "41,000")
    paper = {"name": "register.txt", "mimeType": "text/plain", "buffer": b"HRB 12345"}
    officer.page.set_input_files("#id_uploads", [paper])
    officer.press("Attest facts")
    officer.look("facts")
    officer.page.get_by_role("link", name="register.txt").first.click()
    officer.look("evidence-document")
    officer.menu("Facts about us")
    officer.look("facts-about-us")
    officer.page.fill("#id_on", "2020-01-01")
    officer.press("Show the facts")
    officer.look("facts-of-another-day")
    officer.menu("Environments")
    officer.press("Define an environment")
    officer.page.fill("#id_name", "production")
    officer.page.fill("#id_description", "Assistants for our own staff.")
    with officer.page.expect_response(lambda answer: answer.url.endswith("/in-words/")):
        officer.page.select_option("[name='use.hosting']", "public_api")
    expect(officer.page.get_by_role("status")).to_contain_text("public API")
    officer.page.select_option("[name='use.hosting']", "none")
    officer.look("environment-form")
    officer.press("Define an environment")
    officer.look("environment")
    admin.menu("Tokens")
    admin.press("Issue a token")
    admin.page.fill("#id_name", "node-1")
    admin.page.select_option("#id_owner", label=str(User.objects.get(username="olga")))
    admin.page.check("input[name=scopes][value=admission]")
    admin.look("token-form")
    admin.press("Issue a token")
    admin.look("token-issued")
    assert "mc_" in admin.page.locator(".secret code").inner_text()


def register(officer: Person, folder: Path) -> ModelVersion:
    """Register a folder; a mistake is shown at its field."""
    folders.write(folder, folders.model_files(**desk.SOUND))
    officer.menu("Versions")
    officer.look("versions-empty")
    officer.press("Register a model")
    officer.page.fill("#id_source", f"folder://{folder}/missing")
    officer.page.fill("#id_name", "acme/assistant-7b")
    officer.press("Register a model")
    expect(officer.page.locator("#id_source_error")).to_contain_text("There is no folder")
    officer.complaints.clear()  # Chromium calls every answer above 399 an error
    officer.look("register")
    officer.page.fill("#id_source", f"folder://{folder}")
    officer.press("Register a model")
    version = ModelVersion.objects.get()
    assert f"@{version.short_revision}" in officer.text()
    officer.look("version-draft")
    return version


def gather_evidence(officer: Person, version: ModelVersion) -> None:
    """The page follows the runs by itself, with bytes done, and loads anew when they end."""
    intake.resolve_open(version)
    run = version.verificationruns.get()
    now = timezone.now()
    fields = {
        "state": "running",
        "worker": "verify@node",
        "heartbeat_at": now,
        "bytes_done": 3,
        "bytes_total": 4,
    }
    version.verificationruns.update(**fields)
    expect(officer.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75", timeout=20_000)
    officer.look("version-running")
    version.verificationruns.update(state="queued", worker="", bytes_done=0)
    run.refresh_from_db()
    intake.verify_open(version)
    intake.smoke_open(version)
    expect(officer.page.get_by_text("The evidence is complete.")).to_be_visible(timeout=20_000)
    officer.press("Evaluate the licence")
    officer.page.select_option("#id_environment", label="production")
    officer.press("Evaluate the licence")
    assert "allowed with obligations" in officer.text()
    officer.look("version-evaluated")


def request_approval(officer: Person, version: ModelVersion) -> Approval:
    officer.press("Request approval")
    officer.page.select_option("#id_environment", label="production")
    officer.page.fill("#id_note", "For the help desk; forty colleagues.")
    officer.look("approval-form")
    officer.press("Request approval")
    assert "awaiting review" in officer.text()
    approval = version.approvals.get()
    officer.press("Review the approval for assistant in production")
    expect(officer.page.get_by_role("link", name="Approve", exact=True)).to_have_count(0)
    return approval


def say_why(auditor: Person) -> None:
    """The verdict, with the facts that it was made from and where they come from."""
    auditor.menu("Licence verdicts")
    auditor.look("verdicts")
    with auditor.page.expect_navigation():
        auditor.page.locator("main tbody th a").first.click()
    auditor.look("verdict")
    assert "Facts about us that were used" in auditor.text()


def nobody_approves_their_own(admin: Person, officer: Person, approval: Approval) -> None:
    """Even someone who has become a reviewer does not decide what they asked for."""
    set_role(admin, "olga", "reviewer")
    officer.go(f"/admin/registry/approval/{approval.pk}/")
    assert "You requested this, so another reviewer decides." in officer.text()
    officer.look("approval-own")
    officer.go(f"/admin/registry/approval/{approval.pk}/approve/")
    officer.press("Approve")
    expect(officer.page.get_by_role("alert")).to_contain_text("another person must decide")
    officer.complaints.clear()
    approval.refresh_from_db()
    assert approval.status == "requested"
    set_role(admin, "olga", "officer")


def set_role(admin: Person, username: str, role: str) -> None:
    admin.menu("People")
    admin.press(username)
    admin.press("Change role or access")
    admin.page.select_option("#id_role", value=role)
    admin.press("Change role or access")
    assert "The account is changed." in admin.text()


def review(reviewer: Person, approval: Approval) -> None:
    reviewer.go("/admin/")
    reviewer.look("start")
    reviewer.menu("Approvals")
    reviewer.look("approvals")
    reviewer.press("acme/assistant-7b")
    assert "The evidence is complete and fresh" in reviewer.text()
    reviewer.look("approval-to-decide")
    reviewer.press("Approve")
    reviewer.page.fill("#id_note", "Read the checks, the answers and the licence.")
    reviewer.look("approve")
    reviewer.press("Approve")
    assert "Approved. Nodes may now ask for admission." in reviewer.text()
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by.username) == ("approved", "rene")


def serve(version: ModelVersion) -> str:
    """A node is refused once, admitted once, and records what it answers."""
    version.refresh_from_db()
    token, _ = factories.api_token(Scope.ADMISSION, Scope.RECORD, recorder=desk.RECORDER)
    node = Actor(user=token.owner, token=token)
    desk.ask(version, node, environment="production", purpose="other")
    admission = desk.ask(version, node, environment="production")
    assert admission.decision == "allow", admission.reasons
    deployment = desk.deploy(version, admission, node)
    for number in (0, 1, 2, 5):
        desk.record(deployment, sequence=number, response_id=f"chatcmpl-{number}")
    for log in Log:
        logs.sequence_all(log)
    return "chatcmpl-1"


def audit(auditor: Person, version: ModelVersion, response_id: str, folder: Path) -> None:
    """See everything, find what answered, take the evidence away; no button anywhere."""
    auditor.go("/admin/")
    auditor.page.fill("#find", response_id)
    auditor.page.press("#find", "Enter")
    expect(auditor.page.get_by_role("heading", level=1)).to_have_text("What answered this request")
    assert "was in force" in auditor.text()
    assert "signed and published" in auditor.text()
    auditor.look("request")
    auditor.press(version.purl)
    assert auditor.page.locator("main form").count() == 0
    # What is left are links: one to take evidence away, the others to pages that only read.
    assert auditor.page.locator("main button.button").count() == 0
    assert auditor.page.locator("main .button").all_inner_texts()[0] == "archive\nEvidence pack"
    auditor.look("version")
    with auditor.page.expect_download() as waiting:
        auditor.page.get_by_role("link", name="Evidence pack").click()
    waiting.value.save_as(folder / "pack.tar")
    with tarfile.open(folder / "pack.tar") as pack:
        assert {"pack.json", "manifest.sha256", "report.html"} <= set(pack.getnames())


def look_around(admin: Person, officer: Person, auditor: Person) -> None:
    """Every other page once."""
    for label in (
        "Versions",
        "Admissions",
        "Served requests",
        "Deployments",
        "Decisions log",
        "Recorders and gaps",
        "Licences",
    ):
        auditor.menu(label)
        auditor.look(label.lower().replace(" ", "-"))
    for label, page in (
        ("Admissions", "admission"),
        ("Deployments", "deployment"),
        ("Decisions log", "decision"),
        ("Licences", "licence"),
    ):
        auditor.menu(label)
        with auditor.page.expect_navigation():
            auditor.page.locator("main table a").first.click()
        auditor.look(page)
    auditor.go("/admin/find/?q=nothing+like+this")
    auditor.look("find-nothing")
    auditor.go("/admin/password_change/")
    auditor.look("password")
    auditor.go("/admin/governance/user/")
    assert "Not permitted" in auditor.text()
    auditor.complaints.clear()
    officer.go(f"/admin/registry/modelversion/{ModelVersion.objects.get().pk}/quarantine/")
    officer.look("quarantine")
    for label in ("People", "Tokens", "Policies"):
        admin.menu(label)
        admin.look(label.lower())
