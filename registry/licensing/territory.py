"""The condition that a licensee is not seated in a region. Pure."""

from dataclasses import dataclass

from governance.fields import Fields
from registry.licensing import countries
from registry.licensing.facts import DerivativePlan, EntityType, OrgFacts
from registry.licensing.logic import NO, YES, Truth, both, either
from registry.licensing.situation import Outcome, Situation, exempt_roles_of, matches, outcome, subject


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
        return cls(
            region, fields.texts("multimodal_models"), fields.texts("text_models"), exempt_roles_of(fields)
        )

    def check(self, at: Situation) -> Outcome:
        """Whether the licensee sits in the region and the model is multimodal."""
        return outcome(
            both(subject(at, self.exempt_roles), self._multimodal(at), self._inside(at.org)),
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
        if matches(model, self.multimodal_models):
            return YES
        if matches(model, self.text_models):
            return NO
        return Truth.of(plan.multimodal, "derivative.multimodal")

    def _inside(self, org: OrgFacts) -> Truth:
        """Locate an individual by domicile and anyone else by principal place of business."""
        if org.entity_type is EntityType.INDIVIDUAL:
            return self._lies(org.domicile, "org.domicile")
        return self._lies(org.principal_place_of_business, "org.principal_place_of_business")

    def _lies(self, country: str | None, fact: str) -> Truth:
        return Truth.of(None if country is None else country in countries.REGIONS[self.region], fact)
