"""Which files two revisions have in common, and which not. Pure."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping

from registry.verification.subject import Expected


@dataclasses.dataclass(frozen=True, slots=True)
class FileChange:
    """One file; `before` and `after` are what the manifests say of it."""

    what: str  # added, removed, changed or renamed
    path: str
    before: Expected | None
    after: Expected | None

    @property
    def role(self) -> str:
        """What the file is for, or was."""
        listed = self.after or self.before
        return listed.role if listed is not None else "other"

    @property
    def old_path(self) -> str:
        """Where the content was before it was renamed; the same path otherwise."""
        return self.before.path if self.before is not None else self.path


def compare(before: Mapping[str, Expected], after: Mapping[str, Expected]) -> tuple[FileChange, ...]:
    """Every file that differs, by path; one that went away and came back under another name is renamed."""
    gone: dict[str, list[str]] = defaultdict(list)
    for path in sorted(before.keys() - after.keys(), reverse=True):
        gone[before[path].sha256].append(path)
    found = []
    for path in sorted(after):
        now = after[path]
        if path in before:
            if before[path].sha256 != now.sha256:
                found.append(FileChange("changed", path, before[path], now))
        elif gone[now.sha256] and now.size:
            found.append(FileChange("renamed", path, before[gone[now.sha256].pop()], now))
        else:
            found.append(FileChange("added", path, None, now))
    found += [FileChange("removed", path, before[path], None) for paths in gone.values() for path in paths]
    return tuple(sorted(found, key=lambda change: change.path))
