"""What the demonstration prints: one line a step, with what it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BOLD, DIM, RED, GREEN, YELLOW, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[0m"


class Step:
    """One line of the journey; `say` updates it in place on a terminal."""

    def __init__(self, console: "Console", title: str) -> None:
        self.console, self.title = console, title
        self.started = time.monotonic()
        self.detail = ""
        self.shown = ""
        self.is_lacking = False

    def say(self, detail: str) -> None:
        """What is going on now; a pipe or file gets a line only every ten seconds."""
        self.detail = detail
        self.console.progress(self)

    def lack(self, detail: str) -> None:
        """The step came to its end without what it was for; that is no tick."""
        self.detail, self.is_lacking = detail, True

    @property
    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self.started


class Console:
    """Plain text where it is not a terminal, colour and progress in place where it is."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()
        self.last = 0.0

    def colour(self, code: str, text: str) -> str:
        """The text in that colour, on a terminal."""
        return f"{code}{text}{PLAIN}" if self.terminal else text

    def line(self, text: str = "") -> None:
        """One whole line."""
        sys.stdout.write(f"{self.erase()}{text}\n")
        sys.stdout.flush()

    def erase(self) -> str:
        """Back to the start of an unfinished line."""
        return "\r\033[K" if self.terminal else ""

    def progress(self, step: Step) -> None:
        """The step so far."""
        text = f"  … {step.title}: {step.detail} ({step.seconds:.0f} s)"
        if self.terminal:
            sys.stdout.write(f"\r\033[K{text[:150]}")
        elif time.monotonic() - self.last >= 10 and step.detail != step.shown:
            self.last, step.shown = time.monotonic(), step.detail
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce a step, and close its line with how it went."""
        step = Step(self, title)
        step.say("…")
        try:
            yield step
        except BaseException:
            self.line(f"  {self.colour(RED, '✗')} {title}")
            raise
        mark = self.colour(YELLOW, "!") if step.is_lacking else self.colour(GREEN, "✓")
        self.line(f"  {mark} {title:<22} {step.detail} {self.colour(DIM, f'{step.seconds:.1f} s')}")

    def warn(self, text: str) -> None:
        """Something the reader should know; the journey goes on."""
        self.line(f"  {self.colour(YELLOW, '!')} {text}")
