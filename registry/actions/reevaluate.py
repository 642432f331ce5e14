"""One part of a campaign: evaluates its approvals again, and writes what that means, in one transaction.

The transaction is the lease. Whoever works on a part holds the lock of its row; a worker that is killed, or falls
silent, loses lock and work together, and the part is done anew from its beginning. A part that is finished is never
done again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from audit import log
from registry import bulk_evaluation, catalogs
from registry.actions import consequences, evaluate, reevaluations, suspensions
from registry.actions.alerts import RAISED_BY
from registry.actions.consequences import Outcome
from registry.attestations import FactsInForce, facts_in_force
from registry.bulk_evaluation import Failure
from registry.evaluation import Judgement
from registry.licensing import change
from registry.models import (
    Approval,
    Evaluation,
    LicenseConclusion,
    LineageStatement,
    ReevaluationPart,
    ServingEnvironment,
)

logger = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
# A part that broke off so often is counted as failed, and its approvals get an alert each.
MAX_ATTEMPTS = 5
# What verdicts rest on may change while a part computes; it then computes again, so often at most.
MAX_ROUNDS = 5
LONGEST_PROBLEM = 2000
# So long other messages of the queue wait at most, beyond one part.
GOES_ON = timedelta(seconds=5)


class InputsKeepChanging(RuntimeError):
    """Facts, catalogue, environments or conclusions changed each time the part was computed."""


@dataclass(frozen=True)
class Inputs:
    """What people changed that a verdict rests on, as of a moment; equal when nobody changed anything."""

    organization: FactsInForce | None
    catalog_digest: str
    environments: tuple[tuple[int, datetime], ...]
    # How many conclusions about licences, and statements about ancestors; none is ever taken away.
    said: tuple[int, int]

    @classmethod
    def at(cls, now: datetime) -> "Inputs":
        """What is in force now."""
        return cls(
            organization=facts_in_force(at=now),
            catalog_digest=catalogs.ensure_on_record(actor=RAISED_BY, now=now).catalog_digest,
            environments=tuple(ServingEnvironment.objects.order_by("pk").values_list("pk", "defined_at")),
            said=(LicenseConclusion.objects.count(), LineageStatement.objects.count()),
        )


def reevaluate_part(*, part_id: int, worker: str, clock: Clock = timezone.now) -> bool:
    """Carry out a part; False where it is finished, or somebody else is at it."""
    attempt = _take(part_id, worker=worker)
    if attempt is None:
        return False
    try:
        return _carry_out(part_id, is_last_attempt=attempt > MAX_ATTEMPTS, clock=clock)
    except Exception as error:
        words = f"{type(error).__name__}: {error}"[:LONGEST_PROBLEM]
        ReevaluationPart.objects.filter(pk=part_id, finished_at__isnull=True).update(problem=words)
        raise
    except BaseException:  # told to stop: that is nobody's fault
        ReevaluationPart.objects.filter(pk=part_id, finished_at__isnull=True).update(attempt=F("attempt") - 1)
        raise


def reevaluate_from(*, part_id: int, worker: str, clock: Clock = timezone.now) -> int:
    """Carry out a part, then others that nobody has begun, for a while; how many.

    A message a part is enough for that nothing is forgotten; going on without waiting for the next message is faster
    where the broker is polled.
    """
    done = int(reevaluate_part(part_id=part_id, worker=worker, clock=clock))
    until = clock() + GOES_ON
    while clock() < until and (following := _not_begun()) is not None:
        done += reevaluate_part(part_id=following, worker=worker, clock=clock)
    return done


@transaction.atomic
def _not_begun() -> int | None:
    """A part that nobody has taken yet; one that broke off waits for its message."""
    waiting = ReevaluationPart.objects.select_for_update(skip_locked=True).filter(
        finished_at__isnull=True, attempt=0
    )
    return waiting.order_by("pk").values_list("pk", flat=True).first()


@transaction.atomic
def _take(part_id: int, *, worker: str) -> int | None:
    """Count an attempt, before anything can go wrong with it."""
    part = _locked(part_id)
    if part is None:
        return None
    part.attempt, part.worker = part.attempt + 1, worker
    part.save(update_fields=["attempt", "worker"])
    return part.attempt


def _end_if_silent() -> None:
    """Have the database end this transaction where nothing is heard of it: its machine may have lost power."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
            [f"{settings.LEASE_SECONDS}s"],
        )


def _locked(part_id: int) -> ReevaluationPart | None:
    """The part, if it is open and nobody else holds it."""
    open_parts = ReevaluationPart.objects.filter(pk=part_id, finished_at__isnull=True)
    return (
        open_parts.select_for_update(skip_locked=True, of=("self",))
        .select_related("reevaluation__environment")
        .first()
    )


