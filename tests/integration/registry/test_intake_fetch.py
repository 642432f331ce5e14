"""From a source elsewhere to a version: stored once, placed as plain files, observed, and pruned when nobody needs it."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from registry import origin
from registry.actions import custody, gather
from registry.models import ModelVersion
from tests import decisions, factories, faulty, fetching, folders, intake

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[faulty.Server]:
    monkeypatch.setattr(gather, "PATIENCE", fetching.AT_ONCE)
    settings.MODEL_STORE, settings.MODEL_STORE_KEEP_FREE_BYTES = tmp_path / "store", 0
    with faulty.serving({}) as server:
        settings.SOURCE_HOSTS = [server.url.removeprefix("http://")]
        yield server


def offered(server: faulty.Server, folder: str, files: dict[str, bytes]) -> ModelVersion:
    """A draft of files that are served below a folder."""
    lines = [f"{fetching.sha256(data)}  {path}\n" for path, data in files.items()]
    server.files |= {f"/{folder}/{path}": data for path, data in files.items()}
    server.files[f"/{folder}/SHA256SUMS"] = "".join(lines).encode()
    return intake.registered(Path(), source=f"{server.url}/{folder}/SHA256SUMS")


def resolved(version: ModelVersion) -> ModelVersion:
    run = intake.resolve_open(version)
    assert run.outcome == "pass", run.message
    version.refresh_from_db()
    return version


def test_files_from_elsewhere_become_a_version(server: faulty.Server, settings: Settings) -> None:
    files = folders.model_files()

    version = resolved(offered(server, "a", files))

    place = origin.folder_of(version)
    digest = str(version.manifest_digest).removeprefix("sha256:")
    assert place == settings.MODEL_STORE / "http" / digest
    assert {path.name: path.read_bytes() for path in place.iterdir()} == files
    assert version.card["license"] == "mit"
    assert set(version.license_findings.values_list("kind", flat=True)) == {
        "declared",
        "discovered",
        "concluded",
    }
    run = version.resolutionruns.get()
    assert (run.bytes_done, run.bytes_total) == (version.size_bytes, version.size_bytes)
    intake.verify_open(version)
    run = version.verificationruns.get()
    assert run.outcome == "pass", run.message


def test_what_a_download_left_behind_is_no_part_of_the_model(server: faulty.Server) -> None:
    files = folders.model_files()
    left = {".cache/huggingface/download/config.json.metadata": b"abc", ".git/config": b"[core]"}

    version = resolved(offered(server, "a", files | left))

    assert set(version.artifacts.values_list("path", flat=True)) == set(files)
    assert version.model_digest == resolved(offered(server, "b", files)).model_digest
    intake.verify_open(version)
    assert version.verificationruns.get().outcome == "pass"


def test_what_the_source_says_is_written_down_with_the_version(server: faulty.Server) -> None:
    version = resolved(offered(server, "a", folders.model_files()))

    look = version.observations.get()
    bodies = {one["event"]: one["body"] for one in decisions.about(f"model-version:{version.pk}")}
    assert look.resolution_run == version.resolutionruns.get()
    assert look.facts["listing_digest"].startswith("sha256:")
    assert "commit" in look.facts["not_told"]
    assert bodies["registry.version.resolved"]["facts_digest"] == look.facts_digest


def test_two_versions_share_what_is_the_same(server: faulty.Server) -> None:
    files = folders.model_files()
    first = resolved(offered(server, "a", files))
    second = resolved(offered(server, "b", files | {"config.json": b'{"model_type": "other"}'}))

    one, two = origin.folder_of(first), origin.folder_of(second)
    assert (one / "model.safetensors").samefile(two / "model.safetensors")
    assert not (one / "config.json").samefile(two / "config.json")
    assert server.sent("/b/model.safetensors") == 0


def test_a_store_without_room_says_what_is_missing(server: faulty.Server, settings: Settings) -> None:
    settings.MODEL_STORE_QUOTA_BYTES = 1000
    version = offered(server, "a", folders.model_files())

    run = intake.resolve_open(version)

    assert (run.state, run.code) == ("queued", "store_full")
    assert "prune_store" in run.message
    settings.MODEL_STORE_QUOTA_BYTES = 0
    assert intake.resolve_open(version).outcome == "pass"


def test_a_corrupted_file_is_refused_by_name(server: faulty.Server) -> None:
    files = folders.model_files()
    version = offered(server, "a", files)
    server.always["/a/model.safetensors"] = faulty.replaced(bytes(len(files["model.safetensors"])))

    run = intake.resolve_open(version)

    assert (run.outcome, run.code) == ("fail", "download_corrupted")
    assert "model.safetensors" in run.message
    assert not version.observations.exists()


def prune(*arguments: str) -> dict[str, object]:
    out = StringIO()
    call_command("prune_store", "--json", *arguments, stdout=out)
    return dict(json.loads(out.getvalue()))


def test_only_what_nobody_needs_is_removed(server: faulty.Server) -> None:
    files = folders.model_files()
    version = resolved(offered(server, "a", files))
    size = sum(map(len, files.values()))
    none = {"blobs": 0, "blob_bytes": 0, "partials": 0, "partial_bytes": 0}

    assert prune() == none | {"dry_run": False}
    for path in origin.folder_of(version).iterdir():  # somebody removes a folder by hand
        path.unlink()
    assert prune() == none | {"dry_run": False}
    custody.revoke(version=version, reason="not wanted", actor=factories.actor(), now=intake.now())
    assert prune("--dry-run") == none | {"blobs": len(files), "blob_bytes": size, "dry_run": True}
    assert prune() == none | {"blobs": len(files), "blob_bytes": size, "dry_run": False}
    assert prune() == none | {"dry_run": False}


def test_people_are_told_in_words(server: faulty.Server) -> None:
    out = StringIO()

    call_command("prune_store", "--dry-run", stdout=out)

    assert "0 files (0 B) and 0 partial downloads (0 B) would be removed from" in out.getvalue()
