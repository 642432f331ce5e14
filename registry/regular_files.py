"""Opens files that others may have put there: no link in the last place, no waiting on a pipe, no device. Pure, but for them."""

import os
import stat
from io import FileIO
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotRegular(OSError):
    """There is something else than a file of bytes."""

    def __init__(self) -> None:
        super().__init__(0, "it is not a regular file")


def opened(path: Path) -> FileIO:
    """A regular file, unbuffered, to be closed by the caller; raises OSError, and `NotRegular` for anything else."""
    handle = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotRegular
    return FileIO(handle, "rb")


def read(path: Path, *, most: int) -> bytes:
    """All bytes of a small file, and one more than `most` where it has more; raises OSError as `opened` does."""
    content = bytearray()
    with opened(path) as stream:
        while len(content) <= most and (piece := stream.read(most + 1 - len(content))):
            content += piece
    return bytes(content)
