"""The NOTICE and attribution pack: what is in it, always the same bytes, and never from files that changed."""

import io
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from modelcustody_client import archive, packing

from governance.errors import GovernanceError
from governance.permissions import Role, Scope
from registry import notice_pack
from registry.actions import lineage
from registry.models import LicenseFinding, LineageEdge, ModelVersion
from tests import factories
from tests.refusals import rows_of
from tests.rest import person, post, problem

pytestmark = pytest.mark.django_db
ON = date(2026, 11, 22)
LLAMA = "LLAMA 3.3 COMMUNITY LICENSE AGREEMENT\n"
NOTICE = (
    "Llama 3.3 is licensed under the Llama 3.3 Community License, "
    "Copyright © Meta Platforms, Inc. All Rights Reserved."
)


def version(folder: Path, files: dict[str, str] | None = None, **fields: Any) -> ModelVersion:
    """A version whose files lie in a folder."""
    texts = {"model.safetensors": f"weights {folder.name}", **(files or {"LICENSE": LLAMA})}
    contents = {path: text.encode() for path, text in texts.items()}
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    draft = factories.draft_version(location=str(folder), **fields.pop("draft", {}))
    if base := fields.pop("base", None):
        LineageEdge.objects.create(version=draft, relation="finetune", base_model=base, base_revision="main")
    for path, license_id in fields.pop("found", {}).items():
        LicenseFinding.objects.create(
            version=draft, kind="discovered", license_id=license_id, path=path, method="x"
        )
    return factories.resolve(draft, contents, **{"license_id": "llama-3.3", **fields})


def opened(data: bytes) -> dict[str, bytes]:
    found = archive.Archive(io.BytesIO(data))
    return {name: found.read(name) for name in found.members}


def build(*rows: ModelVersion) -> dict[str, bytes]:
    return opened(notice_pack.build([row.pk for row in rows], on=ON))


def refusal(*rows: ModelVersion) -> GovernanceError:
    with pytest.raises(GovernanceError) as refused:
        build(*rows)
    return refused.value


# -- what is in it --------------------------------------------------------------------------------------------------


def test_the_pack_of_a_llama_model_says_what_its_license_demands(tmp_path: Path) -> None:
    row = version(tmp_path, {"LICENSE": LLAMA, "USE_POLICY.md": "Be good.\n"}, found={"LICENSE": "llama-3.3"})

    files = build(row)

    folder = f"models/{row.pk}"
    assert set(files) == {
        "ATTRIBUTION.txt",
        "NOTICE",
        "index.json",
        "notices.html",
        f"{folder}/NOTICE",
        f"{folder}/snapshot/LICENSE",
        f"{folder}/snapshot/USE_POLICY.md",
    }
    assert files[f"{folder}/snapshot/LICENSE"].decode() == LLAMA
    text = files["NOTICE"].decode()
    assert f"\n{NOTICE}\n" in text
    assert 'To be shown with it: "Built with Llama"' in text
    assert (
        files["ATTRIBUTION.txt"]
        .decode()
        .startswith(f"{row.registered_model} by acme ({row.purl}), under Llama 3.3")
    )
    assert "Not among its files" not in text
    page = files["notices.html"].decode()
    assert f"<blockquote>{NOTICE}</blockquote>" in page
    assert f'href="{folder}/snapshot/LICENSE"' in page


def test_the_index_lists_every_file_with_its_digest(tmp_path: Path) -> None:
    row = version(tmp_path)

    files = build(row)

    index = json.loads(files.pop("index.json"))
    assert index["files"] == {name: packing.digest(content) for name, content in files.items()}
    (listed,) = index["model_versions"]
    assert (listed["id"], listed["purl"], listed["manifest_digest"]) == (
        row.pk,
        row.purl,
        row.manifest_digest,
    )
    assert [item["id"] for item in listed["licenses"]] == ["llama-3.3"]
    assert [item["words"] for item in listed["notices"]] == [[NOTICE]]
    assert listed["missing_texts"] == ["llama-3.3"]


