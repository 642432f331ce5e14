"""What every test with a database needs."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
from django.db import connection

# A busy machine is no failure: tests are about what comes out, not when.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The flush after a transactional test truncates, which the logs refuse: those triggers alone are off here."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE '%%\\_no\\_truncate'"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")


@pytest.fixture
def connect_as() -> Iterator[Callable[[str], "psycopg.Connection[tuple[Any, ...]]"]]:
    """Connections to the test database as one of the service's roles."""
    opened = []

    def connect(role: str) -> "psycopg.Connection[tuple[Any, ...]]":
        parameters = {**connection.get_connection_params(), "user": role}
        known = {"dbname", "host", "port", "user"}
        password = os.environ.get("TEST_ROLE_PASSWORD")
        extra = {"password": password} if password else {}
        found = psycopg.connect(
            **{key: parameters[key] for key in known & parameters.keys()}, **extra, autocommit=True
        )
        opened.append(found)
        return found

    yield connect
    for found in opened:
        found.close()
