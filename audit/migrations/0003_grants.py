"""What the application's and the sequencer's database roles may do with the logs."""

from django.db import migrations

APPENDED = (
    "audit_batch",
    "audit_batchkey",
    "audit_pending",
    "audit_sequencegap",
    "audit_decisionentry",
    "audit_deployment",
    "audit_servedrequest",
)
SEQUENCED = ("audit_batchsequence", "audit_treehead", "audit_checkpoint", "audit_tile", "audit_head")
EVERY = ", ".join(APPENDED + SEQUENCED)


class Migration(migrations.Migration):
    """The roles themselves are made by deploy/postgres/roles.sql."""

    dependencies = [("audit", "0002_append_only")]
    operations = [
        migrations.RunSQL(
            f"GRANT SELECT ON {EVERY} TO custody_app, custody_sequencer;"
            f"GRANT INSERT ON {', '.join(APPENDED)} TO custody_app;"
            f"GRANT INSERT ON {', '.join(SEQUENCED)} TO custody_sequencer;"
            "GRANT UPDATE (width, data) ON audit_tile TO custody_sequencer;"
            "GRANT UPDATE (size, root) ON audit_head TO custody_sequencer;"
            "GRANT DELETE ON audit_pending TO custody_sequencer;",
            reverse_sql=f"REVOKE ALL ON {EVERY} FROM custody_app, custody_sequencer;",
        )
    ]
