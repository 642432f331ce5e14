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
    organizations,
    versions,
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
    "organizations",
    "versions",
]
