"""The whole product on one machine: starts every process, takes a model through its journey, waits, stops."""

import contextlib
import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import environ
import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.urls import reverse
from django.utils import timezone

from governance.demonstration import preparation, supplies
from governance.demonstration.console import BOLD, Console
from governance.demonstration.desk import StepRefused, wait_for
from governance.demonstration.journey import Journey
from governance.demonstration.preparation import credentials_file
from governance.embedded import port as ports
from governance.embedded.children import ProcessSpec
from governance.embedded.cluster import PostgresUnavailable
from governance.embedded.paths import Paths
from governance.embedded.postgres import EmbeddedPostgres
from governance.embedded.supervisor import DataFolderInUse, Supervisor, stop_on_signals
from governance.errors import GovernanceError

ROOT = Path(settings.BASE_DIR)
INCOMPLETE, CANNOT = 2, 1
WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    model: str | None
    name: str | None
    port: int
    exit_when_done: bool
    journey: bool
    engine: bool


def run(wanted: Wanted) -> int:
    """0: everything held; 1: it could not start or a step was refused; 2: the journey ended with something missing."""
    console = Console()
    paths: Paths = settings.PATHS
    console.line(console.colour(BOLD, "Model Custody") + f"  data in {paths.data_dir}")
    if os.environ.get("DATABASE_URL"):
        console.line(
            "DATABASE_URL is set, and this command runs a database of its own: unset it and try again."
        )
        return CANNOT
    try:
        with stop_on_signals(), _product(paths, wanted.port, console) as supervisor:
            _welcome(wanted.port, console)
            code = _travel(supervisor, paths, wanted, console) if wanted.journey else 0
            if not wanted.exit_when_done:
                console.line("\nRunning until Ctrl-C.")
                threading.Event().wait()
            return code
    except KeyboardInterrupt:
        console.line("Stopped; the same command starts it again with its data.")
        return 0
    except (DataFolderInUse, PostgresUnavailable, StepRefused, DatabaseError, GovernanceError) as problem:
        console.line(f"{console.colour(BOLD, 'It stopped here.')} {problem}")
        console.line(f"Logs are in {paths.logs}; the same command goes on from where it was.")
        return CANNOT


@contextlib.contextmanager
def _product(paths: Paths, port: int, console: Console) -> Iterator[Supervisor]:
    """Everything running, whatever was left of an earlier run ended first; everything stopped in the end."""
    _make_secrets(paths)
    database = EmbeddedPostgres(paths.postgres, paths.socket_dir, log=paths.logs / "postgres.log")
    is_over = threading.Event()
    watcher = threading.Thread(target=_keep, args=(database, is_over, console), daemon=True)
    with Supervisor([], run=paths.run, logs=paths.logs, directory=ROOT, say=console.warn) as supervisor:
        try:
            ports.require_free(port)
            with console.step("database") as step:
                database.start()
                watcher.start()
                _migrate(paths)
                step.detail = "PostgreSQL, roles and tables"
            with console.step("licences") as step:
                step.detail, hint = preparation.load_licenses(now=timezone.now())
                if hint:
                    step.lack(hint)
            with console.step("accounts") as step:
                call_command("create_keys", stdout=StringIO())
                preparation.prepare(now=timezone.now())
                connections.close_all()
                step.detail = "officer, reviewer, auditor, admin"
            with console.step("web and workers") as step:
                for spec in specifications(paths, port):
                    supervisor.launch(spec)
                wait_for(lambda: _ready(port), seconds=60, what="the web server")
                step.detail = _address(port)
            yield supervisor
        finally:
            is_over.set()
            if watcher.is_alive():
                watcher.join()
            supervisor.stop()
            database.stop()


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _welcome(port: int, console: Console) -> None:
    passwords = json.loads(credentials_file().read_text())["passwords"]
    address = console.colour(BOLD, _address(port))
    console.line(f"\n  {address}   log in as officer, password {passwords['officer']}")
    console.line(f"  the other accounts are in {credentials_file()}\n")


def _keep(database: EmbeddedPostgres, stop: threading.Event, console: Console) -> None:
    """Start the database again whenever it is gone."""
    while not stop.wait(WATCH_SECONDS):
        try:
            if not database.is_running():
                console.warn("PostgreSQL is gone; starting it again")
                database.start()
        except (PostgresUnavailable, OSError) as problem:
            console.warn(f"PostgreSQL does not start: {problem}")


