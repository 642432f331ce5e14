"""C19: samples of the numbers in the weights make sense. Pure.

Severities: what is no number spoils every answer and gets into no weights that were ever tried, so it fails the run; so
do BOOL bytes that readers take differently. A large matrix of zeros, of one number, or of absurd ones attacks nobody,
but the file is damaged or is no model: it fails the run, so that a person looks. Zeros and ones are normal in what
training starts from them: norms, biases, position ids, masks, the second half of a fresh adapter.
"""

import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator, Mapping

from registry.formats import gguf_header, number_signs, numbers, safetensors
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, passed, skipped
from registry.verification.subject import Seen, Subject

# Matrices of fewer numbers than this may be anything.
LARGE = 4096
# Of a file that was kept whole, as much is looked at as of one that passed by.
WHOLE_BYTES = 4 * 1024 * 1024
HUGE_SHARE = 0.01
MAX_FINDINGS = 20
_MASK = re.compile(r"mask|alibi|slopes|bias$", re.IGNORECASE)
_STARTS_AT_ZERO = re.compile(
    r"lora|hada|lokr|oft_|boft|ia3|vera|adapter|norm|bias|mask|position|rotary|inv_freq|gate$|gamma|beta|scale|zero"
    r"|running_|num_batches|token_type|\bcls\b",
    re.IGNORECASE,
)


@dataclasses.dataclass
class _Tally:
    """What was looked at in all files."""

    tensors: int = 0
    looked_at: int = 0
    size: int = 0
    places: "hashlib._Hash" = dataclasses.field(default_factory=hashlib.sha256)


def plausible(subject: Subject) -> Iterator[Finding]:
    """C19: no number is none, no large matrix is empty or all the same, nothing is absurdly large."""
    tally, clean = _Tally(), True
    headers: dict[str, tuple[tuple[numbers.Tensor, ...], int]] = {
        path: (header.tensors, header.header_bytes)
        for path, header in subject.headers.items()
        if isinstance(header, safetensors.Header)
    }
    headers |= {
        path: (header.tensors, header.data_begin)
        for path, header in subject.ggufs.items()
        if isinstance(header, gguf_header.Header)
    }
    for path, (tensors, data_begin) in headers.items():
        worst = _worst(_faults(subject.seen[path], tensors, data_begin, tally))
        if worst is not None:
            clean = False
            yield worst
    if not tally.looked_at:
        yield skipped("There are no weights whose numbers can be looked at.")
    elif clean:
        yield passed(
            f"In samples of {tally.looked_at} of {tally.tensors} tensors all numbers are numbers, and no large matrix is"
            " empty or all the same.",
            tensors=tally.tensors,
            looked_at=tally.looked_at,
            bytes=tally.size,
            places=f"sha256:{tally.places.hexdigest()}",
            rule=f"up to {numbers.BLOCKS} blocks of {numbers.BLOCK_BYTES} bytes a tensor, evenly from its first to its last byte",
        )


def _worst(faults: Iterator[Finding]) -> Finding | None:
    """One finding about a file: the gravest, with how many tensors have one."""
    found = list(faults)
    if not found:
        return None
    order = list(Severity)
    worst = max(found, key=lambda item: order.index(item.severity or Severity.HIGH))
    return dataclasses.replace(worst, evidence={**worst.evidence, "tensors_with_findings": len(found)})


def _faults(
    file: Seen, tensors: tuple[numbers.Tensor, ...], data_begin: int, tally: _Tally
) -> Iterator[Finding]:
    samples = file.samples or _of_whole(file, tensors, data_begin)
    for offset in sorted(samples):
        tally.places.update(f"{file.path}\0{offset}\0{len(samples[offset])}\n".encode())
        tally.size += len(samples[offset])
    for tensor, pieces in numbers.cut(samples, tensors, data_begin=data_begin):
        tally.tensors += 1
        if not pieces:
            continue
        tally.looked_at += 1
        signs = number_signs.signs_of(
            [data for _, data in pieces], tensor.dtype, unit=numbers.unit_of(tensor.dtype)
        )
        fault = _fault(tensor, signs)
        if fault is not None:
            severity, words = fault
            yield failed(
                f"Tensor {tensor.name} ({tensor.dtype} {list(tensor.shape)}) {words}.",
                path=file.path,
                severity=severity,
                tensor=tensor.name,
                offsets=[offset for offset, _ in pieces],
                looked_at=signs.looked_at,
            )


def _fault(tensor: numbers.Tensor, signs: number_signs.Signs) -> tuple[Severity, str] | None:
    if signs.not_bool:
        return Severity.HIGH, "holds bytes that are neither true nor false, which engines read differently"
    if signs.nan:
        return Severity.HIGH, f"holds at least {signs.nan} values that are not numbers (NaN)"
    if signs.infinite and not _MASK.search(tensor.name):
        return Severity.HIGH, f"holds at least {signs.infinite} infinite values"
    fault = _of_large(tensor, signs)
    return fault if fault and not _STARTS_AT_ZERO.search(tensor.name) else None


def _of_large(tensor: numbers.Tensor, signs: number_signs.Signs) -> tuple[Severity, str] | None:
    if len(tensor.shape) < 2 or math.prod(tensor.shape) < LARGE:
        return None
    is_float = tensor.dtype in number_signs.FLOATS
    if signs.is_zero and (is_float or "weight" in tensor.name):
        return Severity.MEDIUM, "is all zeros wherever it was looked at: damaged, or never filled"
    if signs.huge > HUGE_SHARE * signs.looked_at:
        return Severity.MEDIUM, "holds numbers beyond any use in a layer, as bytes that are no numbers do"
    if signs.is_constant and is_float and signs.looked_at > 1:
        return Severity.LOW, "holds one and the same number wherever it was looked at"
    return None


def _of_whole(file: Seen, tensors: tuple[numbers.Tensor, ...], data_begin: int) -> Mapping[int, bytes]:
    if not file.is_whole:
        return {}
    wanted = numbers.pieces(tensors, data_begin=data_begin, share=numbers.Share(WHOLE_BYTES))
    return {offset: file.start[offset : offset + length] for offset, length in wanted}
