"""Form fields for the facts of the vocabulary: one kind of field for each kind of fact, empty for unknown."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from governance.desk.forms import whole_number
from registry.admin.month_table import MonthsField
from registry.licensing import country_names, tags
from registry.licensing.vocabulary import Fact, Kind

UNKNOWN = ("", "Unknown")
NONE = "none"
MAX_ENTRIES = 500


class AmountField(forms.CharField):
    """A whole number, with or without commas or spaces between the digits."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 40)
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        """The number as people read it."""
        return f"{value:,}" if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        """The number, or None."""
        return whole_number(super().clean(value))


class FlagField(forms.TypedChoiceField):
    """Yes, no, or unknown."""

    WORDS: Mapping[str, bool] = {"yes": True, "no": False}

    def __init__(self, **options: Any) -> None:
        super().__init__(
            choices=[("yes", "Yes"), ("no", "No"), UNKNOWN],
            coerce=self.WORDS.__getitem__,
            empty_value=None,
            widget=forms.RadioSelect(attrs={"class": "across"}),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """The word of a fact."""
        return {True: "yes", False: "no", None: ""}.get(value, value)


class LinesField(forms.CharField):
    """Names, one a line; `none` says that there are none, and empty that nobody knows."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=60_000, widget=forms.Textarea(attrs={"rows": 3}), **options)

    def prepare_value(self, value: Any) -> Any:
        """The names as lines."""
        return value if not isinstance(value, list) else "\n".join(value) or NONE

    def clean(self, value: Any) -> list[str] | None:
        """The names, or None."""
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > MAX_ENTRIES:
            raise ValidationError(f"At most {MAX_ENTRIES} lines.")
        if [line.casefold() for line in lines] == [NONE]:
            return []
        return list(dict.fromkeys(lines)) or None


class CountriesField(forms.CharField):
    """Countries by code or name, between commas; EU stands for all its members."""

    def __init__(self, **options: Any) -> None:
        attributes = {"rows": 2, "placeholder": "DE, France, EU"}
        super().__init__(max_length=8000, widget=forms.Textarea(attrs=attributes), **options)

    def prepare_value(self, value: Any) -> Any:
        """The codes between commas."""
        return value if not isinstance(value, list) else ", ".join(value) or NONE

    def clean(self, value: Any) -> list[str] | None:
        """The codes, or None."""
        text = super().clean(value)
        if text.strip().casefold() == NONE:
            return []
        codes, strange = country_names.codes_of(text)
        if strange:
            raise ValidationError(
                f"Not a country: {', '.join(strange[:5])}. Write its name or its code of two letters."
            )
        return codes or None


class TagsField(forms.MultipleChoiceField):
    """Uses of the vocabulary; a tag from before that is not in it stays, and says what that means."""

    def __init__(self, *, stated: Iterable[str] = (), **options: Any) -> None:
        strange = sorted(set(stated) - tags.KNOWN)
        super().__init__(
            choices=[
                (NONE, "None of these"),
                ("Ordinary uses", [(tag, tag.replace("_", " ")) for tag in sorted(tags.ORDINARY)]),
                (
                    "Uses that licences single out",
                    [(tag, tag.replace("_", " ")) for tag in sorted(tags.DELICATE)],
                ),
                *(
                    [("Not in the vocabulary: these ask for a review", [(tag, tag) for tag in strange])]
                    if strange
                    else []
                ),
            ],
            widget=forms.CheckboxSelectMultiple(attrs={"class": "columns"}),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """The tags; none of them is a choice of its own."""
        return [NONE] if value == [] else value

    def clean(self, value: Any) -> list[str] | None:
        """The tags, or None."""
        chosen = super().clean(value)
        if NONE in chosen and len(chosen) > 1:
            raise ValidationError("Either none of these, or some.")
        return [] if chosen == [NONE] else sorted(chosen) or None


class OtherField(forms.CharField):
    """A fact that has no field of its own yet, as JSON."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=60_000,
            widget=forms.Textarea(attrs={"rows": 4, "class": "code"}),
            empty_value=None,
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """Indented, unless a person typed it."""
        return value if value is None or isinstance(value, str) else json.dumps(value, indent=2)

    def clean(self, value: Any) -> Any:
        """The value, or None."""
        text = super().clean(value)
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"This is not JSON: {error}.") from error


class DayTextField(forms.DateField):
    """A day, as facts write it."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value: Any) -> str | None:
        """The day as text, or None."""
        day = super().clean(value)
        return day.isoformat() if day else None


class TextField(forms.CharField):
    """A few words; empty for unknown."""

    def clean(self, value: Any) -> str | None:
        """The words, or None."""
        return super().clean(value) or None


def _choice(fact: Fact, options: dict[str, Any]) -> forms.Field:
    choices = [UNKNOWN, *((name, fact.member(name)) for name in fact.members)]
    return forms.TypedChoiceField(choices=choices, empty_value=None, **options)


def _country(_fact: Fact, options: dict[str, Any]) -> forms.Field:
    return forms.TypedChoiceField(choices=[UNKNOWN, *country_names.choices()], empty_value=None, **options)


def _tags(_fact: Fact, options: dict[str, Any]) -> forms.Field:
    return TagsField(stated=options["initial"] or (), **options)


def _lines(_fact: Fact, options: dict[str, Any]) -> forms.Field:
    return LinesField(**{**options, "help_text": f"{options['help_text']} {LINES_HELP}"})


def _countries(_fact: Fact, options: dict[str, Any]) -> forms.Field:
    return CountriesField(**{**options, "help_text": f"{options['help_text']} {COUNTRIES_HELP}"})


LINES_HELP = "One a line. Empty: unknown. The word none: there are none."
COUNTRIES_HELP = "Names or codes between commas; EU stands for all its members. Empty: unknown."
_MADE: Mapping[Kind, Callable[[Fact, dict[str, Any]], forms.Field]] = {
    Kind.CHOICE: _choice,
    Kind.COUNTRY: _country,
    Kind.TAGS: _tags,
    Kind.LIST: _lines,
    Kind.COUNTRIES: _countries,
    Kind.FLAG: lambda _fact, options: FlagField(**options),
    Kind.AMOUNT: lambda _fact, options: AmountField(**options),
    Kind.DATE: lambda _fact, options: DayTextField(**options),
    Kind.OTHER: lambda _fact, options: OtherField(**options),
    Kind.TEXT: lambda _fact, options: TextField(max_length=2000, **options),
}


def fields_for(path: str, fact: Fact, value: Any, *, months: Mapping[str, str]) -> dict[str, forms.Field]:
    """The fields that ask for a fact, by name, with what is known; a table of amounts has one field for each part."""
    options = {"label": fact.label, "help_text": fact.help, "required": False, "initial": value}
    if fact.kind is Kind.SCOPES:
        return _amounts(path, fact, value or {}, options)
    if fact.kind is Kind.MONTHS:
        return {path: MonthsField(fact=fact, months=months, **options)}
    return {path: _MADE[fact.kind](fact, options)}


def _amounts(
    path: str, fact: Fact, value: Mapping[str, Any], options: dict[str, Any]
) -> dict[str, forms.Field]:
    return {
        f"{path}.{name}": AmountField(
            **{**options, "label": f"{fact.label}: {fact.member(name).lower()}", "initial": value.get(name)}
        )
        for name in fact.members
    }
