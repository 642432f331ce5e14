"""Pages of the registry: importing them registers them."""

from registry.admin import (
    admissions,
    alerts,
    approvals,
    catalog_releases,
    documents,
    environments,
    license_proposals,
    licenses,
    organizations,
    reevaluations,
    versions,
)

__all__ = [
    "admissions",
    "alerts",
    "approvals",
    "catalog_releases",
    "documents",
    "environments",
    "license_proposals",
    "licenses",
    "organizations",
    "reevaluations",
    "versions",
]
