"""One exact state of a model's files: the thing that is checked, approved and served."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from packageurl import PackageURL

from governance.constraints import both_or_neither, known, matches
from registry.lifecycle import Status
from registry.models.registered_model import RegisteredModel

DIGEST = "^sha256:[0-9a-f]{64}$"


class SourceKind(models.TextChoices):
    """Where a version's files come from."""

    HUB = "hub", "Hugging Face Hub or a mirror"
    FOLDER = "folder", "Folder"
    S3 = "s3", "S3-compatible storage"
    HTTP = "http", "HTTP with a checksum file"
    OLLAMA = "ollama", "Ollama model store"
    FILE = "file", "Single GGUF file"


# Kinds whose locations mean the same to everyone.
REMOTE = frozenset({SourceKind.HUB, SourceKind.S3, SourceKind.HTTP})


class ModelVersion(models.Model):
    """Immutable once resolved: another revision or another file is another version."""

    registered_model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    source_kind = models.CharField(max_length=16, choices=SourceKind.choices)
    # `org/name` on the Hub, an absolute path on this machine, or the address of a bucket's prefix or a checksum file.
    location = models.TextField()
    requested_revision = models.CharField(max_length=200, blank=True)
    revision = models.CharField(max_length=40, null=True, blank=True)  # noqa: DJ001 - null says "has none", and is unique
    status = models.CharField(
        max_length=16, choices=[(status.value, status.value) for status in Status], default=Status.DRAFT
    )
    manifest_digest = models.CharField(max_length=71, null=True, blank=True)  # noqa: DJ001
    model_digest = models.CharField(max_length=71, null=True, blank=True)  # noqa: DJ001
    size_bytes = models.BigIntegerField(null=True, blank=True)
    file_count = models.IntegerField(null=True, blank=True)
    # What the model card declares of itself, as read; a claim, never evidence.
    card = models.JSONField(default=dict, blank=True)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)
    # When the commit was made, as its source says: some repositories changed their licence on a day.
    committed_at = models.DateTimeField(null=True, blank=True)
    quarantined_by = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    quarantined_at = models.DateTimeField(null=True, blank=True)
    quarantine_reason = models.TextField(null=True, blank=True)  # noqa: DJ001
    revoked_by = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    revoked_at = models.DateTimeField(null=True, blank=True)
    revocation_reason = models.TextField(null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints: ClassVar = [
            known("status", [status.value for status in Status], name="registry_modelversion_status_known"),
            known("source_kind", SourceKind.values, name="registry_modelversion_source_known"),
            matches(
                "manifest_digest", DIGEST, or_null=True, name="registry_modelversion_manifest_digest_form"
            ),
            matches("model_digest", DIGEST, or_null=True, name="registry_modelversion_model_digest_form"),
            matches("revision", "^[0-9a-f]{40}$", or_null=True, name="registry_modelversion_revision_pinned"),
            models.CheckConstraint(
                condition=Q(status__in=[Status.DRAFT, Status.REVOKED]) | Q(manifest_digest__isnull=False),
                name="registry_modelversion_resolved_has_digest",
            ),
            models.CheckConstraint(
                condition=~Q(source_kind=SourceKind.HUB)
                | Q(manifest_digest__isnull=True)
                | Q(revision__isnull=False),
                name="registry_modelversion_hub_has_commit",
            ),
            both_or_neither(
                "manifest_digest",
                "model_digest",
                "size_bytes",
                "file_count",
                "resolved_at",
                name="registry_modelversion_resolved_together",
            ),
            both_or_neither(
                "quarantined_by",
                "quarantined_at",
                "quarantine_reason",
                name="registry_modelversion_quarantine_complete",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.QUARANTINED) | Q(quarantined_at__isnull=False),
                name="registry_modelversion_quarantined_has_reason",
            ),
            both_or_neither(
                "revoked_by",
                "revoked_at",
                "revocation_reason",
                name="registry_modelversion_revocation_complete",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.REVOKED, revoked_at__isnull=False)
                | (~Q(status=Status.REVOKED) & Q(revoked_at__isnull=True)),
                name="registry_modelversion_revoked_has_reason",
            ),
            models.UniqueConstraint(
                fields=["registered_model", "source_kind", "revision"],
                name="registry_modelversion_revision_once",
            ),
            models.UniqueConstraint(
                fields=["source_kind", "location", "manifest_digest"],
                condition=~Q(source_kind="hub"),
                name="registry_modelversion_location_once",
            ),
            # The target of the composite foreign keys that tie evidence to its own version.
            models.UniqueConstraint(
                fields=["id", "manifest_digest"], name="registry_modelversion_id_and_manifest"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["model_digest"], name="registry_version_model_digest")]

    def __str__(self) -> str:
        return f"{self.registered_model}@{self.short_revision}"

    @property
    def short_revision(self) -> str:
        """Twelve digits that tell versions apart on a page."""
        if self.revision:
            return self.revision[:12]
        return self.manifest_digest[7:19] if self.manifest_digest else f"draft-{self.pk}"

    @property
    def purl(self) -> str:
        """The package URL: a Hub commit, or for other sources the manifest's digest.

        Where the files can be had from elsewhere, it says where; places on this machine mean nothing to others.
        """
        model = self.registered_model
        if self.source_kind == SourceKind.HUB:
            return PackageURL("huggingface", model.publisher, model.name, self.revision).to_string()
        digest = self.manifest_digest.removeprefix("sha256:") if self.manifest_digest else None
        qualifiers = {"download_url": self.source_address} if self.source_kind in REMOTE else None
        return PackageURL("generic", model.publisher, model.name, digest, qualifiers).to_string()

    @property
    def source_address(self) -> str:
        """The source as it is written when it is registered."""
        scheme = "hf" if self.source_kind == SourceKind.HUB else self.source_kind
        return self.location if self.source_kind == SourceKind.HTTP else f"{scheme}://{self.location}"
