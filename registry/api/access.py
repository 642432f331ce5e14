"""Views that some may read and others may post to."""

from typing import ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.views import APIView

from governance.api.permissions import requires
from governance.permissions import Permission


class ReadOrPost(APIView):
    """One right for POST, another for everything else."""

    read: ClassVar[Permission] = Permission.VERSION_READ
    write: ClassVar[Permission]

    def get_permissions(self) -> list[BasePermission]:
        """The right that the method needs."""
        return [requires(self.write if self.request.method == "POST" else self.read)()]
