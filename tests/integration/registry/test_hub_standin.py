"""The stand-in for the Hub is held against the field's own client: what it serves, that client understands."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_UPDATE_CHECK", "1")

import huggingface_hub
import pytest
from huggingface_hub import errors

from tests import folders
from tests import hub as hubs

NAME = "acme/model"


@pytest.fixture(params=["", hubs.PREFIX])
def hub(request: pytest.FixtureRequest) -> Iterator[hubs.Hub]:
    with hubs.running(NAME, folders.model_files(), prefix=request.param, with_cdn=True) as hub:
        hub.token = "hf_right"
        yield hub


def client(hub: hubs.Hub, token: str | bool = False) -> huggingface_hub.HfApi:
    return huggingface_hub.HfApi(endpoint=hub.endpoint, token=token)


def test_the_hub_s_own_client_reads_what_is_said_of_a_repository(hub: hubs.Hub) -> None:
    hub.tags["v1"] = hubs.COMMIT
    hub.add_commit("3" * 40, {"config.json": b"{}"}, title="later")
    hub.branches["main"] = "3" * 40
    hub.scans["model.safetensors"] = {
        "status": "unsafe",
        "avScan": {"virusFound": True},
        "pickleImportScan": None,
    }
    api = client(hub)

    info = api.model_info(NAME, revision="v1", files_metadata=True, securityStatus=True)
    refs = api.list_repo_refs(NAME)
    commits = api.list_repo_commits(NAME, revision="main")

    assert (info.sha, info.gated, info.disabled, info.private) == (hubs.COMMIT, False, False, False)
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    assert info.security_repo_status == {
        "scansDone": True,
        "filesWithIssues": [{"path": "model.safetensors", "level": "unsafe"}],
    }
    assert info.siblings is not None
    assert {file.rfilename for file in info.siblings if file.lfs} == {"model.safetensors"}
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": "3" * 40}
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1": hubs.COMMIT}
    assert [(commit.commit_id, commit.title) for commit in commits] == [
        ("3" * 40, "later"),
        (hubs.COMMIT, "a commit"),
    ]


def test_the_hub_s_own_client_lists_page_by_page(hub: hubs.Hub) -> None:
    hub.page_size = 2

    files = {
        entry.path: entry
        for entry in client(hub).list_repo_tree(NAME, recursive=True, expand=True)
        if isinstance(entry, huggingface_hub.hf_api.RepoFile)
    }
    some = client(hub).get_paths_info(NAME, ["config.json", "nothing"])

    assert files.keys() == hub.files.keys()
    assert files["model.safetensors"].lfs is not None
    assert files["config.json"].security is not None
    assert files["config.json"].security.safe
    assert [entry.path for entry in some] == ["config.json"]


def test_the_hub_s_own_client_downloads_over_the_second_host(hub: hubs.Hub, tmp_path: Path) -> None:
    folder = Path(client(hub, "hf_right").snapshot_download(NAME, local_dir=tmp_path))

    assert {path: (folder / path).read_bytes() for path in hub.files} == hub.files
    assert hub.cdn_tokens == {""}
    assert client(hub, "hf_right").whoami()["name"] == "someone"


def test_the_hub_s_own_client_follows_a_new_name_and_understands_refusals(hub: hubs.Hub) -> None:
    hub.former.add("old/name")
    assert client(hub).model_info("old/name").id == NAME

    with pytest.raises(errors.RevisionNotFoundError):
        client(hub).model_info(NAME, revision="nothing")
    with pytest.raises(errors.RemoteEntryNotFoundError):
        client(hub).hf_hub_download(NAME, "nothing")
    hub.is_gated = "manual"
    assert client(hub).model_info(NAME).gated == "manual"
    with pytest.raises(errors.GatedRepoError):
        client(hub).hf_hub_download(NAME, "config.json")
    hub.is_disabled = True
    with pytest.raises(errors.DisabledRepoError):
        client(hub).model_info(NAME)
    hub.is_disabled, hub.is_private = False, True
    with pytest.raises(errors.RepositoryNotFoundError):
        client(hub).model_info(NAME)
    assert client(hub, "hf_right").model_info(NAME).private
