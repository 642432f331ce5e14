"""Rows for tests, one function a model; each gives the smallest valid row."""

import functools
import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from governance import tokens
from governance.actors import Actor
from governance.models import ApiToken, PolicyDocument, User
from governance.permissions import Role, Scope
from registry import catalogs, models
from registry.actions import documents
from registry.formats import roles
from registry.lifecycle import Outcome, RunState, Severity, Status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


def fresh(name: str) -> str:
    return f"{name}-{next(_numbers)}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def user(role: Role = Role.OFFICER, **fields: Any) -> User:
    name = fields.pop("username", f"{role.value}{next(_numbers)}")
    return User.objects.create(
        username=name, password=_hashed(PASSWORD), role=role.value, is_staff=True, **fields
    )


@functools.cache
def _hashed(password: str) -> str:
    """Hashing is slow on purpose; once is enough for tests. Named, because a test may prefer another hasher."""
    return make_password(password, hasher="pbkdf2_sha256")


def actor(role: Role = Role.OFFICER) -> Actor:
    return Actor(user=user(role))


def api_token(*scopes: Scope, **fields: Any) -> tuple[ApiToken, str]:
    key_id, secret = tokens.new_secret()
    owner = fields.pop("owner", None) or user(Role.ADMIN)
    created_at = fields.pop("created_at", NOW - timedelta(days=1))
    expires_at = fields.pop("expires_at", datetime.now(UTC) + timedelta(days=30))
    row = ApiToken.objects.create(
        key_id=key_id,
        secret_hmac=tokens.digest(secret),
        name="test token",
        owner=owner,
        created_by=owner,
        created_at=created_at,
        expires_at=expires_at,
        scopes=[scope.value for scope in scopes],
        **fields,
    )
    return row, f"mc_{key_id}_{secret}"


def policy_document(text: str = "# a policy\n") -> PolicyDocument:
    digest = f"sha256:{sha256(text)}"
    return PolicyDocument.objects.get_or_create(policy_digest=digest, defaults={"text": text})[0]


def registered_model(**fields: Any) -> models.RegisteredModel:
    fields.setdefault("publisher", "acme")
    fields.setdefault("name", f"model-{next(_numbers)}")
    fields.setdefault("created_by", None)
    fields["created_by"] = fields["created_by"] or user()
    return models.RegisteredModel.objects.create(**fields)


def draft_version(**fields: Any) -> models.ModelVersion:
    model = fields.pop("registered_model", None) or registered_model()
    fields.setdefault("source_kind", "folder")
    fields.setdefault("location", f"/models/{model.name}")
    fields.setdefault("submitted_by", model.created_by)
    return models.ModelVersion.objects.create(registered_model=model, **fields)


def resolved_version(
    files: dict[str, bytes] | None = None, *, license_id: str = "apache-2.0", **fields: Any
) -> models.ModelVersion:
    """A resolved version with artifacts; digests are the true ones of the given files."""
    return resolve(draft_version(**fields), files, license_id=license_id)


@transaction.atomic
def resolve(
    version: models.ModelVersion, files: dict[str, bytes] | None = None, *, license_id: str = "apache-2.0"
) -> models.ModelVersion:
    """Resolve a draft, which may have findings and lineage already."""
    from modelcustody_client import manifest

    files = files or {"config.json": b"{}", "model.safetensors": f"weights {version.pk}".encode()}
    listed = [
        manifest.ManifestFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for path, data in files.items()
    ]
    for file in listed:
        role = roles.role_of(file.path)
        role = role if role in {"weight", "license"} else "config"
        models.Artifact.objects.create(
            version=version, path=file.path, size=file.size, sha256=file.sha256, role=role
        )
    models.LicenseFinding.objects.create(
        version=version, kind="concluded", license_id=license_id, method="declared and discovered agree"
    )
    version.manifest_digest = manifest.manifest_digest(listed)
    version.model_digest = manifest.model_digest(listed)
    version.size_bytes = sum(file.size for file in listed)
    version.file_count = len(listed)
    version.resolved_at = NOW
    version.status = Status.RESOLVED
    version.save()
    return version


def finish(run: models.LeasedRun, outcome: Outcome, *, at: datetime, **fields: Any) -> None:
    run.state, run.outcome, run.finished_at = RunState.FINISHED, outcome, at
    for name, value in fields.items():
        setattr(run, name, value)
    if outcome != Outcome.PASS and not run.message:
        run.message = f"test {outcome}"
    run.save()


