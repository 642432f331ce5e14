"""Checks of the database role: the service must not be able to rewrite its own log."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connection

from audit import durability

log = structlog.get_logger(__name__)

# What the sequencer's role may do beyond reading and adding.
SEQUENCER_RIGHTS: Mapping[str, frozenset[str]] = {
    "audit_tile": frozenset({"UPDATE"}),
    "audit_head": frozenset({"UPDATE"}),
    "audit_pending": frozenset({"DELETE"}),
}
NO_RIGHTS: Mapping[str, frozenset[str]] = {}
HINT = "Connect as custody_app (the sequencer as custody_sequencer); keep custody_owner for migrations. See deploy/postgres/roles.sql."

RIGHTS = """
SELECT c.relname,
       pg_has_role(current_user, c.relowner, 'MEMBER'),
       has_any_column_privilege(current_user, c.oid, 'UPDATE'),
       has_table_privilege(current_user, c.oid, 'DELETE'),
       has_table_privilege(current_user, c.oid, 'TRUNCATE'),
       has_table_privilege(current_user, c.oid, 'TRIGGER')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relname LIKE 'audit\\_%' AND n.nspname = current_schema()
 ORDER BY c.relname
"""
NAMES = ("OWNERSHIP", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")


def excessive_rights(*, permitted: Mapping[str, frozenset[str]] = NO_RIGHTS) -> list[str]:
    """What this process's database role could do to the logs and should not, as `table: RIGHT, ...`."""
    with connection.cursor() as cursor:
        cursor.execute(RIGHTS)
        rows = cursor.fetchall()
    found = []
    for table, *held in rows:
        names = {name for name, is_held in zip(NAMES, held, strict=True) if is_held} - permitted.get(
            table, frozenset()
        )
        if names:
            found.append(f"{table}: {', '.join(sorted(names))}")
    return found


def warn_of_rights(*, permitted: Mapping[str, frozenset[str]] = NO_RIGHTS) -> bool:
    """Say loudly in the process's log that its role is too strong; return whether it is."""
    found = excessive_rights(permitted=permitted)
    connection.close()  # a process that forks after this must not share the connection
    if found:
        log.error("database_role_could_rewrite_the_log", tables=found, hint=HINT)
    return bool(found)


@register(Tags.security, deploy=True)
def log_is_append_only(**_: Any) -> list[CheckMessage]:
    """The role that the service connects as can only read and add to the logs, and the server keeps commits."""
    try:
        found = excessive_rights()
        weak = durability.weak_settings()
    except DatabaseError as error:
        return [
            Error(f"The database could not be asked: {error}", hint="Check DATABASE_URL.", id="audit.E003")
        ]
    messages: list[CheckMessage] = []
    if found:
        text = f"The database role could rewrite the log ({'; '.join(found)})."
        messages.append(Error(text, hint=HINT, id="audit.E001"))
    if weak:
        text = f"PostgreSQL could lose acknowledged records ({', '.join(sorted(weak))})."
        messages.append(
            Error(text, hint="Turn on fsync, full_page_writes and synchronous_commit.", id="audit.E002")
        )
    return messages
