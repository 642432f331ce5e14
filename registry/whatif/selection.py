"""Which versions are held against which environments, with the approvals that stand there; reads only."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet

from governance.errors import InvalidInput
from registry.lifecycle import ApprovalStatus
from registry.models import Approval, ModelVersion, ServingEnvironment

# Above this, a question is a job for a worker.
MAX_CELLS_AT_ONCE = 2_000
# No question is larger; the registry is meant to hold fewer.
MAX_CELLS = 200_000
MAX_VERSIONS = 1_000
MAX_ENVIRONMENTS = 200
CHUNK = 500


class UnknownVersion(InvalidInput):
    """A version that is named does not exist, or is not resolved."""

    code = "unknown_model_version"


class UnknownEnvironment(InvalidInput):
    """No environment has this name."""

    code = "unknown_environment"


class TooLarge(InvalidInput):
    """More versions and environments than one question may be about."""

    code = "what_if_too_large"


@dataclass(frozen=True)
class Pair:
    """One version in one environment, and the approvals in force there."""

    version: ModelVersion
    environment: ServingEnvironment
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True)
class Selection:
    """What is asked about: these versions or all that are approved, in these environments.

    Named versions are held against every environment, or those named; what is approved, where it is approved.
    """

    versions: tuple[int, ...] | None = None
    environments: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, object]:
        """The selection as it is sent and stored."""
        return {
            "model_versions": list(self.versions) if self.versions is not None else None,
            "environments": list(self.environments) if self.environments is not None else None,
        }


def approvals_in_force(*, now: datetime) -> QuerySet[Approval]:
    """The approvals that count at a time."""
    return Approval.objects.filter(status=ApprovalStatus.APPROVED, expires_at__gt=now)


@dataclass(frozen=True)
class Cells:
    """The keys of every cell, in order; versions and environments are read in chunks."""

    keys: tuple[tuple[int, int], ...]
    environments: dict[int, ServingEnvironment]
    now: datetime

    def __len__(self) -> int:
        return len(self.keys)

    def chunks(self) -> Iterator[list[Pair]]:
        """The cells, some hundred at a time."""
        keys = iter(self.keys)
        while part := list(islice(keys, CHUNK)):
            yield self._pairs(part)

    def _pairs(self, keys: Sequence[tuple[int, int]]) -> list[Pair]:
        ids = {version for version, _ in keys}
        versions = ModelVersion.objects.select_related("registered_model").in_bulk(ids)
        standing: dict[tuple[int, int], list[Approval]] = defaultdict(list)
        for row in approvals_in_force(now=self.now).filter(version__in=ids).order_by("pk"):
            standing[row.version_id, row.environment_id].append(row)
        return [Pair(versions[v], self.environments[e], tuple(standing[v, e])) for v, e in keys]


def choose(selection: Selection, *, now: datetime) -> Cells:
    """The cells of a selection; raises `UnknownVersion`, `UnknownEnvironment` or `TooLarge`."""
    environments = {row.pk: row for row in _environments(selection.environments)}
    if selection.versions is None:
        keys = [key for key in _approved_pairs(now=now) if key[1] in environments]
    else:
        versions = _versions(selection.versions)
        if len(versions) * len(environments) > MAX_CELLS:
            raise TooLarge(
                f"A question is about at most {MAX_CELLS:,} cells, versions times environments; narrow it.",
                field="model_versions",
            )
        keys = [(version, environment) for version in versions for environment in environments]
    if len(keys) > MAX_CELLS:
        raise TooLarge(
            f"A question is about at most {MAX_CELLS:,} cells; name fewer environments.", field="environments"
        )
    return Cells(tuple(keys), environments, now)


def _approved_pairs(*, now: datetime) -> list[tuple[int, int]]:
    rows = approvals_in_force(now=now).order_by("version", "environment")
    return list(rows.values_list("version", "environment").distinct())


def _environments(names: Iterable[str] | None) -> list[ServingEnvironment]:
    rows = ServingEnvironment.objects.order_by("name")
    if names is None:
        return list(rows)
    wanted = list(dict.fromkeys(names))
    found = {row.name: row for row in rows.filter(name__in=wanted)}
    for index, name in enumerate(wanted):
        if name not in found:
            raise UnknownEnvironment(f"There is no environment {name!r}.", field=f"environments[{index}]")
    return [found[name] for name in wanted]


def _versions(ids: Sequence[int]) -> list[int]:
    wanted = list(dict.fromkeys(ids))
    known = set(
        ModelVersion.objects.filter(pk__in=wanted, manifest_digest__isnull=False).values_list("pk", flat=True)
    )
    for index, version in enumerate(wanted):
        if version not in known:
            raise UnknownVersion(
                f"There is no resolved model version {version}.", field=f"model_versions[{index}]"
            )
    return wanted
