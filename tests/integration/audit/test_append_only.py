"""Every change that the logs refuse, as their owner and as the roles of the service."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from audit import batches
from audit.events import Log
from audit.models import Batch, Pending
from tests.logs import add_leaves, sequence_all

WRITTEN_ONCE = [
    "audit_batch",
    "audit_batchkey",
    "audit_sequencegap",
    "audit_decisionentry",
    "audit_deployment",
    "audit_servedrequest",
    "audit_batchsequence",
    "audit_treehead",
    "audit_checkpoint",
]
EVERY = [*WRITTEN_ONCE, "audit_tile", "audit_head", "audit_pending"]
HASH = "decode(repeat('00', 32), 'hex')"


def refused(statement: str, constraint: str, *parameters: Any) -> None:
    """The statement is refused by exactly this constraint or trigger, as the owner."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert cause.diag.constraint_name == constraint


def column_of(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table]
        )
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.django_db
@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_what_is_written_once_is_never_updated_or_deleted_by_its_owner(table: str) -> None:
    column = column_of(table)

    refused(f"UPDATE {table} SET {column} = {column}", f"{table}_append_only")
    refused(f"DELETE FROM {table}", f"{table}_append_only")


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["audit_tile", "audit_head"])
def test_tiles_and_heads_are_never_deleted(table: str) -> None:
    refused(f"DELETE FROM {table}", f"{table}_never_deleted")


@pytest.mark.django_db
def test_the_queue_is_never_updated() -> None:
    refused("UPDATE audit_pending SET log = log", "audit_pending_never_updated")


@pytest.mark.django_db
@pytest.mark.parametrize("table", EVERY)
def test_no_table_of_the_logs_is_truncated(table: str) -> None:
    trigger = f"{table}_no_truncate"
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"
        )  # tests alone run with it disabled

    refused(f"TRUNCATE {table} CASCADE", trigger)


@pytest.mark.django_db
def test_every_guard_is_always_enabled_where_tests_do_not_lift_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'audit\\_%' AND NOT tgisinternal"
        )
        triggers = cursor.fetchall()

    assert {table for table, _, _ in triggers} == set(EVERY)
    assert {state for _, name, state in triggers if not name.endswith("_no_truncate")} == {"A"}
    assert {table for table, name, _ in triggers if name.endswith("_no_truncate")} == set(EVERY)


@pytest.mark.django_db
def test_replica_mode_does_not_lift_the_guards_for_an_owner() -> None:
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET session_replication_role = replica")


@pytest.mark.django_db
def test_a_tile_only_grows_and_keeps_what_it_holds() -> None:
    add_leaves(b"one", b"two")
    sequence_all(Log.REQUESTS)
    trigger = "audit_tile_only_grows"

    refused(f"UPDATE audit_tile SET width = 3, data = {HASH} || data", trigger)
    refused("UPDATE audit_tile SET width = 1, data = substring(data FROM 1 FOR 32)", trigger)
    refused("UPDATE audit_tile SET width = width", trigger)
    refused(f"UPDATE audit_tile SET width = 3, data = data || {HASH}, number = 7", trigger)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_tile SET width = 3, data = data || {HASH}")
        assert cursor.rowcount == 1


@pytest.mark.django_db
def test_a_head_only_moves_on_to_a_tree_that_was_written() -> None:
    add_leaves(b"one", b"two")
    sequence_all(Log.REQUESTS)
    trigger = "audit_head_only_grows"
    insert = f"INSERT INTO audit_treehead (log, size, root, at) VALUES ('requests', 9, {HASH}, now())"
    with connection.cursor() as cursor:
        cursor.execute(insert)

    refused("UPDATE audit_head SET size = 1", trigger)
    refused("UPDATE audit_head SET size = size", trigger)
    refused("UPDATE audit_head SET size = 8", trigger)
    refused("UPDATE audit_head SET size = 9", trigger)  # the root is another
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_head SET size = 9, root = {HASH}")
        assert cursor.rowcount == 1


@pytest.mark.django_db
def test_a_log_starts_empty() -> None:
    refused(
        f"INSERT INTO audit_head (log, size, root) VALUES ('requests', 0, {HASH})", "audit_head_starts_empty"
    )
    refused(
        "INSERT INTO audit_head (log, size, root) VALUES ('requests', 5, sha256(''))",
        "audit_head_starts_empty",
    )


@pytest.mark.django_db
def test_a_batch_waits_until_it_is_in_the_tree() -> None:
    batch_id = add_leaves(b"one")

    refused("DELETE FROM audit_pending", "audit_pending_only_when_sequenced")
    sequence_all(Log.REQUESTS)
    assert not Pending.objects.exists()
    refused(
        f"INSERT INTO audit_pending (batch_id, log) VALUES ({batch_id}, 'requests')",
        "audit_pending_of_a_new_batch",
    )


