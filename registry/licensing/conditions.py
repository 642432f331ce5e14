"""The kinds of condition: each is a dataclass of parameters with one small three-valued function, `check`. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.fields import Fields
from registry.licensing.businesses import Competitor, ExcludedBusiness, Registration
from registry.licensing.derivatives import GuardrailIntegrity, NamePrefix, OutputTraining, ShareAlike
from registry.licensing.situation import Outcome, Situation
from registry.licensing.terms import State
from registry.licensing.territory import Territory
from registry.licensing.thresholds import MauThreshold, RevenueThreshold
from registry.licensing.uses import HostingLimit, NonCommercial, NonProduction, ProhibitedUse, PurposeOnly


@dataclass(frozen=True)
class ManualReview:
    """A term that no function here can judge: a person must."""

    reason: str

    @classmethod
    def parse(cls, fields: Fields) -> "ManualReview":
        """Read the parameters."""
        return cls(fields.text("reason"))

    def check(self, at: Situation) -> Outcome:
        """Leave it undecided, always."""
        return Outcome(State.UNKNOWN, self.reason)


# The kinds that an obligation may wait for.
THRESHOLDS = ("mau_threshold", "revenue_threshold")

KINDS: Mapping[str, Callable[[Fields], Any]] = {
    "mau_threshold": MauThreshold.parse,
    "revenue_threshold": RevenueThreshold.parse,
    "non_commercial": NonCommercial.parse,
    "non_production": NonProduction.parse,
    "purpose_only": PurposeOnly.parse,
    "territory": Territory.parse,
    "hosting": HostingLimit.parse,
    "prohibited_use": ProhibitedUse.parse,
    "competitor": Competitor.parse,
    "excluded_business": ExcludedBusiness.parse,
    "registration": Registration.parse,
    "name_prefix": NamePrefix.parse,
    "share_alike": ShareAlike.parse,
    "guardrail_integrity": GuardrailIntegrity.parse,
    "output_training": OutputTraining.parse,
    "manual_review": ManualReview.parse,
}
