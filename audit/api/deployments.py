"""Takes deployment statements."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import deployments
from audit.api.outputs import DeploymentOutput
from governance.api.authentication import BearerTokenAuthentication, actor_of
from governance.api.permissions import requires
from governance.permissions import Permission


class DeploymentsView(APIView):
    """Deployments as serving nodes report them."""

    authentication_classes = (BearerTokenAuthentication,)
    permission_classes: tuple[type[BasePermission], ...] = (requires(Permission.RECORD_APPEND),)

    @extend_schema(
        operation_id="deployments_create",
        tags=["log"],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: DeploymentOutput, 201: DeploymentOutput},
    )
    def post(self, request: Request) -> Response:
        """Log what a node serves: canonical JSON, whose SHA-256 is the deployment's digest."""
        # The body as it came: its bytes are the leaf.
        row, is_new = deployments.report_deployment(
            data=request.body, actor=actor_of(request), now=timezone.now()
        )
        return Response({"deployment_digest": row.deployment_digest}, status=201 if is_new else 200)
