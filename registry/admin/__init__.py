"""Pages of the registry: importing them registers them."""

from registry.admin import admissions, alerts, approvals, environments, organizations, reevaluations, versions

__all__ = ["admissions", "alerts", "approvals", "environments", "organizations", "reevaluations", "versions"]
