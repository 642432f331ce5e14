"""The files of a version, and what they and its card say of licence and lineage."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.constraints import known, matches
from registry.models.version import ModelVersion


class ArtifactRole(models.TextChoices):
    """What a file is for."""

    WEIGHT = "weight"
    CONFIG = "config"
    TOKENIZER = "tokenizer"
    TEMPLATE = "template"
    CODE = "code"
    LICENSE = "license"
    DOC = "doc"
    OTHER = "other"


class Artifact(models.Model):
    """One file of a version's manifest; written once, while the version is resolved."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="artifacts")
    path = models.TextField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    role = models.CharField(max_length=16, choices=ArtifactRole.choices)
    # What the source claimed before a byte was read, and in which words ("sha256", "git-oid"); empty for none.
    claimed_digest = models.CharField(max_length=64, blank=True)
    claim_kind = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "path"], name="registry_artifact_path_once"),
            matches("sha256", "^[0-9a-f]{64}$", name="registry_artifact_sha256_form"),
            known("role", ArtifactRole.values, name="registry_artifact_role_known"),
            models.CheckConstraint(condition=Q(size__gte=0), name="registry_artifact_size_not_negative"),
            models.CheckConstraint(
                condition=~Q(path="")
                & ~Q(path__startswith="/")
                & ~Q(path__contains="\\")
                & ~Q(path__regex=r"(^|/)\.\.(/|$)"),
                name="registry_artifact_path_inside",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["sha256"], name="registry_artifact_sha256")]

    def __str__(self) -> str:
        return f"{self.path} of {self.version}"


class FindingKind(models.TextChoices):
    """Who says so: the card, the text of a file, the card against itself, or a conclusion from all."""

    DECLARED = "declared"
    DISCOVERED = "discovered"
    CONTRADICTED = "contradicted"
    CONCLUDED = "concluded"


class LicenseFinding(models.Model):
    """What was found about a version's licence, and how."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="license_findings")
    kind = models.CharField(max_length=16, choices=FindingKind.choices)
    # Ids in the licence catalogue, joined with AND; `unknown` where nothing matched.
    license_id = models.CharField(max_length=200)
    statement = models.TextField(blank=True)
    path = models.TextField(blank=True)
    method = models.CharField(max_length=64)
    sha256_words = models.CharField(max_length=64, blank=True)
    # How much of an unknown text is like a known one, from 0 to 1; never a reason to conclude anything.
    score = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)
    # Which rules, with which catalogue; conclusions of people are rows of their own.
    concluded_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            known("kind", FindingKind.values, name="registry_licensefinding_kind_known"),
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(kind="concluded"),
                name="registry_licensefinding_one_conclusion",
            ),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0, score__lt=1, license_id="unknown"),
                name="registry_licensefinding_score_concludes_nothing",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["license_id", "version"],
                condition=Q(kind="concluded"),
                name="registry_finding_concluded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.license_id} of {self.version}"


class Relation(models.TextChoices):
    """How a version came from its ancestor."""

    FINETUNE = "finetune"
    ADAPTER = "adapter"
    QUANTIZED = "quantized"
    MERGE = "merge"
    DISTILLATION = "distillation"
    SYNTHETIC_OUTPUTS = "synthetic_outputs"
    UNSTATED = "unstated"


class LineageEdge(models.Model):
    """An ancestor that a version's own files name."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="lineage")
    relation = models.CharField(max_length=20, choices=Relation.choices)
    base_model = models.CharField(max_length=200)
    base_revision = models.CharField(max_length=200, blank=True)
    path = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            known("relation", Relation.values, name="registry_lineageedge_relation_known"),
            models.UniqueConstraint(
                fields=["version", "relation", "base_model"], name="registry_lineageedge_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} is {self.relation} of {self.base_model}"
