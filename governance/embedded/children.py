"""A child process of the supervisor: started in a session of its own, provably ours, ended with all it started."""

import dataclasses
import json
import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from governance.embedded import processes

# In the environment of a child and of what it starts: how a later run knows them again.
MARK = "MODELCUSTODY_CHILD"
LEFTOVERS = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """What to run. Lower layers start first; higher layers are stopped first, each layer together."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    layer: int = 0
    restart: bool = True
    stop_steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)


class Child:
    """One running process of a specification, with a record of it on disk."""

    def __init__(self, spec: ProcessSpec, *, logs: Path, records: Path, directory: Path) -> None:
        self.spec = spec
        self.log = processes.prepare_log(logs / f"{spec.name}.log")
        self._record = records / f"{spec.name}.json"
        self._mark = f"{MARK}={secrets.token_hex(16)}"
        # Before the start: a supervisor killed between the two must not leave a stranger.
        self._write(None)
        name, value = self._mark.split("=")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(spec.command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                env={**os.environ, **spec.environment, name: value}, start_new_session=True,
            )  # fmt: skip
        self._identity = processes.identify(self.process.pid)
        self._write(self._identity)

    def exit_code(self) -> int | None:
        """Say with what code it ended; None while it runs."""
        return self.process.poll()

    def ask_to_stop(self, number: signal.Signals) -> None:
        """Signal the process itself, which stops its own helpers in its own way."""
        self.process.send_signal(number)

    def clear(self) -> None:
        """End whatever is left of it and forget it."""
        end(self._mark, self._identity, reap=self.process.poll)
        self.process.wait()
        self._record.unlink(missing_ok=True)

    def _write(self, identity: processes.ProcessIdentity | None) -> None:
        beside = self._record.with_suffix(".new")
        content = {"mark": self._mark, "leader": dataclasses.asdict(identity) if identity else None}
        beside.write_text(json.dumps(content), encoding="utf-8")
        beside.replace(self._record)


def end_orphans(records: Path) -> list[str]:
    """End what an earlier supervisor left running; return the names."""
    ended = []
    for record in sorted(records.glob("*.json")):
        content = json.loads(record.read_text(encoding="utf-8"))
        leader = processes.ProcessIdentity(**content["leader"]) if content["leader"] else None
        if end(content["mark"], leader):
            ended.append(record.stem)
        record.unlink()
    return ended


def end(
    mark: str, leader: processes.ProcessIdentity | None, *, reap: Callable[[], object] = lambda: None
) -> bool:
    """End every process that carries the mark, or shares the group of the proven leader; say if there was one."""

    def left() -> list[processes.ProcessIdentity]:
        reap()
        found = processes.carrying(mark)
        if leader is not None and processes.is_alive(leader):
            found += [each for each in processes.members(leader.pid) if each not in found]
        return found

    any_found = bool(left())
    for number, seconds in LEFTOVERS:
        if not left():
            break
        processes.send(number, left())
        processes.wait_until(lambda: not left(), seconds=seconds)
    return any_found
