"""What each role and each token scope may do. Pure."""

from enum import StrEnum, auto


class Permission(StrEnum):
    """One right, named object_verb."""

    VERSION_READ = auto()
    VERSION_REGISTER = auto()
    VERSION_REVOKE = auto()
    RUN_REQUEST = auto()
    EVALUATION_REQUEST = auto()
    REEVALUATION_REQUEST = auto()
    ALERT_ACKNOWLEDGE = auto()
    APPROVAL_REQUEST = auto()
    APPROVAL_DECIDE = auto()
    APPROVAL_WITHDRAW = auto()
    OBLIGATION_WORK = auto()
    OBLIGATION_WAIVE = auto()
    ADMISSION_REQUEST = auto()
    ADMISSION_READ = auto()
    RECORD_APPEND = auto()
    DOCUMENT_READ = auto()
    DOCUMENT_KEEP = auto()
    LOG_READ = auto()
    PACK_EXPORT = auto()
    ORGANIZATION_EDIT = auto()
    LICENSE_CONCLUDE = auto()
    LICENSE_PROPOSE = auto()
    LICENSE_PUBLISH = auto()
    POLICY_EDIT = auto()
    USER_MANAGE = auto()
    TOKEN_MANAGE = auto()


READ = frozenset(
    {
        Permission.VERSION_READ,
        Permission.ADMISSION_READ,
        Permission.DOCUMENT_READ,
        Permission.LOG_READ,
        Permission.PACK_EXPORT,
    }
)


class Role(StrEnum):
    """What a person is here for (design section 11)."""

    OFFICER = auto()
    REVIEWER = auto()
    AUDITOR = auto()
    ADMIN = auto()


ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OFFICER: READ
    | {
        Permission.VERSION_REGISTER,
        Permission.VERSION_REVOKE,
        Permission.RUN_REQUEST,
        Permission.EVALUATION_REQUEST,
        Permission.REEVALUATION_REQUEST,
        Permission.ALERT_ACKNOWLEDGE,
        Permission.APPROVAL_REQUEST,
        Permission.APPROVAL_WITHDRAW,
        Permission.OBLIGATION_WORK,
        Permission.ORGANIZATION_EDIT,
        Permission.LICENSE_CONCLUDE,
        Permission.LICENSE_PROPOSE,
        Permission.DOCUMENT_KEEP,
    },
    Role.REVIEWER: READ
    | {
        Permission.EVALUATION_REQUEST,
        Permission.REEVALUATION_REQUEST,
        Permission.ALERT_ACKNOWLEDGE,
        Permission.APPROVAL_DECIDE,
        Permission.OBLIGATION_WAIVE,
        Permission.VERSION_REVOKE,
        Permission.LICENSE_PUBLISH,
        Permission.DOCUMENT_KEEP,
    },
    Role.AUDITOR: READ,
    Role.ADMIN: READ | {Permission.POLICY_EDIT, Permission.USER_MANAGE, Permission.TOKEN_MANAGE},
}


class Scope(StrEnum):
    """What a token is for."""

    ADMISSION = auto()
    RECORD = auto()
    REGISTER = auto()
    READ = auto()


SCOPE_PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    # A serving node asks, and then says what it runs and what it answered.
    Scope.ADMISSION: frozenset({Permission.ADMISSION_REQUEST}),
    Scope.RECORD: frozenset({Permission.RECORD_APPEND}),
    Scope.REGISTER: frozenset(
        {
            Permission.VERSION_READ,
            Permission.VERSION_REGISTER,
            Permission.RUN_REQUEST,
            Permission.EVALUATION_REQUEST,
        }
    ),
    Scope.READ: READ,
}
