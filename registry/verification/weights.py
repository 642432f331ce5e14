"""Checks of weight files: what they are, whether their headers are sound, whether loading them could run code. Pure."""

from collections.abc import Iterator

from registry.formats import magic, safetensors
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Subject

# The fault is not the file's: there was no room for its header beside those of the others.
NOT_READ = frozenset({"header_not_read", "too_many_in_all"})
PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill"})


def formats(subject: Subject) -> Iterator[Finding]:
    """C6: each file is what its name says, judged by its first bytes."""
    clean = True
    for file in subject.files():
        fault = magic.mismatch(file.path, file.start)
        if fault:
            clean = False
            yield failed(f"{fault[0].upper()}{fault[1:]}.", path=file.path, begins_with=file.start[:8].hex())
    if clean:
        yield passed(f"The first bytes of all {len(subject.seen)} files fit their names.")


def tensors(subject: Subject) -> Iterator[Finding]:
    """C7: the header of every safetensors file is sound, and the file ends where its last tensor ends."""
    clean, parameters, names = True, 0, 0
    for path, header in subject.headers.items():
        if not isinstance(header, safetensors.BadHeader):
            parameters += header.parameters
            names += len(header.tensors)
            continue
        clean = False
        if header.code in NOT_READ:
            yield undecided(f"The header was not examined: {header}.", path=path)
        else:
            yield failed(f"The weight file is malformed: {header}.", path=path, code=header.code)
    if not subject.headers and subject.ggufs:
        yield skipped("There is no safetensors file.")
    elif not subject.headers:
        yield undecided("There is no weight file of a kind that can be checked.")
    elif clean:
        yield passed(
            f"The headers of {len(subject.headers)} weight files are sound: {names} tensors, {parameters:,} parameters.",
            files=len(subject.headers),
            tensors=names,
            parameters=parameters,
        )


def pickles(subject: Subject) -> Iterator[Finding]:
    """C11: no file is of a format that can run code when it is loaded."""
    clean = True
    for file in subject.files():
        by_name, kind = file.suffix in PICKLE_SUFFIXES, magic.kind_of(file.start)
        if by_name or kind == "pickle" or (kind == "zip" and b"data.pkl" in file.start):
            clean = False
            yield failed(
                "Unsafe format: loading such a file can run any code that its author chose.",
                path=file.path,
                kind=kind or file.suffix,
            )
    if clean:
        yield passed("No file is of a format that can run code when it is loaded.")
