"""Installs a lock file with pip, every package checked by its hash, and tells how far it is."""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

Progress = Callable[[str], None]
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==[^ ]+ *\\?$", re.MULTILINE)


class InstallFailed(Exception):
    """Pip could not install what a lock file names."""

    code = "install_failed"


def install(
    python: Path, lock: Path, *, options: Sequence[str] = (), progress: Progress = lambda _: None
) -> None:
    """Install a lock file into the environment of an interpreter."""
    total = len(REQUIREMENT.findall(lock.read_text(encoding="utf-8")))
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar=off",
    ]
    said: list[str] = []
    done = 0
    with subprocess.Popen(
        [*command, "--require-hashes", *options, "--requirement", str(lock)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as pip:  # fmt: skip
        for line in pip.stdout or ():
            said.append(line.strip())
            if line.startswith(("Collecting ", "Processing ", "Requirement already")):
                done += 1
                progress(f"{min(done, total)} of {total} packages")
            elif line.startswith("Installing collected"):
                progress("unpacking")
    if pip.returncode != 0:
        raise InstallFailed(last_error(said))


def last_error(lines: Sequence[str]) -> str:
    """Find what pip gives as its reason."""
    errors = [line for line in lines if line.startswith("ERROR")] or [line for line in lines if line]
    return errors[-1][:500] if errors else "pip said nothing"


def only(lock: Path, name: str) -> str:
    """Cut the lines of one package out of a lock file."""
    found = re.search(
        rf"^{re.escape(name)}==.*\n(?:    --hash=.*\n)*", lock.read_text(encoding="utf-8"), re.MULTILINE
    )
    if found is None:
        raise ValueError(f"{lock.name} does not name {name}")
    return found.group()
