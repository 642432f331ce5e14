"""Makes the signing keys of a new installation, and the file of public keys for auditors."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance import keys


class Command(BaseCommand):
    """`manage.py create_keys`; running it again changes nothing."""

    help = "Make the signing keys that do not exist yet, and write the trust file."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *_: Any, **__: Any) -> None:
        """Make what is missing, and say so."""
        try:
            made = keys.create_keys()
            path = keys.write_trust_file()
        except keys.KeyUnusable as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"New keys: {', '.join(made)}." if made else "All keys exist.")
        self.stdout.write(f"Public keys for auditors: {path}")
