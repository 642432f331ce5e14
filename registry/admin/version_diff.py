"""The page that shows two versions side by side."""

from typing import Any

from django.db.models import Case, QuerySet, When
from django.http import QueryDict

from governance.desk import charts
from registry import comparison
from registry.models import ModelVersion
from registry.revisions.difference import Difference

MAX_CHOICES = 200
MAX_FILES = 300
# The topics whose documents are shown, with their headings.
TOPICS = (
    ("configuration", "Configuration"),
    ("tokenizer", "Tokenizer"),
    ("template", "Chat template"),
    ("license", "Licence and card"),
)
# What may become of a tensor: words, and the colour of its part in the picture.
TENSORS = (
    ("same", "in files that did not change", "good"),
    ("alike", "alike where they were looked at", "good"),
    ("moved", "moved to another file", "info"),
    ("values", "with other values", "warn"),
    ("retyped", "of another type", "warn"),
    ("reshaped", "of another shape", "bad"),
    ("added", "added", "bad"),
    ("removed", "removed", "bad"),
)


def context(version: ModelVersion, query: QueryDict) -> dict[str, Any]:
    """What the template needs: the versions to choose from, and the comparison once one is chosen."""
    others = list(_others(version)[: MAX_CHOICES + 1])
    wanted = query.get("against", "")
    before = _chosen(version, wanted)
    found: dict[str, Any] = {
        "others": others[:MAX_CHOICES],
        "cut": len(others) > MAX_CHOICES,
        "before": before,
        "problem": "There is no such version with files to compare." if wanted and before is None else "",
    }
    if before is None or version.manifest_digest is None:
        return found
    difference = comparison.of_versions(before, version)
    return {**found, "difference": difference, **_shown(difference)}


def _others(version: ModelVersion) -> QuerySet[ModelVersion]:
    """Every other version with files, those of the same model first."""
    same = Case(When(registered_model=version.registered_model_id, then=0), default=1)
    rows = ModelVersion.objects.filter(manifest_digest__isnull=False).exclude(pk=version.pk)
    return rows.select_related("registered_model").order_by(same, "-pk")


def _chosen(version: ModelVersion, wanted: str) -> ModelVersion | None:
    if not wanted.isdecimal() or len(wanted) > 18:
        return None
    return _others(version).filter(pk=int(wanted)).first()


def _shown(difference: Difference) -> dict[str, Any]:
    counts = difference.tensors.counts
    shares = [(words, counts[what], colour) for what, words, colour in TENSORS if counts[what]]
    total = sum(counts.values())
    return {
        "topics": [(name, heading, getattr(difference, name)) for name, heading in TOPICS],
        "files": difference.files[:MAX_FILES],
        "files_cut": len(difference.files) > MAX_FILES,
        "tensor_shares": shares,
        "tensor_total": total,
        "tensor_chart": charts.share(shares, label=f"{total:,} tensors") if total else "",
    }
