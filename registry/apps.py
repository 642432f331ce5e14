"""App configuration of the registry."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Models, evidence, approvals and admission."""

    name = "registry"