def verification_run(
    version: models.ModelVersion,
    outcome: Outcome = Outcome.PASS,
    *,
    at: datetime = NOW,
    failing: str = "C3-digests",
    minor: tuple[str, Outcome, Severity] | None = None,
) -> models.VerificationRun:
    """A finished run whose check `failing` has the outcome; `minor` is one more check."""
    run = models.VerificationRun.objects.create(
        version=version,
        manifest_digest=version.manifest_digest,
        requested_by="user:test",
        requested_at=at,
        state=RunState.RUNNING,
        heartbeat_at=at,
        started_at=at,
        worker="test",
    )
    checks = dict.fromkeys(["C3-digests", "C13-custom-code"], (Outcome.PASS, Severity.CRITICAL))
    checks[failing] = (outcome, Severity.CRITICAL)
    if minor:
        checks[minor[0]] = minor[1:]
    for check_id, (found, severity) in checks.items():
        models.CheckResult.objects.create(
            run=run,
            check_id=check_id,
            title=check_id,
            outcome=found,
            severity=severity,
            message="as recorded",
            tool="modelcustody",
            tool_version="0",
            duration_ms=1.0,
        )
    finish(run, outcome, at=at)
    return run


def smoke_run(
    version: models.ModelVersion, outcome: Outcome = Outcome.PASS, *, at: datetime = NOW
) -> models.SmokeRun:
    run = models.SmokeRun.objects.create(
        version=version,
        manifest_digest=version.manifest_digest,
        requested_by="user:test",
        requested_at=at,
        state=RunState.RUNNING,
        heartbeat_at=at,
        started_at=at,
        worker="test",
    )
    models.SmokeAnswer.objects.create(
        run=run,
        position=0,
        prompt="What is the capital of France?",
        text="Paris.",
        token_ids=[1, 2],
        logprobs=[-0.1, -0.2],
        finish_reason="stop",
        duration_ms=12.5,
    )
    passed = {"fingerprint": f"sha256:{sha256('answer')}", "engine": {"name": "vllm", "version": "0.32.0"}}
    finish(run, outcome, at=at, **(passed if outcome == Outcome.PASS else {}))
    return run


def environment(**fields: Any) -> models.ServingEnvironment:
    fields.setdefault("name", f"env-{next(_numbers)}")
    fields.setdefault(
        "use", {"role": "licensee", "purpose": "internal", "commercial": True, "hosting": "none"}
    )
    fields.setdefault("defined_by", None)
    fields["defined_by"] = fields["defined_by"] or user()
    return models.ServingEnvironment.objects.create(**fields)


def document(**fields: Any) -> models.EvidenceDocument:
    return documents.keep_document(
        name=fields.get("name", "evidence.txt"),
        media_type=fields.get("media_type", "text/plain"),
        content=fields.get("content") or f"evidence {next(_numbers)}".encode(),
        actor=fields.get("actor") or actor(),
        now=fields.get("now", NOW),
    )


def organization(**fields: Any) -> models.OrganizationProfile:
    fields.setdefault("facts", {"principal_place_of_business": "DE"})
    fields.setdefault("effective_at", NOW - timedelta(days=30))
    return models.OrganizationProfile.objects.create(attested_by=user(), **fields)


def catalog_release() -> models.CatalogRelease:
    """The catalogue in force; the project's records, where nobody has put any on record."""
    return catalogs.ensure_on_record(actor="system:test", now=NOW)


def evaluation(
    version: models.ModelVersion, environment: models.ServingEnvironment, **fields: Any
) -> models.Evaluation:
    fields.setdefault("verdict", "allowed_with_obligations")
    fields.setdefault("purpose", "assistant")
    empty: dict[str, list[Any]] = {
        name: [] for name in ("effective_licenses", "obligations", "findings", "conflicts", "missing_facts")
    }
    fields.setdefault("result", {"verdict": fields["verdict"], **empty})
    return models.Evaluation.objects.create(
        version=version,
        environment=environment,
        request={},
        evaluation_digest=f"sha256:{sha256('evaluation')}",
        catalog_digest=fields.pop("catalog_digest", None) or catalog_release().catalog_digest,
        evaluated_by="user:test",
        **fields,
    )


def approval(
    version: models.ModelVersion | None = None, *, status: str = "requested", **fields: Any
) -> models.Approval:
    version = version or resolved_version()
    place = fields.pop("environment", None) or environment()
    fields.setdefault("purpose", "assistant")
    row = models.Approval.objects.create(
        version=version,
        environment=place,
        manifest_digest=version.manifest_digest,
        verification_run=fields.pop("verification_run", None) or verification_run(version),
        smoke_run=fields.pop("smoke_run", None) or smoke_run(version),
        evaluation=fields.pop("evaluation", None) or evaluation(version, place, purpose=fields["purpose"]),
        policy=fields.pop("policy", None) or policy_document(),
        requested_by=fields.pop("requested_by", None) or version.submitted_by,
        requested_at=NOW,
        expires_at=fields.pop("expires_at", NOW + timedelta(days=90)),
        **fields,
    )
    if status in {"approved", "rejected"}:
        row.status, row.decided_by, row.decided_at = status, user(Role.REVIEWER), NOW
        row.save()
    return row
