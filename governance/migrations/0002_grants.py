"""What the application's database role may do with people, sessions and policies."""

from django.db import migrations

TABLES = (
    "governance_user",
    "governance_user_groups",
    "governance_user_user_permissions",
    "governance_apitoken",
    "django_session",
    "django_admin_log",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
)


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
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO custody_app;"
            "GRANT SELECT, INSERT ON governance_policydocument TO custody_app;"
            "GRANT SELECT ON django_migrations TO custody_app;"
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO custody_app;",
            reverse_sql=f"REVOKE ALL ON {', '.join(TABLES)}, governance_policydocument FROM custody_app;",
        )
    ]
