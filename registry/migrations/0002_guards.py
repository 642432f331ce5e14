"""What PostgreSQL refuses, whoever asks: wrong moves, rewritten evidence, evidence of another version."""

from django.db import migrations

from registry.lifecycle import APPROVAL_MOVES, RUN_MOVES, VERSION_MOVES, edges


def moves(table, trigger, table_of_moves, column):
    """A trigger that refuses a change of `column` outside the table of moves."""
    permitted = ", ".join(f"('{source}', '{target}')" for source, target in edges(table_of_moves))
    return (
        f"""
        CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (OLD.{column}, NEW.{column}) NOT IN ({permitted}) THEN
                RAISE EXCEPTION '{table}: % may not become %', OLD.{column}, NEW.{column}
                    USING ERRCODE = 'check_violation', CONSTRAINT = '{trigger}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
        """,
        f"DROP TRIGGER {trigger} ON {table}; DROP FUNCTION {trigger}();",
    )


def frozen(table, trigger, columns, *, once=()):
    """A trigger that keeps `columns` as first written, and those of `once` after they were set."""
    parts = [f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns]
    parts += [f"(OLD.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column})" for column in once]
    return (
        f"""
        CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {" OR ".join(parts)} THEN
                RAISE EXCEPTION '{table}: what row % was is frozen', OLD.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = '{trigger}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
        """,
        f"DROP TRIGGER {trigger} ON {table}; DROP FUNCTION {trigger}();",
    )


REFUSE = """
CREATE FUNCTION registry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % is refused, evidence is kept', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;
"""

WRITTEN_ONCE = (
    "registry_artifact",
    "registry_licensefinding",
    "registry_lineageedge",
    "registry_checkresult",
    "registry_smokeanswer",
    "registry_organizationprofile",
    "registry_evaluation",
    "registry_admission",
)
NEVER_DELETED = (
    "registry_registeredmodel",
    "registry_modelversion",
    "registry_resolutionrun",
    "registry_verificationrun",
    "registry_smokerun",
    "registry_approval",
    "registry_servingenvironment",
)


def refused(table, operations, trigger):
    """A trigger that refuses the operations on each row of a table."""
    return (
        f"CREATE TRIGGER {trigger} BEFORE {operations} ON {table} FOR EACH ROW EXECUTE FUNCTION registry_refuse_change();"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};",
        f"DROP TRIGGER {trigger} ON {table};",
    )


def while_open(table, parent, key, condition, trigger):
    """A trigger that lets rows be added only while their parent is open."""
    return (
        f"""
        CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM {parent} WHERE id = NEW.{key} AND {condition}) THEN
                RAISE EXCEPTION '{table}: row % of {parent} takes no more', NEW.{key}
                    USING ERRCODE = 'check_violation', CONSTRAINT = '{trigger}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {trigger} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
        """,
        f"DROP TRIGGER {trigger} ON {table}; DROP FUNCTION {trigger}();",
    )


def cites(table, column, parent, name):
    """A foreign key that holds evidence to its own version and manifest."""
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, version_id, manifest_digest) "
        f"REFERENCES {parent} (id, version_id, manifest_digest);",
        f"ALTER TABLE {table} DROP CONSTRAINT {name};",
    )


RUN_FROZEN = ("version_id", "manifest_digest", "requested_by", "requested_at")
STATEMENTS = [
    (REFUSE, "DROP FUNCTION registry_refuse_change();"),
    moves("registry_modelversion", "registry_modelversion_moves", VERSION_MOVES, "status"),
    frozen(
        "registry_modelversion",
        "registry_modelversion_frozen",
        ("registered_model_id", "source_kind", "location", "requested_revision", "submitted_by_id", "submitted_at"),
        once=("revision", "manifest_digest", "model_digest", "size_bytes", "file_count", "resolved_at", "revoked_at"),
    ),
    moves("registry_approval", "registry_approval_moves", APPROVAL_MOVES, "status"),
    frozen(
        "registry_approval",
        "registry_approval_frozen",
        (
            "version_id",
            "environment_id",
            "purpose",
            "manifest_digest",
            "verification_run_id",
            "smoke_run_id",
            "evaluation_id",
            "policy_id",
            "requested_by_id",
            "requested_at",
            "expires_at",
            "note",
        ),
        once=("decided_by_id", "decided_at", "ended_by", "ended_at"),
    ),
    *(moves(f"registry_{run}", f"registry_{run}_moves", RUN_MOVES, "state") for run in ("resolutionrun", "verificationrun", "smokerun")),
    *(frozen(f"registry_{run}", f"registry_{run}_frozen", RUN_FROZEN, once=("finished_at",)) for run in ("resolutionrun", "verificationrun", "smokerun")),
    *(refused(table, "UPDATE OR DELETE", f"{table}_written_once") for table in WRITTEN_ONCE),
    *(refused(table, "DELETE", f"{table}_never_deleted") for table in NEVER_DELETED),
    while_open("registry_artifact", "registry_modelversion", "version_id", "status = 'draft'", "registry_artifact_while_draft"),
    while_open("registry_licensefinding", "registry_modelversion", "version_id", "status = 'draft'", "registry_licensefinding_while_draft"),
    while_open("registry_lineageedge", "registry_modelversion", "version_id", "status = 'draft'", "registry_lineageedge_while_draft"),
    while_open("registry_checkresult", "registry_verificationrun", "run_id", "state = 'running'", "registry_checkresult_while_running"),
    while_open("registry_smokeanswer", "registry_smokerun", "run_id", "state = 'running'", "registry_smokeanswer_while_running"),
    cites("registry_approval", "verification_run_id", "registry_verificationrun", "registry_approval_cites_own_verification"),
    cites("registry_approval", "smoke_run_id", "registry_smokerun", "registry_approval_cites_own_smoke"),
    (
        "ALTER TABLE registry_approval ADD CONSTRAINT registry_approval_cites_own_evaluation "
        "FOREIGN KEY (evaluation_id, version_id) REFERENCES registry_evaluation (id, version_id);",
        "ALTER TABLE registry_approval DROP CONSTRAINT registry_approval_cites_own_evaluation;",
    ),
    (
        "ALTER TABLE registry_approval ADD CONSTRAINT registry_approval_binds_manifest "
        "FOREIGN KEY (version_id, manifest_digest) REFERENCES registry_modelversion (id, manifest_digest);",
        "ALTER TABLE registry_approval DROP CONSTRAINT registry_approval_binds_manifest;",
    ),
    *(
        (
            f"ALTER TABLE registry_{run} ADD CONSTRAINT registry_{run}_binds_manifest "
            "FOREIGN KEY (version_id, manifest_digest) REFERENCES registry_modelversion (id, manifest_digest);",
            f"ALTER TABLE registry_{run} DROP CONSTRAINT registry_{run}_binds_manifest;",
        )
        for run in ("verificationrun", "smokerun")
    ),
]


class Migration(migrations.Migration):
    """Hand-written, so that no session variable can switch a guard off."""

    dependencies = [("registry", "0001_initial")]
    operations = [migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS]
