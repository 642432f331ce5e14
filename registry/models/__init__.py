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
from registry.models.reevaluation import Cause, Reevaluation, ReevaluationPart
from registry.models.registered_model import RegisteredModel
from registry.models.review import Approval, Evaluation, OrganizationProfile, ServingEnvironment
from registry.models.run import CheckResult, LeasedRun, ResolutionRun, SmokeAnswer, SmokeRun, VerificationRun
from registry.models.version import ModelVersion, SourceKind

__all__ = [
    "Admission",
    "Alert",
    "AlertKind",
    "Approval",
    "Artifact",
    "ArtifactRole",
    "Cause",
    "CheckResult",
    "Evaluation",
    "FindingKind",
    "LeasedRun",
    "LicenseFinding",
    "LineageEdge",
    "ModelVersion",
    "OrganizationProfile",
    "Reevaluation",
    "ReevaluationPart",
    "RegisteredModel",
    "Relation",
    "Resolution",
    "ResolutionRun",
    "ServingEnvironment",
    "SmokeAnswer",
    "SmokeRun",
    "SourceKind",
    "Suspension",
    "VerificationRun",
]
