"""What PostgreSQL refuses, whoever asks: wrong moves, rewritten evidence, evidence of another version."""

from django.db import migrations

from governance.guards import frozen, never_truncated, refused, row_trigger
from registry.lifecycle import APPROVAL_MOVES, RUN_MOVES, VERSION_MOVES, edges


def moves(table, trigger, table_of_moves, column):
    """A trigger that refuses a change of `column` outside the table of moves."""
    permitted = ", ".join(f"('{source}', '{target}')" for source, target in edges(table_of_moves))
    unless = f"(OLD.{column}, NEW.{column}) IN ({permitted})"
    return row_trigger(table, "UPDATE", trigger, unless=unless, message=f"this move of its {column} is not permitted")


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


def while_open(table, parent, key, condition, trigger):
    """A trigger that lets rows be added only while their parent is open."""
    unless = f"EXISTS (SELECT FROM {parent} WHERE id = NEW.{key} AND {condition})"
    return row_trigger(table, "INSERT", trigger, unless=unless, message=f"its row of {parent} takes no more")


def cites(table, column, parent, name):
    """A foreign key that holds evidence to its own version and manifest."""
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, version_id, manifest_digest) "
        f"REFERENCES {parent} (id, version_id, manifest_digest);",
        f"ALTER TABLE {table} DROP CONSTRAINT {name};",
    )


# The locks make a revocation that is under way either come first, and be seen, or wait until the decision is written.
ADMISSION = (
    """
    CREATE FUNCTION registry_admission_of_this_moment() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        version_stands boolean := false;
        approval_stands boolean := false;
    BEGIN
        -- An allow that names no version, approval or end is refused by a constraint of the table.
        IF NEW.decision = 'allow' AND num_nulls(NEW.version_id, NEW.approval_id, NEW.expires_at) = 0 THEN
            SELECT status = 'resolved' AND model_digest = NEW.model_digest INTO version_stands
                FROM registry_modelversion WHERE id = NEW.version_id FOR SHARE;
            SELECT a.status = 'approved' AND a.version_id = NEW.version_id AND a.purpose = NEW.purpose
                    AND e.name = NEW.environment AND a.decided_at <= NEW.decided_at
                    AND NEW.decided_at < a.expires_at AND NEW.expires_at <= a.expires_at
                INTO approval_stands
                FROM registry_approval a JOIN registry_servingenvironment e ON e.id = a.environment_id
                WHERE a.id = NEW.approval_id FOR SHARE OF a;
            IF (version_stands AND approval_stands) IS NOT TRUE THEN
                RAISE EXCEPTION 'registry_admission: no approval of a resolved version carries this allow'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_admission_of_this_moment';
            END IF;
        END IF;
        IF NEW.policy_id IS DISTINCT FROM (SELECT max(id) FROM governance_policydocument) THEN
            RAISE EXCEPTION 'registry_admission: another policy is in force'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_admission_of_this_moment';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER registry_admission_of_this_moment BEFORE INSERT ON registry_admission
        FOR EACH ROW EXECUTE FUNCTION registry_admission_of_this_moment();
    ALTER TABLE registry_admission ENABLE ALWAYS TRIGGER registry_admission_of_this_moment;
    """,
    "DROP TRIGGER registry_admission_of_this_moment ON registry_admission; "
    "DROP FUNCTION registry_admission_of_this_moment();",
)
RUN_FROZEN = ("version_id", "manifest_digest", "requested_by", "requested_at")
STATEMENTS = [
    moves("registry_modelversion", "registry_modelversion_moves", VERSION_MOVES, "status"),
    frozen(
        "registry_modelversion",
        "registry_modelversion_frozen",
        ("registered_model_id", "source_kind", "location", "requested_revision", "submitted_by_id", "submitted_at"),
        once=("revision", "manifest_digest", "model_digest", "size_bytes", "file_count", "resolved_at", "revoked_at"),
        also=(
            "OLD.manifest_digest IS NULL OR NEW.card = OLD.card",
            # Evidence from before a quarantine does not count: its time may not be moved or forgotten.
            "(NEW.status = 'quarantined' AND OLD.status <> 'quarantined') "
            "OR (NEW.quarantined_at, NEW.quarantined_by, NEW.quarantine_reason) IS NOT DISTINCT FROM "
            "(OLD.quarantined_at, OLD.quarantined_by, OLD.quarantine_reason)",
        ),
    ),
    frozen("registry_registeredmodel", "registry_registeredmodel_frozen", ("publisher", "name", "created_by_id", "created_at")),
    frozen("registry_servingenvironment", "registry_servingenvironment_frozen", ("name",)),
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
        once=("decided_by_id", "decided_at", "ended_by", "ended_at", "end_reason"),
        also=("OLD.decided_at IS NULL OR NEW.decision_note = OLD.decision_note",),
    ),
    row_trigger(
        "registry_approval",
        "INSERT",
        "registry_approval_begins_as_request",
        unless="NEW.status = 'requested' AND NEW.decided_at IS NULL AND NEW.ended_at IS NULL",
        message="an approval begins as a request",
        when="AFTER",
    ),
    row_trigger(
        "registry_approval",
        "INSERT",
        "registry_approval_rests_on_evidence",
        unless="EXISTS (SELECT FROM registry_verificationrun WHERE id = NEW.verification_run_id AND outcome = 'pass') "
        "AND EXISTS (SELECT FROM registry_evaluation WHERE id = NEW.evaluation_id "
        "AND (environment_id, purpose) = (NEW.environment_id, NEW.purpose) "
        "AND verdict IN ('allowed', 'allowed_with_obligations'))",
        message="its verification passed, and its evaluation permits this very use",
        when="AFTER",
    ),
    row_trigger(
        "registry_approval",
        "UPDATE",
        "registry_approval_of_a_usable_version",
        unless="NEW.status <> 'approved' OR OLD.status = 'approved' "
        "OR EXISTS (SELECT FROM registry_modelversion WHERE id = NEW.version_id AND status = 'resolved')",
        message="only a resolved version is approved",
    ),
    *(moves(f"registry_{run}", f"registry_{run}_moves", RUN_MOVES, "state") for run in ("resolutionrun", "verificationrun", "smokerun")),
    *(frozen(f"registry_{run}", f"registry_{run}_frozen", RUN_FROZEN, once=("finished_at",)) for run in ("resolutionrun", "verificationrun", "smokerun")),
    *(refused(table, "UPDATE OR DELETE", f"{table}_written_once") for table in WRITTEN_ONCE),
    *(refused(table, "DELETE", f"{table}_never_deleted") for table in NEVER_DELETED),
    *(never_truncated(table) for table in (*WRITTEN_ONCE, *NEVER_DELETED)),
    ADMISSION,
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

    dependencies = [("registry", "0001_initial"), ("governance", "0003_guards")]
    operations = [migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS]
