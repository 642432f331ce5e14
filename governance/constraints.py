"""Constraints that many tables share, built in one place."""

from django.db.models import CheckConstraint, Q


def both_or_neither(*fields: str, name: str) -> CheckConstraint:
    """The fields are all set or all null: who, when and why come together."""
    every = Q(**{f"{field}__isnull": False for field in fields})
    none = Q(**{f"{field}__isnull": True for field in fields})
    return CheckConstraint(condition=every | none, name=name)


def matches(field: str, pattern: str, *, name: str, or_null: bool = False) -> CheckConstraint:
    """The text field has this form (a PostgreSQL regular expression)."""
    condition = Q(**{f"{field}__regex": pattern})
    if or_null:
        condition |= Q(**{f"{field}__isnull": True})
    return CheckConstraint(condition=condition, name=name)


def known(field: str, values: list[str], *, name: str) -> CheckConstraint:
    """The field holds one of these words."""
    return CheckConstraint(condition=Q(**{f"{field}__in": values}), name=name)
