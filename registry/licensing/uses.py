"""The conditions on what a model is used for and how it is made available. Pure."""

from dataclasses import dataclass

from governance.fields import Fields
from registry.licensing import gate, tags
from registry.licensing.facts import Hosting, Purpose, Stage
from registry.licensing.logic import YES, Truth, either
from registry.licensing.situation import Outcome, Situation, member, outcome


@dataclass(frozen=True)
class NonCommercial:
    """Commercial use is outside the grant."""

    @classmethod
    def parse(cls, fields: Fields) -> "NonCommercial":  # noqa: ARG003 - it has no parameters
        """Read the parameters."""
        return cls()

    def check(self, at: Situation) -> Outcome:
        """Whether the use is commercial."""
        return outcome(
            Truth.of(at.use.commercial, "use.commercial"),
            met="the use is not commercial",
            broken="the use is commercial",
            facts={"use.commercial": at.use.commercial},
        )


@dataclass(frozen=True)
class NonProduction:
    """Use in production is outside the grant."""

    @classmethod
    def parse(cls, fields: Fields) -> "NonProduction":  # noqa: ARG003 - it has no parameters
        """Read the parameters."""
        return cls()

    def check(self, at: Situation) -> Outcome:
        """Whether the use is in production, by its environment or by its purpose."""
        stage, purpose = at.use.environment, at.use.purpose
        return outcome(
            either(
                Truth.of(None if stage is None else stage is Stage.PRODUCTION, "use.environment"),
                Truth(purpose is Purpose.PRODUCTION),
            ),
            met="the use is not in production",
            broken="the use is in production",
            facts={"use.environment": stage, "use.purpose": purpose},
        )


@dataclass(frozen=True)
class PurposeOnly:
    """Only the named purposes, and never commercially."""

    purposes: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "PurposeOnly":
        """Read the parameters."""
        found = tuple(member(fields, "purposes", Purpose, name) for name in fields.texts("purposes"))
        if not found:
            raise fields.fail("purposes", "is required")
        return cls(found)

    def check(self, at: Situation) -> Outcome:
        """Whether the use stays within the purposes."""
        purpose = at.use.purpose
        outside = Truth.of(None if purpose is None else purpose not in self.purposes, "use.purpose")
        allowed = " or ".join(self.purposes)
        return outcome(
            either(Truth.of(at.use.commercial, "use.commercial"), outside),
            met=f"non-commercial use for {purpose}",
            broken=f"only non-commercial use for {allowed} is granted",
            facts={"use.commercial": at.use.commercial, "use.purpose": purpose},
        )


@dataclass(frozen=True)
class HostingLimit:
    """Making the model, or a derivative, available to others is outside the grant."""

    hosting: tuple[str, ...]
    distribution: bool

    @classmethod
    def parse(cls, fields: Fields) -> "HostingLimit":
        """Read the parameters."""
        return cls(
            tuple(member(fields, "hosting", Hosting, name) for name in fields.texts("hosting")),
            fields.flag_or_none("distribution") or False,
        )

    def check(self, at: Situation) -> Outcome:
        """Whether the use makes the model available in a way that is not granted."""
        use = at.use
        served = Truth.of(None if use.hosting is None else use.hosting in self.hosting, "use.hosting")
        return outcome(
            either(served, gate.distributes(at)) if self.distribution else served,
            met="the model is not made available in a way that the license excludes",
            broken="the license excludes making the model available in this way",
            facts={
                "use.hosting": use.hosting,
                "use.distribute_weights": use.distribute_weights,
                "use.distribute_derivative": use.distribute_derivative,
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
        return outcome(
            YES if refused else Truth(None if missing else False, frozenset(missing)),
            met="none of the stated uses is excluded",
            broken=f"excluded use: {', '.join(refused)}",
            facts={"use.use_case_tags": None if stated is None else sorted(stated)},
        )