def test_a_derived_model_says_that_it_was_changed_and_what_came_with_its_base(tmp_path: Path) -> None:
    row = version(
        tmp_path,
        {"LICENSE": "MIT\n"},
        base="meta-llama/Llama-3.3-70B-Instruct",
        license_id="mit",
        found={"LICENSE": "mit"},
    )

    text = build(row)["NOTICE"].decode()

    assert f"{row.registered_model} is fine-tuned from meta-llama/Llama-3.3-70B-Instruct@main" in text
    assert NOTICE in text
    assert "Not among its files, and to be added: the text of llama-3.3." in text


def test_what_people_stated_about_the_ancestors_is_said_too(tmp_path: Path) -> None:
    row = version(tmp_path, {"LICENSE": "MIT\n"}, license_id="mit", found={"LICENSE": "mit"})
    lineage.state_ancestor(
        version=row,
        stated=lineage.Stated(relation="quantized", base_model="meta-llama/Llama-3.3-70B-Instruct"),
        reason="asked them",
        actor=factories.actor(),
        now=factories.NOW,
    )

    text = build(row)["NOTICE"].decode()

    assert (
        f"{row.registered_model} is a quantized copy of meta-llama/Llama-3.3-70B-Instruct; its files" in text
    )
    assert NOTICE in text


def test_a_license_without_demands_makes_a_plain_notice(tmp_path: Path) -> None:
    text = build(version(tmp_path, {"LICENSE": "Apache"}, license_id="apache-2.0"))["NOTICE"].decode()

    assert "Apache" in text
    assert "To be shown" not in text


def test_an_unknown_license_is_said_to_be_unknown(tmp_path: Path) -> None:
    files = build(version(tmp_path, license_id="unknown"))

    assert "(unknown)" in files["ATTRIBUTION.txt"].decode()


def test_paths_that_an_archive_cannot_spell_get_a_number(tmp_path: Path) -> None:
    long, odd = "d" * 90 + "/LICENSE", "terms/LICENSE of the base.txt"
    row = version(tmp_path, {"LICENSE": LLAMA, long: "long", odd: "odd"})

    files = build(row)

    names = json.loads(files["index.json"])["model_versions"][0]["files"]
    assert names["LICENSE"] == f"models/{row.pk}/snapshot/LICENSE"
    assert files[names[long]] == b"long"
    assert files[names[odd]] == b"odd"


def test_a_large_file_of_such_a_name_is_no_license(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_pack, "MAX_FILE_BYTES", 50)
    row = version(tmp_path, {"LICENSE": LLAMA, "license-plates.csv": "a" * 51})

    assert [name for name in build(row) if "snapshot" in name] == [f"models/{row.pk}/snapshot/LICENSE"]


# -- always the same ------------------------------------------------------------------------------------------------


def test_the_same_versions_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    first, second = version(tmp_path / "a"), version(tmp_path / "b", license_id="qwen-2024")

    one = notice_pack.build([first.pk, second.pk], on=ON)

    assert one == notice_pack.build([second.pk, first.pk], on=ON)
    assert "Qwen is licensed under" in opened(one)["NOTICE"].decode()
    assert opened(one)["NOTICE"].decode().count("=" * 72) == 2


# -- never from something else --------------------------------------------------------------------------------------


def test_a_license_file_that_changed_is_refused(tmp_path: Path) -> None:
    row = version(tmp_path)
    (tmp_path / "LICENSE").write_text("You may do anything.\n")

    found = refusal(row)

    assert (found.code, found.status, found.extra["path"]) == ("snapshot_changed", 409, "LICENSE")


def test_a_license_file_that_grew_is_refused(tmp_path: Path) -> None:
    row = version(tmp_path)
    with (tmp_path / "LICENSE").open("a") as stream:
        stream.write("And more.\n")

    assert refusal(row).code == "snapshot_changed"


