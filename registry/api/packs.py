"""Evidence packs over REST."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.api.permissions import requires
from governance.permissions import Permission
from registry import evidence_pack
from registry.models import ModelVersion


class TarRenderer(BaseRenderer):
    """Lets a client ask for a tar; what is rendered here are the problems that it gets instead."""

    media_type = "application/x-tar"
    format = "tar"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """A problem as JSON."""
        return json.dumps(data).encode()


class EvidencePack(APIView):
    """Everything about one version, verifiable offline."""

    permission_classes = [requires(Permission.PACK_EXPORT)]
    renderer_classes = [JSONRenderer, TarRenderer]

    @extend_schema(
        operation_id="evidence_packs_export",
        tags=["evidence"],
        responses={(200, "application/x-tar"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The pack as it stands now; `modelcustody verify` checks it without this service."""
        version = get_object_or_404(
            ModelVersion.objects.select_related("registered_model", "submitted_by"), pk=pk
        )
        data = evidence_pack.build(version, generated_at=timezone.now())
        response = HttpResponse(data, content_type="application/x-tar")
        response["Content-Disposition"] = f'attachment; filename="evidence-{version.pk}.tar"'
        return response
