"""Rights on pages come from a person's role; Django's permission tables are never asked."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from governance.actors import Actor
from governance.models import User
from governance.permissions import ROLE_PERMISSIONS, Permission, Role


def person(request: HttpRequest) -> User:
    """Who is logged in; every page of the desk requires a login."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Log in first.")
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    """The person as an actor, for the log."""
    return Actor(user=person(request))


def may(request: HttpRequest, permission: Permission) -> bool:
    """Whether the person at this page holds the right."""
    return isinstance(request.user, User) and request.user.may(permission)


def require(request: HttpRequest, permission: Permission) -> None:
    """Refuse the page, naming the right that is missing and who holds it."""
    if not may(request, permission):
        raise PermissionDenied(refusal(person(request), permission))


def refusal(user: User, permission: Permission) -> str:
    """Words for a right that a role does not grant."""
    holders = [role.value for role in Role if permission in ROLE_PERMISSIONS[role]]
    words = " or ".join(holders) or "nobody"
    return f"Your role, {user.role}, does not include this. It takes the role {words}."


class RoleAccess:
    """A mixin of admin pages: reading takes `reads`; there are no forms that add, change or delete rows."""

    reads: Permission = Permission.VERSION_READ

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the resource is shown at all."""
        return may(request, self.reads)

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whether its pages may be read."""
        return may(request, self.reads)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Never: rows are made by actions."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never: evidence is not edited."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never: evidence is kept."""
        return False
