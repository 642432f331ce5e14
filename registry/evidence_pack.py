"""The evidence pack of one version: a signed archive that an outsider verifies without us."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelcustody_client import archive, canonical, errors, manifest, packing

from audit import selectors
from audit.selectors import Entry
from governance import keys
from governance.errors import Conflict, Unavailable
from registry import attestations, bom, documents, duties, report
from registry.models import Admission, Artifact, ModelVersion

# Admissions of a version beyond those that its deployments cite; newest first.
MOST_ADMISSIONS = 500


class NotResolved(Conflict):
    """The version has no manifest yet, so there is no evidence to pack."""

    code = "not_resolved"


class LogNotSigned(Unavailable):
    """The log has no signed checkpoint yet; the signer makes one within a second."""

    code = "log_not_signed"


@dataclass(frozen=True)
class LogPart:
    """The entries of one log about a version, all proved against one checkpoint."""

    origin: str
    vkey: str
    checkpoint: bytes
    entries: tuple[Entry, ...]
    pending: int


def build(version: ModelVersion, *, generated_at: datetime) -> bytes:
    """The pack as bytes; what the log has not signed yet is left out and counted."""
    if version.manifest_digest is None:
        raise NotResolved(f"{version} is not resolved yet.")
    logs = _logs(version)
    at = documents.rfc3339(generated_at) or ""
    files = _documents(version, generated_at=generated_at, logs=logs)
    for name, log in logs.items():
        files[packing.checkpoint_name(name)] = log.checkpoint
        for entry in log.entries:
            files[packing.leaf_name(name, index=entry.index or 0)] = entry.leaf
            files[packing.proof_name(name, index=entry.index or 0)] = (entry.proof or "").encode()
    index = packing.index_bytes(
        files,
        model_version=documents.version(version),
        generated_at=at,
        logs={name: {"origin": log.origin, "vkey": log.vkey} for name, log in logs.items()},
        pending=sum(log.pending for log in logs.values()),
    )
    envelope = keys.attestation_key().sign_envelope(index, payload_type=packing.PAYLOAD_TYPE)
    members = {**files, packing.INDEX_NAME: index, packing.ENVELOPE_NAME: envelope}
    stream = io.BytesIO()
    archive.write_archive(sorted(members.items()), stream=stream)
    return stream.getvalue()


def _documents(
    version: ModelVersion, *, generated_at: datetime, logs: Mapping[str, LogPart]
) -> dict[str, bytes]:
    """Everything in the pack that is not a log entry."""
    artifacts = list(Artifact.objects.filter(version=version).order_by("path"))
    verification, smoke = documents.verification(version), documents.smoke(version)
    evaluations, approvals = documents.evaluations(version), documents.approvals(version)
    origin = documents.origin(version)
    obligations = duties.of_pack(version, on=generated_at.date())
    page = report.render(
        version=documents.version(version),
        files=[
            {"path": row.path, "role": row.role, "size": row.size, "sha256": row.sha256} for row in artifacts
        ],
        verification=verification,
        smoke=smoke,
        evaluations=evaluations,
        origin=origin,
        obligations=obligations,
        approvals=approvals,
        admissions=[documents.admission(row) for row in _admissions(version)],
        served=_served(logs["requests"].entries),
        logs={
            log.origin: {
                "origin": log.origin,
                "vkey": log.vkey,
                "entries": len(log.entries),
                "pending": log.pending,
            }
            for log in logs.values()
        },
        generated_at=documents.rfc3339(generated_at) or "",
    )
    listed = [manifest.ManifestFile(path=row.path, size=row.size, sha256=row.sha256) for row in artifacts]
    return {
        packing.MANIFEST_NAME: manifest.sha256sum_lines(listed),
        packing.APPROVALS_NAME: _json(approvals),
        "bom.cdx.json": bom.dumps(bom.document(version, at=generated_at)),
        "verification.json": _json(verification),
        "smoke.json": _json(smoke),
        "evaluation.json": _json(evaluations),
        "origin.json": _json(origin),
        "obligations.json": _json(obligations),
        "report.html": page,
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def _admissions(version: ModelVersion) -> list[Admission]:
    return list(version.admissions.order_by("-decided_at")[:MOST_ADMISSIONS])


def _served(entries: Iterable[Entry]) -> dict[str, int]:
    """How many entries of the requests log are deployments, and how many are requests."""
    every = list(entries)
    requests = sum(entry.leaf.startswith(b'{"received_at":') for entry in every)
    return {"requests": requests, "deployments": len(every) - requests}


def _logs(version: ModelVersion) -> dict[str, LogPart]:
    """Both logs, each as its newest signed checkpoint shows it."""
    signed = {log: _checkpoint(log) for log in packing.LOGS}
    requests = selectors.request_entries(model_digest=version.model_digest or "", signed=signed["requests"])
    subjects = _subjects(version, requests)
    decisions = selectors.decision_entries(subjects=subjects, signed=signed["decisions"])
    return {
        log: _part(log, found, checkpoint=signed[log])
        for log, found in (("decisions", decisions), ("requests", requests))
    }


def _checkpoint(log: str) -> bytes:
    signed = selectors.checkpoint(log)
    if signed is None:
        raise LogNotSigned(f"The {log} log has no signed checkpoint yet; ask again.", retry_after=2)
    return signed


def _part(log: str, entries: Sequence[Entry], *, checkpoint: bytes) -> LogPart:
    vkey = keys.log_key(log).vkey
    proved = tuple(entry for entry in entries if entry.index is not None and entry.proof is not None)
    return LogPart(vkey.name, str(vkey), checkpoint, proved, pending=len(entries) - len(proved))


def _subjects(version: ModelVersion, requests: Iterable[Entry]) -> list[str]:
    """Everything in the decisions log that bears on the version."""
    approvals = version.approvals.select_related("policy", "environment", "evaluation")
    found = {f"model-version:{version.pk}"}
    for row in approvals:
        found |= {
            f"approval:{row.pk}",
            f"policy:{row.policy.policy_digest}",
            f"environment:{row.environment.name}",
            f"organization-facts:{row.evaluation.organization_id}",
        }
        found |= {
            f"organization-facts:{number}" for number in attestations.attestations_of(row.evaluation).values()
        }
    found |= duties.subjects_of(version)
    found |= {f"admission:{row.pk}" for row in _admissions(version)}
    found |= {f"admission:{admission}" for admission in _cited(requests)}
    return sorted(found)


def _cited(requests: Iterable[Entry]) -> set[str]:
    """The admissions that the deployments name."""
    found = set()
    for entry in requests:
        try:
            statement = canonical.loads(entry.leaf)
        except errors.Refused:
            continue
        if isinstance(statement, dict) and statement.get("type") == packing.DEPLOYMENT_TYPE:
            found.add(str(statement.get("admission_id")))
    return found
