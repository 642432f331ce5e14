"""`manage.py verify_folder PATH --json`: every check on a folder or a file, without registering it; no database."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn, Self, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from governance.policy import document
from registry import loose, loose_report
from registry.formats.roles import role_of
from registry.licensing import catalog
from registry.licensing.names import is_plain
from registry.management.usage import complaining
from registry.verification import isolated

UNDECIDED, USAGE = 2, 3
SINGLE_FILES = (".gguf", ".safetensors", ".bin")
SHOW_SECONDS = 0.2


class Command(BaseCommand):
    """Verify a folder."""

    help = (
        "Run every check on a folder of model files, or on a single weight file, without registering it; needs no "
        "database and no network. Exits with 0 when nothing was found, 1 with findings, 2 when it could not decide, "
        "3 when it is called wrongly."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser whose complaints exit with the code for wrong calls."""
        return complaining(super().create_parser(prog_name, subcommand, **kwargs), code=USAGE)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to look at, and what is known of it."""
        parser.add_argument("path", type=Path, help="a folder, or one .gguf, .safetensors or .bin file")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the report as JSON")
        parser.add_argument(
            "--policy",
            type=Path,
            metavar="FILE",
            help="judge signatures by this policy; default: the shipped one",
        )
        parser.add_argument(
            "--model",
            default="",
            metavar="PUBLISHER/NAME",
            help="what the model is called, for its licence and signers",
        )
        parser.add_argument(
            "--base",
            action="append",
            default=[],
            metavar="[NAME=]DIR",
            help="a folder with the files of a model that this one was made from; may be repeated",
        )
        parser.add_argument(
            "--manifest",
            type=Path,
            metavar="FILE",
            help="hold the files against this list, as sha256sum prints it",
        )

    def handle(self, *args: Any, path: Path, as_json: bool, **options: Any) -> None:
        """Ask, show how far it is, print, and exit with what it comes to."""
        root, given = _root(path), _given(path, options)
        policy, terms = _policy(options["policy"]), catalog.load()
        started_at = timezone.now()
        try:
            asked = loose.ask(root, given, policy=policy, terms=terms, now=started_at)
            limits = _limits(asked)
            with _Progress(sys.stderr, asked.total_bytes) as progress:
                answer = isolated.examine(root, asked.question, limits=limits, progress=progress.advance)
        except (loose.CannotRead, isolated.NoAnswer) as error:
            self._give_up(str(error), root=root, as_json=as_json)
        except Exception as error:  # noqa: BLE001 - the exit code of a traceback says that something was found
            self._give_up(f"It broke down: {type(error).__name__}: {error}", root=root, as_json=as_json)
        report = loose_report.Report(
            loose=asked,
            outcomes=loose.settled(answer.examination.outcomes, without=loose.not_asked(asked)),
            answer=answer,
            limits=limits,
            policy=policy,
            terms=terms,
            started_at=started_at,
            finished_at=timezone.now(),
        )
        found = loose_report.document(report)
        self.stdout.write(json.dumps(found, indent=2) if as_json else loose_report.words(report))
        sys.exit(found["exit_code"])

    def _give_up(self, message: str, *, root: Path, as_json: bool) -> NoReturn:
        """Say why nothing could be decided, also to programs."""
        if as_json:
            found = {
                "format": loose_report.FORMAT,
                "path": str(root),
                "outcome": "error",
                "exit_code": UNDECIDED,
                "meaning": loose_report.plain(message),
                "results": [],
            }
            self.stdout.write(json.dumps(found, indent=2))
        raise CommandError(loose_report.plain(message), returncode=UNDECIDED)


def _root(path: Path) -> Path:
    """What is to be read, without links in the path that was given; complains in words about anything else."""
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CommandError(f"usage: {path} cannot be found: {why}", returncode=USAGE) from None
    if root.is_dir() or (root.is_file() and root.suffix.lower() in SINGLE_FILES):
        return root
    if root.is_file():
        hint = " (a document alone is nothing to verify)" if role_of(root.name) == "doc" else ""
        raise CommandError(
            f"usage: {path} is a single file and none of {', '.join(SINGLE_FILES)}{hint}; name the folder of the model",
            returncode=USAGE,
        )
    raise CommandError(f"usage: {path} is neither a folder nor a file", returncode=USAGE)


def _given(path: Path, options: dict[str, Any]) -> loose.Given:
    model = options["model"]
    if model and (model.count("/") != 1 or not is_plain(model)):
        raise CommandError("usage: --model is publisher/name", returncode=USAGE)
    bases = []
    for base in options["base"]:
        name, equals, folder = base.rpartition("=")
        if not Path(folder).is_dir():
            raise CommandError(f"usage: --base {base}: there is no such folder", returncode=USAGE)
        bases.append((name if equals else "", Path(folder).resolve()))
    listed, list_path = None, ""
    if options["manifest"]:
        listed = _bytes(options["manifest"], "--manifest")
        where, root = options["manifest"].resolve(), path.resolve()
        list_path = where.relative_to(root).as_posix() if root in where.parents else ""
    return loose.Given(model=model, bases=tuple(bases), listed=listed, list_path=list_path)


def _policy(path: Path | None) -> document.Policy:
    if path is None:
        return document.load()
    try:
        return document.parse(_bytes(path, "--policy"))
    except document.InvalidPolicy as error:
        raise CommandError(f"usage: --policy {path}: {error}", returncode=USAGE) from None


def _bytes(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(loose.MANIFEST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"usage: {option} {path}: {error.strerror}", returncode=USAGE) from None


def _limits(asked: loose.Loose) -> isolated.Limits:
    """As a registered version has them."""
    reading = asked.total_bytes / settings.VERIFY_BYTES_PER_SECOND
    return isolated.Limits(
        seconds=settings.VERIFY_TIMEOUT_SECONDS + reading, memory_bytes=settings.VERIFY_MEMORY_BYTES
    )


class _Progress:
    """How far the reading is, on a terminal; nothing where nobody looks."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream if stream.isatty() else None
        self._total = total
        self._done = 0
        self._shown = self._begun = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, count: int) -> None:
        """Add to the bytes that were read, and show it a few times a second."""
        self._done += count
        now = time.monotonic()
        if self._stream is None or now - self._shown < SHOW_SECONDS:
            return
        self._shown = now
        rate = self._done / (now - self._begun) / 1e6
        share = 100 * self._done // self._total if self._total else 100
        self._stream.write(
            f"\r\x1b[K{share:3} %  {self._done / 1e9:.2f} of {self._total / 1e9:.2f} GB  {rate:,.0f} MB/s"
        )
        self._stream.flush()
