import hashlib
import os
import shutil
import subprocess

import pytest
from modelcustody_client import folder, manifest


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "model"
    (root / "sub").mkdir(parents=True)
    (root / "config.json").write_bytes(b"{}")
    (root / "sub" / "model.safetensors").write_bytes(os.urandom(3 * 1024 * 1024 + 7))
    (root / "empty").touch()
    return root


def paths(root) -> list[str]:
    return [file.path for file in folder.hash_folder(root)]


def test_hash_folder_gives_size_and_sha256_of_every_file(model):
    found = folder.hash_folder(model)

    assert [file.path for file in found] == ["config.json", "empty", "sub/model.safetensors"]
    for file in found:
        data = (model / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils not there")
def test_manifest_digest_can_be_recomputed_with_coreutils(model):
    (model / "\u00fc.json").write_bytes(b"1")
    script = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"

    printed = subprocess.run(
        ["sh", "-c", script], cwd=model, capture_output=True, text=True, check=True
    ).stdout

    assert manifest.manifest_digest(folder.hash_folder(model)) == "sha256:" + printed.split()[0]


def test_hash_folder_reports_progress_up_to_the_total(model):
    seen = []

    folder.hash_folder(model, progress=lambda done, total: seen.append((done, total)))

    total = 2 + 3 * 1024 * 1024 + 7
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (total, total)


def test_hash_folder_leaves_out_git_and_the_hubs_own_files_and_nothing_else(model):
    for ignored in (".git", ".cache/huggingface"):
        (model / ignored).mkdir(parents=True)
        (model / ignored / "x").touch()
    for kept in (".cache/other", "sub/.git", ".hidden"):
        (model / kept).mkdir(parents=True)
        (model / kept / "x").touch()

    assert {".cache/other/x", "sub/.git/x", ".hidden/x"} < set(paths(model))
    assert not [path for path in paths(model) if path.startswith((".git/", ".cache/huggingface/"))]


def test_hash_folder_follows_links_that_stay_inside(model):
    (model / "link.json").symlink_to("config.json")

    found = {file.path: file.sha256 for file in folder.hash_folder(model)}

    assert found["link.json"] == found["config.json"]


def test_hash_folder_follows_the_links_of_the_hubs_cache(tmp_path):
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / ("0" * 40)
    (repository / "blobs").mkdir(parents=True)
    (snapshot / "onnx").mkdir(parents=True)
    (repository / "blobs" / "abc").write_bytes(b"weights")
    (snapshot / "onnx" / "model.bin").symlink_to("../../../blobs/abc")

    assert folder.hash_folder(snapshot) == [
        manifest.ManifestFile("onnx/model.bin", 7, hashlib.sha256(b"weights").hexdigest())
    ]


def test_hash_folder_refuses_links_out_of_the_folder(model, tmp_path):
    (tmp_path / "secret").write_bytes(b"x")
    (model / "innocent.json").symlink_to("../secret")

    with pytest.raises(manifest.BadPath, match=r"innocent\.json.*leaves the folder"):
        folder.hash_folder(model)


def test_hash_folder_refuses_links_to_a_folder_and_dangling_ones(model):
    (model / "loop").symlink_to(model, target_is_directory=True)
    with pytest.raises(manifest.BadPath, match=r"loop.*not a regular file"):
        folder.hash_folder(model)

    (model / "loop").unlink()
    (model / "dangling").symlink_to("nowhere")
    with pytest.raises(folder.UnreadableFolder, match="nowhere"):
        folder.hash_folder(model)


def test_hash_folder_refuses_special_files(model):
    os.mkfifo(model / "pipe")

    with pytest.raises(manifest.BadPath, match=r"pipe.*not a regular file"):
        folder.hash_folder(model)


@pytest.mark.parametrize("name", [b"a\nb", b"a\\b", b"\xff", b"a\x01"])
def test_hash_folder_refuses_bad_names_and_shows_them_harmlessly(model, name):
    (model / os.fsdecode(name)).touch()

    with pytest.raises(manifest.BadPath) as caught:
        folder.hash_folder(model)
    assert str(caught.value).isprintable()


def test_hash_folder_refuses_names_that_differ_in_case_only(model):
    (model / "Config.json").touch()

    with pytest.raises(manifest.BadPath, match="case"):
        folder.hash_folder(model)


def test_hash_folder_refuses_what_is_no_folder_or_holds_nothing(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()

    for name in ("file", "missing", "empty"):
        with pytest.raises(folder.UnreadableFolder, match=name):
            folder.hash_folder(tmp_path / name)


def test_hash_folder_refuses_a_file_that_changes_while_it_is_read(model):
    grown = []

    def grow(_done, _total):
        if not grown:
            with (model / "sub" / "model.safetensors").open("ab") as stream:
                stream.write(b"more")
            grown.append(True)

    with pytest.raises(folder.UnreadableFolder, match="changed while it was read"):
        folder.hash_folder(model, progress=grow, workers=1)


def test_hash_folder_does_not_follow_a_link_put_in_place_after_the_walk(model, monkeypatch):
    (model.parent / "secret").write_bytes(b"{}")
    listed = folder.list_files(model.resolve())
    (model / "config.json").unlink()
    (model / "config.json").symlink_to("../secret")
    monkeypatch.setattr(folder, "_walk", lambda _base: listed.items())

    with pytest.raises(folder.UnreadableFolder, match=r"config\.json"):
        folder.hash_folder(model)
