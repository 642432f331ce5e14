"""What is known of a registered version when a node asks for it: status, evidence, approvals. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelcustody_client.manifest import ManifestFile, is_load_bearing

from governance.policy.origin_rules import OriginFact
from governance.policy.signature import Signer


@dataclass(frozen=True)
class CheckEvidence:
    """What one check of a run found; one that does not count is shown, but decides nothing.

    `code` is the reason code of a failure; without one it is `scan_finding`.
    """

    check_id: str
    outcome: str
    message: str = ""
    code: str | None = None
    counts: bool = True
    signature: "FoundSignature | None" = None  # of the check of signatures alone


@dataclass(frozen=True)
class FoundSignature:
    """What a verification found of one signature: `valid`, `wrong`, or neither; and who made it, where that is known."""

    state: str
    signer: Signer | None = None


@dataclass(frozen=True)
class SignatureEvidence:
    """The signatures of a model as they were found; whether one is enough is for the policy of the moment to say."""

    model: str  # publisher/name, by which a policy trusts
    found: tuple[FoundSignature, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether one of them does not fit the files, or is forged."""
        return any(one.state == "wrong" for one in self.found)

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Who made those that are right and cover the whole model."""
        return tuple(one.signer for one in self.found if one.state == "valid" and one.signer is not None)


@dataclass(frozen=True)
class RunEvidence:
    """The newest finished run of its kind, and the manifest that it looked at."""

    id: int
    outcome: str
    finished_at: datetime | None
    manifest_digest: str | None
    checks: tuple[CheckEvidence, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class ApprovalEvidence:
    """An approval for one environment and purpose, whatever became of it.

    `suspended` says since when and why it admits nothing; empty where it is not suspended.
    """

    id: int
    environment: str
    purpose: str
    status: str
    manifest_digest: str
    decided_at: datetime | None
    expires_at: datetime | None
    suspended: str = ""


@dataclass(frozen=True)
class LicenseEvidence:
    """The license evaluation of this moment, for the environment that is asked about."""

    verdict: str
    licenses: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    missing_facts: tuple[str, ...] = ()
    obligations: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A registered version with everything that admission looks at; None is unknown and never a pass.

    `origin` is about the whole lineage, before anything that a policy declares.
    """

    version_id: int
    name: str
    status: str
    manifest_digest: str | None
    model_digest: str | None
    files: tuple[ManifestFile, ...]
    verification: RunEvidence | None = None
    smoke: RunEvidence | None = None
    approvals: tuple[ApprovalEvidence, ...] = ()
    license: LicenseEvidence | None = None
    formats: frozenset[str] | None = None
    requires_remote_code: bool | None = None
    signature: SignatureEvidence | None = None
    origin: tuple[OriginFact, ...] | None = None
    status_reason: str = ""


def closest(candidates: Iterable[Candidate], files: Iterable[ManifestFile]) -> Candidate | None:
    """Return the version that shares most with the files, so that a refusal can say what differs.

    Same content counts first, then same load-bearing paths; among equals the newest version. None when nothing
    load-bearing is shared.
    """
    offered = [file for file in files if is_load_bearing(file.path)]
    contents, paths = {file.sha256 for file in offered}, {file.path for file in offered}

    def likeness(candidate: Candidate) -> tuple[int, int, int]:
        own = [file for file in candidate.files if is_load_bearing(file.path)]
        same = sum(file.sha256 in contents for file in own)
        return same, sum(file.path in paths for file in own), candidate.version_id

    best = max(candidates, key=likeness, default=None)
    return best if best is not None and any(likeness(best)[:2]) else None
