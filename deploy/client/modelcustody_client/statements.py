"""What the entries and documents of a pack say, held against each other and against the model. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelcustody_client import archive, canonical, entries, errors, packing
from modelcustody_client.report import FAILED, PROVED, UNDECIDED, Report

_DOCUMENTS = ("verification.json", "smoke.json", "evaluation.json", "obligations.json", "origin.json")
_ENDINGS = frozenset({"rejected", "withdrawn", "revoked", "expired"})
_IN_FORCE = "approved"


class StatementInvalid(errors.Refused):
    """Two parts of a pack contradict each other."""

    code = "statement_invalid"


def verify_requests(found: entries.LogEntries, *, model_version: Mapping[str, Any], report: Report) -> None:
    """Each served request cites a deployment in the pack, and each deployment is of this model."""
    model_digest = model_version["model_digest"]
    for digest, deployment in found.deployments.items():
        if deployment["model_digest"] != model_digest:
            raise StatementInvalid(
                f"the deployment {digest} is of another model: {deployment['model_digest']}"
            )
    _verify_admissions(found, model_digest=model_digest, report=report)
    for cited in found.cited:
        if cited not in found.deployments:
            raise StatementInvalid(
                f"{found.cited[cited]} served requests cite {cited}, which is not in the pack"
            )
    report.add("deployments", PROVED, f"{len(found.deployments)} deployments, all of this model.")
    report.add(
        "requests",
        PROVED,
        f"{found.cited.total()} served requests, each answered by one of these deployments.",
    )
    if found.unknown:
        kinds = ", ".join(sorted({repr(kind)[:80] for kind in found.unknown}))
        report.add(
            "unknown_entries", UNDECIDED, f"{len(found.unknown)} entries of a kind not known here: {kinds}."
        )


def _verify_admissions(found: entries.LogEntries, *, model_digest: str, report: Report) -> None:
    decided = {
        item["subject"]: item["body"] for item in found.decisions if item["subject"].startswith("admission:")
    }
    missing = 0
    for digest, deployment in found.deployments.items():
        body = decided.get(f"admission:{deployment['admission_id']}")
        if body is None:
            missing += 1
            continue
        if body.get("model_digest") != model_digest:
            raise StatementInvalid(f"the admission of the deployment {digest} was for another model")
        if body.get("decision") != "allow":
            if body.get("mode") != "warn":
                raise StatementInvalid(f"the deployment {digest} cites an admission that was denied")
            report.limit(
                f"The deployment {digest} was denied and served all the same: admission only warned."
            )
    if missing:
        report.limit(f"Whether {missing} deployments were admitted: their decisions are not in the pack.")


def verify_approvals(
    pack: archive.Archive, *, found: entries.LogEntries, model_version: Mapping[str, Any], report: Report
) -> None:
    """Each approval is of these very files, and the decisions log says of it what the pack says."""
    approvals = _approvals(pack)
    history: dict[str, list[dict[str, Any]]] = {}
    for decision in found.decisions:
        history.setdefault(decision["subject"], []).append(decision)
    undecided = 0
    for approval in approvals:
        name = f"approval:{approval.get('id')}"
        for field in ("manifest_digest", "model_digest"):
            required = field == "manifest_digest"
            if (required or field in approval) and approval.get(field) != model_version[field]:
                raise StatementInvalid(f"{name} has another {field} than the pack: it approves other files")
        undecided += not _agrees(approval, name=name, decisions=history.get(name, []))
    if undecided:
        report.add(
            "approvals", UNDECIDED, f"{undecided} approvals have no decision in the log that the pack shows."
        )
    elif approvals:
        report.add(
            "approvals", PROVED, f"{len(approvals)} approvals, each of these files and in the decisions log."
        )
    else:
        report.limit("That anyone approved this model: the pack holds no approval.")


def _approvals(pack: archive.Archive) -> list[dict[str, Any]]:
    value = canonical.loads(pack.read(packing.APPROVALS_NAME), max_bytes=archive.MAX_MEMBER_BYTES)
    listed = value.get("approvals") if isinstance(value, dict) else value
    if not isinstance(listed, list) or not all(isinstance(item, dict) and "id" in item for item in listed):
        raise StatementInvalid(f"{packing.APPROVALS_NAME} is not a list of approvals, each with its id")
    return listed


def _agrees(approval: dict[str, Any], *, name: str, decisions: list[dict[str, Any]]) -> bool:
    """Return whether the log bears the approval out; raise where it contradicts it."""
    events = [decision["event"].rpartition(".")[2] for decision in decisions]
    for decision in decisions:
        for field, value in decision["body"].items():
            if field.endswith("_digest") and field in approval and approval[field] != value:
                raise StatementInvalid(f"{name}: its {field} is not the one in the decisions log")
    if approval.get("status") != _IN_FORCE:
        return bool(decisions)
    ended = sorted(_ENDINGS & set(events))
    if ended:
        raise StatementInvalid(f"{name} is shown as approved, but the decisions log says {ended[0]}")
    return _IN_FORCE in events


def verify_documents(pack: archive.Archive, *, model_version: Mapping[str, Any], report: Report) -> None:
    """Documents that name the model they are about name this one."""
    for name in _DOCUMENTS:
        if name not in pack.members:
            continue
        value = canonical.loads(pack.read(name), max_bytes=archive.MAX_MEMBER_BYTES)
        for item in value if isinstance(value, list) else [value]:
            for field in ("manifest_digest", "model_digest"):
                if isinstance(item, dict) and item.get(field, model_version[field]) != model_version[field]:
                    report.add("documents", FAILED, f"{name} is about another model: its {field} differs.")
                    return
    report.add("documents", PROVED, "The evidence documents are the ones listed, and are about this model.")
