"""Campaigns that evaluate everything approved again: asked for by a change, by a new day, or by a person.

A campaign and its parts are written in the transaction of what causes them. A message that gets lost, or a worker
that dies, loses nothing: `sweep` sends again what nobody finished.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, F, QuerySet

from audit import log
from audit.events import Event
from governance import broker
from governance.actors import Actor
from governance.permissions import Permission
from registry.lifecycle import ApprovalStatus
from registry.models import (
    Approval,
    Cause,
    OrganizationProfile,
    Reevaluation,
    ReevaluationPart,
    ServingEnvironment,
)

TASK = "registry.tasks.reevaluate_part_task"
BEAT = "system:beat"
# Approvals are locked in groups of neighbours, and a part holds whole groups: parts do not wait for each other.
GROUP_BITS = 6
PART_SIZE = 500
LARGEST_ID = 2**63 - 1
# Parts beyond these are sent by the sweep, so that the request which causes a large campaign stays short.
SENT_AT_ONCE = 64
SENT_A_SWEEP = 256
RESEND_AFTER = timedelta(seconds=15)
RESEND_AT_LEAST = timedelta(seconds=60)
# A change that takes effect later is looked for this long; the daily campaign has seen it by then in any case.
LOOK_BACK = timedelta(days=7)


def in_force(*, at: datetime, environment: ServingEnvironment | None = None) -> QuerySet[Approval]:
    """The approvals that count at a time, everywhere or in one environment."""
    rows = Approval.objects.filter(status=ApprovalStatus.APPROVED, expires_at__gt=at)
    return rows if environment is None else rows.filter(environment=environment)


@transaction.atomic
def request(
    *,
    cause: Cause,
    because: str,
    by: object,
    now: datetime,
    environment: ServingEnvironment | None = None,
) -> Reevaluation:
    """Have everything approved evaluated again, once the caller's transaction is in."""
    groups = list(
        in_force(at=now, environment=environment)
        .annotate(group=F("pk").bitrightshift(GROUP_BITS))
        .values_list("group")
        .annotate(number=Count("*"))
        .order_by("group")
    )
    campaign = Reevaluation.objects.create(
        cause=cause,
        because=because,
        environment=environment,
        requested_by=str(by),
        requested_at=now,
        total=sum(number for _, number in groups),
    )
    parts = ReevaluationPart.objects.bulk_create(
        ReevaluationPart(
            reevaluation=campaign,
            first_id=first,
            last_id=last,
            dispatched_at=now if place < SENT_AT_ONCE else now - RESEND_AT_LEAST,
        )
        for place, (first, last) in enumerate(_ranges(groups))
    )
    log.append(
        event=Event.REEVALUATION_REQUESTED,
        actor=str(by),
        subject=f"reevaluation:{campaign.pk}",
        body={
            "cause": str(cause),
            "because": because,
            "environment": environment.name if environment else None,
            "total": campaign.total,
        },
        at=now,
    )
    _send([part.pk for part in parts[:SENT_AT_ONCE]])
    return campaign


def request_if_any(*, cause: Cause, because: str, by: object, now: datetime) -> Reevaluation | None:
    """The same, where anything is approved; a change that comes often would else fill the list with empty campaigns."""
    return request(cause=cause, because=because, by=by, now=now) if in_force(at=now).exists() else None


def request_by_person(*, actor: Actor, now: datetime) -> Reevaluation:
    """Have everything approved evaluated again because someone wants to know."""
    actor.require(Permission.REEVALUATION_REQUEST)
    return request(cause=Cause.REQUESTED, because="request", by=actor, now=now)


def _ranges(groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges of numbers without gaps, so that an approval given meanwhile belongs to one of them too."""
    first, held = 0, 0
    for group, number in groups:
        if held and held + number > PART_SIZE:
            yield first, (group << GROUP_BITS) - 1
            first, held = group << GROUP_BITS, 0
        held += number
    yield first, LARGEST_ID


def begin_due(now: datetime) -> list[Reevaluation]:
    """Campaigns that time itself asks for: facts that took effect, and a new day (months roll over, grants end)."""
    found = [_once(Cause.FACTS, because, now=now) for because in _took_effect(now)]
    if in_force(at=now).exists():
        found.append(_once(Cause.SCHEDULED, f"day:{now:%Y-%m-%d}", now=now))
    return [campaign for campaign in found if campaign is not None]


def _took_effect(now: datetime) -> list[str]:
    rows = OrganizationProfile.objects.filter(
        effective_at__lte=now, effective_at__gt=now - LOOK_BACK, attested_at__lt=F("effective_at")
    )
    return [f"organization-facts:{key}" for key in rows.order_by("effective_at").values_list("pk", flat=True)]


def _once(cause: Cause, because: str, *, now: datetime) -> Reevaluation | None:
    """The campaign, unless it was asked for before; of two schedulers one asks."""
    if Reevaluation.objects.filter(cause=cause, because=because).exists():
        return None
    try:
        with transaction.atomic():
            return request(cause=cause, because=because, by=BEAT, now=now)
    except IntegrityError as error:
        if "registry_reevaluation_once" not in str(error):
            raise
        return None


@transaction.atomic
def sweep(now: datetime) -> int:
    """Send again the parts that nobody finished and nobody works on; how many."""
    # A part under work is locked by its worker, and passed over; a worker that died holds no lock.
    waiting = (
        ReevaluationPart.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(finished_at__isnull=True, dispatched_at__lte=now - RESEND_AFTER)
        .select_related("reevaluation")
        .order_by("dispatched_at", "pk")[:SENT_A_SWEEP]
    )
    due = [part.pk for part in waiting if now - part.dispatched_at >= _patience(part)]
    ReevaluationPart.objects.filter(pk__in=due).update(dispatched_at=now)
    _send(due)
    return len(due)


def _patience(part: ReevaluationPart) -> timedelta:
    """How long a message is waited for: the longer the part has waited, the longer, up to a limit."""
    waited = part.dispatched_at - part.reevaluation.requested_at
    return min(max(RESEND_AFTER, waited), RESEND_AT_LEAST)


def _send(parts: list[int]) -> None:
    """Tell the workers, once the transaction is in; a broker that is away is no loss, the sweep tells again."""

    def send() -> None:
        for part_id in parts:
            broker.tell(TASK, queue="default", part_id=part_id)

    transaction.on_commit(send, robust=True)


def count(part: ReevaluationPart, counts: dict[str, int], *, now: datetime) -> None:
    """Add a finished part to its campaign, and end the campaign with its last one.

    The campaign's row is written last: of two parts that end at once, the second sees the first.
    """
    campaigns = Reevaluation.objects.filter(pk=part.reevaluation_id)
    campaigns.update(**{name: F(name) + number for name, number in counts.items()})
    if ReevaluationPart.objects.filter(reevaluation=part.reevaluation_id, finished_at__isnull=True).exists():
        return
    campaigns.update(finished_at=now)
    campaign = campaigns.get()
    log.append(
        event=Event.REEVALUATION_FINISHED,
        actor="system:reevaluation",
        subject=f"reevaluation:{campaign.pk}",
        body={
            "cause": campaign.cause,
            "because": campaign.because,
            **{name: getattr(campaign, name) for name in ("total", "done", *sorted(counts))},
        },
        at=now,
    )
