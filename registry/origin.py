"""Where a version's files come from, and where they lie on this machine."""

from pathlib import Path

from django.conf import settings

from registry.models import ModelVersion, SourceKind
from registry.sources.base import ModelSource
from registry.sources.folder import FolderSource
from registry.sources.hub import HubSource
from registry.sources.hub_api import HubApi


def private_folders() -> list[Path]:
    """Where the service keeps keys and secrets: never a model, though it may read them."""
    return [Path(settings.KEYS_DIR), Path(settings.SIGNER_DIR), settings.PATHS.secrets]


def source_of(version: ModelVersion) -> ModelSource:
    """The source of a version, ready to be asked."""
    if version.source_kind == SourceKind.FOLDER:
        return FolderSource(version.location, allowed=settings.SOURCE_FOLDERS, private=private_folders())
    return HubSource(
        version.location,
        api=HubApi(version.location, endpoint=settings.HF_ENDPOINT, token=settings.HF_TOKEN),
        revision=version.requested_revision,
        commit=version.revision,
    )


def folder_of(version: ModelVersion) -> Path:
    """The folder that holds a resolved version's files."""
    if version.source_kind == SourceKind.FOLDER:
        return Path(version.location)
    return Path(settings.MODEL_STORE) / "hub" / version.location / str(version.revision)
