"""The tables of the registry."""

from registry.models.admission import Admission
from registry.models.alert import Alert, AlertKind, Resolution, Suspension
from registry.models.artifact import (
    Artifact,
    ArtifactRole,
    FindingKind,
    LicenseFinding,
    LineageEdge,
    Relation,
)
from registry.models.catalog import (
    CatalogRelease,
    LicenseProposal,
    LicenseRecord,
    Origin,
    ProposedChange,
)
from registry.models.conclusion import HintKind, LicenseConclusion, LineageHint, LineageStatement
from registry.models.document import EvidenceDocument
from registry.models.obligation import ObligationEvidence, ObligationTask
from registry.models.observation import SourceObservation
from registry.models.organization import AttestationEvidence, OrganizationProfile
from registry.models.quarantine import QuarantineRelease, ReleaseDecision
from registry.models.reevaluation import Cause, Reevaluation, ReevaluationPart
from registry.models.registered_model import RegisteredModel
from registry.models.review import Approval, Evaluation, ServingEnvironment
from registry.models.run import (
    CheckResult,
    DriftRun,
    LeasedRun,
    ResolutionRun,
    SmokeAnswer,
    SmokeRun,
    VerificationRun,
)
from registry.models.version import ModelVersion, SourceKind
from registry.models.what_if import WhatIfRun

__all__ = [
    "Admission",
    "Alert",
    "AlertKind",
    "Approval",
    "Artifact",
    "ArtifactRole",
    "AttestationEvidence",
    "CatalogRelease",
    "Cause",
    "CheckResult",
    "DriftRun",
    "Evaluation",
    "EvidenceDocument",
    "FindingKind",
    "HintKind",
    "LeasedRun",
    "LicenseConclusion",
    "LicenseFinding",
    "LicenseProposal",
    "LicenseRecord",
    "LineageEdge",
    "LineageHint",
    "LineageStatement",
    "ModelVersion",
    "ObligationEvidence",
    "ObligationTask",
    "OrganizationProfile",
    "Origin",
    "ProposedChange",
    "QuarantineRelease",
    "Reevaluation",
    "ReevaluationPart",
    "RegisteredModel",
    "Relation",
    "ReleaseDecision",
    "Resolution",
    "ResolutionRun",
    "ServingEnvironment",
    "SmokeAnswer",
    "SmokeRun",
    "SourceKind",
    "SourceObservation",
    "Suspension",
    "VerificationRun",
    "WhatIfRun",
]
