"""Which versions of the registry are concluded to be under a license. Reads only."""

from collections import Counter
from collections.abc import Collection

from django.db.models import Count, Q, QuerySet

from registry.background import CONJUNCTION
from registry.models import FindingKind, LicenseConclusion, LicenseFinding, ModelVersion

# So many ways to be under several licenses at once are looked through.
MOST_TOGETHER = 1000


def _by_people() -> QuerySet[LicenseConclusion]:
    """What people concluded, which replaces what the files led to."""
    return LicenseConclusion.objects.filter(superseded_by__isnull=True)


def _by_files() -> QuerySet[LicenseFinding]:
    """What the files led to, where no person concluded otherwise."""
    return LicenseFinding.objects.filter(kind=FindingKind.CONCLUDED).exclude(
        version__in=_by_people().values("version")
    )


def counts(license_ids: Collection[str]) -> dict[str, int]:
    """How many versions are under each of these licenses; one under several counts for each."""
    wanted, found = set(license_ids), Counter[str]()
    for together, number in _by_files().values_list("license_id").annotate(number=Count("*")).order_by():
        for license_id in set(CONJUNCTION.split(together)) & wanted:
            found[license_id] += number
    for several, number in _by_people().values_list("licenses").annotate(number=Count("*")).order_by():
        for license_id in set(several) & wanted:
            found[license_id] += number
    return dict(found)


def versions_under(license_id: str) -> QuerySet[ModelVersion]:
    """The versions that are under this license, alone or with others, newest first."""
    several = Q(license_id__contains=" AND ") | Q(license_id__contains=",")
    words = _by_files().filter(several).values_list("license_id", flat=True).distinct()[:MOST_TOGETHER]
    matching = [together for together in words if license_id in CONJUNCTION.split(together)]
    by_files = _by_files().filter(license_id__in=[license_id, *matching]).values("version")
    by_people = _by_people().filter(licenses__contains=[license_id]).values("version")
    return ModelVersion.objects.filter(Q(pk__in=by_files) | Q(pk__in=by_people)).order_by("-pk")
