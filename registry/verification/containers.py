"""C6 and C12: files are what their names say, and containers hold nothing but what a model needs. Pure."""

from collections.abc import Iterator

from registry.formats import containers, magic, view, zips
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Seen, Subject

MAX_SHOWN = 20


def formats(subject: Subject) -> Iterator[Finding]:
    """C6: each file is what its name says, judged by its first and its last bytes."""
    clean = True
    for file in subject.files():
        try:
            fault = magic.mismatch(file.path, file.start) or _hidden(file)
        except view.NotKept:
            clean = False
            yield undecided(
                "What the file ends with could not be kept in memory to be looked at.", path=file.path
            )
            continue
        if fault:
            clean = False
            yield failed(f"{fault[0].upper()}{fault[1:]}.", path=file.path, begins_with=file.start[:8].hex())
    if clean:
        yield passed(f"The first bytes of all {len(subject.seen)} files fit their names.")


def _hidden(file: Seen) -> str:
    """An archive behind something else: readers that look for its end would open it. Raises `view.NotKept`."""
    kind = magic.kind_of(file.start)
    if kind in {"zip", "gguf"} or file.suffix in {".safetensors", ".gguf"}:
        return ""  # of weights, the last byte must be the last tensor's, which their own checks see to
    if not zips.is_hidden_in(file.view):
        return ""
    return f"the file begins like {kind or 'something else'}, but a zip archive is behind it"


def containers_hold(subject: Subject) -> Iterator[Finding]:
    """C12: archives, graphs and layered models hold no code and reach for nothing outside."""
    clean, count = True, 0
    for file in subject.files():
        found = containers.examine(file.path, file.view)
        if found is None:
            continue
        count += 1
        faults = list(found.faults)
        if found.undecided and not faults:
            clean = False
            yield undecided(
                f"What is inside this {found.kind} could not be examined: {found.undecided}.", path=file.path
            )
        elif faults:
            clean = False
            more = f" ({len(faults) - 1} more such findings)" if len(faults) > 1 else ""
            yield failed(
                f"What is inside this {found.kind} is not safe to load: {faults[0]}{more}.",
                path=file.path,
                kind=found.kind,
                members=found.members,
                reasons=[{"code": fault.code, "reason": str(fault)} for fault in faults[:MAX_SHOWN]],
                reason_count=len(faults),
            )
    if clean and count:
        yield passed(
            f"No code was found in {count} containers, and nothing that reaches outside of them.",
            containers=count,
        )
    elif clean:
        yield skipped("There is no archive, graph or layered model to look into.")
