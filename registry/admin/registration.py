"""The page that registers a model."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms

from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.permissions import Permission
from registry.actions import register


class RegisterForm(DeskForm):
    """Names a source. Whether it exists, and what is in it, is found out by the action and the workers."""

    source = forms.CharField(
        max_length=1000,
        widget=forms.TextInput(
            attrs={"placeholder": "hf://org/name", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text="hf://org/name for a repository on the Hugging Face Hub or its mirror, "
        "folder:///path for a folder that this service can read.",
    )
    revision = forms.CharField(
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "main", "autocomplete": "off", "spellcheck": "false"}),
        help_text="Branch, tag or commit. A branch or tag is resolved once to its commit and pinned. Leave it empty "
        "for the main branch, and for folders.",
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        widget=forms.TextInput(
            attrs={"placeholder": "publisher/name", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text="publisher/name under which it is kept. Needed for a folder; a Hub repository brings its own.",
    )


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
