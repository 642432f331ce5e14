"""Pages of the registry: importing them registers them."""

from registry.admin import (
    admissions,
    approvals,
    catalog_releases,
    documents,
    environments,
    evaluations,
    license_proposals,
    licenses,
    obligations,
    organizations,
    versions,
    what_if,
)

__all__ = [
    "admissions",
    "approvals",
    "catalog_releases",
    "documents",
    "environments",
    "evaluations",
    "license_proposals",
    "licenses",
    "obligations",
    "organizations",
    "versions",
    "what_if",
]
