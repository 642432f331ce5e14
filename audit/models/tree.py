"""The Merkle tree of each log; written by the sequencer alone."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models.conditions import bytes_field, holds_hashes, in_range, is_hash, log_field, log_known


class BatchSequence(models.Model):
    """Where the leaves of a batch stand in the tree."""

    batch_id = models.BigIntegerField(primary_key=True)
    log = log_field()
    first_index = models.BigIntegerField()
    count = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_batchsequence_log_known"),
            models.UniqueConstraint(
                fields=["log", "first_index"], name="audit_batchsequence_place_taken_once"
            ),
            in_range("first_index", 0, name="audit_batchsequence_index_natural"),
            in_range("count", 1, name="audit_batchsequence_count_positive"),
        ]

    def __str__(self) -> str:
        return f"batch {self.batch_id} is {self.log} {self.first_index}+{self.count}"


class Tile(models.Model):
    """Up to 256 hashes of one level of the tree; it grows until it is full and then never changes."""

    pk = models.CompositePrimaryKey("log", "level", "number")
    log = log_field()
    level = models.PositiveSmallIntegerField()
    number = models.BigIntegerField()
    width = models.PositiveSmallIntegerField()
    data = bytes_field()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_tile_log_known"),
            in_range("level", 0, 7, name="audit_tile_level_bounded"),
            in_range("number", 0, name="audit_tile_number_natural"),
            in_range("width", 1, 256, name="audit_tile_width_bounded"),
            holds_hashes("data", "width", name="audit_tile_one_hash_a_place"),
        ]

    def __str__(self) -> str:
        return f"{self.log} tile {self.level}/{self.number} ({self.width})"


class TreeHead(models.Model):
    """The one root that a log has at a size, for ever."""

    pk = models.CompositePrimaryKey("log", "size")
    log = log_field()
    size = models.BigIntegerField()
    root = bytes_field()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_treehead_log_known"),
            in_range("size", 0, name="audit_treehead_size_natural"),
            is_hash("root", name="audit_treehead_root_length"),
        ]

    def __str__(self) -> str:
        return f"{self.log} at {self.size}"


class Head(models.Model):
    """How far each log has come: what the sequencer compares before it sets."""

    log = models.CharField(max_length=16, primary_key=True)
    size = models.BigIntegerField()
    root = bytes_field()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_head_log_known"),
            in_range("size", 0, name="audit_head_size_natural"),
            is_hash("root", name="audit_head_root_length"),
        ]

    def __str__(self) -> str:
        return f"{self.log} has {self.size} leaves"


class Checkpoint(models.Model):
    """A tree head as it was signed and published."""

    pk = models.CompositePrimaryKey("log", "size")
    log = log_field()
    size = models.BigIntegerField()
    note = bytes_field()
    signed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_checkpoint_log_known"),
            models.CheckConstraint(condition=~Q(note=b""), name="audit_checkpoint_has_note"),
            in_range("size", 0, name="audit_checkpoint_size_natural"),
        ]

    def __str__(self) -> str:
        return f"checkpoint of {self.log} at {self.size}"
