"""The form in which an officer moves facts: presets, numbers, choices, and any fact as JSON."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from modelcustody_client import canonical

from governance.desk.forms import DeskForm
from registry.licensing import countries, presets
from registry.licensing.changes import Change, Step, parse_change, parse_step
from registry.licensing.facts import Hosting, InvalidFacts
from registry.licensing.terms import Relation

AS_IT_IS = ("", "as it is")
UNKNOWN = ("unknown", "unknown")
YES_NO = [AS_IT_IS, ("yes", "yes"), ("no", "no"), UNKNOWN]
SCOPES = [
    ("all_products_incl_affiliates", "the whole group, every product"),
    ("licensee_only", "the licensee alone, every product"),
    ("product_using_model", "the product that uses the model"),
]
HOSTINGS = {
    Hosting.NONE: "nobody outside",
    Hosting.EMBEDDED_FEATURE: "as a part of our product",
    Hosting.PUBLIC_API: "over a public API",
    Hosting.SHARED_INSTANCES: "on shared instances",
    Hosting.RELAY: "relayed to someone else's model",
}
RELATIONS = {
    Relation.FINETUNE: "a fine-tune",
    Relation.ADAPTER: "an adapter",
    Relation.QUANTIZED: "a quantised copy",
    Relation.MERGE: "a merge",
    Relation.DISTILLATION: "a student, distilled from it",
    Relation.SYNTHETIC_OUTPUTS: "a model trained with its outputs",
}
FLAGS = {"yes": True, "no": False, "unknown": None}
# Where a refusal of the vocabulary belongs on the form.
PLACES = {
    "org.principal_place_of_business": "seat",
    "org.mau_by_month": "users",
    "org.annual_revenue_usd": "revenue",
    "use.commercial": "commercial",
    "use.hosting": "hosting",
    "derivative.relation": "relation",
    "derivative.name": "derivative_name",
}
MAX_NUMBER = 2**53
GROUPS = (
    ("Numbers", ("users", "users_scope", "users_month", "revenue")),
    ("Where we are", ("seat", "country")),
    ("How it is used", ("commercial", "hosting", "distribute_weights", "distribute_derivative")),
    ("A model made from it", ("relation", "derivative_name", "multimodal")),
    ("Unknown again", ("unknown",)),
    ("Any other fact", ("patch",)),
)


def _choice(label: str, choices: list[tuple[str, str]], help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, required=False, help_text=help_text)


class MoveForm(DeskForm):
    """Builds a change; every field that is left alone leaves its fact alone."""

    preset = forms.MultipleChoiceField(
        label="Move",
        required=False,
        choices=[(item.name, item.label) for item in presets.PRESETS],
        widget=forms.CheckboxSelectMultiple,
    )
    country = _choice(
        "Which country, where the EU matters", [("", "any of them"), *((code, code) for code in presets.EU)]
    )
    users = forms.IntegerField(label="Monthly users", required=False, min_value=0, max_value=MAX_NUMBER)
    users_scope = _choice("Counted over", SCOPES)
    users_month = _choice("In the month", [("", "every month that counts")])
    revenue = forms.IntegerField(
        label="Revenue of the group in a year, in US dollars",
        required=False,
        min_value=0,
        max_value=MAX_NUMBER,
    )
    seat = forms.CharField(
        label="Principal place of business",
        required=False,
        max_length=7,
        help_text="A country in two letters, such as NO; or the word unknown.",
    )
    commercial = _choice("Commercial use", YES_NO)
    hosting = _choice(
        "Who outside reaches it", [AS_IT_IS, *((k.value, v) for k, v in HOSTINGS.items()), UNKNOWN]
    )
    distribute_weights = _choice("Its weights are handed out", YES_NO)
    distribute_derivative = _choice("A derivative is handed out", YES_NO)
    relation = _choice("We make from it", [AS_IT_IS, *((k.value, v) for k, v in RELATIONS.items())])
    derivative_name = forms.CharField(label="Under the name", required=False, max_length=200)
    multimodal = _choice("It takes pictures or sound too", YES_NO)
    unknown = forms.MultipleChoiceField(
        label="Unknown again", required=False, widget=forms.CheckboxSelectMultiple, choices=[]
    )
    patch = forms.CharField(
        label="Any fact, as JSON",
        required=False,
        max_length=64 * 1024,
        widget=forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"}),
        help_text='For example {"org": {"competes_with": ["NAVER"]}, "use": {"use_case_tags": ["medical"]}}. '
        "null makes a fact unknown.",
    )

    def __init__(
        self,
        *args: Any,
        org: Mapping[str, Any],
        uses: Iterable[Mapping[str, Any]],
        months: Iterable[str],
        on: date,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.org, self.months, self.on = org, tuple(months), on
        self.fields["users_month"].choices = [  # type: ignore[attr-defined]
            ("", "every month that a licence counts"),
            *((month, month) for month in self.months),
        ]
        known = [f"org.{name}" for name in sorted(org)]
        known += [f"use.{name}" for name in sorted({name for use in uses for name in use})]
        self.fields["unknown"].choices = [  # type: ignore[attr-defined]
            (name, name.replace("_", " ").replace(".", ": ", 1)) for name in known
        ]

    def clean_seat(self) -> str:
        """A country, the word for none known, or nothing."""
        value = str(self.cleaned_data["seat"]).strip()
        if value.lower() == UNKNOWN[0]:
            return UNKNOWN[0]
        if value and value.upper() not in countries.CODES:
            raise forms.ValidationError("Two letters of ISO 3166, such as DE, NO or US; or the word unknown.")
        return value.upper()

    def clean_patch(self) -> Any:
        """Parsed JSON."""
        text = str(self.cleaned_data["patch"]).strip()
        if not text:
            return []
        try:
            return canonical.loads(text.encode("utf-8", "surrogateescape"))
        except canonical.NotCanonical as error:
            raise forms.ValidationError(f"This is not JSON: {error}") from error

    @property
    def change(self) -> Change:
        """What is moved; nothing where the form is empty or not valid."""
        found = getattr(self, "_change", None)
        return found if isinstance(found, Change) else Change()

    def clean(self) -> dict[str, Any]:
        """Check that what is moved is in the vocabulary."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            steps = [parse_step(step.to_json(), on=self.on) for step in self._steps(cleaned)]
            free = parse_change(cleaned["patch"], on=self.on)
            self._change = Change((*steps, *free.steps))
        except InvalidFacts as error:
            self.refuse_facts(error)
        return cleaned

    def refuse_facts(self, error: InvalidFacts) -> None:
        """Show a refusal of the vocabulary at the field that it is about."""
        place = next((PLACES[path] for path in PLACES if (error.field or "").startswith(path)), None)
        if place is None and self.cleaned_data.get("patch"):
            place = "patch"
        self.add_error(place, str(error))

    def _steps(self, cleaned: Mapping[str, Any]) -> list[Step]:
        ground = presets.Ground(self.org, self.months, cleaned["country"] or presets.SEAT)
        moved = [presets.BY_NAME[name].step(ground) for name in cleaned["preset"]]
        return [*moved, Step(org=self._organization(cleaned)), *self._use(cleaned), *_forgotten(cleaned)]

    def _organization(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        patch: dict[str, Any] = {}
        if cleaned["users"] is not None:
            months = [cleaned["users_month"]] if cleaned["users_month"] else self.months
            scope = cleaned["users_scope"] or SCOPES[0][0]
            patch |= presets.users(cleaned["users"], scope=scope, months_counted=months, org=self.org)
        if cleaned["revenue"] is not None:
            patch["annual_revenue_usd"] = {"group": cleaned["revenue"]}
        if cleaned["seat"]:
            patch["principal_place_of_business"] = None if cleaned["seat"] == UNKNOWN[0] else cleaned["seat"]
        return patch

    def _use(self, cleaned: Mapping[str, Any]) -> list[Step]:
        flags = ("commercial", "distribute_weights", "distribute_derivative")
        use: dict[str, Any] = {name: FLAGS[cleaned[name]] for name in flags if cleaned[name]}
        if cleaned["hosting"]:
            use["hosting"] = None if cleaned["hosting"] == UNKNOWN[0] else cleaned["hosting"]
        plan: dict[str, Any] = {}
        if cleaned["relation"]:
            plan["relation"] = cleaned["relation"]
        if cleaned["derivative_name"]:
            plan["name"] = cleaned["derivative_name"]
        if cleaned["multimodal"]:
            plan["multimodal"] = FLAGS[cleaned["multimodal"]]
        return [Step(use=use), Step(derivative=plan)]

    def groups(self) -> list[tuple[str, list[forms.BoundField], bool]]:
        """The fields as the page shows them: a title, the fields, and whether they show at once."""
        return [
            (title, [self[name] for name in names], bool(self._touched() & set(names)))
            for title, names in GROUPS
        ]

    def _touched(self) -> set[str]:
        """The fields in which something stands, or is wrong."""
        quiet = {"users_scope", "users_month"}
        return {name for name in self.fields if name not in quiet and self[name].value()} | set(self.errors)


def _forgotten(cleaned: Mapping[str, Any]) -> list[Step]:
    steps = []
    for name in cleaned["unknown"]:
        part, _, fact = name.partition(".")
        steps.append(Step(**{part: {fact: None}}))
    return steps