@pytest.mark.django_db
def test_only_a_batch_of_the_same_log_may_wait() -> None:
    batch = Batch.objects.create(
        log=Log.REQUESTS,
        received_at="2026-01-01T00:00:00Z",
        count=1,
        hashes=b"x" * 32,
        body=batches.pack([b"x"]),
    )

    refused(
        f"INSERT INTO audit_pending (batch_id, log) VALUES ({batch.pk}, 'decisions')",
        "audit_pending_of_a_new_batch",
    )
    refused(
        "INSERT INTO audit_pending (batch_id, log) VALUES (987654, 'requests')",
        "audit_pending_of_a_new_batch",
    )


@pytest.mark.django_db
def test_a_checkpoint_is_of_a_tree_that_was_written() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    refused(
        "INSERT INTO audit_checkpoint (log, size, note, signed_at) VALUES ('requests', 77, 'x', now())",
        "audit_checkpoint_of_a_tree",
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE audit_batch SET count = count", "audit_batch_append_only"),
        (
            "INSERT INTO audit_batch (log, received_at, count, hashes, body) VALUES ('other', now(), 1, {H}, 'x')",
            "audit_batch_log_known",
        ),
        (
            "INSERT INTO audit_batch (log, received_at, count, hashes, body) VALUES ('requests', now(), 0, '', 'x')",
            "audit_batch_count_bounded",
        ),
        (
            "INSERT INTO audit_batch (log, received_at, count, hashes, body) VALUES ('requests', now(), 2, {H}, 'x')",
            "audit_batch_one_hash_a_leaf",
        ),
        (
            "INSERT INTO audit_batchkey VALUES (1, 'requests', 'r', 0, 0, 1, 'short', now())",
            "audit_batchkey_digest_length",
        ),
        ("INSERT INTO audit_batchkey VALUES (1, 'requests', '', 0, 0, 1, {H}, now())", "audit_batchkey_has_recorder"),
        ("INSERT INTO audit_batchkey VALUES (1, 'requests', 'r', -1, 0, 1, {H}, now())", "audit_batchkey_epoch_natural"),
        (
            "INSERT INTO audit_batchkey VALUES (1, 'requests', 'r', 0, -1, 1, {H}, now())",
            "audit_batchkey_sequence_natural",
        ),
        (
            "INSERT INTO audit_batchkey VALUES (1, 'requests', 'r', 0, 0, 5001, {H}, now())",
            "audit_batchkey_count_bounded",
        ),
        (
            "INSERT INTO audit_sequencegap VALUES (DEFAULT, 'requests', 'r', 0, 5, 4, 1, now())",
            "audit_sequencegap_not_empty",
        ),
        ("INSERT INTO audit_tile (log, level, number, width, data) VALUES ('requests', 8, 0, 1, {H})", "audit_tile_level_bounded"),
        ("INSERT INTO audit_tile (log, level, number, width, data) VALUES ('requests', 0, 0, 257, repeat('x', 8224)::bytea)", "audit_tile_width_bounded"),
        ("INSERT INTO audit_tile (log, level, number, width, data) VALUES ('requests', 0, 0, 2, {H})", "audit_tile_one_hash_a_place"),
        ("INSERT INTO audit_treehead (log, size, root, at) VALUES ('requests', 1, 'x', now())", "audit_treehead_root_length"),
        ("INSERT INTO audit_treehead (log, size, root, at) VALUES ('requests', -1, {H}, now())", "audit_treehead_size_natural"),
        (
            "INSERT INTO audit_decisionentry (batch_id, log, event, actor, subject, at) VALUES (1, 'decisions', 'e', '', 's', now())",
            "audit_decisionentry_says_who_and_what",
        ),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_true_are_refused(statement: str, constraint: str) -> None:
    refused(statement.replace("{H}", HASH), constraint)


@pytest.mark.django_db
@pytest.mark.parametrize("table", EVERY)
@pytest.mark.parametrize("role", ["custody_app", "custody_sequencer"])
def test_the_roles_of_the_service_may_not_change_the_logs(
    role: str, table: str, connect_as: Callable[[str], "psycopg.Connection[Any]"]
) -> None:
    column = column_of(table)
    statements = [
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    ]
    if (role, table) == ("custody_sequencer", "audit_pending"):
        statements.remove(f"DELETE FROM {table}")
    with connect_as(role) as found:
        for statement in statements:
            with pytest.raises(
                psycopg.errors.InsufficientPrivilege, match=r"permission denied|must be owner"
            ):
                found.execute(statement)
        found.execute(f"SELECT count(*) FROM {table}")


@pytest.mark.django_db
def test_each_role_writes_only_its_own_part(connect_as: Callable[[str], "psycopg.Connection[Any]"]) -> None:
    for role, tables in (
        (
            "custody_app",
            ["audit_batchsequence", "audit_treehead", "audit_checkpoint", "audit_tile", "audit_head"],
        ),
        (
            "custody_sequencer",
            ["audit_batch", "audit_batchkey", "audit_pending", "audit_decisionentry", "audit_deployment"],
        ),
    ):
        with connect_as(role) as found:
            for table in tables:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    found.execute(f"INSERT INTO {table} DEFAULT VALUES")
