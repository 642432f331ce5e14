"""The licence catalogue: records that never change, releases that say which are in force, proposals for own ones."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from governance.constraints import both_or_neither, known, matches
from registry.models.document import EvidenceDocument
from registry.models.version import DIGEST

LICENSE_ID = r"^[a-z0-9][a-z0-9.+-]{0,79}$"


class Origin(models.TextChoices):
    """Whose record it is."""

    PROJECT = "project"
    ORGANIZATION = "organization"


class LicenseRecord(models.Model):
    """What one version of one license says, as data; named by the digest of its canonical JSON."""

    license_id = models.CharField(max_length=80)
    record_digest = models.CharField(max_length=71)
    origin = models.CharField(max_length=16, choices=Origin.choices)
    record = models.JSONField()
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            known("origin", Origin.values, name="registry_licenserecord_origin_known"),
            matches("license_id", LICENSE_ID, name="registry_licenserecord_license_id_form"),
            matches("record_digest", DIGEST, name="registry_licenserecord_digest_form"),
            models.CheckConstraint(
                condition=Q(record__has_key="id")
                & Q(Exact(KeyTextTransform("id", "record"), F("license_id"))),
                name="registry_licenserecord_says_its_id",
            ),
            models.UniqueConstraint(fields=["origin", "record_digest"], name="registry_licenserecord_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["license_id"], name="registry_license_id")]

    def __str__(self) -> str:
        return f"{self.license_id} of the {self.origin}"


class ProposedChange(models.TextChoices):
    """What a proposal asks for."""

    ADD = "add"
    WITHDRAW = "withdraw"


class LicenseProposal(models.Model):
    """One person asks to put a record of the organisation in force, or to take it out; another person does it."""

    record = models.ForeignKey(LicenseRecord, on_delete=models.PROTECT, related_name="proposals")
    change = models.CharField(max_length=16, choices=ProposedChange.choices)
    # As it was received, with its comments; empty for a withdrawal.
    toml = models.TextField(blank=True)
    # Project records whose names or repositories the record claims too, as the proposer said.
    takes_over = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    # The signed agreement, or what else it rests on.
    document = models.ForeignKey(
        EvidenceDocument, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    # What was in force when the proposal was drawn up.
    catalog_digest = models.CharField(max_length=71)
    reason = models.TextField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now())
    # Set when it was declined, or taken back by whoever made it; one that was carried out has a release.
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.TextField(null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints: ClassVar = [
            known("change", ProposedChange.values, name="registry_licenseproposal_change_known"),
            matches("catalog_digest", DIGEST, name="registry_licenseproposal_catalog_digest_form"),
            models.CheckConstraint(
                condition=Q(change="add", toml__gt="") | Q(change="withdraw", toml="", takes_over=[]),
                name="registry_licenseproposal_text_of_what_is_added",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="registry_licenseproposal_has_reason"),
            both_or_neither(
                "closed_by", "closed_at", "close_reason", name="registry_licenseproposal_closed_complete"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.change} {self.record.license_id}"


class CatalogRelease(models.Model):
    """Which record is in force for each license; the newest release is, until the next."""

    catalog_digest = models.CharField(max_length=71)
    # License id to {"record_digest", "origin", "overrides"}.
    entries = models.JSONField()
    # License id to what this release did to it; exactly the entries that are not as they were.
    changes = models.JSONField()
    previous = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="following", null=True, blank=True
    )
    # The proposal that it carries out, and who did so; none when the project's records changed.
    proposal = models.OneToOneField(
        LicenseProposal, on_delete=models.PROTECT, related_name="release", null=True, blank=True
    )
    publisher = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    published_by = models.CharField(max_length=200)
    published_at = models.DateTimeField(db_default=Now())
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            matches("catalog_digest", DIGEST, name="registry_catalogrelease_digest_form"),
            both_or_neither(
                "proposal", "publisher", name="registry_catalogrelease_proposal_and_publisher_paired"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["catalog_digest"], name="registry_catalog_digest"),
            GinIndex(fields=["changes"], name="registry_catalog_changes"),
        ]

    def __str__(self) -> str:
        return f"catalogue {self.catalog_digest[7:19]} of {self.published_at:%Y-%m-%d}"
