"""The kinds of condition: each is a dataclass of parameters with one small three-valued function, `check`. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.fields import Fields
from registry.licensing.naming import NamePrefix
from registry.licensing.situation import Outcome, Situation
from registry.licensing.terms import State
from registry.licensing.territory import Territory
from registry.licensing.thresholds import MauThreshold
from registry.licensing.uses import HostingLimit, NonCommercial, ProhibitedUse, PurposeOnly


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
