import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.embedded import processes
from governance.embedded.children import ProcessSpec
from governance.embedded.supervisor import DataFolderInUse, Supervisor, delay, describe

ROOT = Path(__file__).resolve().parents[3]
# Lives until it is told to stop, and has a helper of its own that nobody tells anything.
PARENT = "import subprocess, sys; helper = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE); helper.wait()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()"
SLEEPER = "import signal; signal.pause()"


def spec(
    name: str, code: str = SLEEPER, *, layer: int = 0, restart: bool = True, patience: float = 10.0
) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=[sys.executable, "-c", code],
        layer=layer,
        restart=restart,
        stop_steps=[(signal.SIGTERM, patience)],
    )


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Supervisor]:
    def build(*specs: ProcessSpec, say: Callable[[str], None] = lambda _: None) -> Supervisor:
        return Supervisor(specs, run=tmp_path / "run", logs=tmp_path / "logs", directory=tmp_path, say=say)

    return build


def eventually(condition: Callable[[], object]) -> bool:
    return processes.wait_until(lambda: bool(condition()), seconds=30)


def alive(pid: int) -> bool:
    return processes.identify(pid) is not None


def marked(tmp_path: Path, name: str) -> list[processes.ProcessIdentity]:
    return processes.carrying(json.loads((tmp_path / "run/children" / f"{name}.json").read_text())["mark"])


def test_a_killed_child_is_started_again_and_its_helpers_are_ended(
    tmp_path: Path, make: Callable[..., Supervisor]
) -> None:
    said: list[str] = []
    with make(spec("web", PARENT), say=said.append) as supervisor:
        assert eventually(lambda: len(marked(tmp_path, "web")) == 2)
        before = marked(tmp_path, "web")
        first = supervisor.pid("web")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: supervisor.pid("web") not in {None, first})
        assert not any(processes.is_alive(each) for each in before)
        assert eventually(lambda: len(marked(tmp_path, "web")) == 2)
        after = marked(tmp_path, "web")
    assert "web was killed by SIGKILL; starting again in 0.5 s" in said[0]
    assert not any(processes.is_alive(each) for each in after)
    assert list((tmp_path / "run/children").iterdir()) == []


def test_layers_stop_from_the_highest_down(tmp_path: Path, make: Callable[..., Supervisor]) -> None:
    noted = tmp_path / "stopped"
    code = textwrap.dedent(f"""
        import pathlib, signal, sys
        def stop(number, frame):
            with open({str(noted)!r}, "a") as file: file.write(sys.argv[0] + "NAME ")
            sys.exit()
        signal.signal(signal.SIGTERM, stop)
        print("ready", flush=True)
        while True: signal.pause()
    """)
    specs = [
        spec(name, code.replace("NAME", name), layer=layer)
        for name, layer in (("low", 0), ("high", 2), ("middle", 1))
    ]
    with make(*specs):
        logs = [tmp_path / "logs" / f"{each.name}.log" for each in specs]
        assert eventually(lambda: all("ready" in log.read_text() for log in logs))
    assert re.findall(r"low|middle|high", noted.read_text()) == ["high", "middle", "low"]


def test_a_deaf_child_is_killed_in_bounded_time(tmp_path: Path, make: Callable[..., Supervisor]) -> None:
    with make(spec("deaf", STUBBORN, patience=0.1)) as supervisor:
        assert eventually(lambda: "deaf" in (tmp_path / "logs/deaf.log").read_text())
        pid = supervisor.pid("deaf")
    assert pid is not None
    assert not alive(pid)


def test_processes_may_come_and_go_while_it_runs(make: Callable[..., Supervisor]) -> None:
    said: list[str] = []
    with make(say=said.append) as supervisor:
        supervisor.launch(spec("engine"))
        pid = supervisor.pid("engine")
        assert pid is not None
        with pytest.raises(ValueError, match="engine"):
            supervisor.launch(spec("engine"))
        supervisor.dismiss("engine")
        assert not alive(pid)
        supervisor.launch(spec("once", "raise SystemExit(3)", restart=False))
        assert eventually(lambda: said)
        assert supervisor.pid("once") is None
    assert said[0].startswith("once ended with code 3 (log:")


def test_a_second_supervisor_on_the_same_data_is_refused(make: Callable[..., Supervisor]) -> None:
    with make(spec("web")) as supervisor:
        with pytest.raises(DataFolderInUse, match=f"process {os.getpid()} already runs"):
            make(spec("web")).__enter__()
        pid = supervisor.pid("web")
        assert pid is not None
        assert alive(pid)
    with make(spec("web")):
        pass


def test_a_command_that_does_not_exist_stops_what_was_started(
    tmp_path: Path, make: Callable[..., Supervisor]
) -> None:
    broken = ProcessSpec(name="z", command=[str(tmp_path / "none")], layer=1)
    with pytest.raises(FileNotFoundError):
        make(spec("a"), broken).__enter__()
    assert list((tmp_path / "run/children").iterdir()) == []
    with make():
        pass


RUN = """
import sys
from pathlib import Path
from governance.embedded.children import ProcessSpec
from governance.embedded.supervisor import Supervisor, stop_on_signals

folder = Path(sys.argv[1])
specs = [ProcessSpec(name=name, command=[sys.executable, "-c", sys.argv[2]]) for name in ("web", "worker")]
try:
    with stop_on_signals(), Supervisor(specs, run=folder / "run", logs=folder / "logs", directory=folder, say=print) as supervisor:
        print("ready", flush=True)
        supervisor.wait()
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def run(folder: Path) -> "subprocess.Popen[str]":
    started = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_what_a_killed_supervisor_left_is_ended_by_the_next(
    tmp_path: Path, make: Callable[..., Supervisor]
) -> None:
    with run(tmp_path) as first:
        assert eventually(lambda: len(marked(tmp_path, "web") + marked(tmp_path, "worker")) == 4)
        left = marked(tmp_path, "web") + marked(tmp_path, "worker")
        first.kill()
    assert all(processes.is_alive(each) for each in left)
    # A record may also name a process that has since become somebody else's.
    innocent = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    record = {
        "mark": "MODELCUSTODY_CHILD=0",
        "leader": {"pid": innocent.pid, "started": 1, "boot": "another"},
    }
    (tmp_path / "run/children/old.json").write_text(json.dumps(record))
    said: list[str] = []
    try:
        with make(spec("other"), say=said.append):
            assert said == ["ended web, left by an earlier run", "ended worker, left by an earlier run"]
            assert not any(processes.is_alive(each) for each in left)
            assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    with run(tmp_path) as started:
        assert eventually(lambda: len(marked(tmp_path, "web") + marked(tmp_path, "worker")) == 4)
        children = marked(tmp_path, "web") + marked(tmp_path, "worker")
        started.send_signal(number)
        assert started.wait(30) == 0
        assert started.stdout is not None
        assert started.stdout.read() == "stopped\n"
    assert not any(processes.is_alive(each) for each in children)
    assert list((tmp_path / "run/children").iterdir()) == []


def test_the_waiting_grows_and_is_bounded() -> None:
    assert [delay(failures) for failures in range(5)] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert delay(50) == 30.0
    assert describe(-9) == "was killed by SIGKILL"
    assert describe(1) == "ended with code 1"
