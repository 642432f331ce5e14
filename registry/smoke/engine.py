"""What the smoke test needs of an inference engine."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from governance.errors import GovernanceError
from registry.smoke.suite import Answer

# Called while the engine is waited for; what it raises ends the wait.
KeepAlive = Callable[[], None]


class EngineNotInstalled(GovernanceError):
    """There is no engine on this worker."""

    code = "engine_not_installed"


class EngineFailed(GovernanceError):
    """The engine did not start, or stopped answering."""

    code = "engine_failed"


class Session(Protocol):
    """A running engine that has loaded one model."""

    def answer(self, prompt: str, *, request_id: str) -> Answer:
        """Ask one prompt; raises `EngineFailed`."""
        ...

    def engine_facts(self) -> Mapping[str, Any]:
        """What the engine is and how it was set: enough to run it again alike."""
        ...

    def hardware_facts(self) -> Mapping[str, Any]:
        """What it ran on, as far as it can change a number."""
        ...


class Engine(Protocol):
    """Something that can load a model folder and answer."""

    def serving(self, folder: Path, *, keep_alive: KeepAlive) -> AbstractContextManager[Session]:
        """Load the model; everything is gone when the block ends, however it ends."""
        ...
