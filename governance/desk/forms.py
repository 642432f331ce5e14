"""Forms of the desk: labelled, described, with errors at the field."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from governance.errors import GovernanceError


class DeskForm(forms.Form):
    """A form that knows the row it acts on; without fields it is a plain confirmation."""

    required_css_class = "is-required"

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        self.row = row
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def refuse(self, error: GovernanceError) -> None:
        """Show a refusal of the domain at the field that it names, or above the form."""
        name = error.field if error.field in self.fields else None
        self.add_error(name, error.detail)
        for one in _listed(error.extra.get("errors")):
            if one not in error.detail:
                self.add_error(None, one)


def _listed(errors: object) -> list[str]:
    """The further reasons that a refusal carries."""
    if not isinstance(errors, list):
        return []
    return [str(one["message"]) for one in errors if isinstance(one, dict) and "message" in one]


class ReasonForm(DeskForm):
    """Asks why; the reason is kept, and the log holds it fast by its digest."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept here word for word. The decisions log, which can be published, gets its digest.",
    )


class NoteForm(DeskForm):
    """Asks for a note that may stay empty."""

    note = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Optional. What you looked at, and why you decide so. Kept here; the decisions log gets its digest.",
    )


class DayField(forms.DateField):
    """A day, meaning its end in UTC; the value is an aware time."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value: Any) -> datetime | None:
        """The last second of the day."""
        day = super().clean(value)
        if day is None:
            return None
        return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def days_ahead(days: int, *, now: datetime) -> str:
    """A day as a date field shows it."""
    return (now + timedelta(days=days)).date().isoformat()
