"""The demonstration's serving node: `modelcustody admit` starts the real engine, an OpenAI client asks it."""

import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings

from governance.demonstration.console import Step
from governance.demonstration.desk import StepRefused, wait_for
from governance.embedded.children import ProcessSpec
from governance.embedded.paths import Paths
from governance.embedded.supervisor import Supervisor
from registry.smoke import hardware, vllm_settings

ENVIRONMENT, PURPOSE, REGION, RECORDER = "internal-assistant", "assistant", "eu-central", "demonstration-node"
MODEL = "demonstration"
NAME = "serving-node"
CLIENT = Path(settings.BASE_DIR) / "deploy" / "client"


class Node:
    """One serving node on this machine, with its own token and spool."""

    def __init__(
        self, supervisor: Supervisor, *, paths: Paths, service: str, token: str, python: Path | None
    ) -> None:
        if python is None:
            raise StepRefused({"code": "engine_not_installed", "detail": "There is no engine to serve with."})
        self.supervisor, self.paths, self.service = supervisor, paths, service
        self.token, self.python = token, python
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.has_gpu = bool(hardware.facts()["gpus"])
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def command(self, folder: str) -> list[str]:
        """What an operator would type, with the engine behind the dashes."""
        admit = [sys.executable, "-m", "modelcustody_client.cli", "admit", "--model", folder]
        place = [
            "--environment",
            ENVIRONMENT,
            "--purpose",
            PURPOSE,
            "--region",
            REGION,
            "--recorder",
            RECORDER,
        ]
        return [*admit, *place, "--spool", str(self.paths.spool), "--", *self.engine(folder)]

    def engine(self, folder: str) -> list[str]:
        """VLLM's own command line, with what it needs to be exact on a CPU."""
        config = vllm_settings.read_config(Path(folder))
        length = vllm_settings.max_length(config)
        command = [
            str(self.python),
            "-m",
            vllm_settings.MODULE,
            "--model",
            folder,
            "--served-model-name",
            MODEL,
        ]
        command += [
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--max-model-len",
            str(length),
            "--enforce-eager",
        ]
        if not self.has_gpu:
            cache = vllm_settings.cache_bytes(config, length=length)
            command += ["--dtype", "float32", "--max-num-seqs", "1", "--kv-cache-memory-bytes", str(cache)]
        return command

    def environment(self) -> dict[str, str]:
        """The engine's settings and the node's token; nothing of the service's own."""
        home = self.paths.run / "serving-node"
        home.mkdir(parents=True, exist_ok=True)
        python = str(self.python)
        clean = vllm_settings.environment(python=python, home=home, has_gpu=self.has_gpu, ours=os.environ)
        return {
            **clean,
            "MODELCUSTODY_URL": self.service,
            "MODELCUSTODY_TOKEN": self.token,
            "PYTHONPATH": str(CLIENT),
        }

    def start(self, folder: str, step: Step) -> None:
        """Ask for admission and, when allowed, wait until the engine answers."""
        command, environment = self.command(folder), self.environment()
        spec = ProcessSpec(name=NAME, command=command, environment=environment, layer=4, restart=False)
        self.supervisor.launch(spec)
        wait_for(lambda: self._answers(step), seconds=600, what="vLLM's answer", every=0.5)

    def _answers(self, step: Step) -> bool | None:
        step.say("waiting for vLLM to load the admitted files")
        if self.supervisor.pid(NAME) is None:
            tail = (self.paths.logs / f"{NAME}.log").read_text(errors="replace")[-1500:]
            raise StepRefused({"code": "not_served", "detail": f"the server did not start:\n{tail}"})
        return True if self._healthy() else None

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, question: str) -> tuple[str, str]:
        """One chat completion by the ordinary OpenAI client: its response id and its text."""
        import openai

        with openai.OpenAI(base_url=self.url, api_key="none", timeout=120, max_retries=0) as client:
            answer = client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": question}],
                temperature=0,
                max_tokens=32,
                seed=7,
            )
        return answer.id, answer.choices[0].message.content or ""

    def stop(self) -> None:
        """End the engine and whatever it started."""
        self.supervisor.dismiss(NAME)
