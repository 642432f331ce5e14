"""A service and a browser for the tests that look at pages as people do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from governance import keys
from tests import browser, factories
from tests.browser import Person


@pytest.fixture
def people(
    live_server: LiveServer, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Person]]:
    """Opens a browser for a person by name, once for each; the account must be there by then."""
    # Playwright's loop runs in this thread, which Django takes for asynchronous code; it is not.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    # Each thread of the server lets go of the database with its request, so that the database can be dropped.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    settings.KEYS_DIR, settings.SIGNER_DIR = tmp_path / "keys", tmp_path / "signer"
    keys.create_keys()
    with browser.chromium() as chromium:
        opened: dict[str, Person] = {}

        def person(name: str) -> Person:
            if name not in opened:
                opened[name] = Person(chromium, live_server.url, name, factories.PASSWORD)
            return opened[name]

        yield person
        connections.close_all()  # those opened beside Playwright's loop, which Django keeps apart
