"""`modelcustody admit`: hash the folder, ask, state the deployment, and only then become the server."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from modelcustody_client import admission, folder, launch, report, transport

EXIT_DENIED = 3
EXIT_UNAVAILABLE = 4


def run(arguments: argparse.Namespace, *, command: list[str], environ: Mapping[str, str]) -> int:
    """Return the exit status of a denial; an allowed command replaces this process."""
    model = Path(arguments.model)
    launch.check_command(command, model=model)
    url = arguments.url or environ.get("MODELCUSTODY_URL")
    if not url:
        raise transport.BadSettings("no address: set MODELCUSTODY_URL or give --url")
    service = transport.Service(url, token=transport.token_source(environ, file=arguments.token_file))
    purpose = arguments.purpose or environ.get("MODELCUSTODY_PURPOSE")
    if not purpose:
        raise launch.BadCommand(
            "models are approved for a purpose: give --purpose, or set MODELCUSTODY_PURPOSE"
        )
    node = arguments.node or socket.gethostname()
    recorder = arguments.recorder or environ.get("MODELCUSTODY_RECORDER") or node
    region = arguments.region or environ.get("MODELCUSTODY_REGION") or None
    spool = Path(arguments.spool or environ.get("MODELCUSTODY_SPOOL") or _default_spool(environ, recorder))
    engine = launch.engine_of(command, name=arguments.engine)
    files = folder.hash_folder(model, progress=_progress if sys.stderr.isatty() else None)
    decision = admission.request_admission(
        service,
        environment=arguments.environment,
        purpose=purpose,
        files=files,
        engine=engine,
        node=node,
        region=region,
    )
    _tell_decision(decision, as_json=arguments.json)
    if not decision.is_allowed and decision.mode != "warn":
        return EXIT_DENIED
    command = launch.with_middleware(command)
    statement = admission.deployment_statement(
        decision=decision,
        files=files,
        engine=engine,
        command=command,
        environment=arguments.environment,
        purpose=purpose,
        node=node,
        region=region,
        recorder=recorder,
        started_at=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )
    child = launch.child_environment(
        environ,
        spool=spool.absolute(),
        recorder=recorder,
        deployment_digest=admission.post_deployment(service, statement=statement),
        region=region,
        url=service.url,
        token_file=arguments.token_file or environ.get("MODELCUSTODY_TOKEN_FILE"),
    )
    return _become(command, environ=child)


def _become(command: list[str], *, environ: dict[str, str]) -> NoReturn:
    tell(f"recording to {environ['MODELCUSTODY_SPOOL']} as {environ['MODELCUSTODY_RECORDER']}")
    if launch.MIDDLEWARE not in command:
        tell("WARNING: this is not vLLM's server; its requests are not recorded")
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 (this is what the user asked for)
    except OSError as error:
        raise launch.BadCommand(f"cannot start {command[0]}: {error.strerror}") from None


def _tell_decision(decision: admission.Decision, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(decision.raw, sort_keys=True) + "\n")
        sys.stdout.flush()
    named = decision.model_version or "this model"
    if decision.is_allowed:
        tell(
            f"ALLOWED: {named}, admission {decision.admission_id}, until {decision.expires_at or 'further notice'}"
        )
    elif decision.mode == "warn":
        tell(f"WARNING: {named} is DENIED. It is started all the same, because the policy only warns.")
    else:
        tell(f"DENIED: {named} may not be served here (admission {decision.admission_id}).")
    for reason in decision.reasons:
        more = f" ({reason.evidence_url})" if reason.evidence_url else ""
        tell(f"  {reason.code}: {reason.message}{more}")
    for obligation in decision.obligations:
        text = obligation.get("do") or obligation.get("id") if isinstance(obligation, dict) else obligation
        tell(f"  obligation: {text}")


def tell(message: str) -> None:
    """Write a line for the person at the terminal; what came from outside cannot steer it."""
    sys.stderr.write(f"modelcustody: {report.printable(message)}\n")
    sys.stderr.flush()


def _progress(done: int, total: int) -> None:
    sys.stderr.write(
        f"\rmodelcustody: hashing {done * 100 // max(total, 1):3d} %" + ("\n" if done >= total else "")
    )


def _default_spool(environ: Mapping[str, str], recorder: str) -> str:
    base = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in recorder)
    return str(Path(base) / "modelcustody" / f"spool-{safe}")
