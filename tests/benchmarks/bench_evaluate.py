"""How long one licence evaluation takes in process: every record of the catalogue, and deep lineages.

The peer of the same run is one look-up by primary key over the embedded PostgreSQL's socket: what any answer kept
in a table would cost at least; and parsing the same question's JSON, which every caller over REST pays.
"""

import argparse
import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import yaml

from governance.embedded.paths import Paths
from registry.licensing import catalog, evaluate, request
from tests.benchmarks import measuring
from tests.postgres import TemporaryInstallation

ORDINARY = Path(__file__).parents[1] / "unit/registry/license_cases/ordinary.yaml"
TODAY = date(2026, 11, 22)
WARM = 20
LIMIT_MICROS = 1000.0


def question(**more: Any) -> dict[str, Any]:
    """A question of an ordinary company, every fact of it known."""
    ordinary = yaml.safe_load(ORDINARY.read_text())
    dated = {**ordinary["org"], "founded_on": str(ordinary["org"]["founded_on"])}
    return {
        "model": "acme/model",
        "lineage": [],
        "evaluation_date": TODAY.isoformat(),
        "org": dated,
        "use": ordinary["use"],
        **more,
    }


def chain(length: int, ids: list[str]) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """A model with so many ancestors one behind another, under all licences in turn."""
    names = ["acme/model", *(f"acme/ancestor-{number}" for number in range(length))]
    lineage = [
        {"model": child, "relation": "finetune", "parents": [parent], "teacher": None}
        for child, parent in itertools.pairwise(names)
    ]
    known = {name: (ids[number % len(ids)],) for number, name in enumerate(names)}
    return question(lineage=lineage), known


def timed(work: Callable[[], Any], *, repeats: int) -> list[float]:
    for _ in range(WARM):
        work()
    found = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        work()
        found.append((time.perf_counter_ns() - start) / 1000)
    return found


@contextlib.contextmanager
def database() -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    installation = TemporaryInstallation()
    installation.start()
    try:
        address = Paths(installation.folder / "data").database_url("custody_owner")
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection
    finally:
        installation.stop()


def select(connection: "psycopg.Connection[tuple[Any, ...]]", *, repeats: int) -> list[float]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE answers (id int PRIMARY KEY, verdict text)")
        cursor.execute("INSERT INTO answers SELECT n, 'allowed' FROM generate_series(1, 10000) n")
        cursor.execute("ANALYZE answers")
        return timed(
            lambda: cursor.execute("SELECT verdict FROM answers WHERE id = 4711", prepare=True).fetchone(),
            repeats=repeats,
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    parser.add_argument("--repeats", type=int, default=200, help="evaluations of each question")
    options = parser.parse_args(arguments)
    terms = catalog.load()
    ids = sorted(set(terms.licenses) - {catalog.UNKNOWN})
    plain = request.parse_request(question(), today=TODAY)

    def asked(known: dict[str, tuple[str, ...]], base: request.EvaluationRequest) -> Callable[[], Any]:
        ready = dataclasses.replace(base, known=known)
        return lambda: evaluate.evaluate(ready, terms)

    print(f"Evaluation in process; {measuring.machine()}; {len(ids)} licences")
    single: list[float] = []
    slowest = ("", 0.0)
    for license_id in ids:
        found = timed(asked({"acme/model": (license_id,)}, plain), repeats=options.repeats)
        single += found
        slowest = max(slowest, (license_id, measuring.percentile(found, 0.5)), key=lambda item: item[1])
    print(measuring.summary("one licence, over all of them", single))
    print(f"{'slowest licence':<44} p50 {slowest[1]:9.1f} us   {slowest[0]}")
    chains = {}
    for length in (4, 16, 64, 1000):
        text, known = chain(length, ids)
        parsed = request.parse_request(text, today=TODAY)
        repeats = options.repeats if length <= 64 else max(5, options.repeats // 20)
        chains[length] = timed(asked(known, parsed), repeats=repeats)
        print(measuring.summary(f"{length} ancestors, every licence in turn", chains[length]))
    whole = question()
    text = json.dumps(whole)
    reading = timed(lambda: request.parse_request(whole, today=TODAY), repeats=options.repeats)
    decoding = timed(lambda: json.loads(text), repeats=options.repeats)
    print(measuring.summary("checking a question's facts (parse_request)", reading))
    print(measuring.summary(f"json.loads of a question ({len(text)} bytes)", decoding))
    with database() as connection:
        peer = select(connection, repeats=options.repeats * 5)
    print(measuring.summary("one SELECT by primary key, unix socket", peer))
    ratio = measuring.percentile(single, 0.5) / measuring.percentile(peer, 0.5)
    print(f"an evaluation takes {ratio:.2f} of one SELECT (p50)")
    text4, known4 = chain(4, ids)
    deep = asked(known4, request.parse_request(text4, today=TODAY))
    print("Where the time goes, 4 ancestors:")
    for line in measuring.profile(lambda: [deep() for _ in range(500)]):
        print(f"  {line}")
    return 0 if measuring.percentile(single, 0.99) < LIMIT_MICROS else 1
