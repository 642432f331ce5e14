"""Make the demonstration's accounts, environment, facts, policy and node token."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance.demonstration import preparation


class Command(BaseCommand):
    """Idempotent; prints where the credentials are."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, and say where the passwords lie."""
        preparation.prepare(now=timezone.now())
        self.stdout.write(str(preparation.credentials_file()))
