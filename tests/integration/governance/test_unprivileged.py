import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.embedded import unprivileged
from governance.embedded.unprivileged import Unprivileged

LOOK = "import os, sys; sys.exit(not (os.geteuid() != 0 and os.access(sys.argv[1], os.R_OK) and open(sys.argv[1]).read()))"


def _ways() -> list[Unprivileged]:
    ways = (
        [unprivileged._in_namespace(), unprivileged._as_nobody()]
        if os.geteuid() == 0
        else [unprivileged.find()]
    )
    return [way for way in ways if way is not None and (not way.prefix or unprivileged._works(way))]


def test_there_is_a_way_here() -> None:
    assert unprivileged.find() in _ways()


@pytest.mark.parametrize("way", _ways(), ids=lambda way: way.prefix[0] if way.prefix else "as we are")
def test_a_private_folder_is_passed_without_opening_it(way: Unprivileged, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "file").write_text("seen")
    (private / "file").chmod(0o600)
    answer = subprocess.run([*way.prefix, sys.executable, "-c", LOOK, str(private / "file")], check=False)
    assert answer.returncode == 0
    assert private.stat().st_mode & 0o077 == 0


def test_files_are_given_to_the_user_it_runs_as(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "below" / "link").symlink_to("/etc/passwd")
    Unprivileged((), 65534, 65534).own(tmp_path / "folder")
    assert (tmp_path / "folder" / "below" / "link").lstat().st_uid == 65534
    assert Path("/etc/passwd").stat().st_uid == 0
