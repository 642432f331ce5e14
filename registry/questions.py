"""What a verification is asked beside the files, built from what is on record about a version."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from governance.actions import policies
from governance.policy.signature import SignaturePolicy
from registry import background, catalogs, evidence, origin
from registry.lifecycle import Outcome, RunState, Status
from registry.models import (
    CheckResult,
    LineageEdge,
    LineageStatement,
    ModelVersion,
    SourceObservation,
    VerificationRun,
)
from registry.models.conclusion import NOBODY
from registry.observed import from_json
from registry.verification.examination import BaseCopy, Question
from registry.verification.subject import Ancestor, LicenseClaim
from registry.verification.wire import NOT_SHOWN

# A merge may name any number of ancestors; each one that is looked at costs memory and time.
MOST_BASES = 4
# Checks that hold what was read against the manifest: after one of them failed, its digests say nothing of the disk.
OF_BYTES = ("C2-file-set", "C3-digests")


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question, and for the record which rows it was made from."""

    question: Question
    sources: dict[str, Any]


def question_of(version: ModelVersion, *, now: datetime) -> Question:
    """Everything that the checks of one run are given beside the files."""
    return asked_of(version, now=now).question


def inputs_of(asked: Asked, **surroundings: Any) -> dict[str, Any]:
    """What the record of a run says of its inputs; `surroundings` are limits, tools, host and the like."""
    return {**asked.sources, "examined_on": asked.question.examined_on, **surroundings}


def asked_of(version: ModelVersion, *, now: datetime) -> Asked:
    """The question about a version, with the names of the policy, catalogue, looks and ancestors it rests on."""
    lineage = tuple(_lineage(version))
    bases = list(_bases(version, lineage))
    looks = version.observations.order_by("pk")
    first, newest = looks.first(), looks.last()
    policy_digest, signing = _policy()
    question = Question(
        source_kind=version.source_kind,
        revision=version.revision,
        expected=origin.expected_files(version),
        licenses=tuple(_claims(version)),
        model=str(version.registered_model),
        examined_on=now.isoformat(),
        lineage=lineage,
        bases=tuple(copy for _, copy in bases),
        observed=from_json(newest.facts) if newest else None,
        observed_on=newest.observed_at.isoformat() if newest else "",
        earlier=from_json(first.facts) if first else None,
        trusted=signing.trusted,
        signature_required=signing.is_required(str(version.registered_model)),
        last_read=_last_read(version),
    )
    sources = {
        "policy": policy_digest,
        "catalog": catalogs.current().catalog_digest,
        "observed": _look(newest),
        "earlier": _look(first),
        "bases": [_base_json(row, copy) for row, copy in bases],
    }
    return Asked(question, sources)


def _claims(version: ModelVersion) -> Iterator[LicenseClaim]:
    """What was found about the licence, and what a person concluded from it."""
    for finding in version.license_findings.order_by("pk"):
        yield LicenseClaim(finding.kind, finding.license_id, finding.path)
    row = background.newest_conclusion(version)
    if row is not None:
        yield LicenseClaim("settled", " AND ".join(row.licenses), by=f"user:{row.concluded_by.username}")


def _lineage(version: ModelVersion) -> Iterator[Ancestor]:
    """The ancestors that its files name, then those that people stated; each once."""
    stated = [row for row in background.standing_statements(version) if row.relation != NOBODY]
    rows: list[LineageEdge | LineageStatement] = [*version.lineage.order_by("pk"), *stated]
    known = set()
    for row in rows:
        ancestor = Ancestor(row.base_model, row.relation, row.base_revision)
        if ancestor not in known:
            known.add(ancestor)
            yield ancestor


def _bases(version: ModelVersion, lineage: tuple[Ancestor, ...]) -> Iterator[tuple[ModelVersion, BaseCopy]]:
    """The stored copies of its ancestors, the first few of them, each once."""
    known: set[int] = set()
    for ancestor in lineage:
        row = _registered(ancestor)
        if row is None or row.pk == version.pk or row.pk in known:
            continue
        known.add(row.pk)
        yield (
            row,
            BaseCopy(
                model=ancestor.model,
                relation=ancestor.relation,
                root=str(origin.folder_of(row)),
                expected=origin.expected_files(row),
                is_verified=evidence.is_verified(row),
            ),
        )
        if len(known) == MOST_BASES:
            return


def _registered(ancestor: Ancestor) -> ModelVersion | None:
    """The version that an ancestor's name means here: the commit that was named, else the newest resolved one."""
    publisher, _, name = ancestor.model.partition("/")
    rows = ModelVersion.objects.filter(
        registered_model__publisher=publisher, registered_model__name=name, status=Status.RESOLVED
    ).order_by("-resolved_at", "-pk")
    if background.COMMIT.fullmatch(ancestor.revision):
        rows = rows.filter(revision=ancestor.revision)
    elif ancestor.revision:
        # A branch or tag: the version that was registered from it, where there is one.
        return rows.filter(requested_revision=ancestor.revision).first() or rows.first()
    return rows.first()


def _last_read(version: ModelVersion) -> dict[str, tuple[tuple[int, ...], str]]:
    """The state and digest of each file when it was last read and found to be the manifest's."""
    run = (
        version.verificationruns.filter(state=RunState.FINISHED, manifest_digest=version.manifest_digest)
        .exclude(file_states={})
        .order_by("-pk")
        .first()
    )
    if run is None:
        return {}
    wrong = _wrong_paths(run)
    if wrong & {"", NOT_SHOWN}:
        return {}
    digests = dict(version.artifacts.values_list("path", "sha256"))
    return {
        path: (tuple(state), digests[path])
        for path, state in run.file_states.items()
        if path in digests and path not in wrong
    }


def _wrong_paths(run: VerificationRun) -> set[str]:
    """What a run did not find as the manifest lists it; "" or `NOT_SHOWN` where it does not tell of every file."""
    rows = CheckResult.objects.filter(
        run=run, check_id__in=OF_BYTES, outcome__in=[Outcome.FAIL, Outcome.ERROR]
    )
    return set(rows.values_list("path", flat=True))


def _policy() -> tuple[str | None, SignaturePolicy]:
    """The policy in force by its digest, and whose signatures count under it; without one nobody's do."""
    try:
        row, policy = policies.in_force()
    except policies.NoPolicy:
        return None, SignaturePolicy(required=False)
    return row.policy_digest, policy.signature


def _look(row: SourceObservation | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"id": row.pk, "digest": row.facts_digest, "observed_at": row.observed_at.isoformat()}


def _base_json(row: ModelVersion, copy: BaseCopy) -> dict[str, Any]:
    return {
        "model": copy.model,
        "relation": copy.relation,
        "model_version": row.pk,
        "manifest_digest": row.manifest_digest,
        "is_verified": copy.is_verified,
    }
