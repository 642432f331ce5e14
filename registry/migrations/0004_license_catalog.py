"""The licence catalogue: immutable records, releases that follow one another, proposals that take two people."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.datetime
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

from governance.guards import frozen, never_truncated, refused, row_trigger

WRITTEN_ONCE = ("registry_licenserecord", "registry_catalogrelease")
# The project's records, hidden ones too, and the organisation's: license id to digest.
PARTS = (
    """
    CREATE FUNCTION registry_catalog_part(entries jsonb, origin text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT coalesce(jsonb_object_agg(key, digest), '{}') FROM (
            SELECT key, CASE WHEN value->>'origin' = origin THEN value->'record_digest'
                WHEN origin = 'project' THEN value->'overrides' END AS digest
            FROM jsonb_each(entries)
        ) AS found WHERE jsonb_typeof(digest) = 'string'
    $$;
    """,
    "DROP FUNCTION registry_catalog_part(jsonb, text);",
)
# One release after the other: the lock is the one that the code takes, so that nobody waits twice.
FOLLOWS = (
    """
    CREATE FUNCTION registry_catalogrelease_follows() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        latest record;
        asked record;
        own jsonb;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('license catalogue', 0));
        SELECT id, entries INTO latest FROM registry_catalogrelease ORDER BY id DESC LIMIT 1;
        IF NEW.previous_id IS DISTINCT FROM latest.id OR NEW.id <= latest.id THEN
            RAISE EXCEPTION 'registry_catalogrelease: another release is in force'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_catalogrelease_follows';
        END IF;
        latest.entries := coalesce(latest.entries, '{}');
        IF jsonb_typeof(NEW.entries) <> 'object' OR EXISTS (
            SELECT FROM jsonb_each(NEW.entries) AS entry
            WHERE NOT EXISTS (SELECT FROM registry_licenserecord r WHERE r.license_id = entry.key
                    AND r.record_digest = entry.value->>'record_digest' AND r.origin = entry.value->>'origin')
                OR (jsonb_typeof(entry.value->'overrides') <> 'null' AND NOT EXISTS (
                    SELECT FROM registry_licenserecord r WHERE r.license_id = entry.key AND r.origin = 'project'
                    AND entry.value->>'origin' = 'organization' AND r.record_digest = entry.value->>'overrides'))
        ) THEN
            RAISE EXCEPTION 'registry_catalogrelease: an entry names no record of this license on file'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_catalogrelease_names_records';
        END IF;
        IF ARRAY(SELECT jsonb_object_keys(NEW.changes) ORDER BY 1) IS DISTINCT FROM ARRAY(
            SELECT key FROM jsonb_each(latest.entries) AS was FULL JOIN jsonb_each(NEW.entries) AS now_is USING (key)
            WHERE was.value IS DISTINCT FROM now_is.value ORDER BY 1
        ) THEN
            RAISE EXCEPTION 'registry_catalogrelease: the changes are not what changed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_catalogrelease_says_what_changed';
        END IF;
        own := registry_catalog_part(latest.entries, 'organization');
        IF NEW.proposal_id IS NOT NULL THEN
            SELECT p.change, p.closed_at, p.proposed_by_id, r.license_id, r.record_digest INTO asked
                FROM registry_licenseproposal p JOIN registry_licenserecord r ON r.id = p.record_id
                WHERE p.id = NEW.proposal_id FOR UPDATE OF p;
            IF asked.proposed_by_id = NEW.publisher_id OR NEW.publisher_id IS NULL THEN
                RAISE EXCEPTION 'registry_catalogrelease: whoever proposes a record does not put it in force'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_catalogrelease_four_eyes';
            END IF;
            IF asked.closed_at IS NOT NULL
                OR (asked.change = 'withdraw' AND own->>asked.license_id IS DISTINCT FROM asked.record_digest)
            THEN
                RAISE EXCEPTION 'registry_catalogrelease: the proposal is closed, or its record not in force'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_catalogrelease_of_an_open_proposal';
            END IF;
            own := own - asked.license_id;
            IF asked.change = 'add' THEN
                own := own || jsonb_build_object(asked.license_id, asked.record_digest);
            END IF;
        END IF;
        IF own <> registry_catalog_part(NEW.entries, 'organization') OR (NEW.proposal_id IS NOT NULL
            AND registry_catalog_part(latest.entries, 'project') <> registry_catalog_part(NEW.entries, 'project'))
        THEN
            RAISE EXCEPTION 'registry_catalogrelease: more changed than was proposed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_catalogrelease_changes_what_was_proposed';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER registry_catalogrelease_follows BEFORE INSERT ON registry_catalogrelease
        FOR EACH ROW EXECUTE FUNCTION registry_catalogrelease_follows();
    ALTER TABLE registry_catalogrelease ENABLE ALWAYS TRIGGER registry_catalogrelease_follows;
    """,
    "DROP TRIGGER registry_catalogrelease_follows ON registry_catalogrelease; "
    "DROP FUNCTION registry_catalogrelease_follows();",
)
STATEMENTS = [
    PARTS,
    FOLLOWS,
    *(refused(table, "UPDATE OR DELETE", f"{table}_written_once") for table in WRITTEN_ONCE),
    refused("registry_licenseproposal", "DELETE", "registry_licenseproposal_never_deleted"),
    *(never_truncated(table) for table in (*WRITTEN_ONCE, "registry_licenseproposal")),
    frozen(
        "registry_licenseproposal",
        "registry_licenseproposal_frozen",
        (
            "record_id",
            "change",
            "toml",
            "takes_over",
            "catalog_digest",
            "reason",
            "proposed_by_id",
            "proposed_at",
        ),
        once=("closed_by_id", "closed_at", "close_reason"),
        also=("NOT EXISTS (SELECT FROM registry_catalogrelease WHERE proposal_id = NEW.id)",),
    ),
    row_trigger(
        "registry_licenseproposal",
        "INSERT",
        "registry_licenseproposal_begins_open",
        unless="NEW.closed_at IS NULL "
        "AND EXISTS (SELECT FROM registry_licenserecord WHERE id = NEW.record_id AND origin = 'organization') "
        "AND EXISTS (SELECT FROM registry_catalogrelease WHERE catalog_digest = NEW.catalog_digest)",
        message="a proposal is open, about a record of the organisation, and drawn up against a catalogue on record",
        when="AFTER",
    ),
    row_trigger(
        "registry_evaluation",
        "INSERT",
        "registry_evaluation_catalog_on_record",
        unless="EXISTS (SELECT FROM registry_catalogrelease WHERE catalog_digest = NEW.catalog_digest)",
        message="the catalogue that it was made from is not on record",
        when="AFTER",
    ),
    (
        "GRANT SELECT, INSERT ON registry_licenserecord, registry_catalogrelease, registry_licenseproposal TO custody_app;"
        "GRANT UPDATE (closed_by_id, closed_at, close_reason) ON registry_licenseproposal TO custody_app;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO custody_app;",
        "REVOKE ALL ON registry_licenserecord, registry_catalogrelease, registry_licenseproposal FROM custody_app;",
    ),
]


class Migration(migrations.Migration):
    """Tables, and what PostgreSQL refuses to do with them."""

    dependencies = [
        ('registry', '0003_grants'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CatalogRelease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('catalog_digest', models.CharField(max_length=71)),
                ('entries', models.JSONField()),
                ('changes', models.JSONField()),
                ('published_by', models.CharField(max_length=200)),
                ('published_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('reason', models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name='LicenseProposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.CharField(choices=[('add', 'Add'), ('withdraw', 'Withdraw')], max_length=16)),
                ('toml', models.TextField(blank=True)),
                ('takes_over', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list, size=None)),
                ('catalog_digest', models.CharField(max_length=71)),
                ('reason', models.TextField()),
                ('proposed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('close_reason', models.TextField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='LicenseRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('license_id', models.CharField(max_length=80)),
                ('record_digest', models.CharField(max_length=71)),
                ('origin', models.CharField(choices=[('project', 'Project'), ('organization', 'Organization')], max_length=16)),
                ('record', models.JSONField()),
                ('added_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddIndex(
            model_name='licensefinding',
            index=models.Index(condition=models.Q(('kind', 'concluded')), fields=['license_id', 'version'], name='registry_finding_concluded'),
        ),
        migrations.AddField(
            model_name='catalogrelease',
            name='previous',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='following', to='registry.catalogrelease'),
        ),
        migrations.AddField(
            model_name='catalogrelease',
            name='publisher',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='licenseproposal',
            name='closed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='licenseproposal',
            name='proposed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='catalogrelease',
            name='proposal',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='release', to='registry.licenseproposal'),
        ),
        migrations.AddIndex(
            model_name='licenserecord',
            index=models.Index(fields=['license_id'], name='registry_license_id'),
        ),
        migrations.AddConstraint(
            model_name='licenserecord',
            constraint=models.CheckConstraint(condition=models.Q(('origin__in', ['project', 'organization'])), name='registry_licenserecord_origin_known'),
        ),
        migrations.AddConstraint(
            model_name='licenserecord',
            constraint=models.CheckConstraint(condition=models.Q(('license_id__regex', '^[a-z0-9][a-z0-9.+-]{0,79}$')), name='registry_licenserecord_license_id_form'),
        ),
        migrations.AddConstraint(
            model_name='licenserecord',
            constraint=models.CheckConstraint(condition=models.Q(('record_digest__regex', '^sha256:[0-9a-f]{64}$')), name='registry_licenserecord_digest_form'),
        ),
        migrations.AddConstraint(
            model_name='licenserecord',
            constraint=models.CheckConstraint(condition=models.Q(('record__has_key', 'id'), django.db.models.lookups.Exact(django.db.models.fields.json.KeyTextTransform('id', 'record'), models.F('license_id'))), name='registry_licenserecord_says_its_id'),
        ),
        migrations.AddConstraint(
            model_name='licenserecord',
            constraint=models.UniqueConstraint(fields=('origin', 'record_digest'), name='registry_licenserecord_once'),
        ),
        migrations.AddField(
            model_name='licenseproposal',
            name='record',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='registry.licenserecord'),
        ),
        migrations.AddIndex(
            model_name='catalogrelease',
            index=models.Index(fields=['catalog_digest'], name='registry_catalog_digest'),
        ),
        migrations.AddIndex(
            model_name='catalogrelease',
            index=django.contrib.postgres.indexes.GinIndex(fields=['changes'], name='registry_catalog_changes'),
        ),
        migrations.AddConstraint(
            model_name='catalogrelease',
            constraint=models.CheckConstraint(condition=models.Q(('catalog_digest__regex', '^sha256:[0-9a-f]{64}$')), name='registry_catalogrelease_digest_form'),
        ),
        migrations.AddConstraint(
            model_name='catalogrelease',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('proposal__isnull', False), ('publisher__isnull', False)), models.Q(('proposal__isnull', True), ('publisher__isnull', True)), _connector='OR'), name='registry_catalogrelease_proposal_and_publisher_paired'),
        ),
        migrations.AddConstraint(
            model_name='licenseproposal',
            constraint=models.CheckConstraint(condition=models.Q(('change__in', ['add', 'withdraw'])), name='registry_licenseproposal_change_known'),
        ),
        migrations.AddConstraint(
            model_name='licenseproposal',
            constraint=models.CheckConstraint(condition=models.Q(('catalog_digest__regex', '^sha256:[0-9a-f]{64}$')), name='registry_licenseproposal_catalog_digest_form'),
        ),
        migrations.AddConstraint(
            model_name='licenseproposal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('change', 'add'), ('toml__gt', '')), models.Q(('change', 'withdraw'), ('takes_over', []), ('toml', '')), _connector='OR'), name='registry_licenseproposal_text_of_what_is_added'),
        ),
        migrations.AddConstraint(
            model_name='licenseproposal',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='registry_licenseproposal_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='licenseproposal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('close_reason__isnull', False), ('closed_at__isnull', False), ('closed_by__isnull', False)), models.Q(('close_reason__isnull', True), ('closed_at__isnull', True), ('closed_by__isnull', True)), _connector='OR'), name='registry_licenseproposal_closed_complete'),
        ),
            *(migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS),
    ]
