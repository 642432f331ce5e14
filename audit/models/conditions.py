"""Conditions that the tables of the logs share."""

from typing import Any

from django.db.models import BinaryField, CharField, CheckConstraint, F, Func, IntegerField, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.lookups import Exact

from audit.events import Log
from governance.constraints import known

HASH_SIZE = 32
LARGEST_BATCH = 5000
DIGEST = "^sha256:[0-9a-f]{64}$"


class Octets(Func):
    """The number of bytes in a binary value."""

    function = "octet_length"
    output_field = IntegerField()


def log_field() -> "CharField[str, str]":
    """Which log a row belongs to."""
    return CharField(max_length=16, choices=[(log.value, log.value) for log in Log])


def log_known(*, name: str) -> CheckConstraint:
    """The row belongs to a log that exists."""
    return known("log", [log.value for log in Log], name=name)


def is_hash(field: str, *, name: str) -> CheckConstraint:
    """The field holds one SHA-256 hash."""
    return CheckConstraint(condition=Exact(Octets(F(field)), HASH_SIZE), name=name)


def holds_hashes(field: str, count: str, *, name: str) -> CheckConstraint:
    """The field holds as many SHA-256 hashes as `count` says."""
    hashes: CombinedExpression = F(count) * HASH_SIZE
    return CheckConstraint(condition=Exact(Octets(F(field)), hashes), name=name)


def in_range(field: str, low: int, high: int | None = None, *, name: str) -> CheckConstraint:
    """The number lies within its bounds."""
    condition = Q(**{f"{field}__gte": low})
    if high is not None:
        condition &= Q(**{f"{field}__lte": high})
    return CheckConstraint(condition=condition, name=name)


def bytes_field(**options: Any) -> "BinaryField[bytes, bytes]":
    """Bytes that are never edited by hand."""
    return BinaryField(**options)
