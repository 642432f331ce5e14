"""What the licence catalogue looks like over REST."""

from rest_framework import serializers

from governance.api.serializers import StrictSerializer
from registry.licensing.records import MAX_TOML_BYTES
from registry.licensing.releases import Change
from registry.licensing.terms import Category, Verification
from registry.models import CatalogRelease, LicenseProposal, Origin, ProposedChange

STATES = ["waiting", "published", "declined"]


class LicenseOutput(serializers.Serializer[object]):
    """A licence in a few words."""

    id = serializers.CharField()
    name = serializers.CharField()
    publisher = serializers.CharField()
    spdx = serializers.CharField(allow_null=True)
    category = serializers.ChoiceField(choices=[one.value for one in Category])
    effective_on = serializers.DateField(allow_null=True)
    verification = serializers.ChoiceField(
        choices=[one.value for one in Verification], help_text="where the facts come from"
    )
    origin = serializers.ChoiceField(choices=Origin.values, help_text="whose record it is")
    record_digest = serializers.CharField()
    overrides = serializers.CharField(
        allow_null=True, help_text="the digest of the project's record that this one hides"
    )


class LicenseListOutput(serializers.Serializer[object]):
    """A page of licences."""

    next = serializers.CharField(allow_null=True)
    catalog_digest = serializers.CharField()
    results = LicenseOutput(many=True)


class DifferenceOutput(serializers.Serializer[object]):
    """One line that two records do not share."""

    path = serializers.CharField()
    change = serializers.ChoiceField(choices=["added", "removed", "changed"])
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class LicenseDetailOutput(LicenseOutput):
    """A licence with its record, and what an override hides."""

    catalog_digest = serializers.CharField()
    record = serializers.DictField()
    project_record = serializers.DictField(allow_null=True)
    differences = DifferenceOutput(many=True, help_text="the project's record against the one in force")
    versions = serializers.IntegerField(help_text="versions of the registry concluded to be under it")


class CatalogOutput(serializers.Serializer[CatalogRelease]):
    """A release of the catalogue."""

    id = serializers.IntegerField()
    catalog_digest = serializers.CharField()
    previous = serializers.CharField(allow_null=True)
    proposal = serializers.IntegerField(allow_null=True)
    changes = serializers.DictField(child=serializers.ChoiceField(choices=[one.value for one in Change]))
    published_by = serializers.CharField()
    published_at = serializers.DateTimeField()
    reason = serializers.CharField()


class EntryOutput(serializers.Serializer[object]):
    """Which record is in force for one licence."""

    record_digest = serializers.CharField()
    origin = serializers.ChoiceField(choices=Origin.values)
    overrides = serializers.CharField(allow_null=True)


class CatalogDetailOutput(CatalogOutput):
    """A release with everything that is in it."""

    licenses = serializers.DictField(child=EntryOutput())


class RecordInput(StrictSerializer):
    """A record of the organisation, as it is to be."""

    toml = serializers.CharField(max_length=MAX_TOML_BYTES, trim_whitespace=False, help_text="the record")
    takes_over = serializers.ListField(
        child=serializers.CharField(max_length=80),
        default=list,
        max_length=50,
        help_text="records of the project whose names or repositories this one claims too",
    )
    reason = serializers.CharField(max_length=4000)
    document = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=2**53,
        help_text="the signed agreement, kept as an evidence document",
    )


class PreviewInput(StrictSerializer):
    """A record to look at; nothing is stored."""

    toml = serializers.CharField(max_length=MAX_TOML_BYTES, trim_whitespace=False)
    takes_over = serializers.ListField(
        child=serializers.CharField(max_length=80), default=list, max_length=50
    )


class PublishInput(StrictSerializer):
    """The words of whoever puts it in force."""

    note = serializers.CharField(allow_blank=True, default="", max_length=4000)
    catalog_digest = serializers.CharField(
        required=False,
        max_length=71,
        help_text="refused with catalog_changed where another one is in force now",
    )


class WhyInput(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=4000)


class DraftOutput(serializers.Serializer[object]):
    """What a record would change."""

    license_id = serializers.CharField()
    differences = DifferenceOutput(many=True)
    overrides = serializers.CharField(
        allow_null=True, help_text="the digest of the project's record that it hides"
    )
    shares_names_with = serializers.ListField(child=serializers.CharField())
    catalog_digest = serializers.CharField(help_text="of the catalogue that would be in force")


class ProposalOutput(serializers.Serializer[LicenseProposal]):
    """A proposal to put a record of the organisation in force, or to take it out."""

    id = serializers.IntegerField()
    license_id = serializers.CharField()
    change = serializers.ChoiceField(choices=ProposedChange.values)
    state = serializers.ChoiceField(choices=STATES)
    record = serializers.IntegerField()
    record_digest = serializers.CharField()
    toml = serializers.CharField()
    takes_over = serializers.ListField(child=serializers.CharField())
    document = serializers.IntegerField(allow_null=True)
    catalog_digest = serializers.CharField(help_text="what was in force when it was drawn up")
    reason = serializers.CharField()
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    published_by = serializers.CharField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    published_catalog = serializers.CharField(allow_null=True)
    closed_by = serializers.CharField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    close_reason = serializers.CharField(allow_null=True)
