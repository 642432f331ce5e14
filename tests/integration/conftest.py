"""Keys of their own for tests that sign."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import override_settings

from governance import keys


@pytest.fixture
def log_folders(settings: LazySettings, tmp_path: Path) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.SIGNER_DIR = tmp_path / "signer"
    keys.create_keys()
    return tmp_path


@pytest.fixture(autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing that is meant to be slow would be most of a test's time."""
    hashers = "django.contrib.auth.hashers"
    quick_first = [f"{hashers}.MD5PasswordHasher", f"{hashers}.PBKDF2PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=quick_first):
        yield
