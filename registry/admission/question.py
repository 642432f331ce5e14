"""What one check of an admission looks at, and what it answers. Pure."""

from dataclasses import dataclass
from datetime import datetime

from governance.policy.document import Policy
from registry.admission.axes import Candidate
from registry.admission.offer import Offer


@dataclass(frozen=True)
class Reason:
    """Why the answer is no, in a stable code and in words."""

    code: str
    message: str
    evidence: str | None = None


@dataclass(frozen=True)
class Environment:
    """The environment as it is defined; no regions means any."""

    name: str
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Question:
    """Everything that one check may look at."""

    offer: Offer
    candidate: Candidate
    policy: Policy
    environment: Environment | None
    now: datetime

    @property
    def page(self) -> str:
        """The address of the version, below the base."""
        return f"/model-versions/{self.candidate.version_id}"
