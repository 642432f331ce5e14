"""Real brokers for tests: the one that needs no server, Redis, and RabbitMQ, each on a port of its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import kombu
from kombu import pools

from governance import celery
from governance.broker import settings_for
from registry.confinement import kernel

RABBITMQ = Path(
    "/usr/lib/rabbitmq/bin/rabbitmq-server"
)  # Debian's; the one in /usr/sbin insists on its own user
START_SECONDS = 60


class Embedded:
    """A folder; there is nothing that could be killed."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = "filesystem://"

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""


class Server(ABC):
    """A server as a child process, which can be killed and started again on the same port and data."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.children: list[subprocess.Popen[bytes]] = []

    @property
    @abstractmethod
    def url(self) -> str:
        """Where workers find it, as `BROKER_URL` says it."""

    @abstractmethod
    def commands(self) -> list[list[str]]:
        """What is started, in order."""

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder)}

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as out:
            for command in self.commands():
                self.children.append(
                    subprocess.Popen(
                        command,
                        env=self.environment(),
                        cwd=self.folder,
                        stdout=out,
                        stderr=out,
                        start_new_session=True,
                        # One system call, so that nothing is left where the tests themselves are killed.
                        preexec_fn=kernel.die_with_parent,  # noqa: PLW1509 - as above
                    )
                )
        self.wait()

    def wait(self) -> None:
        """Until it answers as a broker."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(*RETRIED), kombu.Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
                return
            if any(child.poll() is not None for child in self.children):
                break
            time.sleep(0.1)
        raise AssertionError((self.folder / "server.log").read_text()[-4000:])

    def stop(self) -> None:
        """By kill -9, as a machine that loses its power would."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.clear()


RETRIED = (*kombu.Connection("amqp://").connection_errors, *kombu.Connection("redis://").connection_errors)


class Redis(Server):
    """`redis-server` of Debian, which keeps nothing over a restart: the worst case."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def commands(self) -> list[list[str]]:
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no"}
        found = shutil.which("redis-server") or missing("redis-server")
        return [[found, *(word for name, value in options.items() for word in (f"--{name}", value))]]


class RabbitMQ(Server):
    """`rabbitmq-server` of Debian under this user, with data, names and ports of its own."""

    name = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.distribution_port, self.names_port = free_port(), free_port()
        for name in ("enabled_plugins", "environment"):
            (folder / name).touch()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def commands(self) -> list[list[str]]:
        if not RABBITMQ.exists():
            missing("rabbitmq-server")
        # The nodes' name server would otherwise be started as a daemon, and stay.
        names = ["epmd", "-address", "127.0.0.1", "-port", str(self.names_port)]
        return [names, [str(RABBITMQ)]]

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.names_port),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": str(self.folder / "rabbit.log"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }


KINDS: dict[str, Callable[[Path], "Embedded | Server"]] = {
    kind.name: kind for kind in (Embedded, Redis, RabbitMQ)
}


def use(url: str, *, folder: Path) -> None:
    """Have this process send to another broker from now on."""
    celery.app.conf.update(settings_for(url, queues=celery.QUEUES, folder=folder))
    celery.app.__dict__.pop("amqp", None)
    celery.app._pool = None
    pools.reset()


def empty() -> None:
    """No messages in any queue."""
    for name in ("data_folder_in", "control_folder"):
        if folder := celery.app.conf.broker_transport_options.get(name):
            Path(folder).mkdir(parents=True, exist_ok=True)
    with celery.app.connection_for_write() as connection:
        for queue in celery.app.amqp.queues.values():
            bound = queue(connection.default_channel)
            bound.declare()
            bound.purge()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def missing(program: str) -> str:
    raise AssertionError(
        f"{program} is not installed; apt-get install redis-server rabbitmq-server, or leave these tests out with -m 'not broker'"
    )
