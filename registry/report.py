"""The page of an evidence pack that a person reads: self-contained, no script, prints well."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.template.loader import render_to_string

TEMPLATE = "registry/evidence_report.html"
# What no verification of a pack can show; the same list as the offline verifier prints.
CANNOT_BE_SHOWN = (
    "That the serving node really loaded these bytes: the deployment is the node's own statement.",
    "That prompts and answers were what a user saw: only keyed commitments are logged, never words.",
    "That this pack holds every request or decision: a selection can be proved genuine, not complete.",
    "That nothing happened since: an approval may have been revoked after this pack was made.",
    "That a passed check means a harmless model: it means that no known indicator was found.",
)


def render(  # noqa: PLR0913 - one argument a document
    *,
    version: Mapping[str, Any],
    files: Sequence[Mapping[str, Any]],
    verification: Mapping[str, Any],
    smoke: Mapping[str, Any],
    evaluations: Mapping[str, Any],
    origin: Mapping[str, Any],
    obligations: Mapping[str, Any],
    approvals: Mapping[str, Any],
    admissions: Sequence[Mapping[str, Any]],
    served: Mapping[str, Any],
    logs: Mapping[str, Mapping[str, Any]],
    generated_at: str,
) -> bytes:
    """The report, from the documents that lie beside it in the pack."""
    listed = approvals["approvals"]
    in_force = [item for item in listed if item["status"] == "approved" and item["expires_at"] > generated_at]
    context = {
        "version": version,
        "files": files,
        "verification": _first(verification["runs"]),
        "smoke": _first(smoke["runs"]),
        "evaluation": _first(evaluations["evaluations"]),
        "origin": origin["origin"],
        "obligations": obligations["obligations"],
        "approvals": listed,
        "in_force": in_force if version["status"] == "resolved" else [],
        "admissions": admissions,
        "served": served,
        "logs": logs,
        "cannot_be_shown": CANNOT_BE_SHOWN,
        "generated_at": generated_at,
    }
    return render_to_string(TEMPLATE, context).encode()


def _first(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return rows[0] if rows else None
