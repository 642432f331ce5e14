"""The one error tree of the service: a stable code, an HTTP status and how to mend it. Pure."""


class GovernanceError(Exception):
    """Something was asked that cannot be done; `code` never changes once published."""

    code = "error"
    status = 400
    title = "The request cannot be carried out"

    def __init__(self, detail: str, *, field: str | None = None, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.extra = extra


class InvalidInput(GovernanceError):
    """A value is missing, malformed or unknown."""

    code = "invalid_input"
    status = 422
    title = "The input is not valid"


class NotFound(GovernanceError):
    """What was named does not exist, or may not be seen."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(GovernanceError):
    """The state of things does not permit it now."""

    code = "conflict"
    status = 409
    title = "The present state does not permit this"


class Forbidden(GovernanceError):
    """The caller may not do this."""

    code = "forbidden"
    status = 403
    title = "Not permitted"


class AuthenticationRequired(GovernanceError):
    """Nobody is asking: the request carries neither a session nor a token that counts here."""

    code = "authentication_required"
    status = 401
    title = "Say who you are"


class BodyTooLarge(GovernanceError):
    """More bytes than one request may have."""

    code = "too_large"
    status = 413
    title = "The body is too large"


class Unavailable(GovernanceError):
    """Something outside did not answer; trying again later may work."""

    code = "unavailable"
    status = 503
    title = "Not available at present"
