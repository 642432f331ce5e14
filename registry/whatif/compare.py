"""The verdict of versions in environments now and under moved facts or another policy; writes nothing."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from governance.errors import Conflict
from governance.policy.document import Policy
from registry import bulk_evaluation, evaluation
from registry.attestations import FactsInForce
from registry.bulk_evaluation import Failure
from registry.evaluation import Judgement
from registry.licensing import facts
from registry.licensing.catalog import Catalog
from registry.licensing.changes import PARTS, Change
from registry.licensing.comparison import Difference, Effect, difference
from registry.licensing.facts import InvalidFacts
from registry.models import ServingEnvironment
from registry.whatif import admissions
from registry.whatif.admissions import AdmissionChange, Answered
from registry.whatif.selection import Cells, Pair

# What is kept beside a question and is no part of it.
NOT_ASKED = frozenset({"known", "attestations"})


class FactsOutdated(Conflict):
    """Facts or a use that are on record are no longer in the vocabulary, so there is nothing to compare with."""

    code = "facts_outdated"


class NoVerdict(RuntimeError):
    """The licence engine broke on a registered version; nothing can be compared."""


@dataclasses.dataclass(frozen=True)
class Ground:
    """What everything is held against now, and what is moved."""

    organization: FactsInForce | None
    change: Change
    now: datetime
    terms: Catalog
    policy: Policy | None = None
    proposed: Policy | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The organisation's facts in force."""
        return dict(self.organization.facts) if self.organization else {}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One version in one environment, before and after."""

    pair: Pair
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    difference: Difference
    admissions: tuple[AdmissionChange, ...] = ()

    @property
    def effect(self) -> Effect:
        """The worst that happens here: to the verdict, or to an approval."""
        found = {self.difference.effect, *(item.effect for item in self.admissions)}
        return next(effect for effect in Effect if effect in found)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences; what ends an admission first."""
        ends = (text for item in self.admissions for text in item.sentences)
        return tuple(dict.fromkeys([*ends, *self.difference.reasons]))


def check(ground: Ground, environments: Mapping[int, ServingEnvironment]) -> None:
    """Raise `InvalidFacts` where moved facts contradict each other, `FactsOutdated` where those on record do."""
    on = ground.now.date()
    _on_record(partial(facts.parse_org, ground.facts, on=on), of="the organisation")
    facts.parse_org(ground.change.moved("org", ground.facts), on=on)
    facts.parse_derivative(ground.change.moved("derivative", {}))
    for environment in environments.values():
        _on_record(partial(facts.parse_use, environment.use), of=f"the environment {environment.name}")
        try:
            facts.parse_use(ground.change.moved("use", environment.use))
        except InvalidFacts as error:
            raise InvalidFacts(error.field or "use", f"{error.reason} (in {environment.name})") from error


def _on_record(read: Callable[[], object], *, of: str) -> None:
    try:
        read()
    except InvalidFacts as error:
        raise FactsOutdated(
            f"The facts on record of {of} cannot be used: {error}.", field=error.field
        ) from error


def compare(cells: Cells, ground: Ground) -> Iterator[Cell]:
    """Every cell, in the order of the selection."""
    check(ground, cells.environments)
    for pairs in cells.chunks():
        yield from _chunk(pairs, ground)


def _chunk(pairs: Sequence[Pair], ground: Ground) -> Iterator[Cell]:
    now = bulk_evaluation.judge_many(
        [(pair.version, pair.environment) for pair in pairs],
        organization=ground.organization,
        on=ground.now.date(),
        terms=ground.terms,
    )
    answers = [_answers(pair, found, ground) for pair, found in zip(pairs, now, strict=True)]
    changes = admissions.changes(pairs, answers, ground) if ground.policy else [()] * len(pairs)
    for pair, (before, after), moved in zip(pairs, answers, changes, strict=True):
        found = difference(before.result, after.result)
        yield Cell(pair, before.result, after.result, found, tuple(moved))


def _answers(pair: Pair, found: Judgement | Failure, ground: Ground) -> tuple[Answered, Answered]:
    """The answer now, and the answer to the same question under the moved facts."""
    if isinstance(found, Failure):
        raise NoVerdict(f"{pair.version} has no verdict in {pair.environment}: {found.message}")
    on = ground.now.date()
    before = Answered(found.request, found.result)
    moved = {part: ground.change.moved(part, found.request.get(part) or {}) for part in PARTS}
    if all(moved[part] == (found.request.get(part) or {}) for part in PARTS):
        return before, before
    request = {**found.request, **moved}
    question = {key: value for key, value in request.items() if key not in NOT_ASKED}
    known = {name: tuple(licenses) for name, licenses in request["known"].items()}
    return before, Answered(request, evaluation.answer(question, known=known, today=on, terms=ground.terms))
