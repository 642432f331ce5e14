"""The conditions that a service has not too many users, or a business not too much revenue. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.fields import Fields
from registry.licensing import months
from registry.licensing.facts import MONTH, MonthlyUsers, OrgFacts
from registry.licensing.logic import NO, YES, Truth, either
from registry.licensing.names import matches
from registry.licensing.situation import Outcome, Situation, outcome


class Basis(StrEnum):
    """Whose users are counted."""

    AFFILIATES = "all_products_incl_affiliates"
    LICENSEE = "licensee_only"
    PRODUCT = "product_using_model"


class Operator(StrEnum):
    """How a count is held against its limit."""

    MORE_THAN = "more_than"
    AT_LEAST = "at_least"

    def exceeded(self, count: int, limit: int) -> bool:
        """Whether a count is over the limit."""
        return count > limit if self is Operator.MORE_THAN else count >= limit

    @property
    def words(self) -> str:
        """The operator as a reason says it."""
        return "more than" if self is Operator.MORE_THAN else "at least"


@dataclass(frozen=True)
class ModelMonth:
    """The month whose users count for some models, where the license is tied to each model's own release."""

    models: tuple[str, ...]
    month: str


@dataclass(frozen=True)
class MauThreshold:
    """Too many monthly active users: in the month before a release (`month`, `months`), or at any time."""

    limit: int
    operator: Operator
    basis: Basis
    month: str | None
    months: tuple[ModelMonth, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "MauThreshold":
        """Read the parameters."""
        found = cls(
            limit=fields.count("limit"),
            operator=fields.choice("operator", Operator),
            basis=fields.choice("basis", Basis),
            month=_month(fields) if fields.has("month") else None,
            months=tuple(_model_month(item) for item in fields.tables("months")),
        )
        if found.month and found.months:
            raise fields.fail("months", "stand in for month, not beside it")
        return found

    def check(self, at: Situation) -> Outcome:
        """Whether the threshold is passed."""
        counted, undated = self._counted(at)
        over = [self._over(at, month, decisive=month in self._decisive(counted)) for month in counted]
        over += [Truth(None, frozenset({f"model.release_month[{model}]"})) for model in undated]
        when = " or ".join(counted) or "the month before the release"
        return outcome(
            either(*over),
            met=f"not {self.operator.words} {self.limit:,} monthly active users ({self.basis}) in {when}",
            broken=f"{self.operator.words} {self.limit:,} monthly active users ({self.basis}) in {when}",
            facts=self._facts(at, counted),
        )

    def _counted(self, at: Situation) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the months that count, and the models whose month nobody knows."""
        if self.month:
            return (self.month,), ()
        if not self.months:
            return months.ongoing(at.on), ()
        dated = {
            model: tuple(item.month for item in self.months if matches(model, item.models))
            for model in at.models
        }
        found = sorted({month for named in dated.values() for month in named})
        return tuple(found), tuple(model for model, named in dated.items() if not named)

    def _decisive(self, counted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the months whose count must be known: of an ongoing test the full one, not the one that runs."""
        return counted if self.month or self.months else counted[:1]

    def _over(self, at: Situation, month: str, *, decisive: bool) -> Truth:
        users = at.org.mau_by_month.get(month, MonthlyUsers())
        fact = f"org.mau_by_month.{month}.{self.basis}"
        unknown = Truth(None, frozenset({fact})) if decisive else NO
        lower, upper = months.bounds(users, self.basis)
        if lower is not None and self.operator.exceeded(lower, self.limit):
            return YES
        if decisive and (self.month or self.months) and months.founded_after(at.org, month):
            return NO
        return NO if upper is not None and not self.operator.exceeded(upper, self.limit) else unknown

    def _facts(self, at: Situation, counted: Iterable[str]) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for month in counted:
            users = at.org.mau_by_month.get(month)
            for basis in Basis:
                facts[f"org.mau_by_month.{month}.{basis}"] = getattr(users, basis, None)
        return facts


def _month(fields: Fields) -> str:
    month = fields.text("month")
    if not MONTH.fullmatch(month):
        raise fields.fail("month", "must be written YYYY-MM")
    return month


def _model_month(fields: Fields) -> ModelMonth:
    found = ModelMonth(fields.texts("models"), _month(fields))
    fields.done()
    if not found.models:
        raise fields.fail("models", "is required")
    return found


class Measure(StrEnum):
    """Which revenue is held against a limit; the value is the path of the fact."""

    ANNUAL_LICENSEE = "annual_revenue_usd.licensee"
    ANNUAL_GROUP = "annual_revenue_usd.group"
    MONTHLY_PRODUCT = "monthly_revenue_usd.product"
    MONTHLY_GROUP = "monthly_revenue_usd.group_consolidated"
    TRAILING_GROUP = "trailing_12m_revenue_group"
    RECURRING_PRODUCT = "arr_product"
    ATTRIBUTABLE = "attributable_revenue"


# The measures that a wider one contains (any twelve months: every year and month), and the one that bounds it.
_NARROWER: Mapping[Measure, tuple[Measure, ...]] = {
    Measure.ANNUAL_GROUP: (Measure.ANNUAL_LICENSEE,),
    Measure.MONTHLY_GROUP: (Measure.MONTHLY_PRODUCT,),
    Measure.TRAILING_GROUP: (
        Measure.ANNUAL_GROUP,
        Measure.ANNUAL_LICENSEE,
        Measure.MONTHLY_GROUP,
        Measure.MONTHLY_PRODUCT,
    ),
}
_WIDER = {
    Measure.ANNUAL_LICENSEE: Measure.ANNUAL_GROUP,
    Measure.MONTHLY_PRODUCT: Measure.MONTHLY_GROUP,
}


class Currency(StrEnum):
    """The currency of a limit; facts are in US dollars."""

    USD = "USD"
    CNY = "CNY"


# How many units one US dollar was at least and at most, 2005 to 2026, with room: between the two nothing is decided.
_RATES = {Currency.USD: (1, 1), Currency.CNY: (6, 9)}


@dataclass(frozen=True)
class RevenueThreshold:
    """Too much revenue, over the time and of the part of the business that the measure names."""

    limit: int
    operator: Operator
    measure: Measure
    currency: Currency

    @classmethod
    def parse(cls, fields: Fields) -> "RevenueThreshold":
        """Read the parameters."""
        return cls(
            limit=fields.count("limit"),
            operator=fields.choice("operator", Operator),
            measure=fields.choice("measure", Measure),
            currency=fields.choice_or_none("currency", Currency) or Currency.USD,
        )

    def check(self, at: Situation) -> Outcome:
        """Whether the threshold is passed."""
        amount = f"{self.operator.words} {self.limit:,} {self.currency} ({self.measure})"
        looked = (self.measure, *_NARROWER.get(self.measure, ()), _WIDER.get(self.measure))
        return outcome(
            self._over(at.org),
            met=f"not {amount}",
            broken=amount,
            facts={f"org.{item}": _amount(at.org, item) for item in looked if item},
        )

    def _over(self, org: OrgFacts) -> Truth:
        low, high = _RATES[self.currency]
        least = [
            value
            for item in (self.measure, *_NARROWER.get(self.measure, ()))
            if (value := _amount(org, item)) is not None
        ]
        most = [
            value
            for item in (self.measure, _WIDER.get(self.measure))
            if (value := _amount(org, item)) is not None
        ]
        if least and self.operator.exceeded(max(least) * low, self.limit):
            return YES
        if most and not self.operator.exceeded(min(most) * high, self.limit):
            return NO
        return Truth(None, frozenset({f"org.{self.measure}"}))


def _amount(org: OrgFacts, measure: Measure | None) -> int | None:
    if measure is None:
        return None
    name, _, scope = measure.value.partition(".")
    amount: int | None = getattr(org, name).get(scope) if scope else getattr(org, name)
    return amount
