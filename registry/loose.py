"""A question about a folder or a file that nobody registered: everything that can be asked without a database.

What is not known of it (commit, source, earlier readings) is not asked, and the answer says so; it never passes.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from modelcustody_client import folder, manifest

from governance.policy.document import Policy
from registry import description
from registry.formats.roles import role_of
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.lifecycle import Severity
from registry.sources import base, http
from registry.verification import checks, reading
from registry.verification.examination import BaseCopy, Question
from registry.verification.outcomes import CheckOutcome, skipped
from registry.verification.subject import Ancestor, Expected, LicenseClaim

KIND = "folder"
MANIFEST_BYTES = 32 * 1024 * 1024
# What the description of a model is read from, beside its licence texts.
DESCRIBED_BY = ("README.md", "adapter_config.json")
# Questions that only make sense of something registered, and what is missing here.
NOT_HERE = {
    "C1-pinned": "A loose folder names no commit that it could be pinned to.",
    "C5-commit": "A loose folder has no commits whose authors and signatures could be looked at.",
    "C21-hub-scan": "A loose folder has no source whose own scanners could be asked.",
    "C22-at-rest": "A loose folder was never read before, so there is no earlier reading to hold it against.",
}


class CannotRead(Exception):
    """There is nothing that could be examined; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What somebody knows of a folder and says: its name, its ancestors' folders, what it is to hold."""

    model: str = ""
    bases: tuple[tuple[str, Path], ...] = ()  # the ancestor's name, empty for the only one, and its folder
    listed: bytes | None = None  # what `sha256sum` printed of the files
    list_path: str = ""  # where in the folder itself the list lies, which it cannot name


@dataclasses.dataclass(frozen=True, slots=True)
class Loose:
    """A question about a folder or a file, with what its own files say of it."""

    root: Path
    question: Question
    described: description.Description
    total_bytes: int


def ask(root: Path, given: Given, *, policy: Policy, terms: Catalog, now: datetime) -> Loose:
    """Everything that the checks can be given; raises `CannotRead`."""
    sizes = _sizes(root)
    expected = expected_files(sizes, given)
    described = _describe(root, expected, model=given.model, terms=terms)
    lineage = tuple(Ancestor(one.base_model, one.relation, one.base_revision) for one in described.ancestors)
    question = Question(
        source_kind=KIND,
        revision=None,
        expected=expected,
        licenses=tuple(LicenseClaim(one.kind, one.license_id, one.path) for one in described.licenses),
        model=given.model,
        examined_on=now.isoformat(),
        lineage=lineage,
        bases=tuple(_base(name, path, lineage) for name, path in given.bases),
        trusted=policy.signature.trusted,
        signature_required=policy.signature.is_required(given.model),
    )
    return Loose(root, question, described, sum(sizes.values()))


def _sizes(root: Path) -> dict[str, int]:
    """Each file by its path; of a folder whose names are a finding in themselves, none."""
    try:
        found = reading.list_files(root)
        return {path: target.stat().st_size for path, target in found.items()}
    except folder.UnreadableFolder as error:
        raise CannotRead(f"{error}.") from None
    except manifest.BadManifest:
        return {}
    except OSError as error:
        raise CannotRead(f"{root} cannot be read: {error.strerror or error}.") from None


def expected_files(sizes: Mapping[str, int], given: Given) -> dict[str, Expected]:
    """The files as they were found, or as a list in the form of `sha256sum` has them; raises `CannotRead`."""
    sums = dict.fromkeys(sizes, "")
    if given.listed is not None:
        sums = _sums(given.listed)
        if given.list_path:
            sums.setdefault(given.list_path, hashlib.sha256(given.listed).hexdigest())
    return {path: Expected(path, sizes.get(path, 0), sums[path], role_of(path)) for path in sorted(sums)}


def _sums(listed: bytes) -> dict[str, str]:
    if len(listed) > MANIFEST_BYTES:
        raise CannotRead(f"The list of digests is larger than {MANIFEST_BYTES} bytes.")
    try:
        return http.parse_list(listed, place="the list of digests")
    except (base.SourceRefused, base.InvalidSource) as error:
        raise CannotRead(str(error)) from None


def _describe(
    root: Path, expected: Mapping[str, Expected], *, model: str, terms: Catalog
) -> description.Description:
    """What the few files say that speak about the model; those that a list names otherwise are not believed."""
    wanted = {path: item for path, item in expected.items() if item.role == "license" or path in DESCRIBED_BY}
    return description.describe(reading.read_heads(root, wanted), model=model, known=terms)


def _base(name: str, root: Path, lineage: Sequence[Ancestor]) -> BaseCopy:
    """An ancestor's folder, under the name that the model's own files have for it."""
    meant = [one for one in lineage if one.model == name] if name else list(lineage)
    if len(meant) != 1:
        names = ", ".join(one.model for one in lineage) or "none"
        raise CannotRead(
            f"{name or root} is not one of the models that this one says it was made from ({names}); "
            f"name it as NAME={root}."
        )
    return BaseCopy(meant[0].model, meant[0].relation, str(root), expected_files(_sizes(root), Given()))


def not_asked(asked: Loose) -> dict[str, str]:
    """The checks that are not asked here, each with the reason."""
    says_nothing = all(claim.license_id == UNKNOWN for claim in asked.question.licenses)
    if asked.root.is_file() and says_nothing:
        return {**NOT_HERE, "C20-license-text": "A single file has no card and no licence text beside it."}
    return NOT_HERE


def settled(outcomes: Iterable[CheckOutcome], *, without: Mapping[str, str]) -> list[CheckOutcome]:
    """What was found, with what is not asked here said so in place of any answer."""
    asked = [one for one in outcomes if one.check_id not in without]
    unasked = [
        CheckOutcome(
            check_id=check.check_id,
            title=check.title,
            severity=Severity.LOW,
            finding=skipped(without[check.check_id]),
            duration_ms=0.0,
            tool=checks.TOOL,
            tool_version=check.tool_version,
        )
        for check in checks.CHECKS
        if check.check_id in without
    ]
    order = {check.check_id: place for place, check in enumerate(checks.CHECKS)}
    return sorted([*asked, *unasked], key=lambda one: order.get(one.check_id, len(order)))
