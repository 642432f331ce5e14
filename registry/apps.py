"""App configuration of the registry."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Models, evidence, approvals and admission."""

    name = "registry"

    def ready(self) -> None:
        """Tell the log who knows admissions, and what was in force for a request."""
        from audit import deployments, selectors
        from registry import context

        deployments.register_admission_check(context.check_deployment)
        selectors.register_context(context.context_of)
