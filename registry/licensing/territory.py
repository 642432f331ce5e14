"""The condition that a model is not used in a region. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from governance.fields import Fields
from registry.licensing import countries
from registry.licensing.facts import EntityType
from registry.licensing.logic import Truth, either
from registry.licensing.situation import Outcome, Situation, outcome


class Place(StrEnum):
    """What must not lie in the region."""

    SEAT = "seat"
    USE = "use"


@dataclass(frozen=True)
class Territory:
    """No grant in some regions: to those seated there (`seat`), or for use, outputs and users there too (`use`)."""

    regions: tuple[str, ...]
    test: Place

    @classmethod
    def parse(cls, fields: Fields) -> "Territory":
        """Read the parameters; a region is the EU or an ISO 3166 country."""
        regions = fields.texts("regions")
        if not regions or not all(name in countries.REGIONS or name in countries.CODES for name in regions):
            raise fields.fail("regions", "must be EU or ISO 3166 alpha-2 country codes")
        return cls(regions, fields.choice("test", Place))

    def check(self, at: Situation) -> Outcome:
        """Whether the licensee, or the use, lies in the regions."""
        named = ", ".join(self.regions)
        inside = self._seated(at)
        if self.test is Place.USE:
            inside = either(inside, self._served(at))
        return outcome(
            inside,
            met=f"outside {named}",
            broken=f"no rights are granted to a licensee seated in {named}"
            if self.test is Place.SEAT
            else f"no rights are granted for use, distribution or outputs in {named}",
            facts={
                "org.principal_place_of_business": at.org.principal_place_of_business,
                "org.entity_type": at.org.entity_type,
                "org.domicile": at.org.domicile,
                "use.served_territories": None
                if self.test is Place.SEAT or at.use.served_territories is None
                else sorted(at.use.served_territories),
            },
        )

    def _seated(self, at: Situation) -> Truth:
        """Locate an individual by domicile and anyone else by principal place of business."""
        if at.org.entity_type is EntityType.INDIVIDUAL:
            return self._lies(at.org.domicile, "org.domicile")
        return self._lies(at.org.principal_place_of_business, "org.principal_place_of_business")

    def _served(self, at: Situation) -> Truth:
        served = at.use.served_territories
        inside = None if served is None else any(countries.lies_in(code, self.regions) for code in served)
        return Truth.of(inside, "use.served_territories")

    def _lies(self, country: str | None, fact: str) -> Truth:
        return Truth.of(None if country is None else countries.lies_in(country, self.regions), fact)
