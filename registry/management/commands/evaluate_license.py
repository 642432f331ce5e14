"""`manage.py evaluate_license [FILE|-] --json`: answers one licence question, read as JSON."""

import json
import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone
from modelcustody_client import canonical

from governance.fields import InvalidField
from registry import catalogs, evaluation

MAX_BYTES = 8 * 1024 * 1024


class Command(BaseCommand):
    """Answer a licence question."""

    help = "Answer a licence question: may this model be used in this way?"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the question is, and how to answer."""
        parser.add_argument(
            "file", nargs="?", default="-", help="a JSON file, or - for standard input (default)"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the answer as JSON")

    def handle(self, *args: Any, file: str, as_json: bool, **options: Any) -> None:
        """Read, answer, print."""
        question = _read(file)
        try:
            answer = self._answer(question, today=timezone.now().date())
        except InvalidField as error:
            raise CommandError(f"invalid_input: {error}", returncode=3) from error
        if as_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(_in_words(answer))

    def _answer(self, question: dict[str, Any], *, today: date) -> dict[str, Any]:
        """With what the registry knows; where it cannot be reached, from the catalogue that ships alone, saying so."""
        try:
            return evaluation.answer_with_registry(question, today=today)
        except OperationalError:
            self.stderr.write("The database does not answer: evaluated from the catalogue that ships alone.")
            return evaluation.answer(question, known={}, today=today, terms=catalogs.shipped())


def _read(file: str) -> dict[str, Any]:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        question = canonical.loads(data, max_bytes=MAX_BYTES)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", returncode=3) from error
    except canonical.NotCanonical as error:
        raise CommandError(f"malformed_json: {error}", returncode=3) from error
    if not isinstance(question, dict):
        raise CommandError("invalid_input: the question must be a JSON object", returncode=3)
    return question


def _in_words(answer: dict[str, Any]) -> str:
    lines = [
        f"Verdict: {answer['verdict']}",
        f"Licences: {', '.join(answer['effective_licenses']) or 'none known'}",
    ]
    lines += [f"  must: {item['do']} ({item['clause']})" for item in answer["obligations"]]
    lines += [f"  {item['outcome']}: {item['reason']}" for item in answer["findings"]]
    lines += [f"  conflict: {item['reason']}" for item in answer["conflicts"]]
    lines += [f"  missing fact: {fact}" for fact in answer["missing_facts"]]
    return "\n".join(lines)
