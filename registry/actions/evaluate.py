"""Evaluates the licence of a version for a use, and keeps the answer with everything it was made from."""

import re
from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput
from governance.permissions import Permission
from registry import catalogs, evaluation
from registry.actions import obligations
from registry.actions.organization import facts_in_force
from registry.licensing.facts import InvalidFacts
from registry.lifecycle import ApprovalStatus
from registry.models import Approval, Evaluation, ModelVersion, ServingEnvironment
from registry.models.review import NAME


class NotResolved(Conflict):
    """The version has no manifest yet, so nothing can be said about it."""

    code = "not_resolved"


class FactsOutdated(Conflict):
    """Facts or uses that are on record are no longer in the vocabulary."""

    code = "facts_outdated"


def check_purpose(purpose: str) -> None:
    """Raise `InvalidInput` unless the purpose is a plain name."""
    if not re.fullmatch(NAME, purpose):
        raise InvalidInput(
            "A purpose has 1 to 64 small letters, digits, points, lines and underscores.", field="purpose"
        )


@transaction.atomic
def evaluate_version(
    *, version: ModelVersion, environment: ServingEnvironment, purpose: str, actor: Actor, now: datetime
) -> Evaluation:
    """The verdict for this version there, from the facts in force now; work on obligations follows an approval's use."""
    actor.require(Permission.EVALUATION_REQUEST)
    row = store(version=version, environment=environment, purpose=purpose, actor=actor, now=now)
    live = [ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED]
    if Approval.objects.filter(
        version=version, environment=environment, purpose=purpose, status__in=live
    ).exists():
        obligations.open_tasks(evaluation=row, actor=actor, now=now)
    return row


def store(
    *, version: ModelVersion, environment: ServingEnvironment, purpose: str, actor: Actor, now: datetime
) -> Evaluation:
    """Evaluate and write, within the caller's transaction."""
    check_purpose(purpose)
    if version.manifest_digest is None:
        raise NotResolved(f"{version} is not resolved yet; its licence is not known.")
    organization = facts_in_force(at=now)
    release = catalogs.ensure_on_record(actor=actor, now=now)
    try:
        found = evaluation.judge(
            version=version,
            environment=environment,
            organization=organization,
            on=now.date(),
            terms=catalogs.at(release.catalog_digest),
        )
    except InvalidFacts as error:
        raise FactsOutdated(f"The facts on record cannot be used: {error}.", field=error.field) from error
    row = unsaved(found, version=version, environment=environment, purpose=purpose, by=actor, now=now)
    row.save()
    log.append_all([logged(row, version=version, environment=environment)])
    return row


def unsaved(
    found: evaluation.Judgement,
    *,
    version: ModelVersion,
    environment: ServingEnvironment,
    purpose: str,
    by: object,
    now: datetime,
) -> Evaluation:
    """A judgement as the row that keeps it."""
    return Evaluation(
        version=version,
        environment=environment,
        purpose=purpose,
        organization=found.organization.profile if found.organization else None,
        verdict=found.verdict,
        request=found.request,
        result=found.result,
        evaluation_digest=found.evaluation_digest,
        catalog_digest=found.result["catalog_digest"],
        evaluated_by=str(by),
        evaluated_at=now,
    )


def logged(row: Evaluation, *, version: ModelVersion, environment: ServingEnvironment) -> log.Decision:
    """What the log says of an evaluation."""
    return log.Decision(
        event=Event.EVALUATION_MADE,
        actor=row.evaluated_by,
        subject=f"model-version:{version.pk}",
        body={
            "evaluation": row.pk,
            "environment": environment.name,
            "purpose": row.purpose,
            "verdict": row.verdict,
            "manifest_digest": version.manifest_digest,
            "evaluation_digest": row.evaluation_digest,
            "catalog_digest": row.catalog_digest,
        },
        at=row.evaluated_at,
    )
