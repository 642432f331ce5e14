"""Pages of the registry: importing them registers them."""

from registry.admin import (
    admissions,
    alerts,
    approvals,
    catalog_releases,
    documents,
    environments,
    evaluations,
    license_proposals,
    licenses,
    obligations,
    organizations,
    reevaluations,
    releases,
    versions,
    what_if,
)

__all__ = [
    "admissions",
    "alerts",
    "approvals",
    "catalog_releases",
    "documents",
    "environments",
    "evaluations",
    "license_proposals",
    "licenses",
    "obligations",
    "organizations",
    "reevaluations",
    "releases",
    "versions",
    "what_if",
]
