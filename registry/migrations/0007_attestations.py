"""Attestations may be changes of what was known, and carry the documents that show them."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from governance.guards import never_truncated, refused, row_trigger

PROFILE, EVIDENCE = "registry_organizationprofile", "registry_attestationevidence"
STATEMENTS = [
    (
        f"ALTER TABLE {PROFILE} ADD CONSTRAINT {PROFILE}_facts_are_a_table CHECK (jsonb_typeof(facts) = 'object');",
        f"ALTER TABLE {PROFILE} DROP CONSTRAINT {PROFILE}_facts_are_a_table;",
    ),
    refused(EVIDENCE, "UPDATE OR DELETE", f"{EVIDENCE}_written_once"),
    never_truncated(EVIDENCE),
    row_trigger(
        EVIDENCE,
        "INSERT",
        f"{EVIDENCE}_attached_when_attested",
        unless=f"(SELECT count(*) FROM {EVIDENCE} WHERE profile_id = NEW.profile_id) "
        f"<= (SELECT document_count FROM {PROFILE} WHERE id = NEW.profile_id)",
        message="the attestation has all its documents",
        when="AFTER",
    ),
    (
        f"GRANT SELECT, INSERT ON {EVIDENCE} TO custody_app; GRANT USAGE ON SEQUENCE {EVIDENCE}_id_seq TO custody_app;",
        f"REVOKE ALL ON {EVIDENCE} FROM custody_app;",
    ),
]


class Migration(migrations.Migration):
    """Rows from before are complete: each was meant to say everything."""

    dependencies = [
        ('registry', '0006_evidence_documents'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='organizationprofile',
            name='document_count',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='organizationprofile',
            name='is_complete',
            field=models.BooleanField(default=True),
        ),
        migrations.CreateModel(
            name='AttestationEvidence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('facts', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), blank=True, default=list, size=None)),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attested', to='registry.evidencedocument')),
                ('profile', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='evidence', to='registry.organizationprofile')),
            ],
        ),
        migrations.AddField(
            model_name='organizationprofile',
            name='documents',
            field=models.ManyToManyField(related_name='attestations', through='registry.AttestationEvidence', to='registry.evidencedocument'),
        ),
        migrations.AddIndex(
            model_name='organizationprofile',
            index=models.Index(fields=['effective_at', 'id'], name='registry_profile_effective'),
        ),
        migrations.AddConstraint(
            model_name='organizationprofile',
            constraint=models.CheckConstraint(condition=models.Q(('is_complete', True), models.Q(('facts', {}), _negated=True), _connector='OR'), name='registry_organizationprofile_change_says_something'),
        ),
        migrations.AddConstraint(
            model_name='organizationprofile',
            constraint=models.CheckConstraint(condition=models.Q(('document_count__lte', 20)), name='registry_organizationprofile_documents_bounded'),
        ),
        migrations.AddConstraint(
            model_name='attestationevidence',
            constraint=models.UniqueConstraint(fields=('profile', 'document'), name='registry_attestationevidence_document_once'),
        ),
        *(migrations.RunSQL(sql, reverse_sql=reverse) for sql, reverse in STATEMENTS),
    ]
