"""Pages of the registry: importing them registers them."""

from registry.admin import admissions, approvals, environments, organizations, versions

__all__ = ["admissions", "approvals", "environments", "organizations", "versions"]
