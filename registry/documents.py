"""The evidence about a version as plain JSON documents, the way packs and reports show it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from registry import attestations, provenance
from registry.models import (
    Admission,
    Approval,
    Evaluation,
    LeasedRun,
    ModelVersion,
    OrganizationProfile,
    SmokeRun,
    VerificationRun,
)

# So many of each kind are shown, newest first; what an approval cites is always among them.
MOST = 50


def rfc3339(at: datetime | None) -> str | None:
    """A time in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def version(row: ModelVersion) -> dict[str, Any]:
    """What the version is: its names and its digests."""
    return {
        "id": row.pk,
        "name": str(row.registered_model),
        "purl": row.purl,
        "source": row.source_kind,
        "revision": row.revision,
        "requested_revision": row.requested_revision,
        "status": row.status,
        "manifest_digest": row.manifest_digest,
        "model_digest": row.model_digest,
        "size_bytes": row.size_bytes,
        "file_count": row.file_count,
        "submitted_by": row.submitted_by.username,
        "resolved_at": rfc3339(row.resolved_at),
        "quarantine_reason": row.quarantine_reason if row.status == "quarantined" else None,
        "revocation_reason": row.revocation_reason,
        "revoked_at": rfc3339(row.revoked_at),
    }


def _about(row: ModelVersion) -> dict[str, Any]:
    """Which model a document is about; the verifier holds this against the manifest."""
    return {"manifest_digest": row.manifest_digest, "model_digest": row.model_digest}


def _run(run: LeasedRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "outcome": run.outcome,
        "code": run.code,
        "message": run.message,
        "requested_by": run.requested_by,
        "started_at": rfc3339(run.started_at),
        "finished_at": rfc3339(run.finished_at),
    }


def verification(row: ModelVersion) -> dict[str, Any]:
    """What was checked, by which tool, with what outcome."""
    runs = (
        VerificationRun.objects.filter(version=row, state="finished")
        .prefetch_related("results")
        .order_by("-pk")
    )
    cited = set(row.approvals.values_list("verification_run_id", flat=True))
    return {**_about(row), "runs": [_verification_run(run) for run in _chosen(runs, cited=cited)]}


def _verification_run(run: VerificationRun) -> dict[str, Any]:
    checks = sorted(run.results.all(), key=lambda result: (result.check_id, result.path))
    fields = (
        "check_id",
        "title",
        "outcome",
        "severity",
        "message",
        "path",
        "evidence",
        "tool",
        "tool_version",
    )
    return {
        **_run(run),
        "bytes_read": run.bytes_read,
        "worker": run.worker,
        "inputs": run.inputs,
        "checks": [
            {**{field: getattr(result, field) for field in fields}, "duration_ms": result.duration_ms}
            for result in checks
        ],
    }


def smoke(row: ModelVersion) -> dict[str, Any]:
    """What a real engine answered when it loaded these files."""
    runs = SmokeRun.objects.filter(version=row, state="finished").prefetch_related("answers").order_by("-pk")
    cited = set(row.approvals.values_list("smoke_run_id", flat=True))
    return {**_about(row), "runs": [_smoke_run(run) for run in _chosen(runs, cited=cited)]}


def _smoke_run(run: SmokeRun) -> dict[str, Any]:
    fields = ("position", "prompt", "text", "token_ids", "logprobs", "finish_reason", "duration_ms")
    answers = sorted(run.answers.all(), key=lambda answer: answer.position)
    return {
        **_run(run),
        "engine": run.engine,
        "hardware": run.hardware,
        "suite_digest": run.suite_digest,
        "fingerprint": run.fingerprint,
        "answers": [{field: getattr(answer, field) for field in fields} for answer in answers],
    }


def _chosen(rows: Iterable[Any], *, cited: set[Any]) -> list[Any]:
    return [run for place, run in enumerate(rows) if place < MOST or run.pk in cited]


def evaluations(row: ModelVersion) -> dict[str, Any]:
    """What the licence permits, and from which facts that follows."""
    rows = Evaluation.objects.filter(version=row).select_related("environment").order_by("-pk")
    cited = set(row.approvals.values_list("evaluation_id", flat=True))
    return {
        **_about(row),
        "conclusions": conclusions(row),
        "lineage_statements": statements(row),
        "evaluations": [_evaluation(item) for item in _chosen(rows, cited=cited)],
    }


