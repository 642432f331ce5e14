"""Keys and a signer's memory of their own for every test of the logs, and a recorder."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from governance import keys
from governance.permissions import Scope
from tests import factories
from tests.logs import RECORDER, Send, lines


@pytest.fixture(autouse=True)
def log_folders(settings: LazySettings, tmp_path: Path) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.SIGNER_DIR = tmp_path / "signer"
    keys.create_keys()
    return tmp_path


@pytest.fixture
def send(client: Client) -> Send:
    """Post a batch as the recorder."""
    _, token = factories.api_token(Scope.RECORD, recorder=RECORDER)

    def post(*records: dict[str, object], data: bytes | None = None, **headers: str) -> Any:
        options = {
            "content_type": "application/x-ndjson",
            "headers": {"Authorization": f"Bearer {token}", **headers},
        }
        if "Content-Type" in headers:
            options["content_type"] = options["headers"].pop("Content-Type")
        return client.post("/api/v1/served-requests", lines(records) if data is None else data, **options)

    return post
