"""Which pieces of a large file say what it holds: the directory of an archive, the pickle in it, the ends. Pure.

They lie where only the file itself says. So the checks are asked once before the reading, over the file on disk, and
what they asked for is kept while the file passes by. What they find then does not count; `formats.view` says why.
"""

import contextlib
from collections.abc import Callable

from registry.formats import containers, pickled_files, view, zips


def pieces(path: str, *, size: int, read_at: Callable[[int, int], bytes]) -> tuple[tuple[int, int], ...]:
    """(offset, length) of what the checks will ask for, ascending, none touching the next; raises OSError."""
    recorder = view.Recorder(size, read_at)
    with contextlib.suppress(view.NotKept):
        zips.is_hidden_in(recorder)
        pickled_files.examine(path, recorder)
        containers.examine(path, recorder)
    return recorder.ranges()
