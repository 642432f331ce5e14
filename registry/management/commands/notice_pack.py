"""`manage.py notice_pack ID... [--output FILE]`: the NOTICE and attribution pack of some versions."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from modelcustody_client import packing

from governance.errors import GovernanceError
from registry import notice_pack


class Command(BaseCommand):
    """Write the pack."""

    help = "Write NOTICE file, attribution and licence texts of model versions as a tar archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which versions, and where to."""
        parser.add_argument("version", nargs="+", type=int, help="numbers of versions")
        parser.add_argument(
            "--output", default="notices.tar", help="a file that is not there yet, or - (default notices.tar)"
        )

    def handle(self, *args: Any, version: list[int], output: str, **options: Any) -> None:
        """Make it and write it; nothing is written where a licence file is not the one that was registered."""
        try:
            data = notice_pack.build(version, on=timezone.now().date())
        except GovernanceError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        if output == "-":
            sys.stdout.buffer.write(data)
            return
        try:
            with Path(output).open("xb") as stream:
                stream.write(data)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{output}: {len(data)} bytes, {packing.digest(data)}")
