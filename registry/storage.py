"""The model store of this installation."""

from pathlib import Path

from django.conf import settings

from registry.fetch.store import Store


def model_store() -> Store:
    """The store below MODEL_STORE, with the limits of the settings."""
    return Store(
        Path(settings.MODEL_STORE),
        quota_bytes=settings.MODEL_STORE_QUOTA_BYTES,
        keep_free_bytes=settings.MODEL_STORE_KEEP_FREE_BYTES,
    )
