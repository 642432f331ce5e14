"""A proposal of a licence record names the document that it rests on, for good."""

import django.db.models.deletion
from django.db import migrations, models

from governance.guards import frozen

BEFORE = (
    "record_id",
    "change",
    "toml",
    "takes_over",
    "catalog_digest",
    "reason",
    "proposed_by_id",
    "proposed_at",
)


def guard(columns):
    """What of a proposal stays as it was written, as the first migration of the catalogue has it."""
    return frozen(
        "registry_licenseproposal",
        "registry_licenseproposal_frozen",
        columns,
        once=("closed_by_id", "closed_at", "close_reason"),
        also=("NOT EXISTS (SELECT FROM registry_catalogrelease WHERE proposal_id = NEW.id)",),
    )


OLD, NEW = guard(BEFORE), guard((*BEFORE, "document_id"))


class Migration(migrations.Migration):
    """The column, and the guard anew with it."""

    dependencies = [("registry", "0009_what_if")]
    operations = [
        migrations.RunSQL(OLD[1], reverse_sql=OLD[0]),
        migrations.AddField(
            model_name="licenseproposal",
            name="document",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.evidencedocument",
            ),
        ),
        migrations.RunSQL(NEW[0], reverse_sql=NEW[1]),
    ]
