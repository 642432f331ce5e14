"""`manage.py create_user NAME --role ROLE`: a new account; its password is shown once."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.actions import people
from governance.errors import GovernanceError
from governance.permissions import Role


class Command(BaseCommand):
    """Make an account for a person."""

    help = "Make an account for a person. Prints a new password once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and as what."""
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=[role.value for role in Role])

    def handle(self, *args: Any, username: str, role: str, **options: Any) -> None:
        """Create it and print the password."""
        password = secrets.token_urlsafe(18)
        try:
            people.create_user(
                username=username, password=password, role=role, actor=None, now=timezone.now()
            )
        except GovernanceError as error:
            raise CommandError(error.detail) from error
        self.stderr.write(f"{username} is a new {role}. The password is shown only now:")
        self.stdout.write(password)
