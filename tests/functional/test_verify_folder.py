"""`manage.py verify_folder` as a team's CI runs it: a process of its own, with no database anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from modelcustody_client import manifest

from tests import folders, signing

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "postgres://nobody@127.0.0.1:1/none"


def run(tmp_path: Path, *given: object) -> "subprocess.CompletedProcess[str]":
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "DATABASE_URL": NOWHERE,
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT / "deploy" / "client"),
    }
    command = [sys.executable, "manage.py", "verify_folder", *(str(item) for item in given)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_signed_folder_a_damaged_one_and_one_that_is_not_there(tmp_path: Path) -> None:
    private = signing.key()
    files = folders.model_files()
    folder = folders.write(tmp_path / "m", files)
    (folder / "model.sig").write_bytes(signing.signed(files, private))
    policy = tmp_path / "policy.toml"
    shipped = (ROOT / "governance" / "policy" / "default.toml").read_text()
    trusted = (
        '[[signature.trusted]]\nmodels = "acme/*"\nmethod = "key"\npublic_key = """\n'
        f'{signing.public_pem(private)}"""\n'
    )
    policy.write_text(shipped.replace("required = false", "required = true", 1) + trusted)
    about = ("--json", "--policy", policy, "--model", "acme/model")

    good = run(tmp_path, folder, *about)
    (folder / "config.json").write_bytes(b"{}")
    bad = run(tmp_path, folder, *about)
    absent = run(tmp_path, tmp_path / "nothing", *about)
    nonsense = run(tmp_path, folder, "--nonsense")

    report = json.loads(good.stdout)
    assert (good.returncode, good.stderr) == (report["exit_code"], "")
    by_check = {
        one["check_id"]: one["outcome"] for one in report["results"] if one["check_id"] == "C4-signature"
    }
    assert by_check == {"C4-signature": "pass"}
    assert report["manifest_digest"] == manifest.manifest_digest(manifest_of(folder, files, "model.sig"))
    assert report["tool"]["network"]
    assert bad.returncode == 1
    wrong = [
        one
        for one in json.loads(bad.stdout)["results"]
        if one["severity"] == "critical" and one["outcome"] == "fail"
    ]
    assert [(one["check_id"], one["path"]) for one in wrong] == [("C4-signature", "model.sig")]
    assert absent.returncode == 3
    assert "cannot be found" in absent.stderr
    assert nonsense.returncode == 3
    assert nonsense.stderr == "usage: unrecognized arguments: --nonsense\n"
    assert "Traceback" not in good.stderr + bad.stderr + absent.stderr


def manifest_of(folder: Path, files: dict[str, Any], *more: str) -> list[manifest.ManifestFile]:
    import hashlib

    data = files | {path: (folder / path).read_bytes() for path in more}
    return [
        manifest.ManifestFile(path, len(item), hashlib.sha256(item).hexdigest())
        for path, item in data.items()
    ]
