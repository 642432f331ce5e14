"""Asks the service whether a model may be served here, and states what is being started."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelcustody_client import canonical, errors, manifest, packing, transport

ADMISSIONS = "/api/v1/admissions"
DEPLOYMENTS = "/api/v1/deployments"
_JSON = {"Content-Type": "application/json"}
_CREDENTIALS = ("key", "token", "secret", "password", "credential", "auth")
REDACTED = "[redacted]"


class AdmissionUnavailable(errors.Refused):
    """No decision could be had; the server must not be started."""

    code = "admission_unavailable"


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a model was denied."""

    code: str
    message: str
    evidence_url: str | None


@dataclasses.dataclass(frozen=True)
class Decision:
    """The service's answer, checked for form."""

    is_allowed: bool
    mode: str
    admission_id: str
    model_version: str | None
    model_digest: str | None
    approval_id: str | None
    policy_digest: str | None
    reasons: tuple[Reason, ...]
    obligations: tuple[Any, ...]
    expires_at: str | None
    raw: dict[str, Any]


def request_admission(  # noqa: PLR0913  (the fields of the request, all named)
    service: transport.Service,
    *,
    environment: str,
    purpose: str,
    files: Sequence[manifest.ManifestFile],
    engine: Mapping[str, Any],
    node: str,
    region: str | None,
    timeout: float = 30.0,
) -> Decision:
    """Show the service the digests of the files and return its decision, or raise `AdmissionUnavailable`."""
    body = canonical.dumps(
        {
            "environment": environment,
            "purpose": purpose,
            "files": [dataclasses.asdict(file) for file in files],
            "engine": dict(engine),
            "node": node,
            "region": region,
        }
    )
    answer = _post(service, ADMISSIONS, body=body, timeout=timeout)
    if answer.status != 200:
        raise AdmissionUnavailable(_why(answer))
    decision = parse_decision(answer.body)
    if decision.is_allowed and decision.model_digest != manifest.model_digest(files):
        raise AdmissionUnavailable("the service allowed another model than the one in the folder")
    return decision


def parse_decision(data: bytes) -> Decision:
    """Decode a decision; whatever is not exactly one is no permission."""
    try:
        value = canonical.loads(data, max_bytes=transport.MAX_RESPONSE_BYTES)
    except canonical.NotCanonical as error:
        raise AdmissionUnavailable(f"the answer of the service is no decision: {error}") from None
    if not isinstance(value, dict) or value.get("decision") not in {"allow", "deny"}:
        raise AdmissionUnavailable("the answer of the service is no decision")
    # a service that does not say that it only warns means what it says
    mode = value.get("mode", "enforce")
    is_allowed = value["decision"] == "allow"
    admission_id = _text(value, "admission_id") or ""
    if mode not in {"enforce", "warn"} or ((is_allowed or mode == "warn") and not admission_id):
        raise AdmissionUnavailable("the decision of the service lacks its mode or its admission id")
    reasons, obligations = (_list(value, name) for name in ("reasons", "obligations"))
    return Decision(
        is_allowed=is_allowed,
        mode=mode,
        admission_id=admission_id,
        model_version=_text(value, "model_version"),
        model_digest=_text(value, "model_digest"),
        approval_id=_text(value, "approval_id"),
        policy_digest=_text(value, "policy_digest"),
        reasons=tuple(_reason(item) for item in reasons),
        obligations=tuple(obligations),
        expires_at=_text(value, "expires_at"),
        raw=value,
    )


def deployment_statement(  # noqa: PLR0913  (the fields of the statement, all named)
    *,
    decision: Decision,
    files: Sequence[manifest.ManifestFile],
    engine: Mapping[str, Any],
    command: Sequence[str],
    environment: str,
    purpose: str,
    node: str,
    region: str | None,
    recorder: str,
    started_at: str,
) -> bytes:
    """Return the bytes that become the leaf: what is being started, where, and by which admission."""
    return canonical.dumps(
        {
            "type": packing.DEPLOYMENT_TYPE,
            "admission_id": decision.admission_id,
            # where admission only warns, the model may have no name yet
            "model_version": decision.model_version
            or f"urn:modelcustody:unregistered:{manifest.model_digest(files)}",
            "model_digest": manifest.model_digest(files),
            "manifest_digest": manifest.manifest_digest(files),
            "adapters": [],
            "engine": {**engine, "image_digest": None, "arguments": redacted(command)},
            "dtype": option(command, "--dtype"),
            "quantization": option(command, "--quantization", "-q"),
            "parallelism": option(command, "--tensor-parallel-size", "-tp"),
            "gpu": None,
            "environment": environment,
            "purpose": purpose,
            "node": node,
            "region": region,
            "operator": None,
            "recorder": recorder,
            "started_at": started_at,
        }
    )


def post_deployment(service: transport.Service, *, statement: bytes, timeout: float = 30.0) -> str:
    """Put the statement on the log and return its digest; the service must have taken these very bytes."""
    answer = _post(service, DEPLOYMENTS, body=statement, timeout=timeout)
    if answer.status not in {200, 201}:
        raise AdmissionUnavailable(f"the deployment was not recorded: {_why(answer)}")
    value, digest = answer.json(), packing.digest(statement)
    if not isinstance(value, dict) or value.get("deployment_digest") != digest:
        raise AdmissionUnavailable("the deployment was not recorded: the service names another digest")
    return digest


def option(command: Sequence[str], *names: str) -> str | None:
    """Return the value of a command line option, given as `--name value` or `--name=value`; the last one counts."""
    found = None
    for position, argument in enumerate(command):
        name, equals, value = argument.partition("=")
        if name in names:
            found = value if equals else next(iter(command[position + 1 : position + 2]), None)
    return found


def redacted(command: Sequence[str]) -> list[str]:
    """Return the command line without the values of options that look like credentials."""
    shown, hide = [], False
    for argument in command:
        name, equals, _ = argument.partition("=")
        is_secret = name.startswith("--") and any(word in name.lower() for word in _CREDENTIALS)
        if hide and not argument.startswith("--"):
            shown.append(REDACTED)
            continue  # such an option may take several values
        shown.append(f"{name}={REDACTED}" if is_secret and equals else argument)
        hide = is_secret and not equals
    return shown


def _post(service: transport.Service, path: str, *, body: bytes, timeout: float) -> transport.Answer:
    try:
        return service.post(path, body=body, headers=_JSON, timeout=timeout)
    except (transport.ServiceUnavailable, transport.BadSettings) as error:
        raise AdmissionUnavailable(str(error)) from None


def _why(answer: transport.Answer) -> str:
    told = answer.problem()
    if answer.status == 401:
        return f"the token is wrong, expired or revoked ({told})"
    if answer.status == 403:
        return f"the token may not do this here ({told})"
    if 300 <= answer.status < 400:
        return f"{told}: redirects are not followed; give the address it points to"
    return told


def _reason(value: Any) -> Reason:
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        raise AdmissionUnavailable("a reason of the decision has no code")
    return Reason(value["code"], _text(value, "message") or "", _text(value, "evidence_url"))


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise AdmissionUnavailable(f"the {name} of the decision are no list")
    return found


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)  # ids may be numbers
    raise AdmissionUnavailable(f"{name} of the decision is not text: {json.dumps(found)[:80]}")
