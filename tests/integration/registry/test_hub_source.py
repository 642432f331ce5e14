from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.sources import base
from registry.sources.hub import HubSource
from tests import folders
from tests import hub as hubs

NAME = "acme/model"


@pytest.fixture
def hub() -> Iterator[hubs.Hub]:
    with hubs.running(NAME, folders.model_files()) as hub:
        yield hub


def source(hub: hubs.Hub, store: Path, *, name: str = NAME, token: str = "") -> HubSource:
    return HubSource(name, endpoint=hub.endpoint, token=token, store=store)


def test_a_branch_is_pinned_listed_and_fetched(hub: hubs.Hub, tmp_path: Path) -> None:
    found = source(hub, tmp_path)
    arrived: list[int] = []

    pinned = found.pin("main")
    files = {file.path: file for file in found.list_files()}
    folder = found.fetch(progress=arrived.append)

    assert pinned.commit == hubs.COMMIT
    assert files.keys() == hub.files.keys()
    assert files["model.safetensors"].claim_kind == "sha256"
    assert files["config.json"].claim_kind == "git-oid"
    assert folder == tmp_path / "hub" / NAME / hubs.COMMIT
    assert {path: (folder / path).read_bytes() for path in hub.files} == hub.files
    assert sum(arrived) == sum(map(len, hub.files.values()))


def test_a_missing_repository_is_named(hub: hubs.Hub, tmp_path: Path) -> None:
    with pytest.raises(base.RepositoryNotFound, match="acme/other"):
        source(hub, tmp_path, name="acme/other").pin("main")


def test_a_missing_revision_is_named(hub: hubs.Hub, tmp_path: Path) -> None:
    with pytest.raises(base.RevisionNotFound, match="no-such-branch"):
        source(hub, tmp_path).pin("no-such-branch")


def test_a_gated_repository_asks_for_a_token(hub: hubs.Hub, tmp_path: Path) -> None:
    hub.is_gated, hub.token = True, "hf_right"
    found = source(hub, tmp_path)
    found.pin("main")

    with pytest.raises(base.GatedRepository, match="HF_TOKEN"):
        found.fetch(progress=lambda _: None)

    allowed = source(hub, tmp_path, token="hf_right")
    allowed.pin("main")
    assert (allowed.fetch(progress=lambda _: None) / "config.json").is_file()


def test_no_token_is_sent_that_was_not_configured(
    hub: hubs.Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_lies_around")

    source(hub, tmp_path).pin("main")

    assert hub.tokens == {""}


def test_a_branch_that_moves_meanwhile_is_refused(hub: hubs.Hub, tmp_path: Path) -> None:
    hub.moves_after_listing = True
    found = source(hub, tmp_path)
    found.pin("main")

    with pytest.raises(base.RevisionMoved, match="moved away from 111111111111"):
        found.list_files()


def test_a_commit_cannot_move(hub: hubs.Hub, tmp_path: Path) -> None:
    hub.moves_after_listing = True
    found = source(hub, tmp_path)
    found.pin(hubs.COMMIT)

    assert len(found.list_files()) == len(hub.files)


@pytest.mark.parametrize("path", ["../outside", "a\\b", "CONFIG.json", "a/../b"])
def test_names_that_cannot_be_kept_are_refused(hub: hubs.Hub, tmp_path: Path, path: str) -> None:
    hub.files[path] = b"x"
    found = source(hub, tmp_path)
    found.pin("main")

    with pytest.raises(base.UnsafeListing):
        found.list_files()


def test_a_dead_endpoint_is_worth_another_try(tmp_path: Path) -> None:
    found = HubSource(NAME, endpoint="http://127.0.0.1:9", token="", store=tmp_path)

    with pytest.raises(base.SourceUnavailable):
        found.pin("main")


def test_a_discarded_file_is_fetched_again(hub: hubs.Hub, tmp_path: Path) -> None:
    right = hub.files["model.safetensors"]
    hub.replaced["model.safetensors"] = bytes(len(right))
    found = source(hub, tmp_path)
    found.pin("main")
    folder = found.fetch(progress=lambda _: None)
    assert (folder / "model.safetensors").read_bytes() != right  # the client library does not notice

    hub.replaced.clear()
    found.discard("model.safetensors")
    found.fetch(progress=lambda _: None)

    assert (folder / "model.safetensors").read_bytes() == right
