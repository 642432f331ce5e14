"""The names of the logs, and of what is written to the decisions log. Pure."""

from enum import StrEnum, auto


class Log(StrEnum):
    """The two transparency logs; a name is part of every checkpoint and never changes."""

    DECISIONS = auto()
    REQUESTS = auto()


class Event(StrEnum):
    """`<app>.<noun>.<participle>`; a name, once used, keeps its meaning for ever."""

    USER_CREATED = "governance.user.created"
    USER_CHANGED = "governance.user.changed"
    TOKEN_ISSUED = "governance.token.issued"  # noqa: S105 - an event's name
    TOKEN_REVOKED = "governance.token.revoked"  # noqa: S105
    POLICY_LOADED = "governance.policy.loaded"
    DOCUMENT_KEPT = "registry.document.kept"
    ENVIRONMENT_DEFINED = "registry.environment.defined"
    ORGANIZATION_ATTESTED = "registry.organization.attested"
    LICENSE_CONCLUDED = "registry.license.concluded"
    LINEAGE_STATED = "registry.lineage.stated"
    LICENSE_PROPOSED = "registry.license.proposed"
    LICENSE_DECLINED = "registry.license.declined"
    CATALOG_RELEASED = "registry.catalog.released"
    VERSION_DRAFTED = "registry.version.drafted"
    VERSION_RESOLVED = "registry.version.resolved"
    SOURCE_OBSERVED = "registry.source.observed"
    VERSION_QUARANTINED = "registry.version.quarantined"
    VERSION_RELEASED = "registry.version.released"
    RELEASE_REQUESTED = "registry.release.requested"
    RELEASE_REFUSED = "registry.release.refused"
    RELEASE_WITHDRAWN = "registry.release.withdrawn"
    VERSION_REVOKED = "registry.version.revoked"
    RUN_REQUESTED = "registry.run.requested"
    RUN_FINISHED = "registry.run.finished"
    EVALUATION_MADE = "registry.evaluation.made"
    WHAT_IF_ASKED = "registry.what_if.asked"
    WHAT_IF_ANSWERED = "registry.what_if.answered"
    APPROVAL_REQUESTED = "registry.approval.requested"
    APPROVAL_APPROVED = "registry.approval.approved"
    APPROVAL_REJECTED = "registry.approval.rejected"
    APPROVAL_WITHDRAWN = "registry.approval.withdrawn"
    APPROVAL_REVOKED = "registry.approval.revoked"
    APPROVAL_EXPIRED = "registry.approval.expired"
    APPROVAL_SUSPENDED = "registry.approval.suspended"
    APPROVAL_RESUMED = "registry.approval.resumed"
    REEVALUATION_REQUESTED = "registry.reevaluation.requested"
    REEVALUATION_FINISHED = "registry.reevaluation.finished"
    ALERT_RAISED = "registry.alert.raised"
    ALERT_ACKNOWLEDGED = "registry.alert.acknowledged"
    ALERT_RESOLVED = "registry.alert.resolved"
    OBLIGATION_OPENED = "registry.obligation.opened"
    OBLIGATION_ASSIGNED = "registry.obligation.assigned"
    OBLIGATION_EVIDENCED = "registry.obligation.evidenced"
    OBLIGATION_DONE = "registry.obligation.done"
    OBLIGATION_WAIVED = "registry.obligation.waived"
    OBLIGATION_LAPSED = "registry.obligation.lapsed"
    ADMISSION_DECIDED = "registry.admission.decided"
    DEPLOYMENT_REPORTED = "audit.deployment.reported"
