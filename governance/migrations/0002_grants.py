"""What the application's database role may do with people, sessions and policies."""

from django.db import migrations

# Django's own tables of rights are read by its code, and never written: rights come from roles.
READ = (
    "governance_user_groups",
    "governance_user_user_permissions",
    "django_admin_log",
    "django_content_type",
    "django_migrations",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
)
OURS = ("governance_user", "governance_apitoken", "governance_policydocument")
EVERY = ", ".join((*OURS, "django_session", *READ))


class Migration(migrations.Migration):
    """The role itself is made by deploy/postgres/roles.sql."""

    dependencies = [
        ("governance", "0001_initial"),
        ("sessions", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunSQL(
            f"GRANT SELECT ON {EVERY} TO custody_app;"
            f"GRANT INSERT ON {', '.join(OURS)} TO custody_app;"
            "GRANT UPDATE ON governance_user TO custody_app;"
            "GRANT UPDATE (revoked_at, revoked_by_id) ON governance_apitoken TO custody_app;"
            "GRANT INSERT, UPDATE, DELETE ON django_session TO custody_app;"
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO custody_app;",
            reverse_sql=f"REVOKE ALL ON {EVERY} FROM custody_app;",
        )
    ]
