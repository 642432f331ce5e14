"""The page that registers a model."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.html import format_html

from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.permissions import Permission
from registry.actions import register
from registry.models import SourceKind
from registry.sources import parse

QUIET = {"autocomplete": "off", "spellcheck": "false"}


def _choices() -> list[tuple[str, str]]:
    """Each kind with how it is written."""
    row = '<span class="choice"><b>{}</b> <span class="mono">{}</span> <span class="quiet">{}</span></span>'
    return [
        (kind, format_html(row, SourceKind(kind).label, form, what))
        for kind, (form, what) in parse.FORMS.items()
    ]


class RegisterForm(DeskForm):
    """Names a source. Whether it exists, and what is in it, is found out by the action and the workers."""

    kind = forms.ChoiceField(
        label="Where it comes from",
        choices=_choices,
        required=False,
        initial=SourceKind.HUB,
        widget=forms.RadioSelect,
        help_text="Shows how each source is written. An address that is written in full says of itself which it is.",
    )
    source = forms.CharField(
        max_length=1000,
        widget=forms.TextInput(attrs={"placeholder": "hf://org/name", **QUIET}),
        help_text="The whole address, or only what comes after its ://, for the source chosen above.",
    )
    revision = forms.CharField(
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "main", **QUIET}),
        help_text="For the Hub: branch, tag or commit; a branch or tag is resolved once to its commit and pinned, and "
        "empty means main. For Ollama: the model, as its command ollama list shows it. Empty for every other source.",
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "publisher/name", **QUIET}),
        help_text="publisher/name under which it is kept. A Hub repository brings its own, and so does a model of "
        "Ollama's; every other source needs one. It is what you say, and proves nothing about who made the model.",
    )

    def clean(self) -> dict[str, Any]:
        """Complete an address that was written without its beginning."""
        values: dict[str, Any] = super().clean() or {}
        source = values.get("source", "").strip()
        if source and "://" not in source:
            source = parse.prefix(values.get("kind") or SourceKind.HUB) + source
        return values | {"source": source}


def _register(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return register.register_version(
        source=values["source"],
        revision=values["revision"] or None,
        name=values["name"] or None,
        actor=actor,
        now=now,
    )


REGISTER = PageAction(
    name="register",
    label="Register a model",
    permission=Permission.VERSION_REGISTER,
    carry_out=_register,
    done="{0} is registered. Its files are being listed and pinned.",
    explanation="Nothing is downloaded yet. First the files are listed and pinned to digests, then checked, tried, "
    "judged and reviewed, each step leaving evidence.",
    form=RegisterForm,
    tone="primary",
    icon="add",
)
