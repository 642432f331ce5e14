"""App configuration: binds Celery, registers the deployment checks, sets up the logs."""

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """People, tokens and policy."""

    name = "governance"

    def ready(self) -> None:
        """Bind the Celery app, so that `shared_task` finds it in every process."""
        from django.conf import settings

        from governance import celery, checks, logs  # noqa: F401 - imported for what they register

        logs.configure(settings.LOG_LEVEL)
