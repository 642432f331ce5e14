"""What is known of many registered versions at this moment, with as many queries as for one; reads only."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Case, F, JSONField, When

from registry import evidence, standing, suspended
from registry.admission.axes import Candidate, CheckEvidence
from registry.models import Approval, Artifact, CheckResult, ModelVersion, SmokeRun, VerificationRun
from registry.standing import Gathered


def bases(versions: Sequence[ModelVersion]) -> dict[int, Candidate]:
    """Each version with its newest evidence and its approvals; files, licence and origin are left out."""
    ids = [row.pk for row in versions]
    verifications = evidence.current_of(VerificationRun, ids)
    smokes = evidence.current_of(SmokeRun, ids)
    checks = _checks([run.pk for run in verifications.values()])
    formats = _formats(ids)
    approvals: dict[int, list[Approval]] = defaultdict(list)
    rows = suspended.marked(Approval.objects.filter(version__in=ids).select_related("environment"))
    for approval in rows.order_by("pk"):
        approvals[approval.version_id].append(approval)
    found = {}
    for row in versions:
        verification = verifications.get(row.pk)
        gathered = Gathered(
            verification=verification,
            smoke=smokes.get(row.pk),
            checks=checks.get(verification.pk, ()) if verification else (),
            formats=frozenset(formats.get(row.pk, ())) if row.manifest_digest else None,
            approvals=tuple(approvals[row.pk]),
        )
        found[row.pk] = standing.assembled(row, gathered)
    return found


def _checks(run_ids: Iterable[int]) -> dict[int, tuple[CheckEvidence, ...]]:
    # Evidence can be large, and admission needs that of signatures only.
    signed = Case(When(check_id=standing.SIGNATURE, then=F("evidence")), output_field=JSONField())
    rows = CheckResult.objects.filter(run__in=list(run_ids)).defer("evidence").annotate(signed=signed)
    found: dict[int, list[CheckEvidence]] = defaultdict(list)
    for row in rows.order_by("check_id", "path"):
        found[row.run_id].append(standing.check_evidence(row, signed=row.signed))
    return {run: tuple(items) for run, items in found.items()}


def _formats(ids: Iterable[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    rows = Artifact.objects.filter(version__in=list(ids), role="weight").values_list("version", "path")
    for version, path in rows:
        found[version].add(standing.format_of(path))
    return found
