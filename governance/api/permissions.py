"""DRF permission classes made from `Permission`."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.errors import Forbidden
from governance.permissions import Permission


def requires(permission: Permission) -> type[BasePermission]:
    """A permission class that grants what `permission` grants, and names it where it refuses."""

    class Requires(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            actor = actor_of(request)
            if not actor.may(permission):
                raise Forbidden(f"{actor} lacks the right {permission}.", permission=permission.value)
            return True

    return Requires
