"""`manage.py issue_token NAME --by ADMIN --scope SCOPE`: a bearer token, shown once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.actions import tokens
from governance.actors import Actor
from governance.errors import GovernanceError
from governance.models import User
from governance.permissions import Scope


class Command(BaseCommand):
    """Issue a service token."""

    help = "Issue a service token. Prints it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the token is for."""
        parser.add_argument("name", help="what the token is for")
        parser.add_argument("--by", required=True, help="the administrator who answers for it")
        parser.add_argument("--owner", help="the account the token acts for (default: --by)")
        parser.add_argument(
            "--scope", action="append", required=True, choices=[scope.value for scope in Scope]
        )
        parser.add_argument("--environment", default="", help="the one environment it is good for")
        parser.add_argument("--recorder", default="", help="the one recorder it may append for")
        parser.add_argument("--days", type=int, default=90, help="how long it is good (default 90)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue it and print its text."""
        now = timezone.now()
        try:
            row, text = tokens.issue_token(
                name=options["name"],
                owner=_account(options["owner"] or options["by"]),
                scopes=options["scope"],
                environment=options["environment"],
                recorder=options["recorder"],
                expires_at=now + timedelta(days=options["days"]),
                actor=Actor(user=_account(options["by"])),
                now=now,
            )
        except GovernanceError as error:
            raise CommandError(error.detail) from error
        self.stderr.write(f"Token {row.key_id}, good until {row.expires_at:%Y-%m-%d}. It is shown only now:")
        self.stdout.write(text)


def _account(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no account {username}.")
    return user
