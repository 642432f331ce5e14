"""A model as its publisher names it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from governance.constraints import matches


class RegisteredModel(models.Model):
    """`publisher/name`, under which versions are kept."""

    publisher = models.CharField(max_length=96)
    name = models.CharField(max_length=96)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["publisher", "name"], name="registry_registeredmodel_unique"),
            # The Hub's own rule for names (huggingface_hub.utils.validate_repo_id).
            matches(
                "publisher",
                r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$",
                name="registry_registeredmodel_publisher_form",
            ),
            matches("name", r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$", name="registry_registeredmodel_name_form"),
        ]

    def __str__(self) -> str:
        return f"{self.publisher}/{self.name}"
