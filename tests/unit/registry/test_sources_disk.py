"""Sources that lie on this machine: folders, single files, and the store that Ollama keeps."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from registry.sources import base
from registry.sources.file import FileSource
from registry.sources.folder import FolderSource
from registry.sources.ollama import OllamaSource, parse_name
from registry.sources.places import Places
from tests import ollama

ANYWHERE = Places()
LAYERS = [
    ("model", b"GGUF" + bytes(100)),
    ("template", b"{{ .Prompt }}"),
    ("system", b"You are helpful."),
    ("params", b'{"stop": ["x"]}'),
    ("license", b"MIT License"),
    ("license", b"Acceptable use"),
]


def take(source: base.ModelSource) -> dict[str, bytes]:
    found = {}
    for file in source.list_files():
        with source.open(file) as stream:
            found[file.path] = b"".join(stream.chunks)
        assert file.size == len(found[file.path])
        if file.claim_kind:
            assert hashlib.sha256(found[file.path]).hexdigest() == file.claimed_digest
    return found


def in_store(root: Path, model: str = "llama3.2:1b") -> OllamaSource:
    source = OllamaSource(str(root), model=model, places=ANYWHERE)
    source.pin(model)
    return source


def test_a_gguf_file_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "M.GGUF").write_bytes(b"GGUF")
    (tmp_path / "other.txt").write_bytes(b"x")
    source = FileSource(str(tmp_path / "M.GGUF"), places=ANYWHERE)

    assert source.pin("") == base.PinnedRevision(commit=None)
    assert take(source) == {"M.GGUF": b"GGUF"}
    with pytest.raises(base.InvalidSource, match="no revisions"):
        source.pin("main")


def test_the_parts_of_a_split_model_come_together(tmp_path: Path) -> None:
    names = [f"m-{number:05}-of-00003.gguf" for number in (1, 2, 3)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())

    assert take(FileSource(str(tmp_path / names[0]), places=ANYWHERE)) == {
        name: name.encode() for name in names
    }

    (tmp_path / names[2]).unlink()
    with pytest.raises(base.SourceNotFound, match="m-00003-of-00003"):
        FileSource(str(tmp_path / names[0]), places=ANYWHERE)


def test_a_file_outside_the_allowed_folders_is_refused_links_and_parts_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("m.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"):
        (tmp_path / "out" / name).write_bytes(b"GGUF")
    (tmp_path / "in" / "link.gguf").symlink_to(tmp_path / "out" / "m.gguf")
    (tmp_path / "in" / "m-00001-of-00002.gguf").write_bytes(b"GGUF")
    (tmp_path / "in" / "m-00002-of-00002.gguf").symlink_to(tmp_path / "out" / "m-00002-of-00002.gguf")
    allowed = Places(folders=[tmp_path / "in"])

    for name in ("out/m.gguf", "in/link.gguf", "in/m-00001-of-00002.gguf"):
        with pytest.raises(base.SourceNotFound, match="outside"):
            FileSource(str(tmp_path / name), places=allowed)
    with pytest.raises(base.SourceNotFound, match="keys of its own"):
        FileSource(str(tmp_path / "in" / "m-00001-of-00002.gguf"), places=Places(private=[tmp_path / "in"]))


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_change_shows_in_the_listing_s_digest_and_is_not_streamed_as_the_old_state(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF1")
    source: base.ModelSource = (
        FolderSource(str(tmp_path), places=ANYWHERE)
        if kind == "folder"
        else FileSource(str(path), places=ANYWHERE)
    )
    [file] = source.list_files()
    before = source.observe()
    with source.open(file, offset=4) as stream:
        assert (stream.offset, b"".join(stream.chunks)) == (4, b"1")
        validator = stream.validator
    with source.open(file, offset=4, validator=validator) as stream:
        assert stream.offset == 4
    with source.open(file, offset=4, validator="another") as stream:
        assert stream.offset == 0
    assert source.observe() == before

    path.write_bytes(b"GGUF2")
    os.utime(path, ns=(1, 1))

    assert source.observe().listing_digest != before.listing_digest
    with pytest.raises(base.RevisionMoved, match="changed after it was listed"), source.open(file):
        pass


def test_a_file_that_became_something_else_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    source = FileSource(str(path), places=ANYWHERE)
    [file] = source.list_files()
    path.unlink()

    with pytest.raises(base.SourceNotFound), source.open(file):
        pass
    os.mkfifo(path)
    with pytest.raises(base.UnsafeListing), source.open(file):
        pass
    with pytest.raises(base.UnsafeListing):
        source.list_files()


# Ollama


def test_a_model_of_the_store_appears_under_plain_names(tmp_path: Path) -> None:
    ollama.write(tmp_path, LAYERS)

    found = take(in_store(tmp_path))

    manifest = (tmp_path / "manifests/registry.ollama.ai/library/llama3.2/1b").read_bytes()
    assert found == {
        "model.gguf": LAYERS[0][1],
        "template": LAYERS[1][1],
        "system": LAYERS[2][1],
        "params.json": LAYERS[3][1],
        "license-1": LAYERS[4][1],
        "license-2": LAYERS[5][1],
        "ollama-config.json": json.dumps(ollama.CONFIG).encode(),
        "ollama-manifest.json": manifest,
    }
    facts = in_store(tmp_path).observe()
    assert facts.repository == "registry.ollama.ai/library/llama3.2:1b"
    assert facts.listing_digest == f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def test_a_split_model_and_adapters_are_numbered(tmp_path: Path) -> None:
    layers = [("model", b"1"), ("model", b"2"), ("adapter", b"3"), ("projector", b"4"), ("license", b"5")]
    ollama.write(tmp_path, layers)

    assert {
        "model-00001-of-00002.gguf",
        "model-00002-of-00002.gguf",
        "adapter.gguf",
        "projector.gguf",
        "license",
    } <= (take(in_store(tmp_path)).keys())


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("llama3.2", "registry.ollama.ai/library/llama3.2:latest"),
        ("llama3.2:1b", "registry.ollama.ai/library/llama3.2:1b"),
        ("acme/m", "registry.ollama.ai/acme/m:latest"),
        ("hf.co/acme/m:Q4_K_M", "hf.co/acme/m:Q4_K_M"),
        ("host:5000/acme/m:v1", "host:5000/acme/m:v1"),
    ],
)
def test_names_mean_what_they_mean_to_ollama(text: str, full: str) -> None:
    assert str(parse_name(text)) == full


@pytest.mark.parametrize(
    "text", ["", ".", "..", "../m", "a/b/c/d", "m:..", "a b", "m\x00", "/m", "m:", "-m", "a//b"]
)
def test_names_that_could_leave_the_store_are_none(text: str) -> None:
    with pytest.raises(base.InvalidSource) as refused:
        parse_name(text)
    assert refused.value.field == "revision"


def layer(**changes: Any) -> dict[str, Any]:
    return {"mediaType": f"{ollama.LAYER}model", "digest": "sha256:" + "0" * 64, "size": 1} | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"schemaVersion": 1}, "unsafe_listing"),
        ({"layers": []}, "unsafe_listing"),
        ({"layers": [layer()] * 300}, "unsafe_listing"),
        ({"layers": {}}, "unsafe_listing"),
        ({"layers": [7]}, "unsafe_listing"),
        ({"config": None}, "unsafe_listing"),
        ({"config": {"digest": "sha256:../../etc/passwd", "size": 1}}, "unsafe_listing"),
        ({"layers": [layer(mediaType=f"{ollama.LAYER}unheard-of")]}, "unsafe_listing"),
        ({"layers": [layer(mediaType=None)]}, "unsafe_listing"),
        ({"layers": [layer(mediaType=f"{ollama.LAYER}license")]}, "unsafe_listing"),
        ({"layers": [layer(digest="md5:x")]}, "unsafe_listing"),
        ({"layers": [layer(digest="sha256:" + "A" * 64)]}, "unsafe_listing"),
        ({"layers": [layer(size=-1)]}, "unsafe_listing"),
        ({"layers": [layer(size=True)]}, "unsafe_listing"),
        ({"layers": [layer(size=1 << 70)]}, "unsafe_listing"),
        ({"layers": [layer()]}, "source_not_found"),
    ],
)
def test_manifests_that_are_not_plain_are_refused(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    ollama.write(tmp_path, LAYERS, **changes)

    with pytest.raises(base.SourceRefused) as refused:
        in_store(tmp_path).list_files()
    assert refused.value.code == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 50_000,
        b'{"a": 1, "a": 2}',
        b"\xff",
        b'{"schemaVersion": 2}' + b" " * 2_000_000,
    ],
)
def test_manifests_that_are_no_manifests_are_refused(tmp_path: Path, content: bytes) -> None:
    ollama.write(tmp_path, LAYERS)
    ollama.write_manifest(tmp_path, content)

    with pytest.raises(base.UnsafeListing):
        in_store(tmp_path).list_files()


def test_a_model_that_is_not_in_the_store_is_named(tmp_path: Path) -> None:
    ollama.write(tmp_path, LAYERS)

    with pytest.raises(base.RevisionNotFound, match="library/mistral:latest"):
        in_store(tmp_path, "mistral")


def test_links_that_leave_the_store_are_refused(tmp_path: Path) -> None:
    root = ollama.write(tmp_path / "store", LAYERS)
    digest = hashlib.sha256(LAYERS[0][1]).hexdigest()
    blob = root / "blobs" / f"sha256-{digest}"
    blob.rename(tmp_path / "outside")
    blob.symlink_to(tmp_path / "outside")

    with pytest.raises(base.UnsafeListing, match="link that leaves the store"):
        in_store(root).list_files()

    path = root / "manifests/registry.ollama.ai/library/llama3.2/1b"
    path.rename(tmp_path / "manifest")
    path.symlink_to(tmp_path / "manifest")
    with pytest.raises(base.UnsafeListing, match="link that leaves the store"):
        in_store(root)


def test_a_blob_that_is_cut_off_is_found_before_it_is_copied(tmp_path: Path) -> None:
    root = ollama.write(tmp_path, LAYERS)
    digest = hashlib.sha256(LAYERS[0][1]).hexdigest()
    (root / "blobs" / f"sha256-{digest}").write_bytes(b"GGUF")

    with pytest.raises(base.DownloadCorrupted, match=r"model\.gguf has 4 bytes"):
        in_store(root).list_files()


def test_a_model_that_is_pulled_again_meanwhile_is_refused(tmp_path: Path) -> None:
    source = in_store(ollama.write(tmp_path, LAYERS))
    before = source.observe()
    ollama.write(tmp_path, [("model", b"GGUF other")])

    with pytest.raises(base.RevisionMoved, match="Register again"):
        source.list_files()
    assert source.observe().listing_digest != before.listing_digest
