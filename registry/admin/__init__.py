"""Pages of the registry: importing them registers them."""

from registry.admin import admissions, approvals, environments, organizations, versions, what_if

__all__ = ["admissions", "approvals", "environments", "organizations", "versions", "what_if"]
