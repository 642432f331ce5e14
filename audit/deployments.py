"""Deployments: what a serving node says it runs, a leaf of the requests log under its own digest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from django.db import connection, transaction
from modelcustody_client import canonical
from msgspec import Meta

from audit import batches
from audit.events import Log
from audit.ingest.records import MISSING, PLACE, Digest, LongText, Name, Text, Time
from audit.models import Deployment
from audit.tlog.bundles import LARGEST_LEAF
from governance.actors import Actor
from governance.errors import Forbidden, GovernanceError, InvalidInput, Unavailable

DEPLOYMENT_TYPE = "modelcustody/deployment/v1"
Uuid = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")]
Identifier = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
Node = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]


class StatementNotCanonical(InvalidInput):
    """The statement is not canonical JSON, so that its digest would not be the one everybody computes."""

    code = "not_canonical"


class RecorderMismatch(Forbidden):
    """The token may speak for another recorder only."""

    code = "recorder_mismatch"


class EnvironmentMismatch(Forbidden):
    """The token is good in another environment only."""

    code = "environment_mismatch"


class AdmissionNotValid(GovernanceError):
    """The admission that a deployment cites does not exist, was no allow, or was for something else."""

    code = "admission_not_valid"
    status = 422
    title = "The deployment was not admitted"


class Engine(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The program that serves, and how it was started."""

    name: Name
    arguments: Annotated[list[Annotated[str, Meta(max_length=4096)]], Meta(max_length=512)]
    version: Text | None = None
    image_digest: Digest | None = None


class Statement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The deployment statement, version 1."""

    type: Annotated[str, Meta(pattern=r"\Amodelcustody/deployment/v1\Z")]
    admission_id: Uuid
    model_version: Identifier
    model_digest: Digest
    manifest_digest: Digest
    adapters: Annotated[list[dict[str, Any]], Meta(max_length=64)]
    engine: Engine
    environment: Name
    purpose: Name
    node: Node
    recorder: Text
    started_at: Time
    region: Name | None = None
    operator: LongText | None = None
    dtype: Name | None = None
    quantization: Name | None = None
    parallelism: str | int | dict[str, Any] | None = None
    gpu: str | dict[str, Any] | list[Any] | None = None


class AdmissionCheck(Protocol):
    """Raises `AdmissionNotValid` unless the statement's admission exists, was an allow, and fits it."""

    def __call__(self, *, statement: Mapping[str, Any], now: datetime) -> None:
        """Check one statement."""
        ...


@dataclass(slots=True)
class _Hooks:
    admission_check: AdmissionCheck | None = None


_hooks = _Hooks()


def register_admission_check(check: AdmissionCheck | None) -> None:
    """Have every reported deployment checked by the part that knows admissions; None takes the check away."""
    _hooks.admission_check = check


def read_statement(data: bytes) -> tuple[Statement, dict[str, Any]]:
    """Read a statement that must be canonical, whole, and of nothing unknown."""
    if len(data) > LARGEST_LEAF:
        raise StatementNotCanonical(f"A deployment statement has at most {LARGEST_LEAF} bytes.")
    try:
        value = canonical.loads_canonical(data, max_bytes=LARGEST_LEAF)
    except canonical.NotCanonical as error:
        raise StatementNotCanonical(f"The body is not canonical JSON: {error}.") from error
    try:
        statement = msgspec.convert(value, Statement)
        datetime.fromisoformat(statement.started_at)
    except msgspec.ValidationError as error:
        place, name = PLACE.search(str(error)), MISSING.search(str(error))
        field = ".".join(part for part in (place and place[1], name and name[1]) if part)
        raise InvalidInput(
            f"{field or 'statement'}: {PLACE.sub('', str(error))}.", field=field or None
        ) from error
    except ValueError as error:
        raise InvalidInput("started_at: there is no such day.", field="started_at") from error
    return statement, value


@transaction.atomic
def report_deployment(*, data: bytes, actor: Actor, now: datetime) -> tuple[Deployment, bool]:
    """Store the exact bytes as a leaf, once; return the deployment and whether it is new."""
    statement, value = read_statement(data)
    check_token(actor, recorder=statement.recorder, environment=statement.environment)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"audit deployment {digest}"]
        )
    known = Deployment.objects.filter(deployment_digest=digest).first()
    if known is not None:
        return known, False
    if _hooks.admission_check is None:
        raise Unavailable("Admissions cannot be checked here.")
    _hooks.admission_check(statement=value, now=now)
    batch = batches.append_batch([data], log=Log.REQUESTS, at=now)
    return _project(statement, digest=digest, batch_id=batch.pk, actor=actor, now=now), True


def check_token(actor: Actor, *, recorder: str, environment: str | None = None) -> None:
    """Raise unless the actor's token may speak for this recorder, and in this environment."""
    if actor.token is None or actor.token.recorder != recorder:
        mine = actor.token.recorder if actor.token else "none"
        raise RecorderMismatch(
            f"{actor} may speak for the recorder {mine!r}, not {recorder!r}.", field="recorder"
        )
    if environment is not None and actor.token.environment not in {"", environment}:
        raise EnvironmentMismatch(
            f"{actor} is good in {actor.token.environment}, not in {environment}.", field="environment"
        )


def _project(statement: Statement, *, digest: str, batch_id: int, actor: Actor, now: datetime) -> Deployment:
    return Deployment.objects.create(
        log=Log.REQUESTS,
        deployment_digest=digest,
        batch_id=batch_id,
        admission_id=statement.admission_id,
        model_version=statement.model_version,
        model_digest=statement.model_digest,
        manifest_digest=statement.manifest_digest,
        environment=statement.environment,
        purpose=statement.purpose,
        recorder=statement.recorder,
        node=statement.node,
        region=statement.region or "",
        started_at=datetime.fromisoformat(statement.started_at),
        reported_by=str(actor),
        reported_at=now,
    )
