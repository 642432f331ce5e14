import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from modelcustody_client import folder, manifest
from pytest_django.fixtures import Settings

from registry.actions import gather, resolve
from registry.models import Artifact, LicenseFinding, LineageEdge, ModelVersion, VerificationRun
from tests import fetching, folders, intake
from tests import hub as hubs

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[hubs.Hub]:
    monkeypatch.setattr(gather, "PATIENCE", fetching.AT_ONCE)
    settings.MODEL_STORE_KEEP_FREE_BYTES = 0
    with hubs.running("acme/model", folders.model_files()) as hub:
        settings.HF_ENDPOINT, settings.MODEL_STORE, settings.HF_TOKEN = hub.endpoint, tmp_path / "store", ""
        yield hub


def from_hub(revision: str | None = None) -> ModelVersion:
    return intake.registered(Path(), source="hf://acme/model", name=None, revision=revision)


def test_a_folder_is_written_down_in_full(tmp_path: Path) -> None:
    adapter = json.dumps({"base_model_name_or_path": "acme/other", "revision": "v1"}).encode()

    version = intake.resolved(tmp_path / "m", **{"adapter_config.json": adapter})

    files = folder.hash_folder(tmp_path / "m")
    assert version.status == "resolved"
    assert version.manifest_digest == manifest.manifest_digest(files)
    assert version.model_digest == manifest.model_digest(files)
    assert version.file_count == len(files) == version.artifacts.count()
    assert version.card["license"] == "mit"
    assert dict(version.artifacts.values_list("path", "role")) == {
        "LICENSE": "license",
        "README.md": "doc",
        "adapter_config.json": "config",
        "config.json": "config",
        "model.safetensors": "weight",
        "tokenizer_config.json": "tokenizer",
    }
    assert set(version.license_findings.values_list("kind", "license_id")) == {
        ("declared", "mit"),
        ("discovered", "mit"),
        ("concluded", "mit"),
    }
    assert set(version.lineage.values_list("relation", "base_model", "base_revision")) == {
        ("finetune", "acme/base", ""),
        ("adapter", "acme/other", "v1"),
    }
    assert intake.events(version)[-3:] == [
        "registry.run.finished",
        "registry.version.resolved",
        "registry.run.requested",
    ]
    assert version.verificationruns.get().state == "queued"


def test_a_hub_branch_is_pinned_to_its_commit(hub: hubs.Hub, tmp_path: Path) -> None:
    version = from_hub()

    run = intake.resolve_open(version)

    version.refresh_from_db()
    assert (run.outcome, version.revision) == ("pass", hubs.COMMIT)
    assert version.purl == f"pkg:huggingface/acme/model@{hubs.COMMIT}"
    weights = version.artifacts.get(path="model.safetensors")
    assert (weights.claim_kind, weights.claimed_digest) == ("sha256", weights.sha256)
    assert version.artifacts.get(path="config.json").claim_kind == "git-oid"
    assert version.artifacts.filter(path__startswith=".cache").count() == 0


def test_the_same_run_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    before = intake.events(version)

    resolve.resolve_version(run_id=version.resolutionruns.get().pk, worker="host:2")

    assert intake.events(version) == before
    assert version.artifacts.count() == 5


def refused(version: ModelVersion, code: str) -> str:
    """Resolve, and hold that it was refused so and left nothing behind."""
    run = intake.resolve_open(version)
    version.refresh_from_db()
    assert (run.state, run.outcome, run.code, version.status) == ("finished", "fail", code, "draft")
    for model in (Artifact, LicenseFinding, LineageEdge, VerificationRun):
        assert not model.objects.filter(version=version).exists()
    assert version.manifest_digest is None
    assert intake.events(version)[-1] == "registry.run.finished"
    return run.message


def test_a_missing_repository_is_refused(hub: hubs.Hub) -> None:
    version = intake.registered(Path(), source="hf://acme/nothing", name=None)

    assert "acme/nothing" in refused(version, "repository_not_found")


