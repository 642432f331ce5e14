"""What a moved fact or a proposed policy does to the approvals in force, by admission's own decision; reads only."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.policy.document import Mode, Policy
from governance.policy.origin_rules import OriginFact
from registry import provenance, standing, standing_many
from registry.admission.axes import Candidate
from registry.admission.decision import decide
from registry.admission.offer import Offer
from registry.admission.question import Environment, Reason
from registry.licensing import origin
from registry.licensing.comparison import Effect
from registry.models import Admission, Approval, ModelVersion, ServingEnvironment
from registry.whatif.selection import Pair

if TYPE_CHECKING:
    from registry.whatif.compare import Ground

SHOWN_REASONS = 20
Origin = tuple[OriginFact, ...]


@dataclasses.dataclass(frozen=True)
class Answered:
    """A licence question as it would be stored, and its answer."""

    request: Mapping[str, Any]
    result: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class AdmissionChange:
    """What a node would be told under one approval, now and then."""

    approval_id: int
    purpose: str
    before: tuple[Reason, ...]
    after: tuple[Reason, ...]
    # How the policies now and then treat a deny.
    modes: tuple[Mode, Mode] = (Mode.ENFORCE, Mode.ENFORCE)
    # Nodes that hold an admission which has not run out.
    nodes: int = 0
    # Regions that would no longer be admitted, in words.
    narrowed: str = ""

    @property
    def effect(self) -> Effect:
        """An approval that stops to admit is worse, whatever the verdict says; so is a warning that becomes a stop."""
        now, then = _severity(self.before, self.modes[0]), _severity(self.after, self.modes[1])
        if now != then:
            return Effect.WORSE if then > now else Effect.BETTER
        is_same = self.before == self.after and not self.narrowed
        return Effect.SAME if is_same else Effect.DIFFERENT

    @property
    def added(self) -> tuple[Reason, ...]:
        """Reasons that there are only then."""
        return tuple(reason for reason in self.after if reason not in self.before)

    @property
    def removed(self) -> tuple[Reason, ...]:
        """Reasons that there are only now."""
        return tuple(reason for reason in self.before if reason not in self.after)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The change in words."""
        said = [f"Admission for {self.purpose}: {reason.message}" for reason in self.added]
        if self.before and self.after and self.modes == (Mode.WARN, Mode.ENFORCE):
            said.append(f"Admission for {self.purpose}: what was only a warning now stops the node.")
        return (*said, *((self.narrowed,) if self.narrowed else ()))

    def to_json(self) -> dict[str, Any]:
        """The change as the REST interface spells it."""
        return {
            "approval": self.approval_id,
            "purpose": self.purpose,
            "before": "deny" if self.before else "allow",
            "after": "deny" if self.after else "allow",
            "modes": [mode.value for mode in self.modes],
            "nodes": self.nodes,
            "reasons_added": [_json(reason) for reason in self.added[:SHOWN_REASONS]],
            "reasons_removed": [_json(reason) for reason in self.removed[:SHOWN_REASONS]],
            "narrowed": self.narrowed or None,
        }


def changes(
    pairs: Sequence[Pair], answers: Sequence[tuple[Answered, Answered]], ground: "Ground"
) -> Iterator[tuple[AdmissionChange, ...]]:
    """For each pair, what becomes of each of its approvals."""
    approvals = [approval for pair in pairs for approval in pair.approvals]
    nodes = _live_nodes(approvals, now=ground.now)
    known = _alike([pair.version for pair in pairs if pair.approvals], ground)
    for pair, (before, after) in zip(pairs, answers, strict=True):
        yield tuple(
            _change(pair, approval, known[pair.version.pk], (before, after), ground, nodes[approval.pk])
            for approval in pair.approvals
        )


@dataclasses.dataclass(frozen=True)
class _Alike:
    """A version and the others with its content, which speak for it or against it."""

    own: Candidate
    others: tuple[Candidate, ...]

    def under(self, answered: Answered, origin: Origin) -> list[Candidate]:
        """With the licence as it was answered, and the origin for whoever asks; content alike is judged alike."""
        evidence = standing.license_evidence(answered.result)
        return [
            dataclasses.replace(item, license=evidence, origin=origin) for item in (self.own, *self.others)
        ]


def _alike(versions: Sequence[ModelVersion], ground: "Ground") -> dict[int, _Alike]:
    wanted = {version.pk: version for version in versions}
    digests = {version.model_digest for version in wanted.values()}
    rows = ModelVersion.objects.filter(model_digest__in=digests).select_related("registered_model")
    every = wanted | {row.pk: row for row in rows}
    found = standing_many.bases(list(every.values()))
    same: dict[str | None, list[int]] = defaultdict(list)
    for pk, row in every.items():
        same[row.model_digest].append(pk)
    return {
        pk: _Alike(found[pk], tuple(found[other] for other in same[row.model_digest] if other != pk))
        for pk, row in wanted.items()
    }