def specifications(paths: Paths, port: int) -> list[ProcessSpec]:
    """The service's processes, each with the database role that its work needs."""
    app = {"DATABASE_URL": paths.database_url("custody_app"), "PUBLIC_URL": _address(port)}
    sequencer = {"DATABASE_URL": paths.database_url("custody_sequencer")}
    celery = [sys.executable, "-m", "celery", "--app", "governance.celery", "--quiet"]
    worker = [
        *celery,
        "worker",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "--pool",
        "prefork",
    ]
    bind = [
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--threads",
        "4",
        "--timeout",
        "120",
        "--no-control-socket",
    ]
    for folder in (paths.broker / "queue", paths.broker / "control", paths.run):
        folder.mkdir(parents=True, exist_ok=True)
    return [
        ProcessSpec(
            name="sequencer",
            command=[sys.executable, "manage.py", "sequence_log"],
            environment=sequencer,
            layer=1,
        ),
        ProcessSpec(
            name="web",
            command=[sys.executable, "-m", "gunicorn", "governance.wsgi", *bind],
            environment=app,
            layer=3,
        ),
        ProcessSpec(
            name="worker",
            command=[*worker, "--queues", "default,verify", "--concurrency", "2", "--hostname", "worker@%h"],
            environment=app,
            layer=2,
        ),
        ProcessSpec(
            name="smoke-worker",
            command=[*worker, "--queues", "smoke", "--concurrency", "1", "--hostname", "smoke@%h"],
            environment=app,
            layer=2,
        ),
        ProcessSpec(name="beat", command=[*celery, "beat"], environment=app, layer=2),
    ]


def _travel(supervisor: Supervisor, paths: Paths, wanted: Wanted, console: Console) -> int:
    """The journey, and what to open after it."""
    python = supplies.engine(console, wanted=wanted.engine)
    source, name = supplies.model(console, folder=paths.models, source=wanted.model, name=wanted.name)
    credentials: dict[str, Any] = json.loads(credentials_file().read_text())
    base_url = _address(wanted.port)
    journey = Journey(
        supervisor=supervisor,
        paths=paths,
        base_url=base_url,
        credentials=credentials,
        console=console,
        source=source,
        name=name,
        engine_python=python,
    ).run()
    console.line(f"\n  {console.colour(BOLD, 'Open')}")
    console.line(f"    the model     {base_url}{page_of('registry_modelversion', journey.version_id)}")
    if journey.record_id:
        console.line(f"    the request   {base_url}{page_of('audit_servedrequest', journey.record_id)}")
    if journey.pack:
        trust = paths.trust / "modelcustody.vkeys"
        console.line(f"    the pack      {journey.pack}")
        console.line(f"                  .venv/bin/modelcustody verify {journey.pack} --trust {trust}")
    for missing in journey.missing:
        console.warn(f"missing: {missing}")
    return INCOMPLETE if journey.missing else 0


def page_of(kind: str, row: int | str | None) -> str:
    """The path of one row's page at the desk."""
    return reverse(f"admin:{kind}_change", args=[row])


def _ready(port: int) -> bool | None:
    try:
        return httpx.get(f"{_address(port)}/readyz", timeout=5, trust_env=False).status_code == 200 or None
    except httpx.HTTPError:
        return None


def _migrate(paths: Paths) -> None:
    """Bring the tables up to date, as the one role that owns them."""
    owner = environ.Env.db_url_config(paths.database_url("custody_owner"))
    connections.databases["owner"] = {**connections.databases["default"], **owner}
    call_command("migrate", database="owner", verbosity=0)
    connections["owner"].close()


def _make_secrets(paths: Paths) -> None:
    """The secret settings, once; a half-written file is never left."""
    paths.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("secret-key", "token-pepper"):
        file = paths.secrets / name
        if file.exists():
            continue
        beside = file.with_suffix(".new")
        beside.touch(mode=0o600)
        beside.write_text(secrets.token_urlsafe(48))
        beside.rename(file)
    # This process read its settings before the files were there.
    settings.SECRET_KEY, settings.TOKEN_PEPPER = paths.secret("secret-key"), paths.secret("token-pepper")
