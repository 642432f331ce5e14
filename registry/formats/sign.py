"""One thing that was noticed inside a file, and how much it matters. Pure."""

import dataclasses
from enum import IntEnum


class Level(IntEnum):
    """How much a sign matters, from what is only told to what would do harm."""

    NOTE = 0  # told, decides nothing
    DOUBT = 1  # unusual; a person should look
    WARNING = 2  # not what such a file needs
    DANGER = 3  # could do harm when it is used
    ATTACK = 4  # would do harm, or hides that it would


@dataclasses.dataclass(frozen=True, slots=True)
class Sign:
    """Words that follow a subject such as "the template ...", the line where one is known (0: not), and a stable name."""

    level: Level
    kind: str
    says: str
    line: int = 0

    @property
    def words(self) -> str:
        """What it says, with its line."""
        return f"{self.says} (line {self.line})" if self.line else self.says
