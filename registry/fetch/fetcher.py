"""Brings the files of a pinned state into the store: several at once, each read once, all held against their claims."""

import queue
import threading
import time
from collections.abc import Mapping, Sequence

from registry.fetch import journal
from registry.fetch.patience import Patience
from registry.fetch.room import Hold
from registry.fetch.store import Fetched
from registry.fetch.transfer import Stop, Stopped, Transfer
from registry.sources import base

CONNECTIONS = 4
LOOK_SECONDS = 1.0
# A thread that waits for a byte sees the end of the fetch only when one comes, or when the waiting is given up.
GOODBYE_SECONDS = 5.0
CLAIMS = frozenset({"", "sha256", "git-oid"})


def fetch(  # noqa: PLR0913 - what is fetched, into what, and how
    source: base.ModelSource,
    files: Sequence[base.RemoteFile],
    hold: Hold,
    *,
    connections: int = CONNECTIONS,
    progress: base.Progress,
    scope: str = "",
    patience: Patience | None = None,
) -> Mapping[str, Fetched]:
    """Every file, by path, in the store and kept there as long as `hold` lasts.

    `progress` is called from all threads with the bytes that arrived or were found (negative: given up), and at least
    each second with 0; what it raises ends everything. `scope` names the source. Raises `StoreFull` before anything
    is fetched where there is no room, `base.DownloadCorrupted` naming the file, and what the source raises.
    """
    for file in files:
        if file.claim_kind not in CLAIMS or (file.claim_kind == "git-oid" and file.size is None):
            raise base.UnsafeListing(f"{file.path} is claimed in a way that cannot be checked.")
    hold.reserve(_missing(files, hold, scope=scope))
    stop = Stop(progress)
    transfer = Transfer(source, hold, scope=scope, stop=stop, patience=patience or Patience())
    return _Crew(files, transfer, stop).run(connections)


def _missing(files: Sequence[base.RemoteFile], hold: Hold, *, scope: str) -> int:
    """How many bytes are not on the disk yet, each content counted once; a size that is not listed counts nothing."""
    missing: dict[str, int] = {}
    for file in files:
        known = hold.store.known_as(file)
        if file.size is None or (known and hold.store.blob(known).exists()):
            continue
        target = journal.Target(file.claim_kind, file.claimed_digest, file.size, scope, file.path)
        folder = hold.store.partial(target)
        begun = (folder / "data").stat().st_size if (folder / "data").exists() else 0
        missing[folder.name] = max(file.size - begun, 0)
    return sum(missing.values())


class _Crew:
    """The threads of one fetch: each takes the next file, until none is left or one of them fails."""

    def __init__(self, files: Sequence[base.RemoteFile], transfer: Transfer, stop: Stop) -> None:
        self._transfer = transfer
        self._stop = stop
        self._count = len(files)
        self._waiting: queue.SimpleQueue[base.RemoteFile] = queue.SimpleQueue()
        # The largest first, so that no thread is left alone with it at the end.
        for file in sorted(files, key=lambda file: (-(file.size or 0), file.path)):
            self._waiting.put(file)
        self._done: dict[str, Fetched] = {}
        self._failures: list[BaseException] = []

    def run(self, connections: int) -> dict[str, Fetched]:
        """Everything, by path; raises what the first thread that failed raised, or what the progress did."""
        threads = [
            threading.Thread(target=self._work, name=f"fetch-{number}", daemon=True)
            for number in range(max(1, min(connections, self._count)))
        ]
        for thread in threads:
            thread.start()
        try:
            self._wait_for(threads)
        except Stopped:
            pass
        finally:
            self._stop.is_set.set()
            until = time.monotonic() + GOODBYE_SECONDS
            for thread in threads:
                thread.join(max(until - time.monotonic(), 0.0))
        if self._failures:
            raise self._failures[0]
        return self._done

    def _wait_for(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK_SECONDS)
                self._stop.advance(0)

    def _work(self) -> None:
        try:
            while not self._stop.is_set.is_set():
                file = self._waiting.get_nowait()
                self._done[file.path] = self._transfer.bring(file)
        except (queue.Empty, Stopped):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for all
            self._failures.append(error)
            self._stop.is_set.set()
