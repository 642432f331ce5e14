"""Forms of an obligation's page: which values the evidence has follows from what the obligation asks for."""

import hashlib
from typing import Any

from django import forms
from django.utils import timezone

from governance.desk.forms import DeskForm
from governance.models import User
from governance.permissions import ROLE_PERMISSIONS, Permission
from registry.actions import obligation_work
from registry.formats.evidence import MEDIA_TYPES
from registry.licensing.given import MAX_NOTE, MAX_PATH, MAX_URL
from registry.licensing.terms import EvidenceKind
from registry.models import ObligationEvidence, RegisteredModel

OFFERED = 20
ENDINGS = ",".join(ending for endings in MEDIA_TYPES.values() for ending in endings)
PICTURES = ".png,.jpg,.jpeg,.pdf"


class EvidenceForm(DeskForm):
    """What shows that the obligation was met; fields for what it asks for, and for what shows more."""

    note = forms.CharField(
        label="Note",
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Optional. Kept here; the decisions log gets its digest.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.row is None:
            return
        self.wanted: EvidenceKind = self.row.wanted
        {
            EvidenceKind.URL: self._ask_address,
            EvidenceKind.SCREENSHOT: self._ask_address,
            EvidenceKind.RELEASE_FILE: self._ask_file,
            EvidenceKind.STATEMENT: self._ask_statement,
            EvidenceKind.DOCUMENT: self._ask_document,
            EvidenceKind.PUBLISHED_NAME: self._ask_name,
        }[self.wanted]()
        self.order_fields([*(name for name in self.fields if name != "note"), "note"])

    def _ask_address(self) -> None:
        must = self.wanted is EvidenceKind.SCREENSHOT
        self.fields["url"] = forms.CharField(
            label="Address",
            max_length=MAX_URL,
            widget=forms.URLInput(attrs={"placeholder": "https://"}),
            help_text="Where it is shown. It is kept as you write it, and never opened by this service.",
        )
        self.fields["shown_on"] = forms.DateField(
            label="Seen on",
            initial=timezone.now().date().isoformat(),
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            help_text="The day on which you saw it there.",
        )
        self.fields["file"] = forms.FileField(
            label="Screenshot",
            required=must,
            widget=forms.FileInput(attrs={"accept": PICTURES}),
            help_text="PNG, JPEG, or the page printed as PDF; at most 5 MiB. Kept for ever."
            + ("" if must else " Optional here; it shows more than the address alone."),
        )

    def _ask_file(self) -> None:
        self.fields["file"] = forms.FileField(
            label="The file",
            required=False,
            widget=forms.FileInput(),
            help_text="Choose the file as it is in the release: its name and SHA-256 are taken from it. It is not kept.",
        )
        self.fields["path"] = forms.CharField(
            label="Path in the release",
            required=False,
            max_length=MAX_PATH,
            help_text="Such as NOTICE or licenses/LICENSE.llama. Left empty: the name of the file above.",
        )
        self.fields["sha256"] = forms.CharField(
            label="SHA-256",
            required=False,
            max_length=64,
            widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off"}),
            help_text="64 small hexadecimal digits, where you do not choose the file.",
        )

    def _ask_statement(self) -> None:
        self.fields["note"].required = False
        self.fields["note"].label = "Statement"
        self.fields[
            "note"
        ].help_text = "In your words: what you looked at, when, and what you state. Your name goes with it."
        self._ask_document(must=False)

    def _ask_document(self, *, must: bool = True) -> None:
        self.fields["file"] = forms.FileField(
            label="Document",
            required=must,
            widget=forms.FileInput(attrs={"accept": ENDINGS}),
            help_text="PDF, picture, text, CSV, Markdown or JSON; at most 5 MiB. Kept for ever."
            + ("" if must else " Optional, where a statement in words is enough."),
        )

    def _ask_name(self) -> None:
        rows = RegisteredModel.objects.order_by("publisher", "name")[:200]
        self.fields["published_name"] = forms.CharField(
            label="Published name",
            max_length=200,
            widget=forms.TextInput(attrs={"placeholder": "publisher/name", "list": "registered-names"}),
            help_text="The model as it is registered here.",
        )
        self.names = [str(row) for row in rows]

    @property
    def kind(self) -> EvidenceKind:
        """What was brought: the stronger kind where more was brought than was asked for."""
        has_file = bool(self.cleaned_data.get("file"))
        if has_file and self.wanted is EvidenceKind.URL:
            return EvidenceKind.SCREENSHOT
        if has_file and self.wanted is EvidenceKind.STATEMENT:
            return EvidenceKind.DOCUMENT
        return self.wanted

    def clean(self) -> dict[str, Any]:
        """The values in the words of the action; a file of a release is hashed and let go."""
        values = dict(super().clean() or {})
        if not self.errors:
            if self.wanted is EvidenceKind.RELEASE_FILE:
                values |= _hashed(values)
            values["kind"] = self.kind
        return values


def _hashed(values: dict[str, Any]) -> dict[str, Any]:
    file = values.pop("file", None)
    if file is None:
        return {}
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return {"path": values.get("path") or file.name, "sha256": digest.hexdigest()}


class CarryForm(DeskForm):
    """Which earlier evidence still holds."""

    evidence = forms.ModelChoiceField(
        queryset=ObligationEvidence.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        label="Evidence of earlier work on the same obligation",
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why it still holds. Kept here; the decisions log gets its digest.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.row is not None:
            rows = obligation_work.reusable(self.row).select_related(
                "task__version__registered_model", "document"
            )
            chosen = list(rows.values_list("pk", flat=True)[:OFFERED])
            field = self.fields["evidence"]
            field.queryset = rows.filter(pk__in=chosen)  # type: ignore[attr-defined]
            field.label_from_instance = _told  # type: ignore[attr-defined]


def _told(row: ObligationEvidence) -> str:
    shown = (
        row.url or row.path or row.published_name or (row.document.name if row.document else row.note[:80])
    )
    day = f", seen {row.shown_on}" if row.shown_on else ""
    return f"{shown}{day} (for {row.task.version}, {row.task.purpose}, added {row.added_at:%Y-%m-%d})"


class AssignForm(DeskForm):
    """Who sees to it, until when."""

    owner = forms.ModelChoiceField(
        queryset=User.objects.filter(
            is_active=True,
            role__in=[
                role.value for role, held in ROLE_PERMISSIONS.items() if Permission.OBLIGATION_WORK in held
            ],
        ).order_by("username"),
        empty_label=None,
        help_text="An officer, who adds the evidence and completes it.",
    )
    due_on = forms.DateField(
        label="Due on",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The last day, in UTC.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.row is not None:
            self.fields["owner"].initial = self.row.owner_id
            today = timezone.now().date()
            self.fields["due_on"].initial = max(self.row.due_on, today).isoformat()
