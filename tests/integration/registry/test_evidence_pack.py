"""An evidence pack of a version that has been all the way, held against the offline verifier."""

import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.conf import LazySettings
from django.test import Client
from modelcustody_client import cli, pack

from audit.events import Log
from governance import keys
from governance.permissions import Role, Scope
from registry import evidence_pack, models
from registry.actions import review
from tests import factories, logs, obligations
from tests.reviewing import Desk
from tests.served import FILES, RECORD_ID, served_desk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def trust_file(settings: LazySettings, tmp_path: Path) -> Path:
    """Keys, and the file by which an auditor knows them."""
    settings.KEYS_DIR = tmp_path / "keys"
    settings.SIGNER_DIR = tmp_path / "signer"
    keys.create_keys()
    path = tmp_path / "trusted.vkeys"
    every = [*map(keys.log_key, ("decisions", "requests")), keys.attestation_key()]
    path.write_text("# keys of the service\n" + "".join(f"{key.vkey}\n" for key in every))
    return path


@pytest.fixture
def desk() -> Desk:
    """Served, and everything sequenced and signed."""
    made = served_desk()
    sign()
    return made


def sign() -> None:
    for log in Log:
        logs.sequence_all(log)


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]


def build(desk: Desk) -> bytes:
    return evidence_pack.build(desk.version, generated_at=datetime.now(UTC))


