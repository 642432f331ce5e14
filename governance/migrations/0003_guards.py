"""What PostgreSQL refuses, whoever asks: another name or end of a person, a rewritten token, another policy."""

from django.db import migrations

from governance.guards import REFUSE, frozen, never_truncated, refused

# A name in the log means one person for ever.
PERSON = ("username", "date_joined")
TOKEN = (
    "key_id",
    "secret_hmac",
    "name",
    "owner_id",
    "scopes",
    "environment",
    "recorder",
    "created_by_id",
    "created_at",
    "expires_at",
)
STATEMENTS = [
    REFUSE,
    frozen("governance_user", "governance_user_frozen", PERSON),
    refused("governance_user", "DELETE", "governance_user_never_deleted"),
    frozen("governance_apitoken", "governance_apitoken_frozen", TOKEN, once=("revoked_at", "revoked_by_id")),
    refused("governance_apitoken", "DELETE", "governance_apitoken_never_deleted"),
    refused("governance_policydocument", "UPDATE OR DELETE", "governance_policydocument_written_once"),
    *(never_truncated(f"governance_{table}") for table in ("user", "apitoken", "policydocument")),
]


class Migration(migrations.Migration):
    """Hand-written and always enabled, so that no session variable can switch a guard off."""

    dependencies = [("governance", "0002_grants")]
    operations = [migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS]
