"""What zip and tar archives have in common: members, faults, bounds, and names that are safe anywhere. Pure."""

import dataclasses
import stat
from collections.abc import Iterable

from modelcustody_client import manifest

MAX_MEMBERS = 100_000
# Unpacked sizes: what a member may claim at all, and how much more than is packed.
MAX_MEMBER_BYTES = 2**44
MAX_RATIO = 200
SMALL_BYTES = 64 * 1024 * 1024
# How much of one member is ever unpacked.
MAX_UNPACKED_BYTES = 8 * 1024 * 1024
_LINKS_AND_DEVICES = (
    (stat.S_ISLNK, "link", "is a link"),
    (stat.S_ISFIFO, "special", "is a pipe"),
    (stat.S_ISCHR, "special", "is a device"),
    (stat.S_ISBLK, "special", "is a device"),
    (stat.S_ISSOCK, "special", "is a socket"),
)


class BadArchive(ValueError):
    """The archive cannot be listed, or a member not be unpacked; `code` names the fault."""

    def __init__(self, code: str, message: str, *, member: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.member = member


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What a careful reader does not accept. `message` continues "The archive ...", or the name of the member."""

    code: str
    message: str
    member: str = ""

    def __str__(self) -> str:
        return f"its member {self.member!a} {self.message}" if self.member else f"it {self.message}"


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One entry: its name, where its packed bytes are, and how large it says it is."""

    name: str
    offset: int  # of the first packed byte
    packed: int
    size: int
    is_folder: bool = False
    is_deflated: bool = False
    crc: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds, and what is wrong with it."""

    kind: str
    members: tuple[Member, ...]
    faults: tuple[Fault, ...]

    @property
    def files(self) -> list[Member]:
        """The members that are no folders."""
        return [member for member in self.members if not member.is_folder]


def name_faults(names: Iterable[str]) -> list[Fault]:
    """Names that leave the folder, or mean one file on some systems and two on others; the first of each kind."""
    every = list(names)
    faults = [fault for name in every if (fault := _name_fault(name)) is not None]
    if not faults:
        try:
            manifest.check_paths(every)
        except manifest.BadPath as error:
            faults = [Fault("collision", f"holds names that are one file: {error}")]
    return faults[:20]


def _name_fault(name: str) -> Fault | None:
    if len(name) > 1 and name[1] == ":" and name[0].isalpha():
        return Fault("name", "has a name with a drive letter", name[:200])
    try:
        manifest.check_path(name)
    except manifest.BadPath:
        return Fault("name", "has a name that is not a plain relative path", name[:200])
    return None


def mode_fault(name: str, mode: int) -> Fault | None:
    """A member that is neither file nor folder, by its Unix mode."""
    for is_kind, code, words in _LINKS_AND_DEVICES:
        if is_kind(mode):
            return Fault(code, words, name)
    return None


def size_fault(name: str, *, packed: int, size: int) -> Fault | None:
    """A member that would unpack to far more than it is."""
    if size > MAX_MEMBER_BYTES or (size > SMALL_BYTES and size > packed * MAX_RATIO):
        return Fault("bomb", f"would unpack from {packed:,} to {size:,} bytes", name)
    return None
