"""The condition that a service has not too many users. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.fields import Fields
from registry.licensing import months
from registry.licensing.facts import MONTH
from registry.licensing.logic import NO, YES, Truth, both, either
from registry.licensing.situation import Outcome, Situation, exempt_roles_of, outcome, subject


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
        month = fields.text_or_none("month")
        if month is not None and not MONTH.fullmatch(month):
            raise fields.fail("month", "must be written YYYY-MM")
        return cls(
            limit=fields.count("limit"),
            operator=fields.choice("operator", Operator),
            basis=fields.choice("basis", Basis),
            month=month,
            commercial_only=fields.flag_or_none("commercial_only") or False,
            exempt_roles=exempt_roles_of(fields),
        )

    def exceeds(self, count: int) -> bool:
        """Whether a count is over the limit."""
        return count > self.limit if self.operator is Operator.MORE_THAN else count >= self.limit

    def check(self, at: Situation) -> Outcome:
        """Whether the threshold is passed."""
        counted = (self.month,) if self.month else months.ongoing(at.on)
        over = either(*(self._over(at, month, decisive=month == counted[0]) for month in counted))
        commercial = Truth.of(at.use.commercial, "use.commercial")
        broken = both(subject(at, self.exempt_roles), over, commercial if self.commercial_only else YES)
        word = "more than" if self.operator is Operator.MORE_THAN else "at least"
        return outcome(
            broken,
            met=f"not {word} {self.limit:,} monthly active users ({self.basis}) in {counted[0]}, or not subject to the test",
            broken=f"{word} {self.limit:,} monthly active users ({self.basis}) in {' or '.join(counted)}",
            facts=self._facts(at, counted),
        )

    def _over(self, at: Situation, month: str, *, decisive: bool) -> Truth:
        users = at.org.mau_by_month.get(month)
        fact = f"org.mau_by_month.{month}.{self.basis}"
        unknown = Truth(None, frozenset({fact})) if decisive else NO
        if decisive and self.month and months.founded_after(at.org, month):
            return NO
        if users is None:
            return unknown
        lower, upper = months.bounds(users, self.basis)
        if lower is not None and self.exceeds(lower):
            return YES
        return NO if upper is not None and not self.exceeds(upper) else unknown

    def _facts(self, at: Situation, counted: tuple[str, ...]) -> dict[str, Any]:
        facts: dict[str, Any] = {"use.role": at.use.role}
        if self.commercial_only:
            facts["use.commercial"] = at.use.commercial
        for month in counted:
            users = at.org.mau_by_month.get(month)
            for basis in Basis:
                facts[f"org.mau_by_month.{month}.{basis}"] = getattr(users, basis, None)
        return facts