def conclusions(row: ModelVersion) -> list[dict[str, Any]]:
    """What people concluded about the licence, newest first; the first one holds."""
    return [
        {
            "id": item.pk,
            "licenses": item.licenses,
            "catalog_digest": item.catalog_digest,
            "reason": item.reason,
            "concluded_by": item.concluded_by.username,
            "concluded_at": rfc3339(item.concluded_at),
        }
        for item in row.license_conclusions.select_related("concluded_by").order_by("-pk")
    ]


def statements(row: ModelVersion) -> list[dict[str, Any]]:
    """What people stated about the lineage, newest first."""
    return [
        {
            "id": item.pk,
            "relation": item.relation,
            "base_model": item.base_model,
            "base_revision": item.base_revision,
            "answers": item.answers.says if item.answers else None,
            "supersedes": item.supersedes_id,
            "reason": item.reason,
            "stated_by": item.stated_by.username,
            "stated_at": rfc3339(item.stated_at),
        }
        for item in row.lineage_statements.select_related("stated_by", "answers").order_by("-pk")
    ]


def _evaluation(row: Evaluation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "environment": row.environment.name,
        "purpose": row.purpose,
        "verdict": row.verdict,
        "request": row.request,
        "attestations": _attestations(row),
        "result": row.result,
        "evaluation_digest": row.evaluation_digest,
        "catalog_digest": row.catalog_digest,
        "evaluated_by": row.evaluated_by,
        "evaluated_at": rfc3339(row.evaluated_at),
    }


def origin(row: ModelVersion) -> dict[str, Any]:
    """Where the model comes from: by the project's data, and by what the policy in force declares."""
    found, policy = provenance.as_declared(row)
    digest = policy.policy_digest if policy else None
    return {**_about(row), "policy_digest": digest, "origin": provenance.to_json(found)}


def _attestations(row: Evaluation) -> list[dict[str, Any]]:
    """Who attested the organisation's facts that were used, and which documents show them."""
    used: dict[int, dict[str, Any]] = {}
    for fact in attestations.facts_used(row):
        if fact.profile is None:
            continue
        entry = used.setdefault(fact.profile.pk, {**attestation(fact.profile), "facts": []})
        entry["facts"].append(fact.path)
    return [used[number] for number in sorted(used)]


def attestation(row: OrganizationProfile) -> dict[str, Any]:
    """One attestation with the digests of its documents; its figures are not repeated."""
    return {
        "id": row.pk,
        "complete": row.is_complete,
        "effective_at": rfc3339(row.effective_at),
        "attested_by": row.attested_by.username,
        "attested_at": rfc3339(row.attested_at),
        "evidence": [
            {
                "name": one.document.name,
                "media_type": one.document.media_type,
                "sha256": one.document.sha256,
                "facts": one.facts,
            }
            for one in row.evidence.all()
        ],
    }


def approvals(row: ModelVersion) -> dict[str, Any]:
    """Who asked, who decided, and what both of them saw."""
    related = ("environment", "evaluation", "policy", "requested_by", "decided_by")
    rows = row.approvals.select_related(*related).order_by("-pk")
    return {"approvals": [approval(item, version=row) for item in rows]}


def approval(row: Approval, *, version: ModelVersion) -> dict[str, Any]:
    """One approval with the digests that it binds."""
    return {
        "id": row.pk,
        "status": row.status,
        "environment": row.environment.name,
        "purpose": row.purpose,
        "manifest_digest": row.manifest_digest,
        "model_digest": version.model_digest,
        "verification_run": row.verification_run_id,
        "smoke_run": row.smoke_run_id,
        "evaluation": row.evaluation_id,
        "evaluation_digest": row.evaluation.evaluation_digest,
        "policy_digest": row.policy.policy_digest,
        "note": row.note,
        "requested_by": row.requested_by.username,
        "requested_at": rfc3339(row.requested_at),
        "expires_at": rfc3339(row.expires_at),
        "decided_by": row.decided_by.username if row.decided_by else None,
        "decided_at": rfc3339(row.decided_at),
        "decision_note": row.decision_note,
        "ended_by": row.ended_by,
        "ended_at": rfc3339(row.ended_at),
        "end_reason": row.end_reason,
    }


def admission(row: Admission) -> dict[str, Any]:
    """One decision at one node."""
    return {
        "id": str(row.pk),
        "decision": row.decision,
        "mode": row.mode,
        "environment": row.environment,
        "purpose": row.purpose,
        "node": row.node,
        "region": row.region,
        "engine": row.engine,
        "reasons": row.reasons,
        "decided_at": rfc3339(row.decided_at),
        "expires_at": rfc3339(row.expires_at),
    }
