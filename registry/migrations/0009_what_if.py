"""Questions "what if" for a worker: the table, what it refuses, and what the application may do with it."""

import django.db.models.functions.datetime
import registry.lifecycle
from django.db import migrations, models

from governance.guards import frozen, never_truncated, refused, row_trigger
from registry.lifecycle import RUN_MOVES, edges

TABLE = "registry_whatifrun"
MOVES = ", ".join(f"('{source}', '{target}')" for source, target in edges(RUN_MOVES))
STATEMENTS = [
    row_trigger(
        TABLE,
        "INSERT",
        "registry_whatifrun_begins_queued",
        unless="NEW.state = 'queued' AND NEW.attempt = 0",
        message="a question begins in its queue",
        when="AFTER",
    ),
    row_trigger(
        TABLE,
        "UPDATE",
        "registry_whatifrun_moves",
        unless=f"(OLD.state, NEW.state) IN ({MOVES}) AND NEW.attempt >= OLD.attempt",
        message="this move of its state is not permitted",
    ),
    frozen(
        TABLE,
        "registry_whatifrun_frozen",
        ("change", "selection", "policy_text", "question_digest", "asked_by", "asked_at", "cells_total"),
    ),
    refused(TABLE, "DELETE", "registry_whatifrun_no_delete"),
    never_truncated(TABLE),
]


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0008_obligations"),
    ]

    operations = [
        migrations.CreateModel(
            name='WhatIfRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.JSONField(default=list)),
                ('selection', models.JSONField()),
                ('policy_text', models.TextField(blank=True)),
                ('question_digest', models.CharField(max_length=71)),
                ('asked_by', models.CharField(max_length=200)),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('finished', 'finished')], default=registry.lifecycle.RunState['QUEUED'], max_length=16)),
                ('dispatched_at', models.DateTimeField(blank=True, null=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('worker', models.CharField(blank=True, max_length=200)),
                ('attempt', models.IntegerField(default=0)),
                ('cells_total', models.IntegerField()),
                ('cells_done', models.IntegerField(default=0)),
                ('code', models.CharField(blank=True, max_length=64)),
                ('message', models.TextField(blank=True)),
                ('summary', models.JSONField(blank=True, null=True)),
                ('changed', models.BinaryField(blank=True, null=True)),
                ('changed_count', models.IntegerField(default=0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished'])), name='registry_whatifrun_state_known'), models.CheckConstraint(condition=models.Q(('question_digest__regex', '^sha256:[0-9a-f]{64}$')), name='registry_whatifrun_question_digest_form'), models.CheckConstraint(condition=models.Q(('cells_done__gte', 0), ('cells_done__lte', models.F('cells_total')), ('cells_total__gt', 0)), name='registry_whatifrun_progress_bounded'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), models.Q(('heartbeat_at__isnull', False), models.Q(('worker', ''), _negated=True)), _connector='OR'), name='registry_whatifrun_running_has_worker'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'finished'), ('finished_at__isnull', False)), models.Q(models.Q(('state', 'finished'), _negated=True), ('finished_at__isnull', True), ('summary__isnull', True)), _connector='OR'), name='registry_whatifrun_answer_when_finished'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'finished'), _negated=True), models.Q(('changed__isnull', False), ('code', ''), ('summary__isnull', False)), models.Q(models.Q(('code', ''), _negated=True), models.Q(('message', ''), _negated=True), ('changed__isnull', True), ('summary__isnull', True)), _connector='OR'), name='registry_whatifrun_finished_says_what')],
            },
        ),
        *(migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS),
        migrations.RunSQL(
            f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO custody_app;"
            f"GRANT USAGE ON SEQUENCE {TABLE}_id_seq TO custody_app;",
            reverse_sql=f"REVOKE ALL ON {TABLE} FROM custody_app;",
        ),
    ]
