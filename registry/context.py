"""What the registry tells the log: may this deployment be reported, and what was in force when a request was served."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit.deployments import AdmissionNotValid
from governance.actions.policies import parsed
from registry.documents import admission as admission_document
from registry.documents import approval as approval_document
from registry.documents import rfc3339
from registry.documents import version as version_document
from registry.models import Admission


def check_deployment(*, statement: Mapping[str, Any], now: datetime) -> None:
    """Raise `AdmissionNotValid` unless the statement cites an admission of this model, place and node."""
    row = _admission(statement.get("admission_id"))
    if row is None:
        raise AdmissionNotValid("There is no such admission.", field="admission_id")
    if row.decision != "allow" and row.mode != "warn":
        raise AdmissionNotValid("The admission was a deny.", field="admission_id")
    for field in ("model_digest", "environment", "purpose", "node"):
        if statement.get(field) != getattr(row, field):
            raise AdmissionNotValid(f"The admission was for another {field}.", field=field)
    if statement.get("model_version") != _named(row):
        raise AdmissionNotValid("The admission named another model_version.", field="model_version")
    if row.region and statement.get("region") != row.region:
        raise AdmissionNotValid("The admission was for another region.", field="region")
    if _end(row) <= now:
        raise AdmissionNotValid("The admission has expired; ask for a new one.", field="admission_id")


def context_of(*, deployment: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The exact version, licence, approval and decision that were in force for a request of this deployment."""
    row = _admission(deployment.get("admission_id"))
    found: dict[str, Any] = {"admission": None, "model_version": None, "approval": None, "evaluation": None}
    if row is None:
        return found
    found["admission"] = {**admission_document(row), "policy_digest": row.policy.policy_digest}
    version = row.served_version
    if version is not None:
        found["model_version"] = version_document(version)
    if row.approval is not None and version is not None:
        evaluation = row.approval.evaluation
        found["approval"] = {
            **approval_document(row.approval, version=version),
            "was_in_force": _was_in_force(row, at=at),
        }
        found["evaluation"] = {
            "id": evaluation.pk,
            "verdict": evaluation.verdict,
            "licenses": evaluation.result.get("effective_licenses", []),
            "obligations": row.obligations,
            "evaluation_digest": evaluation.evaluation_digest,
            "catalog_digest": evaluation.catalog_digest,
            "evaluated_at": rfc3339(evaluation.evaluated_at),
        }
    return found


def _named(row: Admission) -> str:
    """What the answer called the files; where admission only warns, they may be no registered version."""
    version = row.served_version
    return version.purl if version is not None else f"urn:modelcustody:unregistered:{row.model_digest}"


def _was_in_force(row: Admission, *, at: datetime) -> bool:
    approval = row.approval
    if approval is None or approval.decided_at is None:
        return False
    ended = min(approval.expires_at, approval.ended_at or approval.expires_at)
    return approval.decided_at <= at < ended


def _end(row: Admission) -> datetime:
    """When the admission may no longer be cited; a deny that only warns lasts as long as an allow would have."""
    return row.expires_at or row.decided_at + timedelta(minutes=parsed(row.policy.text).ttl_minutes)


def _admission(text: object) -> Admission | None:
    try:
        admission_id = UUID(str(text))
    except ValueError:
        return None
    related = (
        "policy",
        "version__registered_model",
        "version__submitted_by",
        "approval__environment",
        "approval__evaluation",
        "approval__policy",
        "approval__requested_by",
        "approval__decided_by",
    )
    return Admission.objects.select_related(*related).filter(pk=admission_id).first()
