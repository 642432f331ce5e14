"""Pages of the registry: importing them registers them."""

from registry.admin import admissions, approvals, documents, environments, organizations, versions, what_if

__all__ = ["admissions", "approvals", "documents", "environments", "organizations", "versions", "what_if"]
