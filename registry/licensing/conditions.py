"""One small three-valued function for each kind of condition. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from governance.fields import Fields
from registry.licensing import countries, months, tags
from registry.licensing.facts import (
    DerivativePlan,
    EntityType,
    Hosting,
    OrgFacts,
    Purpose,
    Role,
    UseFacts,
)
from registry.licensing.logic import Truth, both, either, negate
from registry.licensing.terms import State


@dataclass(frozen=True)
class Situation:
    """Everything a condition may look at: the facts, and the models that carry the license."""

    org: OrgFacts
    use: UseFacts
    plan: DerivativePlan
    on: date
    model: str | None
    models: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a condition found: its state, the facts it used and the facts it misses."""

    state: State
    reason: str
    missing: tuple[str, ...] = ()
    facts_used: Mapping[str, Any] = field(default_factory=dict)


def _outcome(violated: Truth, *, met: str, broken: str, facts: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a condition that is violated when an expression holds."""
    used = {name: value for name, value in facts.items() if value is not None}
    if violated.value is None:
        names = ", ".join(sorted(violated.missing))
        return Outcome(
            State.UNKNOWN, f"cannot be decided without {names}", tuple(sorted(violated.missing)), used
        )
    if violated.value:
        return Outcome(State.VIOLATED, broken, (), used)
    return Outcome(State.MET, met, (), used)


class Basis(StrEnum):
    """Whose users are counted."""

    AFFILIATES = "all_products_incl_affiliates"
    LICENSEE = "licensee_only"
    PRODUCT = "product_using_model"


class Operator(StrEnum):
    """How a count is held against its limit."""

    MORE_THAN = "more_than"
    AT_LEAST = "at_least"


@dataclass(frozen=True)
class MauThreshold:
    """Too many monthly active users: in one past month (`month`), or at any time."""

    limit: int
    operator: Operator
    basis: Basis
    month: str | None
    commercial_only: bool
    exempt_roles: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "MauThreshold":
        """Read the parameters."""
        return cls(
            limit=fields.count("limit"),
            operator=fields.choice("operator", Operator),
            basis=fields.choice("basis", Basis),
            month=fields.text_or_none("month"),
            commercial_only=fields.flag_or_none("commercial_only") or False,
            exempt_roles=_roles(fields),
        )

    def exceeds(self, count: int) -> bool:
        """Whether a count is over the limit."""
        return count > self.limit if self.operator is Operator.MORE_THAN else count >= self.limit

    def check(self, at: Situation) -> Outcome:
        """Whether the threshold is passed."""
        counted = (self.month,) if self.month else months.ongoing(at.on)
        over = either(*(self._over(at, month, decisive=month == counted[0]) for month in counted))
        commercial = Truth.of(at.use.commercial, "use.commercial")
        broken = both(
            _subject(at, self.exempt_roles), over, commercial if self.commercial_only else Truth(True)
        )
        word = "more than" if self.operator is Operator.MORE_THAN else "at least"
        return _outcome(
            broken,
            met=f"not {word} {self.limit:,} monthly active users ({self.basis}) in {counted[0]}, or not subject to the test",
            broken=f"{word} {self.limit:,} monthly active users ({self.basis}) in {' or '.join(counted)}",
            facts=self._facts(at, counted),
        )

    def _over(self, at: Situation, month: str, *, decisive: bool) -> Truth:
        users = at.org.mau_by_month.get(month)
        fact = f"org.mau_by_month.{month}.{self.basis}"
        unknown = Truth(None, frozenset({fact})) if decisive else Truth(False)
        if decisive and self.month and months.founded_after(at.org, month):
            return Truth(False)
        if users is None:
            return unknown
        lower, upper = months.bounds(users, self.basis)
        if lower is not None and self.exceeds(lower):
            return Truth(True)
        return Truth(False) if upper is not None and not self.exceeds(upper) else unknown

    def _facts(self, at: Situation, counted: tuple[str, ...]) -> dict[str, Any]:
        facts: dict[str, Any] = {"use.role": at.use.role}
        if self.commercial_only:
            facts["use.commercial"] = at.use.commercial
        for month in counted:
            users = at.org.mau_by_month.get(month)
            for basis in Basis:
                facts[f"org.mau_by_month.{month}.{basis}"] = getattr(users, basis, None)
        return facts


@dataclass(frozen=True)
class NonCommercial:
    """Commercial use is outside the grant."""

    @classmethod
    def parse(cls, fields: Fields) -> "NonCommercial":  # noqa: ARG003 - it has no parameters
        """Read the parameters."""
        return cls()

    def check(self, at: Situation) -> Outcome:
        """Whether the use is commercial."""
        return _outcome(
            Truth.of(at.use.commercial, "use.commercial"),
            met="the use is not commercial",
            broken="the use is commercial",
            facts={"use.commercial": at.use.commercial},
        )


@dataclass(frozen=True)
class PurposeOnly:
    """Only the named purposes, and never commercially."""

    purposes: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "PurposeOnly":
        """Read the parameters."""
        found = tuple(_member(fields, "purposes", Purpose, name) for name in fields.texts("purposes"))
        if not found:
            raise fields.fail("purposes", "is required")
        return cls(found)

    def check(self, at: Situation) -> Outcome:
        """Whether the use stays within the purposes."""
        purpose = at.use.purpose
        outside = Truth.of(None if purpose is None else purpose not in self.purposes, "use.purpose")
        allowed = " or ".join(self.purposes)
        return _outcome(
            either(Truth.of(at.use.commercial, "use.commercial"), outside),
            met=f"non-commercial use for {purpose}",
            broken=f"only non-commercial use for {allowed} is granted",
            facts={"use.commercial": at.use.commercial, "use.purpose": purpose},
        )


@dataclass(frozen=True)
class Territory:
    """No grant to those whose principal place of business, or domicile, lies in a region."""

    region: str
    multimodal_models: tuple[str, ...]
    text_models: tuple[str, ...]
    exempt_roles: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "Territory":
        """Read the parameters."""
        region = fields.text("region")
        if region not in countries.REGIONS:
            raise fields.fail("region", "is not a known region")
        return cls(region, fields.texts("multimodal_models"), fields.texts("text_models"), _roles(fields))

    def check(self, at: Situation) -> Outcome:
        """Whether the licensee sits in the region and the model is multimodal."""
        return _outcome(
            both(_subject(at, self.exempt_roles), self._multimodal(at), self._inside(at.org)),
            met=f"the licensee is outside {self.region}, or the model is not multimodal, or the licensee is an end user",
            broken=f"no rights are granted for this multimodal model to a licensee seated in {self.region}",
            facts={
                "org.principal_place_of_business": at.org.principal_place_of_business,
                "org.entity_type": at.org.entity_type,
                "org.domicile": at.org.domicile,
                "derivative.multimodal": at.plan.multimodal,
                "use.role": at.use.role,
            },
        )

    def _multimodal(self, at: Situation) -> Truth:
        """Return whether a model is multimodal: by the lists, else by the facts."""
        kinds = [self._kind(model, at.plan) for model in at.models]
        return either(*kinds) if kinds else Truth.of(at.plan.multimodal, "derivative.multimodal")

    def _kind(self, model: str, plan: DerivativePlan) -> Truth:
        if _matches(model, self.multimodal_models):
            return Truth(True)
        if _matches(model, self.text_models):
            return Truth(False)
        return Truth.of(plan.multimodal, "derivative.multimodal")

    def _inside(self, org: OrgFacts) -> Truth:
        """Locate an individual by domicile and anyone else by principal place of business."""
        if org.entity_type is EntityType.INDIVIDUAL:
            return self._lies(org.domicile, "org.domicile")
        return self._lies(org.principal_place_of_business, "org.principal_place_of_business")

    def _lies(self, country: str | None, fact: str) -> Truth:
        return Truth.of(None if country is None else country in countries.REGIONS[self.region], fact)


@dataclass(frozen=True)
class HostingLimit:
    """Making the model, or a derivative, available to others is outside the grant."""

    hosting: tuple[str, ...]
    distribution: bool
    entity_types: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "HostingLimit":
        """Read the parameters."""
        return cls(
            tuple(_member(fields, "hosting", Hosting, name) for name in fields.texts("hosting")),
            fields.flag_or_none("distribution") or False,
            tuple(_member(fields, "entity_types", EntityType, name) for name in fields.texts("entity_types")),
        )

    def check(self, at: Situation) -> Outcome:
        """Whether the use makes the model available in a way that is not granted."""
        use, entity = at.use, at.org.entity_type
        hosts = Truth.of(None if use.hosting is None else use.hosting in self.hosting, "use.hosting")
        shares = either(
            Truth.of(use.distribute_weights, "use.distribute_weights"),
            Truth.of(use.distribute_derivative, "use.distribute_derivative"),
        )
        concerned = Truth.of(None if entity is None else entity in self.entity_types, "org.entity_type")
        return _outcome(
            both(
                either(hosts, shares) if self.distribution else hosts,
                concerned if self.entity_types else Truth(True),
            ),
            met="the model is not made available in a way that the license excludes",
            broken="the license excludes making the model available in this way",
            facts={
                "use.hosting": use.hosting,
                "use.distribute_weights": use.distribute_weights,
                "use.distribute_derivative": use.distribute_derivative,
                "org.entity_type": entity,
            },
        )


@dataclass(frozen=True)
class ProhibitedUse:
    """Uses, named by tags, that the license or its use policy refuses."""

    tags: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "ProhibitedUse":
        """Read the parameters."""
        found = fields.texts("tags")
        if not found or not set(found) <= tags.KNOWN:
            raise fields.fail("tags", f"must be known tags, not {sorted(set(found) - tags.KNOWN)}")
        return cls(found)

    def check(self, at: Situation) -> Outcome:
        """Whether the use is one of those refused; a tag that nobody knows has not been judged."""
        stated = at.use.use_case_tags
        refused = sorted(set(stated or ()) & set(self.tags))
        strange = {f"use.use_case_tags[{tag}]" for tag in stated or () if tag not in tags.KNOWN}
        missing = {"use.use_case_tags"} if stated is None else strange
        return _outcome(
            Truth(True) if refused else Truth(None if missing else False, frozenset(missing)),
            met="none of the stated uses is excluded",
            broken=f"excluded use: {', '.join(refused)}",
            facts={"use.use_case_tags": None if stated is None else sorted(stated)},
        )


@dataclass(frozen=True)
class NamePrefix:
    """The name of a derivative that others can obtain or use must begin with a word."""

    prefix: str

    @classmethod
    def parse(cls, fields: Fields) -> "NamePrefix":
        """Read the parameters."""
        return cls(fields.text("prefix"))

    def check(self, at: Situation) -> Outcome:
        """Whether a derivative of the organisation has a wrong name."""
        name = at.plan.name if at.plan.is_planned else at.model
        return _outcome(
            both(self._made_available(at), negate(Truth.of(self._begins(name), "derivative.name"))),
            met="no derivative of the organisation is made available under another name",
            broken=f'the name of the derivative must begin with "{self.prefix}"',
            facts={
                "derivative.name": at.plan.name,
                "use.distribute_derivative": at.use.distribute_derivative,
                "use.hosting": at.use.hosting,
            },
        )

    def _begins(self, name: str | None) -> bool | None:
        return None if name is None else name.rsplit("/", 1)[-1].startswith(self.prefix)

    def _made_available(self, at: Situation) -> Truth:
        """Count a planned derivative when it is hosted too; a finished one was perhaps made by someone else."""
        shared = Truth.of(at.use.distribute_derivative, "use.distribute_derivative")
        if at.plan.is_planned:
            return either(shared, Truth.of(hosts(at.use), "use.hosting"))
        return both(shared, Truth(any(model != at.model for model in at.models)))


@dataclass(frozen=True)
class ManualReview:
    """A term that no function here can judge: a person must."""

    reason: str

    @classmethod
    def parse(cls, fields: Fields) -> "ManualReview":
        """Read the parameters."""
        return cls(fields.text("reason"))

    def check(self, at: Situation) -> Outcome:  # noqa: ARG002 - every situation is undecided
        """Leave it undecided, always."""
        return Outcome(State.UNKNOWN, self.reason)


KINDS: Mapping[str, Callable[[Fields], Any]] = {
    "mau_threshold": MauThreshold.parse,
    "non_commercial": NonCommercial.parse,
    "purpose_only": PurposeOnly.parse,
    "territory": Territory.parse,
    "hosting": HostingLimit.parse,
    "prohibited_use": ProhibitedUse.parse,
    "name_prefix": NamePrefix.parse,
    "manual_review": ManualReview.parse,
}


def hosts(use: UseFacts) -> bool | None:
    """Whether the model is made available to others in any way, or None."""
    return None if use.hosting is None else use.hosting is not Hosting.NONE


def _subject(at: Situation, exempt_roles: tuple[str, ...]) -> Truth:
    """Return whether the test concerns the organisation: an exempt role must be stated."""
    return Truth(at.use.role not in exempt_roles)


def _matches(model: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(model.casefold(), pattern.casefold()) for pattern in patterns)


def _roles(fields: Fields) -> tuple[str, ...]:
    return tuple(_member(fields, "exempt_roles", Role, name) for name in fields.texts("exempt_roles"))


def _member(fields: Fields, key: str, kind: type[StrEnum], name: str) -> str:
    if name not in list(kind):
        raise fields.fail(key, f"must be among {', '.join(kind)}")
    return name
