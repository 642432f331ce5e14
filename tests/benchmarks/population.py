"""A registry of many approved versions, written in bulk: what a large organisation's looks like after some years."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection, transaction

from governance.actors import Actor
from governance.models import PolicyDocument
from governance.permissions import Role
from registry import bulk_evaluation, catalogs, models
from registry.attestations import FactsInForce
from registry.evaluation import Judgement
from registry.licensing import catalog
from tests import factories

BASES = 200
CHUNK = 1000
# How versions are related to the bases: none, one, two, or behind another derivative.
SHAPES = ("plain", "child", "merge", "grandchild")
T = TypeVar("T")


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def people() -> tuple[Actor, Actor]:
    return factories.actor(Role.OFFICER), factories.actor(Role.REVIEWER)


def permitted(places: list[models.ServingEnvironment], facts: FactsInForce, on: Any) -> list[str]:
    """The licences under which a version of its own may be used in every place."""
    terms = catalogs.current()
    names = sorted(set(terms.licenses) - {catalog.UNKNOWN})
    rows = resolved(
        [(f"probe-{place}", name, ()) for place, name in enumerate(names)],
        officer=factories.actor(Role.OFFICER),
    )
    found = []
    for name, row in zip(names, rows, strict=True):
        answers = bulk_evaluation.judge_many(
            [(row, place) for place in places], organization=facts, on=on, terms=terms
        )
        if all(isinstance(one, Judgement) and one.verdict.startswith("allowed") for one in answers):
            found.append(name)
    return found


def resolved(
    wanted: Sequence[tuple[str, str, Sequence[tuple[str, str]]]], *, officer: Actor
) -> list[models.ModelVersion]:
    """Resolved versions by (name, licence, (relation, base) pairs)."""
    rows: list[models.ModelVersion] = []
    for part in chunks(wanted):
        rows += _resolved(part, officer=officer)
    return rows


@transaction.atomic
def _resolved(
    wanted: Sequence[tuple[str, str, Sequence[tuple[str, str]]]], *, officer: Actor
) -> list[models.ModelVersion]:
    named = models.RegisteredModel.objects.bulk_create(
        models.RegisteredModel(publisher="bench", name=name, created_by=officer.user) for name, *_ in wanted
    )
    rows = models.ModelVersion.objects.bulk_create(
        models.ModelVersion(
            registered_model=model,
            source_kind="folder",
            location=f"/models/{model.name}",
            submitted_by=officer.user,
        )
        for model in named
    )
    models.LicenseFinding.objects.bulk_create(
        models.LicenseFinding(
            version=row, kind="concluded", license_id=license_id, method="written for a benchmark"
        )
        for row, (_, license_id, _) in zip(rows, wanted, strict=True)
    )
    models.LineageEdge.objects.bulk_create(
        models.LineageEdge(version=row, relation=relation, base_model=f"bench/{base}")
        for row, (_, _, bases) in zip(rows, wanted, strict=True)
        for relation, base in bases
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registry_modelversion SET status = 'resolved', resolved_at = now(), size_bytes = 1, file_count = 1,"
            " manifest_digest = 'sha256:' || encode(sha256(('manifest ' || id)::bytea), 'hex'),"
            " model_digest = 'sha256:' || encode(sha256(('model ' || id)::bytea), 'hex') WHERE id = ANY(%s)",
            [[row.pk for row in rows]],
        )
    return list(
        models.ModelVersion.objects.filter(pk__in=[row.pk for row in rows])
        .select_related("registered_model")
        .order_by("pk")
    )


def shaped(number: int, license_id: str, bases: Sequence[str]) -> tuple[str, str, list[tuple[str, str]]]:
    """One version: its name, its licence, and what it was made from."""
    shape = SHAPES[number % len(SHAPES)]
    first, second = bases[number % len(bases)], bases[(number * 7 + 1) % len(bases)]
    edges = {
        "plain": [],
        "child": [("finetune", first)],
        "merge": [("merge", first), ("merge", second)],
        "grandchild": [("quantized", f"derived-{number % BASES}")],
    }[shape]
    return f"model-{number}", license_id, list(dict.fromkeys(edges))


def populate(count: int, *, facts: FactsInForce, places: int, use: dict[str, Any], now: datetime) -> int:
    """So many versions, each with a live approval in one of the environments; how many approvals."""
    officer, reviewer = people()
    environments = [factories.environment(name=f"place-{number}", use=use) for number in range(places)]
    licenses = permitted(environments, facts, now.date())
    bases = [f"base-{number}" for number in range(BASES)]
    under = dict(zip(bases, itertools.cycle(licenses), strict=False))
    resolved([(name, license_id, ()) for name, license_id in under.items()], officer=officer)
    resolved(
        [(f"derived-{n}", licenses[n % len(licenses)], [("finetune", bases[n])]) for n in range(BASES)],
        officer=officer,
    )
    wanted = [shaped(number, licenses[number % len(licenses)], bases) for number in range(count)]
    rows = resolved(wanted, officer=officer)
    made = 0
    for part in chunks(rows):
        made += _approved(part, environments, facts, officer, reviewer, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


@transaction.atomic
def _approved(
    rows: Sequence[models.ModelVersion],
    places: Sequence[models.ServingEnvironment],
    facts: FactsInForce,
    officer: Actor,
    reviewer: Actor,
    *,
    now: datetime,
) -> int:
    questions = [(row, places[row.pk % len(places)]) for row in rows]
    answers = bulk_evaluation.judge_many(
        questions, organization=facts, on=now.date(), terms=catalogs.current()
    )
    judged = [
        (row, place, found)
        for (row, place), found in zip(questions, answers, strict=True)
        if isinstance(found, Judgement) and found.verdict.startswith("allowed")
    ]
    runs = models.VerificationRun.objects.bulk_create(
        models.VerificationRun(
            version=row,
            manifest_digest=row.manifest_digest,
            requested_by="user:bench",
            requested_at=now,
            state="finished",
            outcome="pass",
            finished_at=now,
        )
        for row, _, _ in judged
    )
    evaluations = models.Evaluation.objects.bulk_create(
        models.Evaluation(
            version=row,
            environment=place,
            purpose="assistant",
            organization=found.organization.profile if found.organization else None,
            verdict=found.verdict,
            request=found.request,
            result=found.result,
            evaluation_digest=found.evaluation_digest,
            catalog_digest=found.result["catalog_digest"],
            evaluated_by=str(officer),
            evaluated_at=now,
        )
        for row, place, found in judged
    )
    policy = PolicyDocument.objects.latest("pk")
    approvals = models.Approval.objects.bulk_create(
        models.Approval(
            version=row,
            environment=place,
            purpose="assistant",
            manifest_digest=row.manifest_digest,
            verification_run=run,
            evaluation=evaluation,
            policy=policy,
            requested_by=officer.user,
            requested_at=now,
            expires_at=now + timedelta(days=90),
        )
        for (row, place, _), run, evaluation in zip(judged, runs, evaluations, strict=True)
    )
    models.Approval.objects.filter(pk__in=[row.pk for row in approvals]).update(
        status="approved", decided_by=reviewer.user, decided_at=now
    )
    return len(approvals)
