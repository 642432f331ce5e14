"""Which versions of the registry are concluded to be under a license, by rules or by a person. Reads only."""

from collections import Counter
from collections.abc import Collection

from django.db.models import Count, Q, QuerySet

from registry.background import CONJUNCTION
from registry.models import FindingKind, LicenseConclusion, LicenseFinding, ModelVersion


def counts(license_ids: Collection[str]) -> dict[str, int]:
    """How many versions are under each of these licenses; one under several counts for each."""
    found: Counter[str] = Counter()
    for together, number in _by_rules().values_list("license_id").annotate(number=Count("*")).order_by():
        for license_id in set(CONJUNCTION.split(together)) & set(license_ids):
            found[license_id] += number
    for chosen in _by_people().filter(licenses__overlap=list(license_ids)).values_list("licenses", flat=True):
        found.update(set(chosen) & set(license_ids))
    return dict(found)


def versions_under(license_id: str) -> QuerySet[ModelVersion]:
    """The versions that are under this license, alone or with others, newest first."""
    alone = Q(license_id=license_id)
    several = Q(license_id__contains=" AND ") | Q(license_id__contains=",")
    words = set(_by_rules().filter(several).values_list("license_id", flat=True).distinct()[:1000])
    matching = [together for together in words if license_id in CONJUNCTION.split(together)]
    findings = _by_rules().filter(alone | Q(license_id__in=matching))
    people = _by_people().filter(licenses__contains=[license_id])
    return ModelVersion.objects.filter(
        Q(pk__in=findings.values("version")) | Q(pk__in=people.values("version"))
    ).order_by("-pk")


def _by_rules() -> QuerySet[LicenseFinding]:
    """The conclusions of the rules that no person's conclusion took the place of."""
    return LicenseFinding.objects.filter(
        kind=FindingKind.CONCLUDED, version__license_conclusions__isnull=True
    )


def _by_people() -> QuerySet[LicenseConclusion]:
    return LicenseConclusion.objects.filter(superseded_by__isnull=True)
