"""The import rules of pyproject.toml hold."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_rules_hold() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'deploy/client'}"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_pure_packages_load_without_django() -> None:
    pure = [
        "governance.permissions",
        "governance.errors",
        "governance.policy.document",
        "governance.embedded.paths",
        "registry.lifecycle",
        "registry.admission",
        "registry.licensing.evaluate",
        "registry.formats.safetensors",
        "audit.events",
        "audit.tlog.tree",
        "audit.ingest.records",
        "modelcustody_client.pack",
    ]
    code = f"import sys\nfor name in {pure}: __import__(name)\nassert 'django' not in sys.modules, 'django came along'"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'deploy/client'}"}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
