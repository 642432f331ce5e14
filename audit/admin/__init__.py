"""Pages of the logs: importing them registers them."""

from audit.admin import decisions, deployments, gaps, served_requests

__all__ = ["decisions", "deployments", "gaps", "served_requests"]
