"""An officer states an ancestor that files do not name, corrects a statement, or answers an open question."""

import dataclasses
from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput
from governance.permissions import Permission
from registry.actions import endings, reevaluations
from registry.actions.conclusions import taken
from registry.background import COMMIT
from registry.formats.lineage import NAME
from registry.models import Cause, LineageHint, LineageStatement, ModelVersion
from registry.models.conclusion import NOBODY, STATED

RELATIONS = [value for value, _ in STATED]
MAX_STATEMENTS = 200


class StatementChanged(Conflict):
    """Someone else corrected this statement meanwhile."""

    code = "statement_changed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated:
    """What a person states: an ancestor, or that none is behind a hint; perhaps in the place of a statement."""

    relation: str
    base_model: str = ""
    base_revision: str = ""
    answers: LineageHint | None = None
    supersedes: LineageStatement | None = None


@transaction.atomic
def state_ancestor(
    *, version: ModelVersion, stated: Stated, reason: str, actor: Actor, now: datetime
) -> LineageStatement:
    """Add what a person knows to the lineage; what the files declare is never taken away by it."""
    actor.require(Permission.LICENSE_CONCLUDE)
    version = taken(version)
    _check(stated, reason, version)
    if version.lineage_statements.count() >= MAX_STATEMENTS:
        raise InvalidInput(f"At most {MAX_STATEMENTS} statements are kept for a version.", field="relation")
    before = stated.supersedes
    if before is not None and LineageStatement.objects.filter(supersedes=before).exists():
        raise StatementChanged("This statement was corrected meanwhile. Look at it, then try again.")
    row = LineageStatement.objects.create(
        version=version,
        relation=stated.relation,
        base_model=stated.base_model,
        base_revision=stated.base_revision,
        answers=before.answers if before else stated.answers,
        supersedes=before,
        reason=reason,
        stated_by=actor.user,
        stated_at=now,
    )
    _append(row, actor=actor, now=now)
    reevaluations.request_if_any(
        cause=Cause.CONCLUSION, because=f"model-version:{version.pk}", by=actor, now=now
    )
    return row


def _append(row: LineageStatement, *, actor: Actor, now: datetime) -> None:
    log.append(
        event=Event.LINEAGE_STATED,
        actor=str(actor),
        subject=f"model-version:{row.version_id}",
        body={
            "statement": row.pk,
            "relation": row.relation,
            "base_model": row.base_model,
            "base_revision": row.base_revision,
            "answers": row.answers_id,
            "supersedes": row.supersedes_id,
            "reason_sha256": endings.sha256(row.reason),
        },
        at=now,
    )


def _check(stated: Stated, reason: str, version: ModelVersion) -> None:
    if stated.relation not in (*RELATIONS, NOBODY):
        raise InvalidInput(f"A relation is one of {', '.join((*RELATIONS, NOBODY))}.", field="relation")
    _check_model(stated, version)
    if stated.relation == NOBODY and stated.answers is None and stated.supersedes is None:
        raise InvalidInput("Say which open question has no model behind it.", field="answers")
    for name, row in (("answers", stated.answers), ("supersedes", stated.supersedes)):
        if row is not None and row.version_id != version.pk:
            raise InvalidInput("This is about another version.", field=name)
    endings.check_words(reason, field="reason")
    if not reason.strip():
        raise InvalidInput("Say why: a statement needs a reason.", field="reason")


def _check_model(stated: Stated, version: ModelVersion) -> None:
    if stated.relation == NOBODY:
        if stated.base_model or stated.base_revision:
            raise InvalidInput("Where no model is behind it, none is named.", field="base_model")
    elif not NAME.fullmatch(stated.base_model):
        raise InvalidInput("Name the model as publisher/name.", field="base_model")
    elif stated.base_model == str(version.registered_model):
        raise InvalidInput("A model is not its own ancestor.", field="base_model")
    if stated.base_revision and not COMMIT.fullmatch(stated.base_revision):
        raise InvalidInput("A revision is a commit of 40 hexadecimal digits.", field="base_revision")
