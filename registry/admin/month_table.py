"""A table of numbers by month and scope as one form field, with rows for months that are not there yet."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from governance.desk.forms import whole_number
from registry.licensing.facts import MONTH
from registry.licensing.vocabulary import Fact

NEW_ROWS = 2
MAX_ROWS = 600
Cells = dict[str, dict[str, str]]


class MonthTable(forms.Widget):
    """Inputs named by field, row and column; a new row says which month it is for."""

    template_name = "registry/organization/months.html"
    use_fieldset = True

    def __init__(self, *, fact: Fact, months: Mapping[str, str]) -> None:
        super().__init__()
        self.fact, self.months = fact, months

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Every month that is known, that a license asks for or that was typed, newest first, and empty rows."""
        context = super().get_context(name, value, attrs)
        cells: Mapping[str, Mapping[str, Any]] = value or {}
        known = {month for month in {*cells, *self.months} if MONTH.fullmatch(month)}
        context["columns"] = [self.fact.member(column) for column in self.fact.members]
        context["rows"] = [self._row(name, month, cells) for month in sorted(known, reverse=True)]
        context["rows"] += [self._row(name, f"new{place}", cells) for place in range(1, NEW_ROWS + 1)]
        return context

    def _row(self, name: str, month: str, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        typed = cells.get(month, {})
        return {
            "month": month,
            "is_new": month.startswith("new"),
            "said": typed.get("month", ""),
            "note": self.months.get(month, ""),
            "name": f"{name}:{month}:month",
            "cells": [
                {
                    "name": f"{name}:{month}:{column}",
                    "label": self.fact.member(column),
                    "value": _shown(typed.get(column)),
                }
                for column in self.fact.members
            ],
        }

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> Cells:
        """What was typed, by row and column."""
        found: Cells = {}
        for key in data:
            start, _, rest = str(key).partition(":")
            row, _, column = rest.partition(":")
            if start == name and column and len(found) <= MAX_ROWS:
                found.setdefault(row, {})[column] = str(data[key]).strip()
        return found

    def value_omitted_from_data(self, _data: Any, _files: Any, _name: str) -> bool:
        """Never: an empty table is a statement."""
        return False


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value or "")


class MonthsField(forms.Field):
    """Counts by month and scope; what is left empty is unknown."""

    def __init__(self, *, fact: Fact, months: Mapping[str, str], **options: Any) -> None:
        super().__init__(widget=MonthTable(fact=fact, months=months), **options)
        self.fact = fact

    def clean(self, value: Any) -> dict[str, dict[str, int]] | None:
        """The counts, or None; every wrong cell is named."""
        found: dict[str, dict[str, int]] = {}
        problems: list[str] = []
        for row, typed in (value or {}).items():
            counts = self._counts(typed, row, problems)
            month = typed.get("month", "") if row.startswith("new") else row
            if not counts:
                continue
            if not MONTH.fullmatch(month):
                problems.append("A new row needs its month, written YYYY-MM.")
            elif month in found:
                problems.append(f"{month} is there twice.")
            else:
                found[month] = counts
        if problems:
            raise ValidationError(problems)
        return found or None

    def _counts(self, typed: Mapping[str, str], row: str, problems: list[str]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for column in self.fact.members:
            try:
                number = whole_number(typed.get(column, ""))
            except ValidationError as error:
                problems.append(f"{row}, {self.fact.member(column)}: {error.message}")
            else:
                if number is not None:
                    counts[column] = number
        return counts
