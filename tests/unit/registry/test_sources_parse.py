"""How sources are written, and what is said of those that are written otherwise."""

from pathlib import Path

import pytest

from governance.errors import GovernanceError
from registry.sources import parse
from registry.sources.places import Places
from registry.sources.s3 import S3Settings

SUMS = "https://files.example/models/SHA256SUMS"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.gguf").write_bytes(b"GGUF")
    (tmp_path / "keys").mkdir()
    (tmp_path / "elsewhere").mkdir()
    return Places(
        folders=[tmp_path / "models", tmp_path / "keys"],
        private=[tmp_path / "keys"],
        hosts=["files.example", "storage.example:9000"],
    )


@pytest.mark.parametrize(
    ("source", "revision", "name", "expected"),
    [
        ("hf://org/name", None, None, ("hub", "org/name", "org/name", "main")),
        ("hf://org/name", "A" * 40, "org/name", ("hub", "org/name", "org/name", "a" * 40)),
        ("folder://{}/models", None, "acme/m", ("folder", "{}/models", "acme/m", "")),
        ("file://{}/models/m.gguf", None, "acme/m", ("file", "{}/models/m.gguf", "acme/m", "")),
        (
            "ollama://{}/models",
            "llama3.2:1b",
            None,
            ("ollama", "{}/models", "library/llama3.2", "llama3.2:1b"),
        ),
        ("ollama://{}/models", "hf.co/o/m:Q4", "acme/m", ("ollama", "{}/models", "acme/m", "hf.co/o/m:Q4")),
        ("s3://bucket/a/b/", None, "acme/m", ("s3", "bucket/a/b", "acme/m", "")),
        ("s3://bucket", None, "acme/m", ("s3", "bucket", "acme/m", "")),
        (SUMS, None, "acme/m", ("http", SUMS, "acme/m", "")),
    ],
)
def test_each_kind_is_read(
    places: Places,
    tmp_path: Path,
    source: str,
    revision: str | None,
    name: str | None,
    expected: tuple[str, ...],
) -> None:
    found = parse.parse(source.replace("{}", str(tmp_path)), revision=revision, name=name, allowed=places)

    kind, location, full_name, pinned = expected
    assert (found.kind, found.location) == (kind, location.replace("{}", str(tmp_path)))
    assert (f"{found.publisher}/{found.name}", found.revision) == (full_name, pinned)


