"""Who does something: the person behind it, and the words the log uses for them."""

from dataclasses import dataclass

from governance.errors import Forbidden
from governance.models import ApiToken, User
from governance.permissions import SCOPE_PERMISSIONS, Permission, Scope


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or a token acting for its owner with nothing but its scopes."""

    user: User
    token: ApiToken | None = None

    def __str__(self) -> str:
        return f"token:{self.token.key_id}" if self.token else f"user:{self.user.username}"

    def may(self, permission: Permission) -> bool:
        """Whether the role, or for a token its scopes, grant this right."""
        if self.token is not None:
            return any(permission in SCOPE_PERMISSIONS[Scope(scope)] for scope in self.token.scopes)
        return self.user.may(permission)

    def require(self, permission: Permission) -> None:
        """Raise `Forbidden`, naming the right, where this actor lacks it."""
        if not self.may(permission):
            raise Forbidden(f"{self} lacks the right {permission}.", permission=permission.value)
