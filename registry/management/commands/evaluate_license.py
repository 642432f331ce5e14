"""`manage.py evaluate_license [FILE|-] --json`: answers licence questions, read as JSON; also "what if"."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils import timezone
from modelcustody_client import canonical

from governance.errors import GovernanceError
from registry import catalogs, evaluation
from registry.actions import what_if
from registry.licensing.changes import Change, Step, parse_step
from registry.management.usage import complaining
from registry.whatif import inputs, matrix, question, words
from registry.whatif.inputs import Questions

# Exit codes: a question that is not understood, and a command that is called wrongly.
BAD_INPUT, USAGE = 2, 3


class Command(BaseCommand):
    """Answer licence questions."""

    help = (
        "Answer licence questions: may this model be used in this way? Reads one question, a list of them, or one a "
        "line. Exits with 0 when it has answered, 2 when a question is not understood, 3 when it is called wrongly."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser whose complaints exit with the code for wrong calls."""
        return complaining(super().create_parser(prog_name, subcommand, **kwargs), code=USAGE)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the questions are, and how to answer."""
        parser.add_argument("file", nargs="?", help="a JSON file, or - for standard input (default)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the answer as JSON")
        parser.add_argument(
            "--model", metavar="NAME[@REVISION]", help="ask about this model instead of reading"
        )
        parser.add_argument(
            "--what-if",
            metavar="JSON",
            help='moved facts, such as {"use": {"hosting": "public_api"}}; null makes a fact unknown',
        )
        parser.add_argument(
            "--environments",
            nargs="*",
            metavar="NAME",
            help="the verdict of a registered model in these environments, or in all of them",
        )
        parser.add_argument(
            "--no-registry", action="store_true", help="ask the licence catalogue alone, never the database"
        )

    def handle(self, *args: Any, file: str | None, as_json: bool, **options: Any) -> None:
        """Read, answer, print."""
        if options["model"] and file:
            raise CommandError("usage: name a file or a model, not both", returncode=USAGE)
        if options["environments"] is not None and options["no_registry"]:
            raise CommandError("usage: environments are in the registry", returncode=USAGE)
        today = timezone.now().date()
        try:
            step = _step(options["what_if"], today=today)
            questions = _named(options["model"]) if options["model"] else inputs.read(_bytes(file or "-"))
            if options["environments"] is not None:
                self._matrix(questions, options["environments"], step, as_json=as_json)
                return
            ask = partial(self._ask, no_registry=options["no_registry"], today=today)
            answers = questions.answered(partial(_answer, step=step, today=today, ask=ask))
        except GovernanceError as error:
            raise CommandError(f"{error.code}: {error.detail}", returncode=BAD_INPUT) from error
        if as_json:
            self.stdout.write(inputs.written(answers, questions.form))
        else:
            self.stdout.write("\n\n".join(words.of_answer(answer) for answer in answers))

    def _ask(self, asked: Mapping[str, Any], *, no_registry: bool, today: date) -> dict[str, Any]:
        """With what the registry knows; where it cannot be reached, from the catalogue that ships alone, saying so."""
        if no_registry:
            return evaluation.answer(asked, known={}, today=today, terms=catalogs.shipped())
        try:
            return evaluation.answer_with_registry(asked, today=today)
        except OperationalError:
            self.stderr.write("The database does not answer: evaluated from the catalogue that ships alone.")
            return evaluation.answer(asked, known={}, today=today, terms=catalogs.shipped())

    def _matrix(
        self, questions: Questions, environments: list[str], step: Step | None, *, as_json: bool
    ) -> None:
        """The verdicts of one registered model in the environments on record."""
        change = Change((step,) if step else ())
        ground = what_if.ground(change, policy_text="", now=timezone.now())
        found = matrix.of_model(questions.only(), environments=environments, ground=ground)
        self.stdout.write(
            json.dumps(found, ensure_ascii=False, indent=2) if as_json else words.of_matrix(found)
        )


def _answer(asked: Mapping[str, Any], *, step: Step | None, today: date, ask: question.Ask) -> dict[str, Any]:
    """The answer; what is moved on the command line counts in place of what the question moves itself."""
    if step is None:
        return question.answered(asked, today=today, ask=ask)
    return question.answered({**asked, question.MEMBER: step.to_json()}, today=today, ask=ask)


def _step(text: str | None, *, today: date) -> Step | None:
    if text is None:
        return None
    try:
        value = canonical.loads(text.encode("utf-8", "surrogateescape"))
    except canonical.NotCanonical as error:
        raise inputs.MalformedJson(f"--what-if: {error}") from error
    return parse_step(value, on=today)


def _named(name: str) -> Questions:
    model, _, revision = name.partition("@")
    return Questions(({"model": model, "revision": revision or None},))


def _bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read(inputs.MAX_BYTES + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"usage: {file} cannot be read: {error.strerror}", returncode=USAGE) from error
