"""Facts about the organisation, the use and the planned derivative, checked as they come in. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from governance.fields import Fields, InvalidField
from registry.licensing import countries
from registry.licensing.terms import Relation

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
TAG = re.compile(r"[a-z][a-z0-9_]{0,63}")


class InvalidFacts(InvalidField):
    """A fact has an unknown name, a wrong type or an impossible value."""

    code = "invalid_facts"


class EntityType(StrEnum):
    """What the licensee is."""

    COMPANY = "company"
    INDIVIDUAL = "individual"
    ACADEMIC = "academic"
    NONPROFIT = "nonprofit"
    PUBLIC = "public"


class Role(StrEnum):
    """How the model reaches the organisation."""

    LICENSEE = "licensee"
    END_USER = "end_user_of_integrated_product"
    API_RECIPIENT = "recipient_of_hosted_api"


class Purpose(StrEnum):
    """What the model is used for."""

    RESEARCH = "research"
    EVALUATION = "evaluation"
    INTERNAL = "internal"
    PRODUCTION = "production"


class Stage(StrEnum):
    """Whether the use is in production."""

    PRODUCTION = "production"
    NON_PRODUCTION = "non_production"


class Hosting(StrEnum):
    """How the model is made available to others."""

    NONE = "none"
    EMBEDDED_FEATURE = "embedded_feature"
    PUBLIC_API = "public_api"
    SHARED_INSTANCES = "shared_instances"
    RELAY = "relay"


@dataclass(frozen=True)
class MonthlyUsers:
    """Monthly active users of one month; a narrower count never exceeds a wider one."""

    all_products_incl_affiliates: int | None = None
    licensee_only: int | None = None
    product_using_model: int | None = None


@dataclass(frozen=True)
class OrgFacts:
    """What is known of the organisation; None is unknown."""

    licensee_entity: str | None = None
    principal_place_of_business: str | None = None
    entity_type: EntityType | None = None
    domicile: str | None = None
    affiliates: tuple[str, ...] | None = None
    founded_on: date | None = None
    competes_with: tuple[str, ...] | None = None
    operates_maas: bool | None = None
    operates_ai_assistant: bool | None = None
    mau_by_month: Mapping[str, MonthlyUsers] = field(default_factory=dict)
    annual_revenue_usd: Mapping[str, int] = field(default_factory=dict)
    monthly_revenue_usd: Mapping[str, int] = field(default_factory=dict)
    trailing_12m_revenue_group: int | None = None
    arr_product: int | None = None
    attributable_revenue: int | None = None
    # Ids of licenses for which the licensor registered the organisation, or gave the permission they ask for.
    registrations: tuple[str, ...] | None = None


@dataclass(frozen=True)
class UseFacts:
    """What is known of the use; None is unknown."""

    role: Role | None = None
    purpose: Purpose | None = None
    environment: Stage | None = None
    commercial: bool | None = None
    use_case_tags: tuple[str, ...] | None = None
    served_territories: tuple[str, ...] | None = None
    hosting: Hosting | None = None
    distribute_weights: bool | None = None
    distribute_derivative: bool | None = None
    public_statements_about_derivative: bool | None = None


@dataclass(frozen=True)
class DerivativePlan:
    """The model that the organisation makes from this one; absent means that it makes none."""

    relation: Relation | None = None
    base_models: tuple[str, ...] = ()
    name: str | None = None
    own_licence: str | None = None
    multimodal: bool | None = None
    guardrails_intact: bool | None = None
    foundation_model: bool | None = None
    competes: bool | None = None

    @property
    def is_planned(self) -> bool:
        """Whether a derivative is described at all."""
        return bool(self.relation or self.base_models or self.name or self.own_licence)


def parse_org(value: Any, *, on: date) -> OrgFacts:
    """Facts about the organisation, as of a date."""
    org = Fields({} if value is None else value, path="org", problem=InvalidFacts)
    facts = OrgFacts(
        licensee_entity=org.text_or_none("licensee_entity"),
        principal_place_of_business=_country(org, "principal_place_of_business"),
        entity_type=org.choice_or_none("entity_type", EntityType),
        domicile=_country(org, "domicile"),
        affiliates=org.texts_or_none("affiliates"),
        founded_on=org.date_or_none("founded_on"),
        competes_with=org.texts_or_none("competes_with"),
        operates_maas=org.flag_or_none("operates_maas"),
        operates_ai_assistant=org.flag_or_none("operates_ai_assistant"),
        mau_by_month=_months(org.table("mau_by_month"), on=on),
        annual_revenue_usd=_amounts(org.table("annual_revenue_usd"), ("licensee", "group")),
        monthly_revenue_usd=_amounts(org.table("monthly_revenue_usd"), ("product", "group_consolidated")),
        trailing_12m_revenue_group=org.count_or_none("trailing_12m_revenue_group"),
        arr_product=org.count_or_none("arr_product"),
        attributable_revenue=org.count_or_none("attributable_revenue"),
        registrations=org.texts_or_none("registrations"),
    )
    org.done()
    _check_consistent(org, facts, on=on)
    return facts


def _check_consistent(org: Fields, facts: OrgFacts, *, on: date) -> None:
    if facts.entity_type is EntityType.INDIVIDUAL and facts.principal_place_of_business:
        raise org.fail("principal_place_of_business", "an individual has a domicile instead")
    if facts.founded_on is None:
        return
    if facts.founded_on > on:
        raise org.fail("founded_on", "lies after the evaluation date")
    for month, users in facts.mau_by_month.items():
        if month < f"{facts.founded_on:%Y-%m}" and (users.licensee_only or users.product_using_model):
            raise org.fail(f"mau_by_month.{month}", "the licensee was not founded yet")


def parse_use(value: Any) -> UseFacts:
    """Facts about the use."""
    use = Fields({} if value is None else value, path="use", problem=InvalidFacts)
    facts = UseFacts(
        role=use.choice_or_none("role", Role),
        purpose=use.choice_or_none("purpose", Purpose),
        environment=use.choice_or_none("environment", Stage),
        commercial=use.flag_or_none("commercial"),
        use_case_tags=use.texts_or_none("use_case_tags"),
        served_territories=use.texts_or_none("served_territories"),
        hosting=use.choice_or_none("hosting", Hosting),
        distribute_weights=use.flag_or_none("distribute_weights"),
        distribute_derivative=use.flag_or_none("distribute_derivative"),
        public_statements_about_derivative=use.flag_or_none("public_statements_about_derivative"),
    )
    use.done()
    for tag in facts.use_case_tags or ():
        if not TAG.fullmatch(tag):
            raise use.fail("use_case_tags", "tags are written in lower case with underscores")
    for code in facts.served_territories or ():
        _check_country(use, "served_territories", code)
    return facts


def parse_derivative(value: Any) -> DerivativePlan:
    """Return the planned derivative."""
    plan = Fields({} if value is None else value, path="derivative", problem=InvalidFacts)
    facts = DerivativePlan(
        relation=relation_or_none(plan, "relation"),
        base_models=plan.texts("base_models"),
        name=plan.text_or_none("name"),
        own_licence=plan.text_or_none("own_licence"),
        multimodal=plan.flag_or_none("multimodal"),
        guardrails_intact=plan.flag_or_none("guardrails_intact"),
        foundation_model=plan.flag_or_none("foundation_model"),
        competes=plan.flag_or_none("competes"),
    )
    plan.done()
    return facts


def relation_or_none(fields: Fields, key: str) -> Relation | None:
    """Return a relation; `distill_weights` is the fact vocabulary's word for distillation."""
    if fields.raw(key) == "distill_weights":
        return Relation.DISTILLATION
    return fields.choice_or_none(key, Relation)


