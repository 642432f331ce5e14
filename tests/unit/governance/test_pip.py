import re
from pathlib import Path

import pytest

from governance.embedded import pip

ROOT = Path(__file__).resolve().parents[3]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_pin_and_hash_everything_and_name_no_source(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^(-|\s+-(?!-hash))", text, re.MULTILINE)
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    assert all(re.match(r"[A-Za-z0-9._-]+==\S+", entry) and "--hash=sha256:" in entry for entry in entries)


def test_the_larger_locks_hold_the_smaller_ones() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[A-Za-z0-9._-]+==[^ ;\\]+", text, re.MULTILINE))

    assert pins("requirements.lock") < pins("requirements-demo.lock") < pins("requirements-dev.lock")


def test_only_cuts_out_one_package(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(
        "a==1 \\\n    --hash=sha256:00\ntorch==2+cpu \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\nz==1\n"
    )
    assert pip.only(lock, "torch") == "torch==2+cpu \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\n"
    with pytest.raises(ValueError, match="does not name"):
        pip.only(lock, "torchvision")


def test_the_reason_is_what_pip_calls_an_error() -> None:
    assert pip.last_error(["Collecting a", "ERROR: no such thing", "", "hint"]) == "ERROR: no such thing"
    assert pip.last_error(["Killed", ""]) == "Killed"
    assert pip.last_error([]) == "pip said nothing"
