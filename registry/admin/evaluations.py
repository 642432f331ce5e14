"""Licence verdicts: why something was allowed or refused, from the very facts and terms of that day."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils import timezone

from audit import overview
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from registry import attestations, catalogs
from registry.admin import finding
from registry.licensing import attested, fact_values, vocabulary
from registry.models import Evaluation, ModelVersion, ServingEnvironment
from registry.models.review import VERDICTS


@admin.register(Evaluation)
class EvaluationAdmin(DeskAdmin):
    """Verdicts, each kept with everything that it was made from."""

    heading = "Licence verdicts"
    purpose = "Each verdict with the facts, the use and the licence terms of its day. A verdict is never changed: a new question gets a new one."
    empty_hint = "Evaluate a version on its page, for an environment and a purpose."
    search_hint = "Name or digest of a version"
    columns = ("Version", "For", "Verdict", "Licences", "Evaluated")
    row_template = "registry/evaluation/row.html"
    object_template = "registry/evaluation/page.html"
    filters = (
        ListFilter(
            "verdict",
            "Verdict",
            lambda: [(verdict, verdict.replace("_", " ")) for verdict in VERDICTS],
            lambda rows, value: rows.filter(verdict=value),
        ),
        ListFilter(
            "environment",
            "Environment",
            lambda: [(str(row.pk), row.name) for row in ServingEnvironment.objects.order_by("name")],
            lambda rows, value: rows.filter(environment=value),
        ),
    )

    def rows(self) -> QuerySet[Evaluation]:
        """Newest first."""
        return self.rows_for_page().order_by("-pk")

    def find(self, rows: QuerySet[Evaluation], term: str) -> QuerySet[Evaluation]:
        """By what the version is found by."""
        return rows.filter(version__in=finding.versions(ModelVersion.objects.all(), term).values("pk"))

    def rows_for_page(self) -> QuerySet[Evaluation]:
        """With what a verdict is about."""
        return Evaluation.objects.select_related("version__registered_model", "environment", "organization")

    def name_of(self, row: Evaluation) -> str:
        """The use that was asked about."""
        return f"{row.version} for {row.purpose} in {row.environment}"

    def object_context(self, row: Evaluation) -> dict[str, Any]:
        """What it was made from, and whether that is still so."""
        use = row.request.get("use", {})
        return {
            "title": f"Verdict {row.pk}",
            **facts_then_and_now(row),
            "use": use,
            "use_now": row.environment.use if row.environment.use != use else None,
            "use_lines": fact_values.use_lines(use),
            "is_catalog_in_force": catalogs.current().catalog_digest == row.catalog_digest,
            "newer": Evaluation.objects.filter(
                version=row.version, environment=row.environment, purpose=row.purpose, pk__gt=row.pk
            )
            .order_by("-pk")
            .first(),
            "approvals": row.approvals.select_related("policy", "requested_by", "decided_by").order_by("-pk"),
            "entries": overview.latest_decisions([f"model-version:{row.version_id}"], limit=20),
        }


def facts_then_and_now(row: Evaluation) -> dict[str, Any]:
    """The facts that were used, those that decided first, each with what holds today where that differs."""
    found = attestations.facts_in_force(at=timezone.now())
    today = {".".join(path): value for path, value in attested.leaves(found.facts if found else {})}
    used = [
        {
            "label": vocabulary.label_of(fact.path),
            "path": fact.path,
            "value": fact_values.words(fact.path, fact.value),
            "today": None
            if today.get(fact.path) == fact.value
            else fact_values.words(fact.path, today.get(fact.path)),
            "profile": fact.profile,
            "documents": fact.documents,
            "is_decisive": fact.is_decisive,
        }
        for fact in attestations.facts_used(row)
    ]
    return {
        "deciding": [fact for fact in used if fact["is_decisive"]],
        "others": [fact for fact in used if not fact["is_decisive"]],
        "changed": sum(fact["today"] is not None for fact in used if fact["is_decisive"]),
    }
