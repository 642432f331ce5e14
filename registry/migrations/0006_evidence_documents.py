"""Documents that people bring as evidence: their table, and what PostgreSQL refuses to do with it."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from governance.guards import never_truncated, refused

TABLE = "registry_evidencedocument"
STATEMENTS = [
    refused(TABLE, "UPDATE OR DELETE", f"{TABLE}_written_once"),
    never_truncated(TABLE),
    (
        f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_says_what_it_holds "
        "CHECK (size = octet_length(content) AND sha256 = encode(sha256(content), 'hex'));",
        f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_says_what_it_holds;",
    ),
    (
        # Pictures and papers are packed already.
        f"ALTER TABLE {TABLE} ALTER COLUMN content SET STORAGE EXTERNAL;",
        f"ALTER TABLE {TABLE} ALTER COLUMN content SET STORAGE EXTENDED;",
    ),
    (
        f"GRANT SELECT, INSERT ON {TABLE} TO custody_app; GRANT USAGE ON SEQUENCE {TABLE}_id_seq TO custody_app;",
        f"REVOKE ALL ON {TABLE} FROM custody_app;",
    ),
]


class Migration(migrations.Migration):
    """Written once: neither the application nor the owner of the table changes a row."""

    dependencies = [
        ('registry', '0005_conclusions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EvidenceDocument',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('media_type', models.CharField(choices=[('application/pdf', 'application/pdf'), ('image/png', 'image/png'), ('image/jpeg', 'image/jpeg'), ('text/plain', 'text/plain'), ('text/csv', 'text/csv'), ('text/markdown', 'text/markdown'), ('application/json', 'application/json')], max_length=32)),
                ('size', models.PositiveIntegerField()),
                ('sha256', models.CharField(max_length=64, unique=True)),
                ('content', models.BinaryField()),
                ('kept_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('kept_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'base_manager_name': 'objects',
                'constraints': [models.CheckConstraint(condition=models.Q(('media_type__in', ['application/pdf', 'image/png', 'image/jpeg', 'text/plain', 'text/csv', 'text/markdown', 'application/json'])), name='registry_evidencedocument_media_type_known'), models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='registry_evidencedocument_sha256_form'), models.CheckConstraint(condition=models.Q(('size__gte', 1), ('size__lte', 5242880)), name='registry_evidencedocument_size_bounded'), models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('name__regex', '[/\\\\]|[[:cntrl:]]'), _negated=True)), name='registry_evidencedocument_name_plain')],
            },
        ),
        *(migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS),
    ]
