"""Runs the `modelcustody` command as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from modelcustody_client import launch

CLIENT = Path(launch.__file__).parent.parent


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    child = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLIENT), "PYTHONDONTWRITEBYTECODE": "1", **environ}
    command = [sys.executable, "-m", "modelcustody_client", *words]
    return subprocess.run(command, env=child, capture_output=True, text=True, timeout=60, check=False)
