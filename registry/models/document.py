"""Documents that people bring as evidence."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.constraints import known, matches
from registry.formats.evidence import MAX_BYTES, MEDIA_TYPES


class DocumentManager(models.Manager["EvidenceDocument"]):
    """Leaves the content in the database until someone asks for it."""

    def get_queryset(self) -> models.QuerySet["EvidenceDocument"]:
        """Every row, without its content."""
        return super().get_queryset().defer("content")


class EvidenceDocument(models.Model):
    """A document as someone brought it; written once, and once for each content."""

    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=32, choices=[(kind, kind) for kind in MEDIA_TYPES])
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, unique=True)
    # The database holds the two fields above against it.
    content = models.BinaryField()
    kept_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kept_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[DocumentManager] = DocumentManager()

    class Meta:
        base_manager_name = "objects"
        constraints: ClassVar = [
            known("media_type", list(MEDIA_TYPES), name="registry_evidencedocument_media_type_known"),
            matches("sha256", "^[0-9a-f]{64}$", name="registry_evidencedocument_sha256_form"),
            models.CheckConstraint(
                condition=Q(size__gte=1, size__lte=MAX_BYTES), name="registry_evidencedocument_size_bounded"
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(name__regex=r"[/\\]|[[:cntrl:]]"),
                name="registry_evidencedocument_name_plain",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_image(self) -> bool:
        """Whether a page may show it as a picture."""
        return self.media_type.startswith("image/")
