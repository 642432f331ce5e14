"""Keys and a signer's memory of their own for every test of the logs."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from governance import keys


@pytest.fixture(autouse=True)
def log_folders(settings: LazySettings, tmp_path: Path) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.SIGNER_DIR = tmp_path / "signer"
    keys.create_keys()
    return tmp_path
