"""The buttons with which an officer settles what a version's licence and lineage are."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms

from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import ReasonForm
from governance.permissions import Permission
from registry import background, catalogs
from registry.actions import conclusions, lineage
from registry.actions.lineage import Stated
from registry.lifecycle import Status
from registry.models import ModelVersion
from registry.models.conclusion import NOBODY, STATED

WORDS = {
    "finetune": "was fine-tuned from it",
    "adapter": "is an adapter for it",
    "quantized": "is a quantised or converted copy of it",
    "merge": "is a merge of it with others",
    "distillation": "was distilled from its weights or logits",
    "synthetic_outputs": "was trained on its outputs",
}


def suggested(version: ModelVersion, known: Collection[str]) -> list[str]:
    """The licences that something points to: what holds now, what was declared or found, what a text is like."""
    row = background.newest_conclusion(version)
    found = list(row.licenses) if row else []
    for finding in version.license_findings.all():
        found += background.CONJUNCTION.split(finding.license_id)
        found += [word.strip(",.;:") for word in finding.statement.split()]
    return [one for one in dict.fromkeys(found) if one in known]


class ConclusionForm(ReasonForm):
    """Which licences apply, and why."""

    field_order = ("licenses", "reason")
    licenses = forms.MultipleChoiceField(
        label="Licences that apply",
        widget=forms.SelectMultiple(attrs={"size": 12}),
        help_text="All of those you choose apply at once. Hold Ctrl, or Command on a Mac, to choose several. "
        "A licence that is missing here must be added to the catalogue first.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        records = catalogs.current().licenses
        first = suggested(self.row, records)
        others = [license_id for license_id in sorted(records) if license_id not in first]
        groups: Iterable[tuple[str, list[str]]] = (("Found with this version", first), ("All others", others))
        field = self.fields["licenses"]
        field.choices = [  # type: ignore[attr-defined]
            (title, [(one, f"{one}: {records[one].name}") for one in listed])
            for title, listed in groups
            if listed
        ]
        row = background.newest_conclusion(self.row)
        field.initial = row.licenses if row else None


class StatementForm(ReasonForm):
    """An ancestor, or the answer to an open question."""

    field_order = ("about", "relation", "base_model", "base_revision", "reason")
    about = forms.ChoiceField(
        label="What this is about",
        required=False,
        help_text="An open question, or an earlier statement that you correct. What the files declare stays as it is.",
    )
    relation = forms.ChoiceField(
        label="This model",
        choices=[
            *((value, WORDS[value]) for value, _ in STATED),
            (NOBODY, "has no model behind this question"),
        ],
    )
    base_model = forms.CharField(
        label="Of which model",
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={"placeholder": "publisher/name", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text="As it is called on the Hub. Leave it empty where no model is behind the question.",
    )
    base_revision = forms.CharField(
        label="At which commit",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="40 hexadecimal digits, where it is known: some models changed their licence on the way.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hints = [(f"hint-{hint.pk}", f"Question: {hint.says}") for hint in background.open_hints(self.row)]
        stated = [
            (
                f"statement-{row.pk}",
                f"Correct: {WORDS.get(row.relation, 'no model')} {row.base_model}".strip(),
            )
            for row in background.standing_statements(self.row)
        ]
        self.fields["about"].choices = [  # type: ignore[attr-defined]
            ("", "An ancestor that the files do not name"),
            *hints,
            *stated,
        ]


def _conclude(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return conclusions.conclude_license(version=version, **values, actor=actor, now=now)


def _state(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    kind, _, number = values["about"].partition("-")
    stated = Stated(
        relation=values["relation"],
        base_model=values["base_model"],
        base_revision=values["base_revision"],
        answers=version.lineage_hints.get(pk=number) if kind == "hint" else None,
        supersedes=version.lineage_statements.get(pk=number) if kind == "statement" else None,
    )
    return lineage.state_ancestor(
        version=version, stated=stated, reason=values["reason"], actor=actor, now=now
    )


def _is_known(version: ModelVersion) -> bool:
    return version.manifest_digest is not None and version.status != Status.REVOKED


def is_open(version: ModelVersion) -> bool:
    """Whether nobody knows the licence yet, neither the rules nor a person."""
    return "unknown" in background.of(version).licenses


def context(version: ModelVersion) -> dict[str, Any]:
    """What the section on licence and lineage shows of people and of open questions."""
    rows = sorted(version.license_conclusions.all(), key=lambda row: -row.pk)
    stated = sorted(version.lineage_statements.all(), key=lambda row: row.pk)
    standing = {row.pk for row in background.standing_statements(version)}
    return {
        "conclusions": rows,
        "statements": [(row, row.pk in standing, WORDS.get(row.relation, "")) for row in stated],
        "hints": background.open_hints(version),
        "license_is_open": version.manifest_digest is not None and is_open(version),
        "settling": [action.name for action in ACTIONS],
    }


ACTIONS = (
    PageAction(
        name="resolve-license",
        label="Resolve licence",
        permission=Permission.LICENSE_CONCLUDE,
        carry_out=_conclude,
        done="Your conclusion holds from now on. Evaluate the licence again where it is to run.",
        explanation="What you conclude takes the place of what the rules found, in every evaluation and admission from "
        "now on. What they found stays on record beside it, and so does your reason.",
        form=ConclusionForm,
        offered=_is_known,
        icon="gavel",
        template="registry/version/resolve_license.html",
    ),
    PageAction(
        name="state-ancestor",
        label="State an ancestor",
        permission=Permission.LICENSE_CONCLUDE,
        carry_out=_state,
        done="The lineage is complemented. Evaluate the licence again where it is to run.",
        explanation="Add a model that this one was made from or taught by, or answer a question that its files leave "
        "open. Licences reach a model through all of its ancestors.",
        form=StatementForm,
        offered=_is_known,
        icon="account_tree",
    ),
)
