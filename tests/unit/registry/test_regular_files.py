"""Files that are opened whatever somebody put in their place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import regular_files

HANDLES = Path("/proc/self/fd")


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/etc/hostname"), lambda path: path.mkdir(), str],
    ids=["pipe", "link", "folder", "nothing"],
)
def test_what_is_no_file_of_bytes_is_refused_at_once(tmp_path: Path, make: Callable[[Path], object]) -> None:
    place = tmp_path / "a"
    make(place)
    handles = len(list(HANDLES.iterdir()))

    with pytest.raises(OSError, match=r"regular file|symbolic link|directory|No such file"):
        regular_files.read(place, most=10)

    assert len(list(HANDLES.iterdir())) == handles


@pytest.mark.parametrize(("size", "found"), [(0, 0), (9, 9), (10, 10), (11, 11), (500, 11)])
def test_one_byte_more_than_allowed_is_enough_to_see_that_there_are_more(
    tmp_path: Path, size: int, found: int
) -> None:
    place = tmp_path / "a"
    place.write_bytes(bytes(range(256))[:size] + bytes(max(size - 256, 0)))

    assert regular_files.read(place, most=10) == place.read_bytes()[:found]
