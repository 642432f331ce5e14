"""The sequencer and signer: one process, restarted by whoever supervises it."""

import signal
import threading
from contextlib import ExitStack
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFault
from django.utils import timezone

from audit import checks, cycle, durability, sequencer
from audit.events import Log
from governance import keys


class Command(BaseCommand):
    """`manage.py sequence_log`, as the database role custody_sequencer."""

    help = "Put committed entries into the trees of the logs, and sign their checkpoints. Any error ends the process."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Let one run end by itself."""
        parser.add_argument("--once", action="store_true", help="sequence what waits now, then end")

    def handle(self, *_: Any, once: bool, **__: Any) -> None:
        """Run until stopped, or once."""
        stop = threading.Event()
        try:
            durability.require()
            checks.warn_of_rights(permitted=checks.SEQUENCER_RIGHTS)
            if not once:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, lambda *_: stop.set())
            with ExitStack() as stack:
                self._run(stack, stop=stop, once=once)
        except (sequencer.SequencingStopped, keys.KeyUnusable, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        except DatabaseFault as error:
            raise CommandError(f"the database refused or is gone: {error}") from error

    def _run(self, stack: ExitStack, *, stop: threading.Event, once: bool) -> None:
        if not cycle.hold_locks(Log, stack=stack, stop=stop, waits=not once):
            if once:
                raise CommandError("another sequencer is at work")
            return
        if not once:
            self.stdout.write("sequencer: active")
            self.stdout.flush()
            cycle.run(Log, clock=timezone.now, stop=stop)
            return
        for log in Log:
            leaves = cycle.drain(log, clock=timezone.now)
            self.stdout.write(f"{log}: {leaves} leaves sequenced")
