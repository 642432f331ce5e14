"""Obligations as work and their evidence: the tables, and what PostgreSQL refuses to do with them."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from governance.guards import frozen, never_truncated, refused, row_trigger

TASK, EVIDENCE = "registry_obligationtask", "registry_obligationevidence"
MOVES = (
    "('open', 'open'), ('open', 'done'), ('open', 'waived'), ('open', 'lapsed'), "
    "('done', 'done'), ('done', 'lapsed'), ('waived', 'waived'), ('waived', 'lapsed')"
)
# What is asked for, and what answers it: itself, and what shows more.
ACCEPTED = (
    "('release_file', 'release_file'), ('screenshot', 'screenshot'), ('url', 'url'), ('url', 'screenshot'), "
    "('statement', 'statement'), ('statement', 'document'), ('document', 'document'), "
    "('published_name', 'published_name')"
)
FROZEN = (
    "version_id",
    "environment_id",
    "purpose",
    "license_id",
    "obligation_id",
    "do",
    "evidence_wanted",
    "evidence_kind",
    "clause",
    "evaluation_id",
    "asked_by_id",
    "opened_by",
    "opened_at",
)


def check(table, name, condition):
    """A constraint that compares a day with a moment, which is a day of its own in UTC."""
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name} CHECK ({condition});",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name};",
    )


STATEMENTS = [
    row_trigger(
        TASK,
        "UPDATE",
        f"{TASK}_moves",
        unless=f"(OLD.status, NEW.status) IN ({MOVES})",
        message="this move of its status is not permitted",
    ),
    frozen(
        TASK,
        f"{TASK}_frozen",
        FROZEN,
        once=("decided_by_id", "decided_at", "lapsed_by", "lapsed_at", "lapse_reason"),
        also=(
            "OLD.status = 'open' OR (NEW.owner_id, NEW.due_on, NEW.decision_note) "
            "IS NOT DISTINCT FROM (OLD.owner_id, OLD.due_on, OLD.decision_note)",
        ),
    ),
    row_trigger(
        TASK,
        "INSERT",
        f"{TASK}_begins_open",
        unless="NEW.status = 'open'",
        message="work begins open",
        when="AFTER",
    ),
    row_trigger(
        TASK,
        "INSERT",
        f"{TASK}_comes_from_its_evaluation",
        unless="EXISTS (SELECT FROM registry_evaluation WHERE id = NEW.evaluation_id AND "
        "(version_id, environment_id, purpose) = (NEW.version_id, NEW.environment_id, NEW.purpose))",
        message="its evaluation is of this very use",
        when="AFTER",
    ),
    row_trigger(
        TASK,
        "UPDATE",
        f"{TASK}_done_has_evidence",
        unless="NEW.status <> 'done' OR OLD.status = 'done' "
        f"OR EXISTS (SELECT FROM {EVIDENCE} WHERE task_id = NEW.id AND (NEW.evidence_kind, kind) IN ({ACCEPTED}))",
        message="evidence of the kind that it asks for is missing",
    ),
    check(TASK, "due_after_opening", "due_on >= (opened_at AT TIME ZONE 'UTC')::date"),
    refused(TASK, "DELETE", f"{TASK}_never_deleted"),
    never_truncated(TASK),
    refused(EVIDENCE, "UPDATE OR DELETE", f"{EVIDENCE}_written_once"),
    never_truncated(EVIDENCE),
    check(EVIDENCE, "not_in_the_future", "shown_on <= (added_at AT TIME ZONE 'UTC')::date"),
    row_trigger(
        EVIDENCE,
        "INSERT",
        f"{EVIDENCE}_while_it_counts",
        unless=f"EXISTS (SELECT FROM {TASK} WHERE id = NEW.task_id AND status IN ('open', 'done'))",
        message="its task takes no more",
        when="AFTER",
    ),
    row_trigger(
        EVIDENCE,
        "INSERT",
        f"{EVIDENCE}_screenshot_is_a_picture",
        unless="NEW.kind <> 'screenshot' OR EXISTS (SELECT FROM registry_evidencedocument WHERE id = NEW.document_id "
        "AND media_type IN ('image/png', 'image/jpeg', 'application/pdf'))",
        message="a screenshot is a picture, or a page that was printed",
        when="AFTER",
    ),
    row_trigger(
        EVIDENCE,
        "INSERT",
        f"{EVIDENCE}_carried_from_its_like",
        unless=f"NEW.carried_from_id IS NULL OR EXISTS (SELECT FROM {TASK} mine, {TASK} theirs, {EVIDENCE} was "
        "WHERE mine.id = NEW.task_id AND was.id = NEW.carried_from_id AND theirs.id = was.task_id "
        "AND (mine.license_id, mine.obligation_id, mine.environment_id) "
        "= (theirs.license_id, theirs.obligation_id, theirs.environment_id) AND mine.id <> theirs.id "
        "AND (NEW.kind, NEW.document_id, NEW.url, NEW.shown_on, NEW.path, NEW.sha256, NEW.published_name) "
        "IS NOT DISTINCT FROM "
        "(was.kind, was.document_id, was.url, was.shown_on, was.path, was.sha256, was.published_name))",
        message="only evidence of the same obligation in the same environment is carried over, as it is",
        when="AFTER",
    ),
    (
        f"GRANT SELECT, INSERT, UPDATE ON {TASK} TO custody_app; GRANT SELECT, INSERT ON {EVIDENCE} TO custody_app; "
        f"GRANT USAGE ON SEQUENCE {TASK}_id_seq, {EVIDENCE}_id_seq TO custody_app;",
        f"REVOKE ALL ON {TASK}, {EVIDENCE} FROM custody_app;",
    ),
]


class Migration(migrations.Migration):
    """Work moves on; evidence is written once."""

    dependencies = [
        ('registry', '0007_attestations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ObligationTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(max_length=64)),
                ('license_id', models.CharField(max_length=80)),
                ('obligation_id', models.CharField(max_length=80)),
                ('do', models.TextField()),
                ('evidence_wanted', models.TextField()),
                ('evidence_kind', models.CharField(choices=[('release_file', 'release_file'), ('screenshot', 'screenshot'), ('url', 'url'), ('statement', 'statement'), ('document', 'document'), ('published_name', 'published_name')], max_length=16)),
                ('clause', models.TextField()),
                ('status', models.CharField(choices=[('open', 'open'), ('done', 'done'), ('waived', 'waived'), ('lapsed', 'lapsed')], default='open', max_length=8)),
                ('due_on', models.DateField()),
                ('opened_by', models.CharField(max_length=200)),
                ('opened_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decision_note', models.TextField(blank=True)),
                ('lapsed_by', models.CharField(blank=True, max_length=200, null=True)),
                ('lapsed_at', models.DateTimeField(blank=True, null=True)),
                ('lapse_reason', models.TextField(blank=True, null=True)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='obligations', to='registry.servingenvironment')),
                ('evaluation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='obligations', to='registry.evaluation')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='obligations', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='obligations', to='registry.modelversion')),
            ],
        ),
        migrations.CreateModel(
            name='ObligationEvidence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('release_file', 'release_file'), ('screenshot', 'screenshot'), ('url', 'url'), ('statement', 'statement'), ('document', 'document'), ('published_name', 'published_name')], max_length=16)),
                ('url', models.CharField(blank=True, max_length=2000)),
                ('shown_on', models.DateField(blank=True, null=True)),
                ('path', models.CharField(blank=True, max_length=400)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('published_name', models.CharField(blank=True, max_length=200)),
                ('note', models.TextField(blank=True)),
                ('added_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('carried_from', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='carried_to', to='registry.obligationevidence')),
                ('document', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.evidencedocument')),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='evidence', to='registry.obligationtask')),
            ],
        ),
        migrations.AddIndex(
            model_name='obligationtask',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['due_on', 'id'], name='registry_obligation_due'),
        ),
        migrations.AddIndex(
            model_name='obligationtask',
            index=models.Index(fields=['license_id', 'obligation_id'], name='registry_obligation_terms'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['open', 'done', 'waived', 'lapsed'])), name='registry_obligationtask_status_known'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(('evidence_kind__in', ['release_file', 'screenshot', 'url', 'statement', 'document', 'published_name'])), name='registry_obligationtask_evidence_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__regex', '^[a-z0-9][a-z0-9._-]{0,63}$')), name='registry_obligationtask_purpose_form'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('license_id', ''), _negated=True), models.Q(('obligation_id', ''), _negated=True), models.Q(('do', ''), _negated=True)), name='registry_obligationtask_says_what_to_do'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', False), ('decided_by__isnull', False)), models.Q(('decided_at__isnull', True), ('decided_by__isnull', True)), _connector='OR'), name='registry_obligationtask_decision_has_person'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lapse_reason__isnull', False), ('lapsed_at__isnull', False), ('lapsed_by__isnull', False)), models.Q(('lapse_reason__isnull', True), ('lapsed_at__isnull', True), ('lapsed_by__isnull', True)), _connector='OR'), name='registry_obligationtask_lapse_complete'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'open'), _negated=True), models.Q(('decided_at__isnull', True), ('lapsed_at__isnull', True)), _connector='OR'), name='registry_obligationtask_open_is_undecided'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['done', 'waived']), _negated=True), ('decided_at__isnull', False), _connector='OR'), name='registry_obligationtask_closed_has_person'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'lapsed'), _negated=True), ('lapsed_at__isnull', False), _connector='OR'), name='registry_obligationtask_lapsed_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'waived'), _negated=True), models.Q(models.Q(('decided_by', models.F('owner')), _negated=True), models.Q(('decided_by', models.F('asked_by')), _negated=True), models.Q(('decision_note', ''), _negated=True)), _connector='OR'), name='registry_obligationtask_waiver_four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='obligationtask',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['open', 'done', 'waived'])), fields=('version', 'environment', 'purpose', 'license_id', 'obligation_id'), name='registry_obligationtask_one_live'),
        ),
        migrations.AddConstraint(
            model_name='obligationevidence',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['release_file', 'screenshot', 'url', 'statement', 'document', 'published_name'])), name='registry_obligationevidence_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='obligationevidence',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'release_file'), ('sha256__regex', '^[0-9a-f]{64}$'), models.Q(('path', ''), _negated=True)), models.Q(('kind', 'url'), ('shown_on__isnull', False), ('url__startswith', 'https://')), models.Q(('document__isnull', False), ('kind', 'screenshot'), ('shown_on__isnull', False), ('url__startswith', 'https://')), models.Q(('kind', 'statement'), models.Q(('note', ''), _negated=True)), models.Q(('document__isnull', False), ('kind', 'document')), models.Q(('kind', 'published_name'), models.Q(('published_name', ''), _negated=True)), _connector='OR'), name='registry_obligationevidence_complete'),
        ),
        migrations.AddConstraint(
            model_name='obligationevidence',
            constraint=models.UniqueConstraint(fields=('task', 'carried_from'), name='registry_obligationevidence_carried_once'),
        ),
        *(migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS),
    ]