def test_verifier_proves_the_pack_with_pinned_keys(
    desk: Desk, tmp_path: Path, trust_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pack.tar").write_bytes(build(desk))

    code = cli.main(["verify", str(tmp_path / "pack.tar"), "--trust", str(trust_file)])

    assert code == 0, capsys.readouterr().out
    assert cli.main(["verify", str(tmp_path / "pack.tar")]) == 2


def test_every_changed_byte_is_found(desk: Desk, trust_file: Path) -> None:
    from modelcustody_client import note

    data, vkeys = build(desk), note.parse_vkeys(trust_file.read_bytes())
    assert pack.verify_stream(io.BytesIO(data), vkeys=vkeys).exit_code == 0

    for offset in range(0, len(data), 1009):
        changed = bytearray(data)
        changed[offset] ^= 0x20
        assert pack.verify_stream(io.BytesIO(bytes(changed)), vkeys=vkeys).exit_code == 1, f"byte {offset}"


def test_pack_is_the_same_bytes_for_the_same_moment(desk: Desk) -> None:
    at = datetime.now(UTC)

    first = evidence_pack.build(desk.version, generated_at=at)

    assert first == evidence_pack.build(models.ModelVersion.objects.get(pk=desk.version.pk), generated_at=at)


def test_pack_holds_the_documents_and_the_entries(desk: Desk) -> None:
    found = members(build(desk))

    assert {name for name in found if "/" not in name} == {
        "pack.json",
        "pack.dsse.json",
        "manifest.sha256",
        "bom.cdx.json",
        "verification.json",
        "smoke.json",
        "evaluation.json",
        "obligations.json",
        "origin.json",
        "approvals.json",
        "report.html",
    }
    assert found["manifest.sha256"].count(b"\n") == len(FILES)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(found["bom.cdx.json"].decode()) is None
    approvals = json.loads(found["approvals.json"])["approvals"]
    assert [(row["status"], row["decided_by"]) for row in approvals] == [
        ("approved", desk.reviewer.user.username)
    ]
    assert json.loads(found["pack.json"])["pending"] == 0
    assert sum(RECORD_ID.encode() in data for name, data in found.items() if name.endswith(".leaf")) == 1
    assert "1 served request in 1 deployment" in found["report.html"].decode()
    events = {
        json.loads(data)["event"]
        for name, data in found.items()
        if name.startswith("entries/d") and name.endswith("leaf")
    }
    assert events == {
        "governance.policy.loaded",
        "registry.evaluation.made",
        "registry.approval.requested",
        "registry.approval.approved",
        "registry.admission.decided",
    }


def test_entries_that_nobody_signed_yet_are_counted(desk: Desk, trust_file: Path) -> None:
    from modelcustody_client import note

    review.withdraw(
        approval=models.Approval.objects.get(), reason="unused", actor=desk.officer, now=datetime.now(UTC)
    )

    data = build(desk)

    assert json.loads(members(data)["pack.json"])["pending"] == 1
    report = pack.verify_stream(io.BytesIO(data), vkeys=note.parse_vkeys(trust_file.read_bytes()))
    assert report.exit_code == 0
    assert any("1 more entries" in text for text in report.limits)


def test_report_tells_a_person_what_happened(desk: Desk) -> None:
    page = members(build(desk))["report.html"].decode()

    for words in (
        str(desk.version.registered_model),
        desk.version.manifest_digest,
        "What is the capital of France?",
        "Approved",
        desk.reviewer.user.username,
        "node-1",
        "C3-digests",
    ):
        assert words is not None
        assert words in page
    assert "<script" not in page
    assert "http://" not in page.replace("http-equiv", "")
    assert "src=" not in page


def test_report_shows_hostile_words_as_words(desk: Desk) -> None:
    approval = desk.request(
        now=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(days=1),
        purpose="other",
        note="<script>alert(1)</script>",
    )
    sign()

    page = members(build(desk))["report.html"].decode()

    assert approval.note not in page
    assert "&lt;script&gt;" in page


def test_revoked_version_says_so_on_the_first_page(desk: Desk) -> None:
    from registry.actions import custody

    custody.revoke(
        version=desk.version, reason="weights are poisoned", actor=desk.officer, now=datetime.now(UTC)
    )
    sign()

    page = members(build(desk))["report.html"].decode()

    assert "Revoked." in page
    assert "weights are poisoned" in page


def test_pack_over_http_is_for_those_who_may_read(desk: Desk, client: Client) -> None:
    address = f"/api/v1/model-versions/{desk.version.pk}/evidence-pack"
    _, token = factories.api_token(Scope.READ)
    headers = {"Authorization": f"Bearer {token}"}

    response = client.get(address, headers={**headers, "Accept": "application/x-tar"})

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/x-tar")
    assert "attachment" in response.headers["Content-Disposition"]
    assert "pack.json" in members(response.content)
    client.force_login(factories.user(Role.AUDITOR))
    assert client.get(address).status_code == 200
    missing = client.get(
        "/api/v1/model-versions/999999/evidence-pack", headers={**headers, "Accept": "application/x-tar"}
    )
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(missing.content)["code"] == "not_found"
    _, other = factories.api_token(Scope.ADMISSION)
    assert client.get(address, headers={"Authorization": f"Bearer {other}"}).status_code == 403


def test_draft_has_no_pack() -> None:
    with pytest.raises(evidence_pack.NotResolved):
        evidence_pack.build(factories.draft_version(), generated_at=factories.NOW)


def test_no_pack_before_the_first_signature() -> None:
    with pytest.raises(evidence_pack.LogNotSigned):
        evidence_pack.build(factories.resolved_version(), generated_at=factories.NOW)


def test_pack_holds_obligations_their_evidence_and_what_the_log_says_of_both(
    desk: Desk, trust_file: Path
) -> None:
    from modelcustody_client import note

    task = obligations.task_of_kind("screenshot", desk=desk)
    row = obligations.prove(task, desk.officer)
    still_open = obligations.task_of_kind("url", desk=desk)
    sign()

    data = build(desk)

    found = members(data)
    listed = json.loads(found["obligations.json"])["obligations"]
    assert [item["id"] for item in listed] == [still_open.pk, task.pk]
    (shown,) = listed[1]["shown_by"]
    assert (shown["url"], shown["document"]["sha256"]) == (row.url, row.document.sha256)  # type: ignore[union-attr]
    leaves = b"".join(content for name, content in found.items() if name.endswith(".leaf"))
    assert b"registry.obligation.evidenced" in leaves
    assert b"registry.document.kept" in leaves
    page = found["report.html"].decode()
    assert "What was done for it" in page
    assert row.url in page
    vkeys = note.parse_vkeys(trust_file.read_bytes())
    assert pack.verify_stream(io.BytesIO(data), vkeys=vkeys).exit_code == 0
