"""The conditions on what the organisation is: a competitor, a host of models, someone who registered. Pure."""

from dataclasses import dataclass

from governance.fields import Fields
from registry.licensing import gate
from registry.licensing.gate import Business
from registry.licensing.logic import Truth
from registry.licensing.situation import Outcome, Situation, member, outcome


@dataclass(frozen=True)
class Competitor:
    """No grant to an organisation that competes with the licensor, itself or through an affiliate."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "Competitor":
        """Read the parameters."""
        names = fields.texts("names")
        if not names:
            raise fields.fail("names", "is required")
        return cls(names)

    def check(self, at: Situation) -> Outcome:
        """Whether the organisation competes with someone who bears one of the names, alone or within a longer one."""
        stated = at.org.competes_with
        rivals = " / ".join(stated or ()).casefold()
        met = [name for name in self.names if name.casefold() in rivals]
        return outcome(
            Truth.of(None if stated is None else bool(met), "org.competes_with"),
            met=f"no competitor of {' or '.join(self.names)}",
            broken=f"a competitor of {', '.join(met)}",
            facts={"org.competes_with": None if stated is None else sorted(stated)},
        )


@dataclass(frozen=True)
class ExcludedBusiness:
    """No grant to an organisation, or an affiliate, that offers models as a service, or an assistant."""

    businesses: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "ExcludedBusiness":
        """Read the parameters."""
        found = tuple(member(fields, "businesses", Business, name) for name in fields.texts("businesses"))
        if not found:
            raise fields.fail("businesses", "is required")
        return cls(found)

    def check(self, at: Situation) -> Outcome:
        """Whether the organisation runs one of the businesses."""
        named = " or ".join(self.businesses)
        return outcome(
            gate.operates(at, self.businesses),
            met=f"no {named} business",
            broken=f"the license is not granted to a {named} business",
            facts={
                "org.operates_maas": at.org.operates_maas,
                "org.operates_ai_assistant": at.org.operates_ai_assistant,
            },
        )


@dataclass(frozen=True)
class Registration:
    """The grant needs a registration with, or a permission from, the licensor; the receipt is a fact."""

    with_whom: str

    @classmethod
    def parse(cls, fields: Fields) -> "Registration":
        """Read the parameters."""
        return cls(fields.text("with_whom"))

    def check(self, at: Situation) -> Outcome:
        """Whether no registration for this license is on record."""
        held = at.org.registrations
        return outcome(
            Truth.of(None if held is None else at.license not in held, "org.registrations"),
            met=f"registered with {self.with_whom}",
            broken=f"not registered with {self.with_whom}",
            facts={"org.registrations": None if held is None else sorted(held)},
        )
