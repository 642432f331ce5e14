"""What the database lets anyone do with each table: changes that are refused, and rights that are granted."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

pytestmark = pytest.mark.django_db
OURS = sorted(
    model._meta.db_table
    for model in apps.get_models()
    if model._meta.app_label in {"governance", "registry", "audit"}
)
ALWAYS = "A"
UPDATE, DELETE, TRUNCATE = 1 << 4, 1 << 3, 1 << 5

# Rows that may change, and why; everything else about them is frozen by a trigger of their own.
CHANGING = {
    "governance_user": "roles, passwords and access change; the name never does",
    "governance_apitoken": "a token is revoked, once",
    "registry_modelversion": "a draft is resolved; a version is quarantined, released, revoked",
    "registry_registeredmodel": "nothing changes, but registering locks the row, which takes the right to",
    "registry_servingenvironment": "an environment is defined anew; the log keeps what it was",
    "registry_approval": "a request is decided, an approval ends",
    "registry_obligationtask": "work is assigned, done, waived, or lapses; what it says never changes",
    "registry_licenseproposal": "a proposal is declined or taken back, once",
    "registry_resolutionrun": "a run is a lease, until it is finished",
    "registry_verificationrun": "a run is a lease, until it is finished",
    "registry_smokerun": "a run is a lease, until it is finished",
    "registry_driftrun": "a run is a lease, until it is finished",
    "registry_quarantinerelease": "a request is decided, once",
    "registry_reevaluation": "a campaign counts what is done, until it is finished",
    "registry_reevaluationpart": "a part is taken, and finished once",
    "registry_alert": "an alert is acknowledged once and resolved once",
    "registry_suspension": "a suspension is lifted once",
    "registry_whatifrun": "a run is a lease, until it is finished",
    "audit_tile": "a tile grows until it is full",
    "audit_head": "a log grows",
}
# Rows that may be deleted, and why.
VANISHING = {"audit_pending": "a queue: a batch leaves it once it is in the tree"}

READ = "SELECT"
ADD = "INSERT SELECT"
CHANGE = "INSERT SELECT UPDATE"
GRANTED = {
    "audit_batch": ADD,
    "audit_batchkey": ADD,
    "audit_batchsequence": READ,
    "audit_checkpoint": READ,
    "audit_decisionentry": ADD,
    "audit_deployment": ADD,
    "audit_head": READ,
    "audit_pending": ADD,
    "audit_sequencegap": ADD,
    "audit_servedrequest": ADD,
    "audit_tile": READ,
    "audit_treehead": READ,
    "auth_group": READ,
    "auth_group_permissions": READ,
    "auth_permission": READ,
    "django_admin_log": READ,
    "django_content_type": READ,
    "django_migrations": READ,
    "django_session": "DELETE INSERT SELECT UPDATE",
    "governance_apitoken": "INSERT SELECT UPDATE(revoked_at,revoked_by_id)",
    "governance_policydocument": ADD,
    "governance_user": CHANGE,
    "governance_user_groups": READ,
    "governance_user_user_permissions": READ,
    "registry_admission": ADD,
    "registry_alert": CHANGE,
    "registry_approval": CHANGE,
    "registry_artifact": ADD,
    "registry_catalogrelease": ADD,
    "registry_attestationevidence": ADD,
    "registry_checkresult": ADD,
    "registry_driftrun": CHANGE,
    "registry_quarantinerelease": CHANGE,
    "registry_sourceobservation": ADD,
    "registry_evaluation": ADD,
    "registry_licenseconclusion": ADD,
    "registry_evidencedocument": ADD,
    "registry_licensefinding": ADD,
    "registry_licenseproposal": "INSERT SELECT UPDATE(close_reason,closed_at,closed_by_id)",
    "registry_licenserecord": ADD,
    "registry_lineageedge": ADD,
    "registry_lineagehint": ADD,
    "registry_lineagestatement": ADD,
    "registry_modelversion": CHANGE,
    "registry_obligationevidence": ADD,
    "registry_obligationtask": CHANGE,
    "registry_organizationprofile": ADD,
    "registry_reevaluation": CHANGE,
    "registry_reevaluationpart": CHANGE,
    "registry_registeredmodel": CHANGE,
    "registry_resolutionrun": CHANGE,
    "registry_servingenvironment": CHANGE,
    "registry_smokeanswer": ADD,
    "registry_smokerun": CHANGE,
    "registry_suspension": CHANGE,
    "registry_verificationrun": CHANGE,
    "registry_whatifrun": CHANGE,
}


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def refusals(table: str, operation: int) -> set[str]:
    """How each trigger that refuses every such operation is enabled."""
    return {
        enabled
        for kind, enabled in rows(
            "SELECT t.tgtype, t.tgenabled FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE t.tgrelid = %s::regclass AND p.proname IN ('governance_refuse_change', 'audit_refuse') "
            "AND t.tgqual IS NULL AND cardinality(t.tgattr::int2[]) = 0",
            table,
        )
        if kind & operation
    }


@pytest.mark.parametrize("table", OURS)
def test_rows_are_not_deleted(table: str) -> None:
    assert table in VANISHING or refusals(table, DELETE) == {ALWAYS}


@pytest.mark.parametrize("table", OURS)
def test_rows_are_not_changed_beyond_what_is_said_here(table: str) -> None:
    if table not in CHANGING:
        assert refusals(table, UPDATE) == {ALWAYS}
        return
    own = rows(
        "SELECT tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgtype & %s > 0",
        table,
        UPDATE,
    )
    assert own
    assert set(own) == {(ALWAYS,)}


@pytest.mark.parametrize("table", OURS)
def test_tables_are_not_emptied(table: str) -> None:
    # Off in the test database alone, so that it can be emptied between tests.
    assert refusals(table, TRUNCATE)


def test_the_lists_here_name_tables_that_exist() -> None:
    assert set(CHANGING) | set(VANISHING) <= set(OURS)
    assert set(OURS) <= set(GRANTED)


def test_the_application_has_exactly_these_rights() -> None:
    held: dict[str, set[str]] = {}
    for table, right in rows(
        "SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') "
        "AND a.grantee IN (0, 'custody_app'::regrole)"
    ):
        held.setdefault(table, set()).add(right)
    for table, right, columns in rows(
        "SELECT c.relname, a.privilege_type, string_agg(t.attname, ',' ORDER BY t.attname) "
        "FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a "
        "WHERE c.relnamespace = 'public'::regnamespace AND a.grantee IN (0, 'custody_app'::regrole) GROUP BY 1, 2"
    ):
        held.setdefault(table, set()).add(f"{right}({columns})")

    assert {table: " ".join(sorted(rights)) for table, rights in held.items()} == GRANTED


@pytest.mark.parametrize("role", ["custody_app", "custody_sequencer"])
def test_the_roles_of_the_service_own_nothing_and_are_nobody_else(role: str) -> None:
    assert rows("SELECT relname FROM pg_class WHERE relowner = %s::regrole", role) == []
    assert rows("SELECT proname FROM pg_proc WHERE proowner = %s::regrole", role) == []
    assert rows("SELECT roleid FROM pg_auth_members WHERE member = %s::regrole", role) == []
    assert rows(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles WHERE rolname = %s",
        role,
    ) == [(False,) * 5]
    assert rows("SELECT has_schema_privilege(%s, 'public', 'CREATE')", role) == [(False,)]
