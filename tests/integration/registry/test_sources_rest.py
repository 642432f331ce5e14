"""Each kind of source, from the request that registers it to the folder that holds its files."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from governance.permissions import Role
from registry import origin
from registry.actions import gather
from registry.models import ModelVersion
from tests import factories, faulty, fetching, folders, intake, ollama, rest, storage
from tests import hub as hubs

pytestmark = pytest.mark.django_db
URL = "model-versions"
GGUF = b"GGUF" + bytes(60)


@pytest.fixture(autouse=True)
def store(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gather, "PATIENCE", fetching.AT_ONCE)
    settings.MODEL_STORE_KEEP_FREE_BYTES = 0
    settings.MODEL_STORE = tmp_path / "store"
    return tmp_path / "store"


@contextlib.contextmanager
def hub(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    with hubs.running("acme/model", folders.model_files(), with_cdn=True) as hub:
        settings.HF_ENDPOINT, settings.HF_TOKEN = hub.endpoint, ""
        yield {"source": "hf://acme/model"}


@contextlib.contextmanager
def folder(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    folders.write(tmp_path / "m", folders.model_files())
    yield {"source": f"folder://{tmp_path / 'm'}", "name": "acme/model"}


@contextlib.contextmanager
def s3(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    with storage.serving() as server:
        settings.S3_ENDPOINT_URL, settings.SOURCE_HOSTS = server.endpoint, [server.host]
        settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY = server.keys
        for path, content in folders.model_files().items():
            server.put(f"llama/v1/{path}", content, ChecksumAlgorithm="SHA256")
        yield {"source": "s3://models/llama/v1/", "name": "acme/model"}


@contextlib.contextmanager
def http(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    files = folders.model_files()
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items())
    served = {f"/m/{path}": data for path, data in files.items()} | {"/m/SHA256SUMS": sums.encode()}
    with faulty.serving(served) as server:
        settings.SOURCE_HOSTS = [server.url.removeprefix("http://")]
        yield {"source": f"{server.url}/m/SHA256SUMS", "name": "acme/model"}


@contextlib.contextmanager
def in_ollama(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    ollama.write(tmp_path / "ollama", [("model", GGUF), ("license", b"MIT License")])
    yield {"source": f"ollama://{tmp_path / 'ollama'}", "revision": "llama3.2:1b"}


@contextlib.contextmanager
def file(settings: Settings, tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "m.gguf").write_bytes(GGUF)
    yield {"source": f"file://{tmp_path / 'm.gguf'}", "name": "acme/model"}


KINDS = {
    "hub": (hub, "acme/model", {"sha256", "git-oid"}, f"pkg:huggingface/acme/model@{hubs.COMMIT}"),
    "folder": (folder, "acme/model", {""}, "pkg:generic/acme/model@{digest}"),
    "s3": (s3, "acme/model", {"sha256"}, "pkg:generic/acme/model@{digest}?download_url=s3://models/llama/v1"),
    "http": (http, "acme/model", {"sha256"}, "pkg:generic/acme/model@{digest}?download_url={location}"),
    "ollama": (in_ollama, "library/llama3.2", {"sha256"}, "pkg:generic/library/llama3.2@{digest}"),
    "file": (file, "acme/model", {""}, "pkg:generic/acme/model@{digest}"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_becomes_a_version_with_its_files(
    settings: Settings, tmp_path: Path, store: Path, kind: str
) -> None:
    arrange, name, claims, purl = KINDS[kind]
    officer = rest.person(Role.OFFICER)
    with arrange(settings, tmp_path) as body:
        shown = rest.post(officer, URL, body)
        assert shown.status_code == 202, shown.content
        version = ModelVersion.objects.get(pk=shown.json()["id"])
        assert (version.source_kind, str(version.registered_model)) == (kind, name)

        run = intake.resolve_open(version)

        assert run.outcome == "pass", run.message
        version.refresh_from_db()
        digest = str(version.manifest_digest).removeprefix("sha256:")
        place = origin.folder_of(version)
        assert place == {
            "hub": store / "hub" / "acme/model" / hubs.COMMIT,
            "folder": tmp_path / "m",
        }.get(kind, store / kind / digest)
        for artifact in version.artifacts.all():
            assert hashlib.sha256((place / artifact.path).read_bytes()).hexdigest() == artifact.sha256
        assert set(version.artifacts.values_list("claim_kind", flat=True)) == claims
        assert version.purl == purl.format(digest=digest, location=version.location)

        # What it said of itself is kept, with what it did not tell; and it says the same when asked again.
        [look] = version.observations.all()
        assert bool(look.facts["commit"]) == (kind == "hub")
        assert bool(look.facts["listing_digest"]) == (kind != "hub")
        assert origin.source_of(version).observe().digest == look.facts_digest

        # The same again, as the page's button asks for it, is the same version.
        again = rest.post(
            officer,
            URL,
            {"source": version.source_address, "name": name}
            | ({"revision": version.requested_revision} if version.requested_revision else {}),
        )
        second = ModelVersion.objects.get(pk=again.json()["id"])
        assert intake.resolve_open(second).code == "duplicate_version"

    results = intake.results(intake.verify_open(version))
    assert {results[check] for check in ("C1-pinned", "C2-file-set", "C3-digests")} == {"pass"}


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"source": "gopher://x"}, 422, "invalid_source", "source"),
        ({"source": "s3://bucket/x"}, 422, "invalid_source", "name"),
        ({"source": "https://example.org/S", "name": "a/b"}, 422, "host_not_configured", "source"),
        ({"source": "ollama:///tmp"}, 422, "invalid_source", "revision"),
        ({"source": "file:///nothing.gguf", "name": "a/b"}, 422, "source_not_found", "source"),
    ],
)
def test_what_cannot_be_registered_is_refused_at_its_field(
    body: dict[str, Any], status: int, code: str, field: str
) -> None:
    officer: Client = rest.as_(factories.user(Role.OFFICER))

    rest.problem(rest.post(officer, URL, body), status, code, field)

    assert not ModelVersion.objects.exists()
