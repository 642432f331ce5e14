"""Questions "what if": answered at once where they are small, else handed to a worker. The facts stay as they are."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
import zstandard
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from modelcustody_client import canonical

from audit import log
from audit.events import Event
from governance import broker
from governance.actions import policies
from governance.actors import Actor
from governance.errors import GovernanceError
from governance.permissions import Permission
from governance.policy import document
from governance.policy.document import InvalidPolicy, Policy
from registry import catalogs
from registry.actions.organization import facts_in_force
from registry.licensing.changes import Change, parse_change
from registry.lifecycle import RunState
from registry.models import WhatIfRun
from registry.whatif import compare, report, selection
from registry.whatif.compare import Ground
from registry.whatif.report import Report
from registry.whatif.selection import Cells, Selection

logger = structlog.get_logger(__name__)
TASK = "registry.tasks.what_if_task"
LIMIT_SECONDS = 1800
MAX_ATTEMPTS = 3
RESEND_AFTER = timedelta(seconds=30)
# Of the cells that change, so many are kept; the counts are over all of them.
MAX_KEPT = 50_000
MAX_UNPACKED = 512 * 1024 * 1024


class LeaseLost(Exception):
    """The question was given to another worker while this one still worked."""


def proposed(text: str) -> Policy:
    """What a proposed policy says; raises `InvalidPolicy` with the path of the key below `policy`."""
    try:
        return document.parse(text.encode())
    except InvalidPolicy as error:
        raise InvalidPolicy(f"policy.{error.field}", error.reason) from error


def ground(change: Change, *, policy_text: str, now: datetime) -> Ground:
    """What is in force now, and what is moved."""
    try:
        _, policy = policies.in_force()
    except policies.NoPolicy:
        policy = None
    return Ground(
        organization=facts_in_force(at=now),
        change=change,
        now=now,
        terms=catalogs.current(),
        policy=policy,
        proposed=proposed(policy_text) if policy_text else None,
    )


def answer(cells: Cells, on: Ground, *, keeps_all: bool = False) -> Report:
    """The report over all cells, at once."""
    return report.over(compare.compare(cells, on), keeps_all=keeps_all)


@transaction.atomic
def hand_over(
    *, chosen: Selection, change: Change, policy_text: str, cells: Cells, actor: Actor, now: datetime
) -> WhatIfRun:
    """Give a large question to a worker; raises what is wrong with it first."""
    if not actor.may(Permission.POLICY_EDIT):
        actor.require(Permission.EVALUATION_REQUEST)
    on = ground(change, policy_text=policy_text, now=now)
    compare.check(on, cells.environments)
    asked = {"change": change.to_json(), "selection": chosen.to_json(), "policy_text": policy_text}
    digest = canonical.digest(asked)
    run = WhatIfRun.objects.create(
        **asked,
        question_digest=digest,
        asked_by=str(actor),
        asked_at=now,
        dispatched_at=now,
        cells_total=len(cells),
    )
    # The log can be published: what the organisation thinks about gets in by its digest alone.
    log.append(
        event=Event.WHAT_IF_ASKED,
        actor=str(actor),
        subject=f"what-if:{run.pk}",
        body={"question_digest": digest, "cells": len(cells)},
        at=now,
    )
    _send(run.pk)
    return run


def changed_cells(run: WhatIfRun, *, offset: int, limit: int) -> list[dict[str, Any]]:
    """Some of the cells that change, worst first."""
    found = []
    for position, line in enumerate(_lines(run)):
        if position >= offset + limit:
            break
        if position >= offset:
            found.append(json.loads(line))
    return found


def _lines(run: WhatIfRun) -> Iterator[bytes]:
    if run.changed is None:
        return
    content = zstandard.ZstdDecompressor().decompress(bytes(run.changed), max_output_size=MAX_UNPACKED)
    yield from content.splitlines()


def carry_out(*, run_id: int, worker: str) -> None:
    """Answer a question that waits; one that someone else has taken, or that has ended, is left alone."""
    now = timezone.now()
    taken = WhatIfRun.objects.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING,
        worker=worker,
        attempt=F("attempt") + 1,
        started_at=now,
        heartbeat_at=now,
        cells_done=0,
    )
    if not taken:
        return
    run = WhatIfRun.objects.get(pk=run_id)
    try:
        _finish(run, *_answered(run, now=now))
    except LeaseLost:
        logger.info("lease_lost", run=run_id, kind="what_if")
    except GovernanceError as error:
        _end(run, code=error.code, message=error.detail)
    except BaseException:
        _put_back(run)
        raise


def _answered(run: WhatIfRun, *, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The summary and the changed cells; everything is taken as it is when the worker begins."""
    change = parse_change(run.change, on=now.date())
    on = ground(change, policy_text=run.policy_text, now=now)
    cells = selection.choose(_selection(run.selection), now=now)
    found = Report()
    for cell in compare.compare(cells, on):
        found.add(cell)
        if found.cells % selection.CHUNK == 0:
            _beat(run, done=min(found.cells, run.cells_total))
    return {**found.summary(), **basis(on)}, found.worst_first()