def test_a_missing_revision_is_refused(hub: hubs.Hub) -> None:
    assert "v9" in refused(from_hub("v9"), "revision_not_found")


def test_a_gated_repository_without_a_token_is_refused(hub: hubs.Hub) -> None:
    hub.is_gated, hub.token = True, "hf_x"

    assert "HF_TOKEN" in refused(from_hub(), "gated_repository")


def test_a_branch_that_moves_is_refused(hub: hubs.Hub) -> None:
    hub.moves_after_listing = True

    assert "Register again" in refused(from_hub(), "revision_moved")


@pytest.mark.parametrize("path", ["model.safetensors", "config.json"])
def test_a_download_of_the_right_size_with_other_content_is_refused(hub: hubs.Hub, path: str) -> None:
    hub.replaced[path] = bytes(len(hub.files[path]))
    version = from_hub()

    assert path in refused(version, "download_corrupted")

    hub.replaced.clear()  # another attempt fetches that file again
    assert intake.resolve_open(from_hub()).outcome == "pass"


def test_a_download_that_breaks_off_is_tried_again_and_then_given_up(hub: hubs.Hub) -> None:
    hub.truncated.add("model.safetensors")
    version = from_hub()

    for attempt in (1, 2):
        run = intake.resolve_open(version)
        assert (run.state, run.attempt) == ("queued", attempt)
    run = intake.resolve_open(version)

    assert (run.state, run.outcome, run.code) == ("finished", "error", "source_unavailable")
    assert not Artifact.objects.exists()


def test_a_source_that_is_away_is_tried_again(hub: hubs.Hub) -> None:
    hub.is_down = True
    version = from_hub()
    run = intake.resolve_open(version)
    assert (run.state, run.outcome, run.code) == ("queued", "", "source_unavailable")
    assert "acme/model" in run.message  # why it waits can be seen while it waits

    hub.is_down = False

    assert intake.resolve_open(version).outcome == "pass"


def test_a_folder_registered_twice_leaves_one_version(tmp_path: Path) -> None:
    first = intake.resolved(tmp_path / "m")
    second = intake.registered(tmp_path / "m")

    run = intake.resolve_open(second)

    second.refresh_from_db()
    assert (run.outcome, run.code) == ("fail", "duplicate_version")
    assert f"version {first.pk}" in run.message
    assert (second.status, second.revocation_reason) == ("revoked", run.message)
    assert intake.events(second)[-1] == "registry.version.revoked"
    assert second.artifacts.count() == 0


def test_a_commit_under_two_branches_leaves_one_version(hub: hubs.Hub) -> None:
    hub.branches["stable"] = hubs.COMMIT
    first = from_hub("main")
    second = from_hub("stable")
    intake.resolve_open(first)

    run = intake.resolve_open(second)

    second.refresh_from_db()
    assert (run.code, second.status, second.revision) == ("duplicate_version", "revoked", None)


def test_a_changed_folder_is_another_version(tmp_path: Path) -> None:
    first = intake.resolved(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text("{}")
    second = intake.registered(tmp_path / "m")

    assert intake.resolve_open(second).outcome == "pass"
    assert second != first


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    folder = folders.write(tmp_path / "m", folders.model_files())
    (tmp_path / "outside").write_text("x")
    (folder / "link").symlink_to(target)

    assert "link" in refused(intake.registered(folder), "unsafe_listing")


def test_a_folder_that_vanished_is_refused(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "m", folders.model_files())
    version = intake.registered(folder)
    folder.rename(tmp_path / "elsewhere")

    refused(version, "source_not_found")


def test_a_card_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m", README_md=b"---\na: [\n---\n")

    assert "not YAML" in version.card["unreadable"]
    # Without a declaration, the text alone decides.
    assert version.license_findings.get(kind="concluded").license_id == "mit"


def test_artifacts_have_the_digest_of_their_bytes(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")

    for artifact in version.artifacts.all():
        data = (tmp_path / "m" / artifact.path).read_bytes()
        assert (artifact.size, artifact.sha256) == (len(data), hashlib.sha256(data).hexdigest())
