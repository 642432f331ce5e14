"""What was appended, exactly as it came: batches of leaves, in the order of their commits."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from audit.models.conditions import (
    LARGEST_BATCH,
    bytes_field,
    holds_hashes,
    in_range,
    is_hash,
    log_field,
    log_known,
)


class Batch(models.Model):
    """Leaves that were committed together; a decision is a batch of one."""

    log = log_field()
    received_at = models.DateTimeField()
    count = models.PositiveSmallIntegerField()
    # The leaf hashes one after another, and the leaves as a compressed entry bundle.
    hashes = bytes_field()
    body = bytes_field()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_batch_log_known"),
            in_range("count", 1, LARGEST_BATCH, name="audit_batch_count_bounded"),
            holds_hashes("hashes", "count", name="audit_batch_one_hash_a_leaf"),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk} of {self.log}"


class Pending(models.Model):
    """A batch that is not in the tree yet; the only rows of the logs that are ever deleted."""

    batch_id = models.BigIntegerField(primary_key=True)
    log = log_field()

    class Meta:
        constraints: ClassVar = [log_known(name="audit_pending_log_known")]

    def __str__(self) -> str:
        return f"batch {self.batch_id} waits for {self.log}"


class BatchKey(models.Model):
    """What a recorder calls a batch: sending it again finds the first answer instead of a second batch."""

    batch_id = models.BigIntegerField(primary_key=True)
    log = log_field()
    recorder = models.CharField(max_length=128)
    epoch = models.BigIntegerField()
    first_sequence = models.BigIntegerField()
    count = models.PositiveSmallIntegerField()
    digest = bytes_field()
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_batchkey_log_known"),
            models.UniqueConstraint(
                fields=["log", "recorder", "epoch", "first_sequence"], name="audit_batchkey_once"
            ),
            in_range("count", 1, LARGEST_BATCH, name="audit_batchkey_count_bounded"),
            in_range("epoch", 0, name="audit_batchkey_epoch_natural"),
            in_range("first_sequence", 0, name="audit_batchkey_sequence_natural"),
            is_hash("digest", name="audit_batchkey_digest_length"),
            models.CheckConstraint(condition=~Q(recorder=""), name="audit_batchkey_has_recorder"),
        ]

    def __str__(self) -> str:
        return f"{self.recorder} {self.epoch}/{self.first_sequence}+{self.count}"

    @property
    def last_sequence(self) -> int:
        """The number of the last record."""
        return self.first_sequence + self.count - 1


class SequenceGap(models.Model):
    """Records that were missing when a later batch arrived; a batch that comes late may fill it."""

    log = log_field()
    recorder = models.CharField(max_length=128)
    epoch = models.BigIntegerField()
    first_missing = models.BigIntegerField()
    last_missing = models.BigIntegerField()
    # The batch that came after the gap.
    batch_id = models.BigIntegerField(unique=True)
    noticed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            log_known(name="audit_sequencegap_log_known"),
            in_range("first_missing", 0, name="audit_sequencegap_natural"),
            models.CheckConstraint(
                condition=Q(last_missing__gte=F("first_missing")), name="audit_sequencegap_not_empty"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["recorder", "epoch"], name="audit_sequencegap_recorder")]

    def __str__(self) -> str:
        return f"{self.recorder} {self.epoch}: {self.first_missing} to {self.last_missing} missing"
