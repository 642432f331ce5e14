"""DRF permission classes made from `Permission`."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.permissions import Permission


def requires(permission: Permission, *others: Permission) -> type[BasePermission]:
    """A permission class that wants one of these rights, and names the first where it refuses."""

    class Requires(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            actor = actor_of(request)
            if not any(actor.may(other) for other in others):
                actor.require(permission)
            return True

    return Requires