def basis(on: Ground) -> dict[str, Any]:
    """What an answer was made from, for whoever reads it later."""
    return {
        "catalog_digest": on.terms.catalog_digest,
        "as_of": on.now.isoformat().replace("+00:00", "Z"),
        "organization_facts": on.organization.profile.pk if on.organization else None,
        "policy_digest": on.policy.policy_digest if on.policy else None,
        "proposed_policy_digest": on.proposed.policy_digest if on.proposed else None,
    }


def _selection(stored: Mapping[str, Any]) -> Selection:
    versions, environments = stored["model_versions"], stored["environments"]
    return Selection(
        tuple(versions) if versions is not None else None,
        tuple(environments) if environments is not None else None,
    )


def _mine(run: WhatIfRun) -> Any:
    return WhatIfRun.objects.filter(pk=run.pk, state=RunState.RUNNING, worker=run.worker, attempt=run.attempt)


def _beat(run: WhatIfRun, *, done: int) -> None:
    if not _mine(run).update(heartbeat_at=timezone.now(), cells_done=done):
        raise LeaseLost


@transaction.atomic
def _finish(run: WhatIfRun, summary: dict[str, Any], changed: list[dict[str, Any]]) -> None:
    now = timezone.now()
    kept = changed[:MAX_KEPT]
    content = b"".join(canonical.dumps(cell) + b"\n" for cell in kept)
    written = _mine(run).update(
        state=RunState.FINISHED,
        finished_at=now,
        cells_done=run.cells_total,
        summary=summary,
        changed=zstandard.ZstdCompressor(level=9).compress(content),
        changed_count=len(kept),
    )
    if not written:
        raise LeaseLost
    _log_end(run, code="", at=now)


@transaction.atomic
def _end(run: WhatIfRun, *, code: str, message: str) -> None:
    now = timezone.now()
    ended = _mine(run).update(
        state=RunState.FINISHED, finished_at=now, code=code[:64], message=message[:2000]
    )
    if ended:
        _log_end(run, code=code[:64], at=now)


def _log_end(run: WhatIfRun, *, code: str, at: datetime) -> None:
    log.append(
        event=Event.WHAT_IF_ANSWERED,
        actor="system:what-if",
        subject=f"what-if:{run.pk}",
        body={"question_digest": run.question_digest, "code": code},
        at=at,
    )


def _put_back(run: WhatIfRun) -> None:
    """Give the question back, or after the last attempt end it."""
    if run.attempt >= MAX_ATTEMPTS:
        _end(run, code="worker_failed", message="The question could not be answered in three attempts.")
        return
    _mine(run).update(
        state=RunState.QUEUED, worker="", heartbeat_at=None, cells_done=0, dispatched_at=timezone.now()
    )


def sweep(now: datetime) -> None:
    """Put back what fell silent, and send again what nobody took."""
    silent = now - timedelta(seconds=settings.LEASE_SECONDS)
    for run in WhatIfRun.objects.filter(state=RunState.RUNNING, heartbeat_at__lt=silent):
        _put_back(run)
    waiting = WhatIfRun.objects.filter(state=RunState.QUEUED, dispatched_at__lte=now - RESEND_AFTER)
    for run in waiting:
        with transaction.atomic():
            if waiting.filter(pk=run.pk).update(dispatched_at=now):
                _send(run.pk)


def _send(run_id: int) -> None:
    """Tell a worker, once the transaction is in; a broker that is away is no loss, the sweep tells again."""
    transaction.on_commit(lambda: broker.tell(TASK, queue="default", run_id=run_id), robust=True)