def _change(
    pair: Pair,
    approval: Approval,
    known: _Alike,
    answers: tuple[Answered, Answered],
    ground: "Ground",
    nodes: Mapping[str, int],
) -> AdmissionChange:
    now_policy, then_policy = _policies(ground)
    usual = _representative(pair.environment, now_policy, then_policy)
    candidates = _under(known, answers, ground)
    before: dict[Reason, None] = {}
    after: dict[Reason, None] = {}
    for region in dict.fromkeys([usual, *(name for name in sorted(nodes) if name)]):
        before |= dict.fromkeys(_told(pair, approval, candidates[0], now_policy, region, ground))
        after |= dict.fromkeys(_told(pair, approval, candidates[1], then_policy, region, ground))
    return AdmissionChange(
        approval_id=approval.pk,
        purpose=approval.purpose,
        before=tuple(before),
        after=tuple(after),
        modes=(now_policy.mode, then_policy.mode),
        nodes=sum(nodes.values()),
        narrowed=_narrowed(pair.environment, now_policy, then_policy),
    )


def _under(known: _Alike, answers: tuple[Answered, Answered], ground: "Ground") -> list[list[Candidate]]:
    """The versions as they are, and as they would be; the origin is looked up anew only for another seat."""
    before, after = answers
    origins = [provenance.of_question(before.request, terms=ground.terms)]
    if origin.seat(before.request["org"]) == origin.seat(after.request["org"]):
        origins.append(origins[0])
    else:
        origins.append(provenance.of_question(after.request, terms=ground.terms))
    return [known.under(answered, facts) for answered, facts in zip(answers, origins, strict=True)]


def _policies(ground: "Ground") -> tuple[Policy, Policy]:
    if ground.policy is None:
        raise ValueError("admission is not decided without a policy")
    return ground.policy, ground.proposed or ground.policy


def _told(
    pair: Pair,
    approval: Approval,
    candidates: list[Candidate],
    policy: Policy,
    region: str | None,
    ground: "Ground",
) -> tuple[Reason, ...]:
    """The reasons that a node with exactly the approved files would be given."""
    offer = Offer(
        environment=pair.environment.name,
        purpose=approval.purpose,
        files=None,
        model_digest=pair.version.model_digest or "",
        region=region,
    )
    place = Environment(pair.environment.name, frozenset(pair.environment.regions))
    found = decide(offer, candidates=candidates, policy=policy, environment=place, now=ground.now)
    return found.reasons


def _live_nodes(approvals: Sequence[Approval], *, now: datetime) -> dict[int, dict[str, int]]:
    """How many nodes hold an admission that still counts, by approval and region."""
    seen: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    rows = Admission.objects.filter(
        approval__in=[row.pk for row in approvals], decision="allow", expires_at__gt=now
    )
    for approval, region, node in rows.values_list("approval", "region", "node").distinct():
        seen[approval][region].add(node)
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for approval, places in seen.items():
        counts[approval] = {region: len(names) for region, names in places.items()}
    return counts


def allowed_regions(environment: ServingEnvironment, policy: Policy) -> frozenset[str] | None:
    """The regions from which a node is admitted; None is any."""
    limits = [frozenset(environment.regions)] if environment.regions else []
    if environment.name in policy.regions:
        limits.append(policy.regions[environment.name])
    return frozenset.intersection(*limits) if limits else None


def _representative(environment: ServingEnvironment, now: Policy, then: Policy) -> str | None:
    """A region that both policies admit, else one that is admitted now: what else changes shows there."""
    before, after = allowed_regions(environment, now), allowed_regions(environment, then)
    if before is None:
        return min(after, default=None) if after is not None else None
    both = before if after is None else before & after
    return min(both or before, default=None)


def _narrowed(environment: ServingEnvironment, now: Policy, then: Policy) -> str:
    before, after = allowed_regions(environment, now), allowed_regions(environment, then)
    if after is None or before == after or (before is not None and before <= after):
        return ""
    if before is None:
        return f"Nodes outside {', '.join(sorted(after)) or 'no region at all'} would be refused."
    return f"Nodes in {', '.join(sorted(before - after))} would be refused."


def _severity(reasons: tuple[Reason, ...], mode: Mode) -> int:
    """Nothing, a warning, or a stop."""
    if not reasons:
        return 0
    return 2 if mode is Mode.ENFORCE else 1


def _json(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "message": reason.message}
