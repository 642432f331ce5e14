"""Tests as one of the service's database roles."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def connected_as(role: str) -> Iterator[None]:
    """The test's own connection, as one of the service's roles."""
    owner = connection.settings_dict["USER"]
    connection.close()
    connection.settings_dict["USER"] = role
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["USER"] = owner
