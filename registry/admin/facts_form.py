"""The form in which facts are attested: everything that is known stands in it, and what is changed is attested."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.db import transaction
from django.utils import timezone

from governance.actors import Actor
from governance.desk.forms import DayField, DeskForm, FilesField, SeveralFiles
from registry import catalogs
from registry.actions import organization
from registry.actions.documents import keep_document
from registry.actions.organization import Attached
from registry.admin.fact_fields import fields_for
from registry.formats import evidence
from registry.licensing import asked, attested, vocabulary
from registry.licensing.vocabulary import Fact, Kind
from registry.models import EvidenceDocument, OrganizationProfile

MOST_FILES = 5
OFFERED_DOCUMENTS = 12
RECENT_MONTHS = 4
ACCEPTED = ",".join(ending for endings in evidence.MEDIA_TYPES.values() for ending in endings)


class DayStartField(DayField):
    """A day, meaning its first moment in UTC."""

    def clean(self, value: Any) -> datetime | None:
        """The first second of the day."""
        end = super().clean(value)
        return end.replace(hour=0, minute=0, second=0) if end is not None else None


class FactsForm(DeskForm):
    """Every fact of the vocabulary with what is known of it, then from when, why and with what evidence."""

    is_complete = forms.BooleanField(
        label="Attest everything above anew",
        required=False,
        help_text="Otherwise only what you changed is attested, and everything else stays as it was attested before.",
    )
    effective_at = DayStartField(
        label="Holds from",
        help_text="The first day, in UTC, on which this was true. Today counts from now on, a day to come when it comes.",
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Where the figures come from. Kept here; it is not in the public log.",
    )
    uploads = FilesField(
        label="Evidence",
        required=False,
        most=MOST_FILES,
        widget=SeveralFiles(attrs={"accept": ACCEPTED}),
        help_text=f"Up to {MOST_FILES} files: pdf, png, jpeg, csv, text, markdown or json, at most 5 MiB each and 8 MB "
        "together. They show every fact of this attestation, and are kept for ever.",
    )
    kept = forms.TypedMultipleChoiceField(
        label="Evidence that is kept already", required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    baseline = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        found = organization.facts_in_force(at=now)
        self.known: Mapping[str, Any] = found.facts if found else {}
        self.fields["is_complete"].initial = found is None
        self.fields["effective_at"].initial = now.date().isoformat()
        self.fields["baseline"].initial = digest(self.known)
        self._offer_documents()
        self.shown: list[tuple[str, list[str]]] = []
        for heading, facts in vocabulary.groups():
            names = [name for fact in facts for name in self._add(fact, now.date())]
            if names:
                self.shown.append((heading, names))

    def _offer_documents(self) -> None:
        rows = list(EvidenceDocument.objects.order_by("-pk")[:OFFERED_DOCUMENTS])
        self.fields["kept"].choices = [(row.pk, f"{row.name}, {row.kept_at:%Y-%m-%d}") for row in rows]  # type: ignore[attr-defined]
        if not rows:
            del self.fields["kept"]

    def _add(self, fact: Fact, today: date) -> list[str]:
        months = months_asked(today) if fact.kind is Kind.MONTHS else {}
        fields = fields_for(f"org.{fact.name}", fact, self.known.get(fact.name), months=months)
        self.fields.update(fields)
        return list(fields)

    def field_of(self, path: str | None) -> str | None:
        """Refusals of documents are shown where documents are asked for."""
        return {"content": "uploads", "media_type": "uploads"}.get(path or "") or super().field_of(path)

    def groups(self) -> list[tuple[str, list[Any]]]:
        """The fields under their headings."""
        closing = ["is_complete", "effective_at", "note", "uploads", "kept"]
        return [
            *((heading, [self[name] for name in names]) for heading, names in self.shown),
            ("From when, and how it is known", [self[name] for name in closing if name in self.fields]),
        ]

    def clean(self) -> dict[str, Any]:
        """With the attestation that the answers amount to; answers to an old page are not taken."""
        given = super().clean() or {}
        if self.errors:
            return given
        if given["baseline"] != digest(self.known):
            raise forms.ValidationError(
                "Someone attested other facts since this page was opened. Open it anew, and look at them first."
            )
        given["facts"] = self._facts(given)
        if not given["facts"] and not (given["is_complete"] and self.known):
            raise forms.ValidationError(
                "Nothing was changed. State a fact, change one, or attest all of them anew."
            )
        return given

    def _facts(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was typed; of a change only what differs from what is known, with null where it was cleared."""
        typed: dict[str, Any] = {}
        for _, names in self.shown:
            for name in names:
                _put(typed, name.split(".")[1:], given.get(name))
        after = dict(attested.leaves(_without_unknown(typed)))
        if given["is_complete"]:
            return _without_unknown(typed)
        before = dict(attested.leaves(self.known))
        change: dict[str, Any] = {}
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                _put(change, list(path), after.get(path))
        return change


def digest(facts: Mapping[str, Any]) -> str:
    """A name for what was known when the page was opened."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def months_asked(today: date) -> dict[str, str]:
    """The months that the form offers: the latest, and those that licenses look at, with their names."""
    found = dict.fromkeys(recent_months(today, RECENT_MONTHS), "")
    for limit in asked.user_limits(catalogs.current()):
        for month in limit.months:
            found[month] = (
                f"{found[month]}, {limit.license}" if found.get(month) else f"asked by {limit.license}"
            )
    return found


def recent_months(today: date, number: int) -> list[str]:
    """The running month and those before it, newest first."""
    whole = today.year * 12 + today.month - 1
    return [f"{(whole - back) // 12:04d}-{(whole - back) % 12 + 1:02d}" for back in range(number)]


def _put(facts: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        facts = facts.setdefault(key, {})
    facts[path[-1]] = value


def _without_unknown(facts: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in facts.items():
        held = _without_unknown(value) if isinstance(value, Mapping) else value
        if held is not None and held != {}:
            found[name] = held
    return found


@transaction.atomic
def attest(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> OrganizationProfile:
    """Keep the evidence and attest the facts, both or neither."""
    attached = list(values.get("kept") or [])
    for file in values["uploads"]:
        row = keep_document(
            name=file.name,
            media_type=evidence.media_type_of(file.name, file.content_type),
            content=file.read(evidence.MAX_BYTES + 1),
            actor=actor,
            now=now,
        )
        attached += [row.pk] if row.pk not in attached else []
    return organization.attest_facts(
        facts=values["facts"],
        note=values["note"],
        effective_at=_start(values["effective_at"], now=now),
        is_complete=values["is_complete"],
        evidence=[Attached(number) for number in attached],
        actor=actor,
        now=now,
    )


def _start(chosen: datetime, *, now: datetime) -> datetime:
    """Now for today: its first moment would lie before what was attested earlier today, and change nothing."""
    return now if chosen.date() == now.date() else chosen
