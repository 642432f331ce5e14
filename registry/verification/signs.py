"""Turns the signs that were noticed in one file into the one finding that a check may make about it. Pure."""

from collections.abc import Iterable
from typing import Any

from registry.formats.sign import Level, Sign
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed

MAX_SIGNS = 40
SEVERITIES = {
    Level.NOTE: Severity.INFO,
    Level.DOUBT: Severity.LOW,
    Level.WARNING: Severity.MEDIUM,
    Level.DANGER: Severity.HIGH,
    Level.ATTACK: Severity.CRITICAL,
}


def worst_first(signs: Iterable[Sign]) -> list[Sign]:
    """Each sign once, the worst first, then by line."""
    return sorted(dict.fromkeys(signs), key=lambda sign: (-sign.level, sign.line, sign.says))


def finding(lead: str, signs: Iterable[Sign], *, path: str, **evidence: Any) -> Finding:
    """A failure as bad as the worst sign, which it puts into words after `lead`; all of them are its evidence."""
    every = worst_first(signs)
    more = len(every) - 1
    rest = "" if not more else " (and one more sign)" if more == 1 else f" (and {more} more signs)"
    return failed(
        f"{lead} {every[0].words}{rest}.".lstrip(),
        path=path,
        severity=SEVERITIES[every[0].level],
        signs=told(every),
        count=len(every),
        **evidence,
    )


def told(signs: Iterable[Sign]) -> list[dict[str, Any]]:
    """The signs as evidence, at most `MAX_SIGNS` of them."""
    return [
        {"severity": SEVERITIES[sign.level], "kind": sign.kind, "says": sign.says, "line": sign.line}
        for sign in list(signs)[:MAX_SIGNS]
    ]
