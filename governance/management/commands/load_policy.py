"""`manage.py load_policy [FILE]`: puts a policy in force; without a file, the one that is shipped."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.actions import policies
from governance.actors import Actor
from governance.errors import GovernanceError
from governance.models import User
from governance.policy import document


class Command(BaseCommand):
    """Load a policy."""

    help = "Put a policy in force. Loading the one that is in force changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which policy, and who answers for it."""
        parser.add_argument("file", nargs="?", type=Path, default=document.DEFAULT)
        parser.add_argument("--by", help="the administrator who answers for it (default: this machine)")

    def handle(self, *args: Any, file: Path, by: str | None, **options: Any) -> None:
        """Read, load, print the digest."""
        user = User.objects.filter(username=by).first() if by else None
        if by and user is None:
            raise CommandError(f"There is no account {by}.")
        try:
            row = policies.load_policy(
                text=file.read_text(encoding="utf-8"),
                actor=Actor(user=user) if user else None,
                now=timezone.now(),
            )
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except GovernanceError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(row.policy_digest)
