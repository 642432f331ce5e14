"""The plain words of the facts: labels, what they mean, and how they are grouped. Pure."""

from dataclasses import dataclass

GROUPS = {
    "who": "Who we are",
    "business": "What we do",
    "users": "How many people use it",
    "revenue": "What we earn",
    "other": "Further facts",
}


@dataclass(frozen=True)
class Words:
    """What a fact is called, what it means, where it is shown, and how it is asked for where the type is not enough."""

    label: str
    help: str = ""
    group: str = "other"
    kind: str = ""
    members: tuple[str, ...] = ()
    is_money: bool = False


ORG = {
    "licensee_entity": Words(
        "Legal name", "The legal entity that accepts the licences, as in the commercial register.", "who"
    ),
    "entity_type": Words("Kind of entity", "Some licences treat companies, academics and individuals apart.", "who"),
    "principal_place_of_business": Words(
        "Principal place of business",
        "The country from which the organisation is run. A subsidiary elsewhere does not change it. Not for individuals.",
        "who",
        kind="country",
    ),
    "domicile": Words("Domicile", "The country where an individual lives, or a company is registered.", "who", "country"),
    "founded_on": Words("Founded on", "Licences that count the users of one past month ask whether you existed then.", "who"),
    "affiliates": Words(
        "Affiliates",
        "Companies that control this one, are controlled by it, or share its owner (more than half). "
        "Their users and revenue count in many licences.",
        "who",
    ),
    "operates_maas": Words(
        "Offers models as a service",
        "This organisation or any affiliate lets others call hosted models, by API or otherwise.",
        "business",
    ),
    "operates_ai_assistant": Words(
        "Offers an AI assistant", "This organisation or any affiliate offers an assistant to the public or to customers.", "business"
    ),
    "competes_with": Words(
        "Competes with", "Licensors whose products this organisation or an affiliate competes with.", "business"
    ),
    "registrations": Words(
        "Registrations held",
        "Ids of licences for which the licensor registered this organisation or gave the permission they ask for.",
        "business",
    ),
    "mau_by_month": Words(
        "Monthly active users",
        "People, counted once a month. A narrower count is never larger than a wider one. Some licences look at one past "
        "month for ever; others at the last full month.",
        "users",
    ),
    "annual_revenue_usd": Words(
        "Revenue of a year, in US dollars", "The last full financial year.", "revenue", members=("licensee", "group"), is_money=True
    ),
    "monthly_revenue_usd": Words(
        "Revenue of a month, in US dollars",
        "The last full month.",
        "revenue",
        members=("product", "group_consolidated"),
        is_money=True,
    ),
    "trailing_12m_revenue_group": Words(
        "Revenue of the last 12 months, in US dollars", "Of the whole group, consolidated.", "revenue", is_money=True
    ),
    "arr_product": Words(
        "Yearly recurring revenue of the product, in US dollars", "Of the product that uses the model.", "revenue", is_money=True
    ),
    "attributable_revenue": Words(
        "Revenue that the model brings in, in US dollars", "In a year, as licences with royalties define it.", "revenue", is_money=True
    ),
}  # fmt: skip

USE = {
    "role": Words("How the model reaches us", "Whether we accepted its licence, or use someone else's product or API."),
    "purpose": Words("Purpose", "What the model is used for here."),
    "environment": Words("Stage", "Whether people or processes depend on the answers."),
    "commercial": Words("Commercial", "Whether the use serves a business: internal work of a company is commercial too."),
    "hosting": Words("Made available to others", "How people outside reach the model."),
    "distribute_weights": Words("Hands on the weights", "Whether the model's files are given to others, on a device or a disk too."),
    "distribute_derivative": Words("Hands on a derived model", "Whether files of a model made from it are given to others."),
    "public_statements_about_derivative": Words("Speaks of it in public", "Whether a model made from it is announced or described in public."),
    "use_case_tags": Words("Uses", "What the answers are for. Licences and use policies exclude some of these.", kind="tags"),
    "served_territories": Words("Territories served", "The countries whose people use it.", kind="countries"),
}  # fmt: skip

SCOPES = {
    "all_products_incl_affiliates": "All products, with affiliates",
    "licensee_only": "All products of this entity",
    "product_using_model": "The product that uses the model",
    "licensee": "This entity alone",
    "group": "The whole group",
    "product": "The product that uses the model",
    "group_consolidated": "The whole group, consolidated",
}
MEMBERS = {
    "company": "Company",
    "individual": "Individual",
    "academic": "University or school",
    "nonprofit": "Non-profit",
    "public": "Public body",
    "licensee": "We accepted the licence",
    "end_user_of_integrated_product": "Inside a product that we use",
    "recipient_of_hosted_api": "Through someone else's API",
    "research": "Research",
    "evaluation": "Trying it out",
    "internal": "Internal work",
    "production": "In production",
    "non_production": "Not in production",
    "none": "Not at all",
    "embedded_feature": "As a feature of our product",
    "public_api": "As a public API",
    "shared_instances": "As instances shared with others",
    "relay": "Passed through to another host",
}
