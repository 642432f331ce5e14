"""The logs are append-only, for their owner too; what little may change is spelt out here."""

from django.db import migrations

from governance.guards import row_trigger

# Nothing ever changes in these.
WRITTEN_ONCE = (
    "audit_batch",
    "audit_batchkey",
    "audit_sequencegap",
    "audit_decisionentry",
    "audit_deployment",
    "audit_servedrequest",
    "audit_batchsequence",
    "audit_treehead",
    "audit_checkpoint",
)
# These change in one way each.
GROWING = ("audit_tile", "audit_head")
QUEUE = "audit_pending"

REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % is refused, the log is append-only', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;
"""


def statement_trigger(table, operations, name):
    """A trigger that refuses the operations, whether they would touch a row or not."""
    return (
        f"CREATE TRIGGER {name} BEFORE {operations} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};",
        f"DROP TRIGGER {name} ON {table};",
    )


STATEMENTS = [
    (REFUSE, "DROP FUNCTION audit_refuse();"),
    *(statement_trigger(table, "UPDATE OR DELETE", f"{table}_append_only") for table in WRITTEN_ONCE),
    *(statement_trigger(table, "DELETE", f"{table}_never_deleted") for table in GROWING),
    statement_trigger(QUEUE, "UPDATE", f"{QUEUE}_never_updated"),
    *(
        statement_trigger(table, "TRUNCATE", f"{table}_no_truncate")
        for table in (*WRITTEN_ONCE, *GROWING, QUEUE)
    ),
    row_trigger(
        "audit_tile",
        "UPDATE",
        "audit_tile_only_grows",
        unless="(NEW.log, NEW.level, NEW.number) = (OLD.log, OLD.level, OLD.number) AND NEW.width > OLD.width "
        "AND substring(NEW.data FROM 1 FOR octet_length(OLD.data)) = OLD.data",
        message="a tile only grows, and keeps what it holds",
    ),
    row_trigger(
        "audit_head",
        "UPDATE",
        "audit_head_only_grows",
        unless="NEW.log = OLD.log AND NEW.size > OLD.size AND EXISTS "
        "(SELECT FROM audit_treehead t WHERE t.log = NEW.log AND t.size = NEW.size AND t.root = NEW.root)",
        message="a head only moves on, to a tree that was written",
    ),
    row_trigger(
        "audit_head",
        "INSERT",
        "audit_head_starts_empty",
        unless="NEW.size = 0 AND NEW.root = sha256(''::bytea)",
        message="a log starts empty",
    ),
    row_trigger(
        QUEUE,
        "DELETE",
        "audit_pending_only_when_sequenced",
        unless="EXISTS (SELECT FROM audit_batchsequence s WHERE s.batch_id = OLD.batch_id AND s.log = OLD.log)",
        message="a batch waits until it is in the tree",
    ),
    row_trigger(
        QUEUE,
        "INSERT",
        "audit_pending_of_a_new_batch",
        unless="EXISTS (SELECT FROM audit_batch b WHERE b.id = NEW.batch_id AND b.log = NEW.log) "
        "AND NOT EXISTS (SELECT FROM audit_batchsequence s WHERE s.batch_id = NEW.batch_id)",
        message="only a batch that is not in the tree may wait for it",
    ),
    (
        "ALTER TABLE audit_checkpoint ADD CONSTRAINT audit_checkpoint_of_a_tree FOREIGN KEY (log, size) "
        "REFERENCES audit_treehead (log, size);",
        "ALTER TABLE audit_checkpoint DROP CONSTRAINT audit_checkpoint_of_a_tree;",
    ),
    (
        # Hashes and compressed bytes: another compression would only cost time.
        "ALTER TABLE audit_batch ALTER COLUMN hashes SET STORAGE EXTERNAL, ALTER COLUMN body SET STORAGE EXTERNAL;"
        "ALTER TABLE audit_tile ALTER COLUMN data SET STORAGE EXTERNAL;",
        migrations.RunSQL.noop,
    ),
]


class Migration(migrations.Migration):
    """Hand-written and always enabled, so that no session variable can switch a guard off."""

    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS]
