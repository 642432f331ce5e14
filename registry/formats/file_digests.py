"""The names that a file's content has: SHA-256, and git's object id where that is asked for. Pure."""

import hashlib


class FileDigests:
    """Is fed a file piece by piece; git's id needs its size beforehand."""

    def __init__(self, size: int | None, *, with_oid: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._oid = None
        if with_oid and size is not None:
            self._oid = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)

    def update(self, chunk: bytes | memoryview) -> None:
        """Add bytes."""
        self._sha256.update(chunk)
        if self._oid is not None:
            self._oid.update(chunk)

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def git_oid(self) -> str:
        """The name that git has for a file of these bytes; empty where nobody asked for it."""
        return self._oid.hexdigest() if self._oid is not None else ""
