"""How a program that refuses to run as root is started by root, without opening any folder to others."""

import dataclasses
import os
import pwd
import shutil
import subprocess
from pathlib import Path

NOT_ROOT = ("/bin/sh", "-c", 'test "$(id -u)" != 0')
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
CAPABILITY = "+dac_override"


@dataclasses.dataclass(frozen=True)
class Unprivileged:
    """What to write before a command, and who must own the files it works on."""

    prefix: tuple[str, ...]
    uid: int
    gid: int

    def own(self, folder: Path) -> None:
        """Give a folder and all in it to the user that the command runs as."""
        if folder.stat().st_uid == self.uid:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def find() -> Unprivileged | None:
    """Find a way that works here: as we are, in a user namespace, or as `nobody`; None if there is none."""
    if os.geteuid() != 0:
        return Unprivileged((), os.geteuid(), os.getegid())
    for way in (_in_namespace(), _as_nobody()):
        if way is not None and _works(way):
            return way
    return None


def _in_namespace() -> Unprivileged:
    # Inside, the process is user 1000; outside, its files still belong to root.
    return Unprivileged(NAMESPACE, 0, 0)


def _as_nobody() -> Unprivileged | None:
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return None
    # The capability lets it pass through root's private folders, so that none has to be opened;
    # without the secure bit, access(2) would answer as if it were not there, and initdb asks that.
    prefix = (
        "setpriv",
        "--securebits=+no_setuid_fixup",
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        f"--inh-caps={CAPABILITY}",
        f"--ambient-caps={CAPABILITY}",
        "--",
    )
    return Unprivileged(prefix, nobody.pw_uid, nobody.pw_gid)


def _works(way: Unprivileged) -> bool:
    if shutil.which(way.prefix[0]) is None:
        return False
    answer = subprocess.run([*way.prefix, *NOT_ROOT], check=False, capture_output=True, timeout=30)
    return answer.returncode == 0
