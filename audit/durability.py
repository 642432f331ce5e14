"""Refuses a database that could lose what it acknowledged."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

# A commit that returned must be on disk, whole (audit log design, sections 0.3 and 4.2).
REQUIRED = {"fsync": {"on"}, "full_page_writes": {"on"}, "synchronous_commit": {"on", "remote_apply"}}


def weak_settings() -> dict[str, str]:
    """The PostgreSQL settings under which an acknowledged record could be lost, with their values."""
    found = {}
    with connection.cursor() as cursor:
        for name, good in REQUIRED.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            row = cursor.fetchone()
            if row is None or row[0] not in good:
                found[name] = row[0] if row else "unknown"
    return found


def require() -> None:
    """Raise `ImproperlyConfigured` unless every acknowledged commit survives a crash."""
    weak = weak_settings()
    connection.close()  # a process that forks after this must not share the connection
    if weak:
        words = ", ".join(f"{name} = {value}" for name, value in sorted(weak.items()))
        raise ImproperlyConfigured(
            f"PostgreSQL could lose acknowledged records: {words}. Turn on fsync, full_page_writes and synchronous_commit."
        )
