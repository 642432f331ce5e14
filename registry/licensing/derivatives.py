"""The conditions on models that are made from a model: their name, license, guardrails, and students. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from governance.fields import Fields
from registry.licensing import gate
from registry.licensing.logic import NO, YES, Truth, both, either, negate
from registry.licensing.situation import Outcome, Situation, hosts, outcome


def spaced(name: str) -> str:
    """Return a name with one space wherever it has spaces, hyphens or underscores: the Hub knows no spaces."""
    return re.sub(r"[\s_-]+", " ", name)


@dataclass(frozen=True)
class NamePrefix:
    """The name of a derivative must begin with a word: of one that others can obtain or use, or of any."""

    prefix: str
    even_undistributed: bool

    @classmethod
    def parse(cls, fields: Fields) -> "NamePrefix":
        """Read the parameters."""
        return cls(fields.text("prefix"), fields.flag_or_none("even_undistributed") or False)

    def check(self, at: Situation) -> Outcome:
        """Whether a derivative of the organisation has a wrong name."""
        name = at.plan.name if at.plan.is_planned else at.model
        return outcome(
            both(self.concerns(at), negate(Truth.of(self._begins(name), "derivative.name"))),
            met="no derivative of the organisation is under another name where the license names it",
            broken=f'the name of the derivative must begin with "{self.prefix}"',
            facts={
                "derivative.name": at.plan.name,
                "use.distribute_derivative": at.use.distribute_derivative,
                "use.hosting": at.use.hosting,
            },
        )

    def _begins(self, name: str | None) -> bool | None:
        return None if name is None else spaced(name.rsplit("/", 1)[-1]).startswith(spaced(self.prefix))

    def concerns(self, at: Situation) -> Truth:
        """Count a planned derivative when it is hosted too; a finished one was perhaps made by someone else."""
        shared = Truth.of(at.use.distribute_derivative, "use.distribute_derivative")
        if at.plan.is_planned:
            return YES if self.even_undistributed else either(shared, Truth.of(hosts(at.use), "use.hosting"))
        return both(shared, Truth(gate.is_derived(at)))


@dataclass(frozen=True)
class ShareAlike:
    """A derivative that is given to others must be under one of these licenses."""

    licenses: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "ShareAlike":
        """Read the parameters."""
        found = fields.texts("licenses")
        if not found:
            raise fields.fail("licenses", "is required")
        return cls(found)

    def check(self, at: Situation) -> Outcome:
        """Whether a derivative is given away under another license; that of a finished one must be stated."""
        own = at.plan.own_licence
        wrong = Truth.of(None if own is None else own not in self.licenses, "derivative.own_licence")
        shared = Truth.of(at.use.distribute_derivative, "use.distribute_derivative")
        return outcome(
            both(shared, wrong) if gate.is_derived(at) else NO,
            met="no derivative is given to others under another license",
            broken=f"a derivative that is given to others must be under {' or '.join(self.licenses)}",
            facts={
                "derivative.own_licence": own,
                "use.distribute_derivative": at.use.distribute_derivative,
            },
        )


@dataclass(frozen=True)
class GuardrailIntegrity:
    """The grant ends when the safety guardrails of the model are weakened without a substitute."""

    @classmethod
    def parse(cls, fields: Fields) -> "GuardrailIntegrity":  # noqa: ARG003 - it has no parameters
        """Read the parameters."""
        return cls()

    def check(self, at: Situation) -> Outcome:
        """Whether a derivative, planned or in use, has weaker guardrails; the model itself and a student have their own."""
        intact = at.plan.guardrails_intact
        weakened = Truth.of(None if intact is None else not intact, "derivative.guardrails_intact")
        return outcome(
            weakened if intact is not None or self._concerns(at) else NO,
            met="the guardrails of the model are intact",
            broken="the guardrails of the model were weakened",
            facts={"derivative.guardrails_intact": intact},
        )

    def _concerns(self, at: Situation) -> bool:
        is_student = at.plan.relation is not None and at.plan.relation.is_learned
        return at.derived or (at.plan.is_planned and not is_student)


class Students(StrEnum):
    """Which models must not be trained with outputs."""

    ANY = "any"
    FOUNDATION_MODELS = "foundation_models"
    COMPETING_MODELS = "competing_models"


@dataclass(frozen=True)
class OutputTraining:
    """Outputs must not be used to train some models; where all are meant, the scope of the relation says it too."""

    students: Students

    @classmethod
    def parse(cls, fields: Fields) -> "OutputTraining":
        """Read the parameters."""
        return cls(fields.choice("students", Students))

    def check(self, at: Situation) -> Outcome:
        """Whether the license came to the model through a teacher, and the student is one that is excluded."""
        return outcome(
            both(Truth(at.learned), self._excluded(at)),
            met="no excluded model was or will be trained with outputs",
            broken=f"outputs must not be used to train {self.students.replace('_', ' ')}",
            facts={
                "derivative.foundation_model": at.plan.foundation_model,
                "derivative.competes": at.plan.competes,
            },
        )

    def _excluded(self, at: Situation) -> Truth:
        if self.students is Students.FOUNDATION_MODELS:
            return Truth.of(at.plan.foundation_model, "derivative.foundation_model")
        if self.students is Students.COMPETING_MODELS:
            return Truth.of(at.plan.competes, "derivative.competes")
        return YES
