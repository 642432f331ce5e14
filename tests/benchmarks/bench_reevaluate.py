"""How long it takes to evaluate everything approved again through a real Celery worker, writing included.

A worker with two processes, the embedded PostgreSQL and the broker that needs no server, as `make up` runs them.
From the commit of the change to the end of the campaign:
- confirm: nothing changed, so nothing is written but the counts;
- worse:   the organisation crosses a threshold: evaluations, alerts, suspensions and log entries are written;
- better:  it is small again: evaluations, resolutions and log entries are written.
"""

import argparse
import functools
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from tests.benchmarks import measuring
from tests.postgres import TemporaryInstallation

BUDGET_SECONDS = 30.0
LIMIT_SECONDS = 600.0
LARGE_COUNT = 8 * 10**8


def start_worker(processes: int, log: Any) -> "subprocess.Popen[bytes]":
    from governance.embedded.paths import Paths

    paths = Paths(measuring.Path(os.environ["DATA_DIR"]))
    environment = {
        **os.environ,
        "DATABASE_URL": paths.database_url("custody_app"),
        "PYTHONPATH": f"{measuring.ROOT}:{measuring.ROOT / 'deploy/client'}",
        "DJANGO_SETTINGS_MODULE": "governance.settings",
    }
    command = [sys.executable, "-m", "celery", "-A", "governance.celery", "worker", "-Q", "default"]
    return subprocess.Popen(
        [*command, "-c", str(processes), "--without-gossip", "--without-mingle", "-l", "INFO"],
        cwd=measuring.ROOT,
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def stop(worker: "subprocess.Popen[bytes]") -> None:
    """Ask the worker to end; its processes are its own to end."""
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def wait(campaign: Any) -> float:
    """Wait for the end of a campaign; the seconds since it was asked for."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        campaign.refresh_from_db()
        if campaign.finished_at is not None:
            return float((campaign.finished_at - campaign.requested_at).total_seconds())
        time.sleep(0.02)
    raise TimeoutError(f"not finished: {campaign.done} of {campaign.total}")


def report(name: str, campaign: Any, seconds: float, cpu: dict[str, float]) -> None:
    rate = campaign.done / seconds if seconds else 0.0
    used = ", ".join(f"{part} {spent:.1f} s" for part, spent in cpu.items())
    counts = ", ".join(
        f"{field} {getattr(campaign, field)}" for field in ("worse", "better", "same", "failed", "recorded")
    )
    print(f"{name:<8} {campaign.done} approvals in {seconds:6.2f} s   {rate:7.0f}/s   ({counts})")
    print(f"{'':<8} processor time: {used}")


def prepare(count: int) -> Any:
    """The database with its rows; the facts of an ordinary, small organisation."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from governance.actions import policies
    from governance.policy.document import DEFAULT
    from registry import catalogs
    from registry.attestations import facts_in_force
    from tests import factories
    from tests.benchmarks import bench_evaluate, population

    for name in ("queue", "control"):
        (settings.PATHS.broker / name).mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    now = timezone.now()
    question = bench_evaluate.question()
    policies.load_policy(text=DEFAULT.read_text(), actor=None, now=now)
    factories.organization(facts=question["org"], effective_at=now - timedelta(days=1))
    catalogs.ensure_on_record(actor="system:benchmark", now=now)
    facts = facts_in_force(at=now)
    assert facts is not None
    made = population.populate(count, facts=facts, places=4, use=question["use"], now=now)
    print(f"{made} live approvals of {count} versions")
    return facts


def campaigns(facts: Any) -> list[tuple[str, Any]]:
    """What each campaign changes, in order."""
    month = facts.facts["mau_by_month"]["2024-11"]
    large = {**facts.facts["mau_by_month"], "2024-11": {**month, "all_products_incl_affiliates": LARGE_COUNT}}
    return [("worse", {**facts.facts, "mau_by_month": large}), ("better", facts.facts)]


def change(facts: dict[str, Any]) -> Any:
    from django.utils import timezone

    from registry.actions import organization
    from registry.models import Reevaluation
    from tests.benchmarks import population

    now = timezone.now()
    officer, _ = population.people()
    row = organization.attest_facts(facts=facts, note="", effective_at=now, actor=officer, now=now)
    return Reevaluation.objects.get(because=f"organization-facts:{row.pk}")


def ask() -> Any:
    from django.utils import timezone

    from registry.actions import reevaluations
    from tests.benchmarks import population

    return reevaluations.request_by_person(actor=population.people()[0], now=timezone.now())


def one_part() -> None:
    """A part of the newest campaign, in this process, for the profile."""
    from registry.actions import reevaluate
    from registry.models import ReevaluationPart

    part = ReevaluationPart.objects.filter(finished_at__isnull=True).earliest("pk")
    reevaluate.reevaluate_part(part_id=part.pk, worker="profile")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="reevaluate", description=__doc__)
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    print(f"Re-evaluation through Celery, {options.processes} worker processes; {measuring.machine()}")
    installation = TemporaryInstallation()
    installation.start()
    try:
        return run(options, installation)
    finally:
        installation.stop()


def _postmaster(installation: TemporaryInstallation) -> int:
    """The process of the database server, whose children serve the connections."""
    found = installation.server.cluster.server() if installation.server else None
    return found.pid if found else 0


def run(options: argparse.Namespace, installation: TemporaryInstallation) -> int:
    start = time.monotonic()
    facts = prepare(options.versions)
    print(f"prepared in {time.monotonic() - start:.1f} s")
    seconds: list[float] = []
    with (installation.folder / "worker.log").open("ab") as log:
        worker = start_worker(options.processes, log)
        roots = {"workers": worker.pid, "database": _postmaster(installation)}
        try:
            wait(ask())  # the worker starts, and its processes read the catalogue
            changes = [
                ("confirm", ask),
                *((name, functools.partial(change, to)) for name, to in campaigns(facts)),
            ]
            for name, begin in changes:
                before = {part: measuring.cpu_seconds(pid) for part, pid in roots.items()}
                campaign = begin()
                seconds.append(wait(campaign))
                spent = {part: measuring.cpu_seconds(pid) - before[part] for part, pid in roots.items()}
                report(name, campaign, seconds[-1], spent)
        finally:
            stop(worker)
    change(campaigns(facts)[0][1])
    print("Where the time goes, one part of a campaign in which verdicts get worse:")
    for line in measuring.profile(one_part):
        print(f"  {line}")
    worst = max(seconds)
    print(
        f"slowest campaign {worst:.2f} s; budget {BUDGET_SECONDS:.0f} s: {'kept' if worst < BUDGET_SECONDS else 'MISSED'}"
    )
    return 0 if worst < BUDGET_SECONDS else 1
