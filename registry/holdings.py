"""Which versions of the registry are concluded to be under a license. Reads only."""

from collections import Counter
from collections.abc import Collection

from django.db.models import Count, Q, QuerySet

from registry.evaluation import CONJUNCTION
from registry.models import FindingKind, LicenseFinding, ModelVersion


def counts(license_ids: Collection[str]) -> dict[str, int]:
    """How many versions are under each of these licenses; one under several counts for each."""
    rows = (
        LicenseFinding.objects.filter(kind=FindingKind.CONCLUDED)
        .values_list("license_id")
        .annotate(number=Count("*"))
        .order_by()
    )
    found: Counter[str] = Counter()
    for together, number in rows:
        for license_id in set(CONJUNCTION.split(together)) & set(license_ids):
            found[license_id] += number
    return dict(found)


def versions_under(license_id: str) -> QuerySet[ModelVersion]:
    """The versions that are under this license, alone or with others, newest first."""
    alone = Q(license_id=license_id)
    several = Q(license_id__contains=" AND ") | Q(license_id__contains=",")
    words = set(
        LicenseFinding.objects.filter(several, kind=FindingKind.CONCLUDED)
        .values_list("license_id", flat=True)
        .distinct()[:1000]
    )
    matching = [together for together in words if license_id in CONJUNCTION.split(together)]
    findings = LicenseFinding.objects.filter(alone | Q(license_id__in=matching), kind=FindingKind.CONCLUDED)
    return ModelVersion.objects.filter(pk__in=findings.values("version")).order_by("-pk")
