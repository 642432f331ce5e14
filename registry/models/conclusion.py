"""What people conclude about a version's licence and lineage, beside what its own files say."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.constraints import known, matches
from registry.models.artifact import Relation
from registry.models.version import DIGEST, ModelVersion

# What an open question may be answered with, besides a relation: no model is behind it.
NOBODY = "none"
STATED = [(value, label) for value, label in Relation.choices if value != Relation.UNSTATED]


class LicenseConclusion(models.Model):
    """The licences that a person concluded a version is under; the newest replaces what the rules conclude."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="license_conclusions")
    # Ids of the catalogue; all of them apply at once.
    licenses = ArrayField(models.CharField(max_length=80))
    # The catalogue that they were chosen from.
    catalog_digest = models.CharField(max_length=71)
    reason = models.TextField()
    concluded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(db_default=Now())
    # The conclusion that this one takes the place of; only the first has none.
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="superseded_by", null=True, blank=True
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(licenses__len__gt=0), name="registry_licenseconclusion_names_one"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="registry_licenseconclusion_has_reason"),
            matches("catalog_digest", DIGEST, name="registry_licenseconclusion_digest_form"),
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(supersedes__isnull=True),
                name="registry_licenseconclusion_one_first",
            ),
            models.UniqueConstraint(
                fields=["id", "version"], name="registry_licenseconclusion_id_and_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{' AND '.join(self.licenses)} concluded for {self.version}"


class HintKind(models.TextChoices):
    """What a version's files hint at without saying it."""

    TEACHER = "teacher", "Another model may have taught it"
    BASE = "base", "A base that names no model"
    RELATION = "relation", "A relation that is not understood"


class LineageHint(models.Model):
    """Something in a version's files that points to another model; a question until a person answers it."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="lineage_hints")
    kind = models.CharField(max_length=16, choices=HintKind.choices)
    # The words themselves, cut short.
    says = models.CharField(max_length=300)
    # The model that they seem to name, if any.
    base_model = models.CharField(max_length=200, blank=True)
    path = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            known("kind", HintKind.values, name="registry_lineagehint_kind_known"),
            models.UniqueConstraint(fields=["version", "kind", "says"], name="registry_lineagehint_once"),
            models.UniqueConstraint(fields=["id", "version"], name="registry_lineagehint_id_and_version"),
        ]

    def __str__(self) -> str:
        return f"{self.version} hints at {self.says}"


class LineageStatement(models.Model):
    """An ancestor that a person states, or that a hint points to no model; what files declare stays beside it."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="lineage_statements")
    relation = models.CharField(max_length=20, choices=[*STATED, (NOBODY, "No model")])
    base_model = models.CharField(max_length=200, blank=True)
    base_revision = models.CharField(max_length=200, blank=True)
    answers = models.ForeignKey(
        LineageHint, on_delete=models.PROTECT, related_name="answers", null=True, blank=True
    )
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="superseded_by", null=True, blank=True
    )
    reason = models.TextField()
    stated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    stated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            known(
                "relation",
                [value for value, _ in STATED] + [NOBODY],
                name="registry_lineagestatement_relation_known",
            ),
            models.CheckConstraint(
                condition=Q(relation=NOBODY, base_model="") | (~Q(relation=NOBODY) & ~Q(base_model="")),
                name="registry_lineagestatement_names_model",
            ),
            # Nothing is denied out of the blue: only an answer to a question, or the correction of a statement.
            models.CheckConstraint(
                condition=~Q(relation=NOBODY) | Q(answers__isnull=False) | Q(supersedes__isnull=False),
                name="registry_lineagestatement_answers_something",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="registry_lineagestatement_has_reason"),
            models.UniqueConstraint(
                fields=["id", "version"], name="registry_lineagestatement_id_and_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} is {self.relation} of {self.base_model or 'no model'}, as stated"