def test_a_license_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    row = version(tmp_path / "model")
    (tmp_path / "model" / "LICENSE").unlink()
    assert refusal(row).code == "snapshot_missing"

    (tmp_path / "model").rename(tmp_path / "elsewhere")
    assert refusal(row).code == "snapshot_missing"


def test_a_link_that_leads_out_is_refused_though_its_bytes_are_right(tmp_path: Path) -> None:
    row = version(tmp_path / "model")
    (tmp_path / "LICENSE").write_text(LLAMA)
    (tmp_path / "model" / "LICENSE").unlink()
    (tmp_path / "model" / "LICENSE").symlink_to(tmp_path / "LICENSE")

    assert refusal(row).code == "snapshot_changed"


def test_a_pipe_in_place_of_a_license_does_not_hang(tmp_path: Path) -> None:
    row = version(tmp_path)
    (tmp_path / "LICENSE").unlink()
    os.mkfifo(tmp_path / "LICENSE")

    assert refusal(row).code == "snapshot_missing"


@pytest.mark.parametrize("status", ["quarantined", "revoked"])
def test_versions_out_of_use_are_not_handed_on(tmp_path: Path, status: str) -> None:
    row = version(tmp_path)
    fields = {
        "quarantined": {"quarantined_by": "x", "quarantined_at": factories.NOW, "quarantine_reason": "x"},
        "revoked": {"revoked_by": "x", "revoked_at": factories.NOW, "revocation_reason": "x"},
    }[status]
    rows_of(row).update(status=status, **fields)

    assert refusal(row).code == "version_not_usable"


def test_a_draft_and_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(factories.draft_version()).code == "version_not_usable"
    monkeypatch.setattr(notice_pack, "MAX_BYTES", 10)
    assert refusal(version(tmp_path)).code == "pack_too_large"


# -- its doors ------------------------------------------------------------------------------------------------------


def test_over_rest(tmp_path: Path) -> None:
    row = version(tmp_path)

    answer = post(person(Role.AUDITOR), "notice-packs", {"model_versions": [row.pk]})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-tar")
    assert answer.content == notice_pack.build([row.pk], on=ON)
    _, token = factories.api_token(Scope.READ)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/x-tar"}
    assert post(Client(), "notice-packs", {"model_versions": [row.pk]}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "ids", [[], [0], ["x"], [1.5], [999999], "1", None, list(range(1, 202)), [True], [2**70]]
)
def test_bad_numbers_of_versions_are_refused(ids: Any) -> None:
    answer = post(person(Role.OFFICER), "notice-packs", {"model_versions": ids})

    assert answer.status_code == 422
    assert answer.json()["field"].startswith("model_versions")


def test_a_number_twice_is_refused(tmp_path: Path) -> None:
    row = version(tmp_path)

    answer = post(person(Role.OFFICER), "notice-packs", {"model_versions": [row.pk, row.pk]})

    problem(answer, 422, "invalid_input", "model_versions")


def test_the_refusal_names_version_and_file(tmp_path: Path) -> None:
    row = version(tmp_path)
    (tmp_path / "LICENSE").unlink()

    found = problem(
        post(person(Role.OFFICER), "notice-packs", {"model_versions": [row.pk]}), 409, "snapshot_missing"
    )

    assert (found["model_version"], found["path"]) == (row.pk, "LICENSE")
    headers = {"Authorization": f"Bearer {factories.api_token(Scope.ADMISSION)[1]}"}
    problem(post(Client(), "notice-packs", {"model_versions": [row.pk]}, headers=headers), 403, "forbidden")


def test_as_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = version(tmp_path / "model")
    out = tmp_path / "notices.tar"

    call_command("notice_pack", row.pk, output=str(out))

    assert out.read_bytes() == notice_pack.build([row.pk], on=ON)
    assert packing.digest(out.read_bytes()) in capsys.readouterr().out
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("notice_pack", row.pk, output=str(out))
    with pytest.raises(CommandError, match="invalid_input"):
        call_command("notice_pack", 999999, output=str(tmp_path / "other.tar"))
    assert not (tmp_path / "other.tar").exists()
