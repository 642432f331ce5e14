"""Where a version's files come from, which they are, and where they lie on this machine."""

from pathlib import Path

from django.conf import settings

from registry.models import ModelVersion, SourceKind
from registry.sources.base import ModelSource
from registry.sources.file import FileSource
from registry.sources.folder import FolderSource
from registry.sources.http import HttpSource
from registry.sources.hub import HubSource
from registry.sources.hub_api import HubApi
from registry.sources.ollama import OllamaSource
from registry.sources.places import Places
from registry.sources.s3 import S3Settings, S3Source
from registry.verification.subject import Expected


def places() -> Places:
    """Which folders, hosts and storage a source may name; where the service keeps keys is never a model's place."""
    return Places(
        folders=settings.SOURCE_FOLDERS,
        private=[Path(settings.KEYS_DIR), Path(settings.SIGNER_DIR), settings.PATHS.secrets],
        hosts=settings.SOURCE_HOSTS,
        storage=S3Settings(
            endpoint=settings.S3_ENDPOINT_URL,
            region=settings.S3_REGION,
            access_key=settings.S3_ACCESS_KEY,
            secret_key=settings.S3_SECRET_KEY,
        ),
    )


def source_of(version: ModelVersion) -> ModelSource:
    """The source of a version, ready to be asked."""
    kind, location, allowed = version.source_kind, version.location, places()
    if kind == SourceKind.FOLDER:
        return FolderSource(location, places=allowed)
    if kind == SourceKind.S3:
        return S3Source(location, settings=allowed.storage, hosts=allowed.hosts)
    if kind == SourceKind.HTTP:
        return HttpSource(location, hosts=allowed.hosts)
    if kind == SourceKind.OLLAMA:
        return OllamaSource(location, model=version.requested_revision, places=allowed)
    if kind == SourceKind.FILE:
        return FileSource(location, places=allowed)
    return HubSource(
        location,
        api=HubApi(location, endpoint=settings.HF_ENDPOINT, token=settings.HF_TOKEN),
        revision=version.requested_revision,
        commit=version.revision,
    )


def folder_of(version: ModelVersion) -> Path:
    """The folder that holds a resolved version's files: its own, or one of the store."""
    if version.source_kind == SourceKind.FOLDER:
        return Path(version.location)
    kept = Path(settings.MODEL_STORE) / version.source_kind
    if version.source_kind == SourceKind.HUB:
        return kept / version.location / str(version.revision)
    return kept / str(version.manifest_digest).removeprefix("sha256:")


def expected_files(version: ModelVersion) -> dict[str, Expected]:
    """What the manifest of a version lists, by path, with what its source claimed of each file."""
    return {
        row.path: Expected(row.path, row.size, row.sha256, row.role, row.claimed_digest, row.claim_kind)
        for row in version.artifacts.order_by("path")
    }
