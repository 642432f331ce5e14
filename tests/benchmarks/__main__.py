"""`python -m tests.benchmarks NAME [ARGUMENTS]` runs one benchmark; without a name, lists them. Never part of the tests."""

import importlib
import sys
from pathlib import Path

PREFIX = "bench_"
NAMES = sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in NAMES:
        print(f"Benchmarks: {', '.join(NAMES)}")
        return 3
    module = importlib.import_module(f"tests.benchmarks.{PREFIX}{arguments[0]}")
    return int(module.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
