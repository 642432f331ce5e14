"""The command that `modelcustody admit` starts: what it must hold, and what is added to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelcustody_client import errors, transport

MIDDLEWARE = "modelcustody_client.asgi.RecordRequests"
_ADAPTERS = ("--lora-modules",)


class BadCommand(errors.Refused):
    """The command does not serve what was admitted, or could not be recorded."""

    code = "bad_command"


def check_command(command: Sequence[str], *, model: Path) -> None:
    """Refuse a command that does not name the admitted folder, or that adds weights nobody looked at."""
    if not command:
        raise BadCommand("no command was given after --")
    folders = {str(model), str(model).rstrip("/"), str(model.resolve())}
    if not any(
        value in folders for argument in command[1:] for value in (argument, argument.partition("=")[2])
    ):
        raise BadCommand(f"the command does not serve {model}: give that folder as an argument")
    for argument in command:
        if argument.partition("=")[0] in _ADAPTERS:
            raise BadCommand(f"{argument.partition('=')[0]} loads adapters that were not admitted")


def is_vllm(command: Sequence[str]) -> bool:
    """Return whether the command starts vLLM's server, which takes our middleware."""
    return any(Path(item).name == "vllm" or item.startswith("vllm.") for item in command)


def with_middleware(command: Sequence[str]) -> list[str]:
    """Return the command with recording switched on."""
    is_there = any(MIDDLEWARE in item for item in command)
    return list(command) if is_there or not is_vllm(command) else [*command, "--middleware", MIDDLEWARE]


def engine_of(command: Sequence[str], *, name: str) -> dict[str, Any]:
    """Return the engine's name, and its version where it can be seen beside the command's interpreter."""
    version = None
    program = Path(command[0])
    if name == "vllm" and program.is_absolute():
        for found in sorted(program.parent.parent.glob("lib/python3*/site-packages/vllm*-*.dist-info")):
            matched = re.fullmatch(r"vllm(?:_cpu)?-([0-9][A-Za-z0-9.+!]*)\.dist-info", found.name)
            version = matched[1] if matched else version
    return {"name": name, "version": version}


def child_environment(  # noqa: PLR0913  (one argument a variable, all named)
    environ: Mapping[str, str],
    *,
    spool: Path,
    recorder: str,
    deployment_digest: str,
    region: str | None,
    url: str,
    token_file: str | None,
) -> dict[str, str]:
    """Return the environment in which the server runs and records."""
    child = {
        **environ,
        "MODELCUSTODY_URL": url,
        "MODELCUSTODY_SPOOL": str(spool),
        "MODELCUSTODY_RECORDER": recorder,
        "MODELCUSTODY_DEPLOYMENT_DIGEST": deployment_digest,
        "MODELCUSTODY_REGION": region or "",
    }
    if token_file:
        child["MODELCUSTODY_TOKEN_FILE"] = str(Path(token_file).resolve())
    paths = [str(import_folder(spool)), *filter(None, environ.get("PYTHONPATH", "").split(":"))]
    return {**child, "PYTHONPATH": ":".join(paths)}


def import_folder(spool: Path) -> Path:
    """Return a folder with nothing but this package in it, for the server's import path.

    The folder that really holds the package may hold others, which must not get in front of the server's own.
    """
    folder = spool / "import"
    link = folder / "modelcustody_client"
    package = Path(__file__).resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not link.is_symlink() or link.readlink() != package:
            link.unlink(missing_ok=True)
            link.symlink_to(package, target_is_directory=True)
    except OSError as error:
        raise transport.BadSettings(f"the spool {spool} cannot be used: {error.strerror}") from None
    return folder
