"""What the application's database role may do here."""

from django.db import migrations

CHANGING = (
    "registry_registeredmodel",
    "registry_modelversion",
    "registry_resolutionrun",
    "registry_verificationrun",
    "registry_smokerun",
    "registry_servingenvironment",
    "registry_approval",
)
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


class Migration(migrations.Migration):
    """The role itself is made by deploy/postgres/roles.sql."""

    dependencies = [("registry", "0002_guards")]
    operations = [
        migrations.RunSQL(
            f"GRANT SELECT, INSERT, UPDATE ON {', '.join(CHANGING)} TO custody_app;"
            f"GRANT SELECT, INSERT ON {', '.join(WRITTEN_ONCE)} TO custody_app;"
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO custody_app;",
            reverse_sql=f"REVOKE ALL ON {', '.join(CHANGING + WRITTEN_ONCE)} FROM custody_app;",
        )
    ]
