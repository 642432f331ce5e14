"""App configuration of the log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The tamper-evident log: decisions and served requests."""

    name = "audit"
