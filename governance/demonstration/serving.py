"""The demonstration's serving node: `modelcustody admit` starts the real engine, an OpenAI client asks it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings

from governance.demonstration.console import Step
from governance.demonstration.desk import StepRefused
from governance.embedded.paths import Paths
from registry.smoke import hardware, vllm_settings

ENVIRONMENT, PURPOSE, REGION, RECORDER = "internal-assistant", "assistant", "eu-central", "demonstration-node"
MODEL = "demonstration"
CLIENT = Path(settings.BASE_DIR) / "deploy" / "client"


class Node:
    """One serving node on this machine, with its own token and spool."""

    def __init__(self, paths: Paths, base_url: str, token: str, engine_python: Path | None) -> None:
        if engine_python is None:
            raise StepRefused({"code": "engine_not_installed", "detail": "There is no engine to serve with."})
        self.paths, self.service, self.token, self.python = paths, base_url, token, engine_python
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.has_gpu = bool(hardware.facts()["gpus"])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.log = paths.logs / "serving-node.log"

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

    def start(self, folder: str, step: Step) -> subprocess.Popen[bytes]:
        """Ask for admission and, when allowed, wait until the engine answers."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command(folder),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                start_new_session=True,
            )
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            if process.poll() is not None:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise StepRefused({"code": "not_served", "detail": f"exit {process.returncode}: {tail}"})
            if self._healthy():
                return process
            step.say("waiting for vLLM to load the admitted files")
            time.sleep(0.5)
        self.stop(process)
        raise StepRefused(
            {"code": "timeout", "detail": f"vLLM did not answer within 600 seconds; see {self.log}"}
        )

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

    @staticmethod
    def stop(process: subprocess.Popen[bytes]) -> None:
        """End the engine and whatever it started."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sign)
                process.wait(timeout=20)
                return
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue
