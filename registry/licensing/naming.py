"""The condition that a derivative bears the right name. Pure."""

from dataclasses import dataclass

from governance.fields import Fields
from registry.licensing.logic import Truth, both, either, negate
from registry.licensing.situation import Outcome, Situation, hosts, outcome


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
        return outcome(
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
