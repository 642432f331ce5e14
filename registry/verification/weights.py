"""Checks of weight files: whether their headers are sound. Pure."""

from collections.abc import Iterator

from registry.formats import safetensors
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Subject


def tensors(subject: Subject) -> Iterator[Finding]:
    """C7: the header of every safetensors file is sound, and the file ends where its last tensor ends."""
    clean, parameters, names = True, 0, 0
    for path, header in subject.headers.items():
        if not isinstance(header, safetensors.BadHeader):
            parameters += header.parameters
            names += len(header.tensors)
            continue
        clean = False
        if header.code == "header_not_read":
            yield undecided("The header is too large to be held in memory beside the others.", path=path)
        else:
            yield failed(f"The weight file is malformed: {header}.", path=path, code=header.code)
    if not subject.headers and subject.ggufs:
        yield skipped("There is no safetensors file.")
    elif not subject.headers:
        yield undecided("There is no weight file of a kind that can be checked.")
    elif clean:
        yield passed(
            f"The headers of all weight files ({len(subject.headers)}) are sound: {names} tensors, {parameters:,} parameters.",
            files=len(subject.headers),
            tensors=names,
            parameters=parameters,
        )
