"""Forms of the desk: labelled, described, with errors at the field."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from governance.errors import GovernanceError

MOST_DIGITS = 18


class DeskForm(forms.Form):
    """A form that knows the row it acts on; without fields it is a plain confirmation."""

    required_css_class = "is-required"

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        self.row = row
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def refuse(self, error: GovernanceError) -> None:
        """Show a refusal of the domain at the field that it names, or above the form."""
        self.add_error(self.field_of(error.field), error.detail)
        for one in _listed(error.extra.get("errors")):
            if one not in error.detail:
                self.add_error(None, one)

    def field_of(self, path: str | None) -> str | None:
        """The field that a path such as `org.users.2026-10` is asked for in; None where there is none."""
        while path and path not in self.fields:
            path = path.rpartition(".")[0]
        return path or None


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


SEPARATORS = str.maketrans("", "", ", _'\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}")


def whole_number(text: str) -> int | None:
    """A whole number that is not negative, with or without separators; None for an empty text."""
    digits = text.strip().translate(SEPARATORS)
    if not digits:
        return None
    if not digits.isascii() or not digits.isdigit() or len(digits) > MOST_DIGITS:
        raise forms.ValidationError("Write a whole number that is not negative, such as 1,200,000.")
    return int(digits)


class SeveralFiles(forms.ClearableFileInput):
    """An input for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Up to so many files; none is fine unless it is required."""

    widget = SeveralFiles

    def __init__(self, *, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """The files."""
        sent = data if isinstance(data, list | tuple) else [data] if data else []
        if self.required and not sent:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(sent) > self.most:
            raise forms.ValidationError(f"At most {self.most} files at a time.")
        # An empty file is for the domain to refuse, like any other that is not kept.
        return list(sent)
