"""Stand-ins for what is slow or outside; the same contract test runs over them and over the real thing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry.smoke.engine import EngineFailed, KeepAlive
from registry.smoke.suite import Answer


class FakeSession:
    """Answers every prompt in its own way, always alike."""

    def __init__(self, engine: "FakeEngine") -> None:
        self.engine = engine

    def answer(self, prompt: str, *, request_id: str) -> Answer:
        self.engine.asked.append((prompt, request_id))
        if self.engine.breaks_at == len(self.engine.asked):
            raise EngineFailed("the engine stopped answering")
        tokens = tuple(prompt.encode()[:5])
        if self.engine.drifts:
            tokens = (*tokens, len(self.engine.asked))
        text = self.engine.text if self.engine.text is not None else f" {prompt[:5]}"
        return Answer(prompt, text, tokens, tuple(self.engine.logprob for _ in tokens), "length", 1.0)

    def engine_facts(self) -> Mapping[str, Any]:
        return {"name": "fake", "version": "1", "arguments": [], "isolation": "namespace"}

    def hardware_facts(self) -> Mapping[str, Any]:
        return {"cpu": "none", "cpu_flags_digest": "sha256:" + 64 * "0", "gpus": []}


class FakeEngine:
    """An engine in a few lines; its faults can be chosen."""

    def __init__(
        self,
        *,
        text: str | None = None,
        logprob: float = -0.5,
        drifts: bool = False,
        breaks_at: int = 0,
        fails_with: Exception | None = None,
    ) -> None:
        self.text, self.logprob, self.drifts = text, logprob, drifts
        self.breaks_at, self.fails_with = breaks_at, fails_with
        self.asked: list[tuple[str, str]] = []
        self.loaded: list[Path] = []
        self.is_running = False

    @contextmanager
    def serving(self, folder: Path, *, keep_alive: KeepAlive) -> Iterator[FakeSession]:
        if self.fails_with is not None:
            raise self.fails_with
        keep_alive()
        if not (folder / "config.json").is_file():
            raise EngineFailed("there is no config.json")
        self.loaded.append(folder)
        self.is_running = True
        try:
            yield FakeSession(self)
        finally:
            self.is_running = False