def _country(fields: Fields, key: str) -> str | None:
    code = fields.text_or_none(key)
    if code is not None:
        _check_country(fields, key, code)
    return code


def _check_country(fields: Fields, key: str, code: str) -> None:
    if code not in countries.CODES:
        raise fields.fail(key, "must be an ISO 3166 alpha-2 country code")


def _months(table: Fields, *, on: date) -> dict[str, MonthlyUsers]:
    found = {}
    for month in table.keys():  # noqa: SIM118 - not a mapping
        if not MONTH.fullmatch(month):
            raise table.fail(month, "months are written YYYY-MM")
        if month > f"{on:%Y-%m}":
            raise table.fail(month, "lies after the evaluation date")
        found[month] = _users(table.table(month))
    return found


def _users(table: Fields) -> MonthlyUsers:
    names = ("product_using_model", "licensee_only", "all_products_incl_affiliates")
    counts = {name: table.count_or_none(name) for name in names}
    table.done()
    _check_rising(table, counts, names)
    return MonthlyUsers(**counts)


def _amounts(table: Fields, names: tuple[str, ...]) -> dict[str, int]:
    """Amounts by scope; `names` go from the narrowest scope to the widest."""
    counts = {name: table.count_or_none(name) for name in names}
    table.done()
    _check_rising(table, counts, names)
    return {name: count for name, count in counts.items() if count is not None}


def _check_rising(table: Fields, counts: Mapping[str, int | None], names: tuple[str, ...]) -> None:
    widest = 0
    for name in names:
        count = counts[name]
        if count is None:
            continue
        if count < widest:
            raise table.fail(name, "is smaller than a part of it")
        widest = count
