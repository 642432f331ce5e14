"""Pages of the registry: importing them registers them."""

<<<<<<< HEAD
from registry.admin import admissions, approvals, documents, environments, organizations, versions, what_if

__all__ = ["admissions", "approvals", "documents", "environments", "organizations", "versions", "what_if"]
=======
from registry.admin import (
    admissions,
    approvals,
    catalog_releases,
    documents,
    environments,
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
    "license_proposals",
    "licenses",
    "organizations",
    "versions",
]
>>>>>>> main
