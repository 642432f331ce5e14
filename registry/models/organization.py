"""What the organisation is, as people attested it, and the documents that show it."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from registry.models.document import EvidenceDocument


class OrganizationProfile(models.Model):
    """Facts of the organisation as someone attested them; a change is a new row."""

    facts = models.JSONField()
    # Complete: everything that is known from that day on. Otherwise a change, in which null withdraws a fact.
    is_complete = models.BooleanField(default=True)
    note = models.TextField(blank=True)
    effective_at = models.DateTimeField()
    attested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    attested_at = models.DateTimeField(db_default=Now())
    # How many documents were attached when it was attested; the database takes no further one.
    document_count = models.PositiveSmallIntegerField(default=0)
    documents = models.ManyToManyField(
        EvidenceDocument, through="AttestationEvidence", related_name="attestations"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_complete=True) | ~Q(facts={}),
                name="registry_organizationprofile_change_says_something",
            ),
            models.CheckConstraint(
                condition=Q(document_count__lte=20), name="registry_organizationprofile_documents_bounded"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["effective_at", "id"], name="registry_profile_effective"),
        ]

    def __str__(self) -> str:
        return f"facts {self.pk} from {self.effective_at:%Y-%m-%d}"


class AttestationEvidence(models.Model):
    """A document attached to an attestation, and the facts that it shows; none named: all of them."""

    profile = models.ForeignKey(OrganizationProfile, on_delete=models.PROTECT, related_name="evidence")
    document = models.ForeignKey(EvidenceDocument, on_delete=models.PROTECT, related_name="attested")
    facts = ArrayField(models.CharField(max_length=120), default=list, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["profile", "document"], name="registry_attestationevidence_document_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.document} for {self.profile}"