@pytest.mark.parametrize(
    ("source", "revision", "name", "refusal"),
    [
        ("", None, None, ("invalid_source", "source", "ollama:///")),
        ("org/name", None, None, ("invalid_source", "source", "Write hf://org/name, ")),
        ("ftp://host/x", None, None, ("invalid_source", "source", ", s3://bucket/prefix, ")),
        ("hf://only", None, None, ("invalid_source", "source", "Write hf://org/name")),
        ("hf://org/name.git", None, None, ("invalid_source", "source", "Hub repository")),
        ("hf://org/name", "../x", None, ("invalid_source", "revision", "branch")),
        ("hf://org/name", None, "a/b", ("invalid_source", "name", "leave `name` out")),
        ("folder://models", None, "a/b", ("invalid_source", "source", "three slashes")),
        ("folder://{}/models", "main", "a/b", ("invalid_source", "revision", "leave `revision` out")),
        ("folder://{}/models", None, None, ("invalid_source", "name", "publisher/model")),
        ("folder://{}/elsewhere", None, "a/b", ("source_not_found", "source", "SOURCE_FOLDERS")),
        ("folder://{}/keys", None, "a/b", ("source_not_found", "source", "keys of its own")),
        ("file://{}/models/x.gguf", None, "a/b", ("source_not_found", "source", "no file")),
        ("file://{}/models/x.bin", None, "a/b", ("invalid_source", "source", "no GGUF file")),
        ("file://{}/models", None, "a/b", ("invalid_source", "source", "no GGUF file")),
        ("file://m.gguf", None, "a/b", ("invalid_source", "source", "three slashes")),
        ("file://{}/models/m-00002-of-00003.gguf", None, "a/b", ("invalid_source", "source", "first part")),
        ("file://{}/models/m-00001-of-00003.gguf", None, "a/b", ("source_not_found", "source", "m-00001")),
        ("ollama://{}/models", None, None, ("invalid_source", "revision", "ollama list")),
        ("ollama://{}/models", "../x", None, ("invalid_source", "revision", "ollama list")),
        ("ollama://{}/models", "a/../b:c", None, ("invalid_source", "revision", "ollama list")),
        ("ollama://{}/models", "m", "x", ("invalid_source", "name", "publisher/model")),
        ("ollama://{}/nothing", "m", None, ("source_not_found", "source", "no folder")),
        ("s3://B/x", None, "a/b", ("invalid_source", "source", "s3://bucket/prefix")),
        ("s3://bucket/a//b", None, "a/b", ("invalid_source", "source", "plain relative path")),
        ("s3://bucket/../x", None, "a/b", ("invalid_source", "source", "plain relative path")),
        ("s3://", None, None, ("invalid_source", "source", "s3://bucket/prefix")),
        ("s3://bucket/x", None, "x", ("invalid_source", "name", "'x' is none")),
        ("s3://bucket/x", "v1", "a/b", ("invalid_source", "revision", "leave `revision` out")),
        ("s3://bucket/x", None, None, ("invalid_source", "name", "publisher/model")),
        ("https://other.example/SHA256SUMS", None, "a/b", ("host_not_configured", "source", "SOURCE_HOSTS")),
        (
            "https://files.example:8443/SHA256SUMS",
            None,
            "a/b",
            ("host_not_configured", "source", "SOURCE_HOSTS"),
        ),
        ("https://files.example/m/", None, "a/b", ("invalid_source", "source", "no checksum file")),
        ("https://files.example", None, "a/b", ("invalid_source", "source", "no checksum file")),
        (f"{SUMS}?token=secret", None, "a/b", ("invalid_source", "source", "without `?`")),
        ("https://me:secret@files.example/S", None, "a/b", ("address_refused", "source", "do not belong")),
        (SUMS, None, None, ("invalid_source", "name", "publisher/model")),
    ],
)
def test_what_is_written_otherwise_is_refused_with_the_field_and_how_to_mend_it(
    places: Places,
    tmp_path: Path,
    source: str,
    revision: str | None,
    name: str | None,
    refusal: tuple[str, ...],
) -> None:
    with pytest.raises(GovernanceError) as refused:
        parse.parse(source.replace("{}", str(tmp_path)), revision=revision, name=name, allowed=places)

    assert (refused.value.code, refused.value.field) == refusal[:2]
    assert refusal[2] in refused.value.detail
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize(
    ("storage", "code"),
    [
        (S3Settings(), None),
        (S3Settings(endpoint="https://s3.eu-west-1.amazonaws.com"), None),
        (S3Settings(region="cn-north-1", access_key="a", secret_key="b"), None),
        (S3Settings(endpoint="http://storage.example:9000"), None),
        (S3Settings(endpoint="http://storage.example"), "host_not_configured"),
        (S3Settings(endpoint="https://s3.amazonaws.com.evil.example"), "host_not_configured"),
        (S3Settings(endpoint="http://s3.amazonaws.com"), "host_not_configured"),
        (S3Settings(access_key="a"), "s3_not_configured"),
        (S3Settings(secret_key="a"), "s3_not_configured"),
        (S3Settings(region="eu/../x"), "s3_not_configured"),
    ],
)
def test_storage_is_asked_where_an_operator_said_so_only(storage: S3Settings, code: str | None) -> None:
    allowed = Places(hosts=["storage.example:9000"], storage=storage)

    if code is None:
        assert parse.parse("s3://bucket/x", revision=None, name="a/b", allowed=allowed).kind == "s3"
        return
    with pytest.raises(GovernanceError) as refused:
        parse.parse("s3://bucket/x", revision=None, name="a/b", allowed=allowed)
    assert (refused.value.code, refused.value.field) == (code, "source")


def test_every_kind_that_is_stored_can_be_written() -> None:
    from registry.models import SourceKind

    assert set(parse.FORMS) == set(SourceKind.values)
    assert all(form in parse.HELP for form, _ in parse.FORMS.values())
