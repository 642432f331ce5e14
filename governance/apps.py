"""App configuration: binds Celery and registers the deployment checks."""

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """People, tokens and policy."""

    name = "governance"

    def ready(self) -> None:
        """Bind the Celery app, so that `shared_task` finds it in every process."""
        from governance import celery, checks  # noqa: F401
