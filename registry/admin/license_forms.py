"""The forms by which licence records are proposed, put in force and declined."""

from collections.abc import Mapping
from typing import Any

from django import forms

from governance.desk.forms import DeskForm, FilesField, NoteForm, SeveralFiles
from registry import catalogs
from registry.formats import evidence
from registry.licensing import catalog, records
from registry.models import LicenseProposal, LicenseRecord, Origin

ACCEPTED = ",".join(ending for endings in evidence.MEDIA_TYPES.values() for ending in endings)
EXAMPLE = """\
id = "acme-commercial-2026"
name = "Commercial license of Acme, signed 2026-05-01"
publisher = "Acme"
category = "community"
verification = "verified_text"
sources = ["contract 4711, signed 2026-05-01"]

[hub]
license_names = ["acme-commercial"]

[[repositories]]
pattern = "acme/*"

[scope]
finetune = "covered"
adapter = "covered"
quantized = "covered"
merge = "needs_review"
distillation = "prohibited"
synthetic_outputs = "needs_review"

[[conditions]]
kind = "prohibited_use"
clause = "§4"
effect = "prohibited"
tags = ["military"]
verification = "verified_text"

[[obligations]]
id = "report-users"
do = "Report the number of users to Acme each January."
evidence = "the report, and the receipt for it"
clause = "§7"
trigger = "any_use"
"""


class TomlField(forms.CharField):
    """A record kept as it was typed, but for line ends, which browsers rewrite."""

    widget = forms.Textarea(attrs={"rows": 28, "class": "code", "spellcheck": "false"})

    def to_python(self, value: Any) -> str:
        """The text with plain line ends."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ProposeForm(DeskForm):
    """A record of the organisation's own; on the page of a licence, that licence is the starting point."""

    toml = TomlField(
        label="Record (TOML)",
        strip=False,
        max_length=records.MAX_TOML_BYTES,
        help_text="An id that the project uses replaces the project's record for you, and is shown as an override. "
        "What was not read belongs under a condition of the kind manual_review.",
    )
    takes_over = forms.CharField(
        required=False,
        max_length=1000,
        label="Takes over from",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "llama-3.1"}
        ),
        help_text="Only where the record names repositories or names on model cards that belong to records of the "
        "project: the ids of those records, with commas between them.",
    )
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why it is needed, and where the signed document is kept. Kept here word for word; the decisions "
        "log, which can be published, gets its digest.",
    )

    uploads = FilesField(
        label="Signed document",
        required=False,
        most=1,
        widget=SeveralFiles(attrs={"accept": ACCEPTED}),
        help_text="The agreement, or the lawyer's opinion: pdf, picture or text, at most 5 MiB. It is kept for ever. "
        "Choose it when you propose; looking at what changes keeps no file.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["toml"].initial = _text_of(self.row) if isinstance(self.row, LicenseRecord) else EXAMPLE

    def clean_takes_over(self) -> list[str]:
        """The ids."""
        return [name.strip() for name in self.cleaned_data["takes_over"].split(",") if name.strip()]

    def field_of(self, path: str | None) -> str | None:
        """What is wrong in the record, or in the document, is shown there."""
        if path and path.endswith(".toml"):
            return "toml"
        return {"content": "uploads", "media_type": "uploads"}.get(path or "") or super().field_of(path)


class PublishForm(NoteForm):
    """A note, and the catalogue that the person looked at."""

    seen = forms.CharField(required=False, max_length=71, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        release = catalogs.in_force()
        self.fields["seen"].initial = release.catalog_digest if release is not None else ""


def _text_of(row: LicenseRecord) -> str:
    """The record as it was written, where that is known."""
    if row.origin == Origin.ORGANIZATION:
        proposal = LicenseProposal.objects.filter(record=row).exclude(toml="").order_by("pk").last()
        return proposal.toml if proposal is not None else ""
    file = catalog.FOLDER / f"{row.license_id}.toml"
    shipped: Mapping[str, str] = catalogs.shipped_digests()
    return file.read_text(encoding="utf-8") if shipped.get(row.license_id) == row.record_digest else ""