@transaction.atomic
def _carry_out(part_id: int, *, is_last_attempt: bool, clock: Clock) -> bool:
    _end_if_silent()
    part = _locked(part_id)
    if part is None:
        return False
    approvals, answers, inputs = _judged(part, gives_up=is_last_attempt, clock=clock)
    now = clock()
    outcomes, decisions = _record(approvals, answers, now=now)
    recorded = len(decisions)
    decisions += consequences.follow(outcomes, reevaluation=part.reevaluation, now=now)
    log.append_all(decisions)
    counts = dict.fromkeys(("worse", "better", "same", "failed"), 0)
    for outcome in outcomes:
        counts[outcome.counted] += 1
    part.finished_at, part.catalog_digest = now, inputs.catalog_digest
    part.save(update_fields=["finished_at", "catalog_digest"])
    reevaluations.count(part, {**counts, "done": len(outcomes), "recorded": recorded}, now=now)
    return True


def _judged(
    part: ReevaluationPart, *, gives_up: bool, clock: Clock
) -> tuple[list[Approval], list[Judgement | Failure], Inputs]:
    """The part's approvals and their verdicts, from what is in force at the moment when their turn comes.

    Computed before the turn is taken, so that others wait only while it is written; and again where something
    changed meanwhile, so that an older verdict never replaces a newer one.
    """
    for _ in range(MAX_ROUNDS):
        now = clock()
        inputs = Inputs.at(now)
        approvals = _approvals(part, at=now)
        if gives_up:
            answers: list[Judgement | Failure] = [_gave_up(part)] * len(approvals)
        else:
            answers = bulk_evaluation.judge_many(
                [(row.version, row.environment) for row in approvals],
                organization=inputs.organization,
                on=now.date(),
                terms=catalogs.at(inputs.catalog_digest),
            )
        suspensions.take_turns(row.pk for row in approvals)
        if Inputs.at(clock()) == inputs:
            return approvals, answers, inputs
    raise InputsKeepChanging(f"{part} was computed {MAX_ROUNDS} times, and each time something had changed")


def _approvals(part: ReevaluationPart, *, at: datetime) -> list[Approval]:
    rows = reevaluations.in_force(at=at, environment=part.reevaluation.environment)
    return list(
        rows.filter(pk__range=(part.first_id, part.last_id))
        .select_related("version__registered_model", "environment", "evaluation")
        .defer("version__card", "evaluation__request")
        .order_by("pk")
    )


def _gave_up(part: ReevaluationPart) -> Failure:
    return Failure(
        "evaluation_failed", f"{MAX_ATTEMPTS} attempts broke off; the last one said: {part.problem[:500]}"
    )


def _record(
    approvals: list[Approval], answers: list[Judgement | Failure], *, now: datetime
) -> tuple[list[Outcome], list[log.Decision]]:
    """Write the evaluations that say something new.

    One that says what the last one said is not written again: the campaign and its part say that it was confirmed,
    when, and against which catalogue. The log and the table then grow with what changes, not with the calendar.
    """
    last = _last_evaluations(approvals)
    news: dict[int, Evaluation] = {}
    for row, found in zip(approvals, answers, strict=True):
        if isinstance(found, Judgement) and not change.says_the_same(last[row.pk].result, found.result):
            news[row.pk] = evaluate.unsaved(
                found,
                version=row.version,
                environment=row.environment,
                purpose=row.purpose,
                by=RAISED_BY,
                now=now,
            )
    Evaluation.objects.bulk_create(news.values())
    outcomes = [
        Outcome(row, last[row.pk], None, found)
        if isinstance(found, Failure)
        else Outcome(row, last[row.pk], news.get(row.pk, last[row.pk]))
        for row, found in zip(approvals, answers, strict=True)
    ]
    return outcomes, [
        evaluate.logged(row, version=row.version, environment=row.environment) for row in news.values()
    ]


def _last_evaluations(approvals: list[Approval]) -> dict[int, Evaluation]:
    """The newest evaluation of each approval's use; most often it is the one that the approval is bound to."""
    newest = (
        Evaluation.objects.filter(version__in={row.version_id for row in approvals})
        .order_by("version", "environment", "purpose", "-pk")
        .distinct("version", "environment", "purpose")
        .values_list("version", "environment", "purpose", "pk")
    )
    last = {row.pk: row.evaluation for row in approvals}
    keys = {(version, place, purpose): key for version, place, purpose, key in newest}
    others = {
        key: row.pk
        for row in approvals
        if (key := keys[row.version_id, row.environment_id, row.purpose]) != row.evaluation_id
    }
    for found in Evaluation.objects.filter(pk__in=list(others)).defer("request"):
        last[others[found.pk]] = found
    return last
