"""Conclusions of people about licence and lineage, hints that ask for them, and what PostgreSQL refuses to do with them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from governance.guards import frozen, never_truncated, refused, row_trigger

WRITTEN_ONCE = ("registry_licenseconclusion", "registry_lineagehint", "registry_lineagestatement")


def of_this_version(table, column, parent):
    """A foreign key that holds a row to rows of its own version."""
    name = f"{table}_{column.removesuffix('_id')}_of_this_version"
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, version_id) "
        f"REFERENCES {parent} (id, version_id);",
        f"ALTER TABLE {table} DROP CONSTRAINT {name};",
    )


def of_a_resolved_version(table):
    """A trigger that refuses conclusions about files that nobody has read, or that are out of use for good."""
    return row_trigger(
        table,
        "INSERT",
        f"{table}_of_a_resolved_version",
        unless="EXISTS (SELECT FROM registry_modelversion WHERE id = NEW.version_id "
        "AND manifest_digest IS NOT NULL AND status <> 'revoked')",
        message="its version is not resolved, or revoked",
        when="AFTER",
    )


STATEMENTS = [
    *(refused(table, "UPDATE OR DELETE", f"{table}_written_once") for table in WRITTEN_ONCE),
    *(never_truncated(table) for table in WRITTEN_ONCE),
    row_trigger(
        "registry_lineagehint",
        "INSERT",
        "registry_lineagehint_while_draft",
        unless="EXISTS (SELECT FROM registry_modelversion WHERE id = NEW.version_id AND status = 'draft')",
        message="its row of registry_modelversion takes no more",
    ),
    frozen("registry_modelversion", "registry_modelversion_committed_once", (), once=("committed_at",),
           also=("OLD.manifest_digest IS NULL OR NEW.committed_at IS NOT DISTINCT FROM OLD.committed_at",)),
    of_a_resolved_version("registry_licenseconclusion"),
    of_a_resolved_version("registry_lineagestatement"),
    of_this_version("registry_licenseconclusion", "supersedes_id", "registry_licenseconclusion"),
    of_this_version("registry_lineagestatement", "supersedes_id", "registry_lineagestatement"),
    of_this_version("registry_lineagestatement", "answers_id", "registry_lineagehint"),
    row_trigger(
        "registry_lineagestatement",
        "INSERT",
        "registry_lineagestatement_keeps_question",
        unless="NEW.supersedes_id IS NULL OR NEW.answers_id IS NOT DISTINCT FROM "
        "(SELECT answers_id FROM registry_lineagestatement WHERE id = NEW.supersedes_id)",
        message="a correction answers the question that the corrected statement answered",
        when="AFTER",
    ),
    (
        f"GRANT SELECT, INSERT ON {', '.join(WRITTEN_ONCE)} TO custody_app;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO custody_app;",
        f"REVOKE ALL ON {', '.join(WRITTEN_ONCE)} FROM custody_app;",
    ),
]


class Migration(migrations.Migration):
    """Tables first, then their guards."""

    dependencies = [
        ('registry', '0004_license_catalog'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LicenseConclusion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('licenses', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), size=None)),
                ('catalog_digest', models.CharField(max_length=71)),
                ('reason', models.TextField()),
                ('concluded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='LineageHint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('teacher', 'Another model may have taught it'), ('base', 'A base that names no model'), ('relation', 'A relation that is not understood')], max_length=16)),
                ('says', models.CharField(max_length=300)),
                ('base_model', models.CharField(blank=True, max_length=200)),
                ('path', models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name='LineageStatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('relation', models.CharField(choices=[('finetune', 'Finetune'), ('adapter', 'Adapter'), ('quantized', 'Quantized'), ('merge', 'Merge'), ('distillation', 'Distillation'), ('synthetic_outputs', 'Synthetic Outputs'), ('none', 'No model')], max_length=20)),
                ('base_model', models.CharField(blank=True, max_length=200)),
                ('base_revision', models.CharField(blank=True, max_length=200)),
                ('reason', models.TextField()),
                ('stated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='licensefinding',
            name='registry_licensefinding_kind_known',
        ),
        migrations.AddField(
            model_name='licensefinding',
            name='concluded_by',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='licensefinding',
            name='score',
            field=models.DecimalField(blank=True, decimal_places=3, max_digits=4, null=True),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='committed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='licensefinding',
            name='kind',
            field=models.CharField(choices=[('declared', 'Declared'), ('discovered', 'Discovered'), ('contradicted', 'Contradicted'), ('concluded', 'Concluded')], max_length=16),
        ),
        migrations.AlterField(
            model_name='licensefinding',
            name='license_id',
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name='licensefinding',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['declared', 'discovered', 'contradicted', 'concluded'])), name='registry_licensefinding_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='licensefinding',
            constraint=models.CheckConstraint(condition=models.Q(('score__isnull', True), models.Q(('license_id', 'unknown'), ('score__gte', 0), ('score__lt', 1)), _connector='OR'), name='registry_licensefinding_score_concludes_nothing'),
        ),
        migrations.AddField(
            model_name='licenseconclusion',
            name='concluded_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='licenseconclusion',
            name='supersedes',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='registry.licenseconclusion'),
        ),
        migrations.AddField(
            model_name='licenseconclusion',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='license_conclusions', to='registry.modelversion'),
        ),
        migrations.AddField(
            model_name='lineagehint',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lineage_hints', to='registry.modelversion'),
        ),
        migrations.AddField(
            model_name='lineagestatement',
            name='answers',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='registry.lineagehint'),
        ),
        migrations.AddField(
            model_name='lineagestatement',
            name='stated_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='lineagestatement',
            name='supersedes',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='registry.lineagestatement'),
        ),
        migrations.AddField(
            model_name='lineagestatement',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lineage_statements', to='registry.modelversion'),
        ),
        migrations.AddConstraint(
            model_name='licenseconclusion',
            constraint=models.CheckConstraint(condition=models.Q(('licenses__len__gt', 0)), name='registry_licenseconclusion_names_one'),
        ),
        migrations.AddConstraint(
            model_name='licenseconclusion',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='registry_licenseconclusion_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='licenseconclusion',
            constraint=models.CheckConstraint(condition=models.Q(('catalog_digest__regex', '^sha256:[0-9a-f]{64}$')), name='registry_licenseconclusion_digest_form'),
        ),
        migrations.AddConstraint(
            model_name='licenseconclusion',
            constraint=models.UniqueConstraint(condition=models.Q(('supersedes__isnull', True)), fields=('version',), name='registry_licenseconclusion_one_first'),
        ),
        migrations.AddConstraint(
            model_name='licenseconclusion',
            constraint=models.UniqueConstraint(fields=('id', 'version'), name='registry_licenseconclusion_id_and_version'),
        ),
        migrations.AddConstraint(
            model_name='lineagehint',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['teacher', 'base', 'relation'])), name='registry_lineagehint_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='lineagehint',
            constraint=models.UniqueConstraint(fields=('version', 'kind', 'says'), name='registry_lineagehint_once'),
        ),
        migrations.AddConstraint(
            model_name='lineagehint',
            constraint=models.UniqueConstraint(fields=('id', 'version'), name='registry_lineagehint_id_and_version'),
        ),
        migrations.AddConstraint(
            model_name='lineagestatement',
            constraint=models.CheckConstraint(condition=models.Q(('relation__in', ['finetune', 'adapter', 'quantized', 'merge', 'distillation', 'synthetic_outputs', 'none'])), name='registry_lineagestatement_relation_known'),
        ),
        migrations.AddConstraint(
            model_name='lineagestatement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('base_model', ''), ('relation', 'none')), models.Q(models.Q(('relation', 'none'), _negated=True), models.Q(('base_model', ''), _negated=True)), _connector='OR'), name='registry_lineagestatement_names_model'),
        ),
        migrations.AddConstraint(
            model_name='lineagestatement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('relation', 'none'), _negated=True), ('answers__isnull', False), ('supersedes__isnull', False), _connector='OR'), name='registry_lineagestatement_answers_something'),
        ),
        migrations.AddConstraint(
            model_name='lineagestatement',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='registry_lineagestatement_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='lineagestatement',
            constraint=models.UniqueConstraint(fields=('id', 'version'), name='registry_lineagestatement_id_and_version'),
        ),
        *(migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS),
    ]
