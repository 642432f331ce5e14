"""NOTICE and attribution packs over REST."""

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.permissions import Permission
from registry import notice_pack
from registry.api.filters import LARGEST
from registry.api.packs import TarRenderer


class NoticePackInput(StrictSerializer):
    """The versions that are handed on."""

    model_versions = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST),
        min_length=1,
        max_length=notice_pack.MAX_VERSIONS,
    )


class NoticePack(APIView):
    """What must go with models that are handed on."""

    permission_classes = [requires(Permission.PACK_EXPORT)]
    renderer_classes = [JSONRenderer, TarRenderer]

    @extend_schema(
        operation_id="notice_packs_make",
        tags=["obligations"],
        request=NoticePackInput,
        responses={(200, "application/x-tar"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request) -> HttpResponse:
        """NOTICE file, attribution and licence texts of these versions; the same set gives the same bytes."""
        body = NoticePackInput(data=request.data)
        body.is_valid(raise_exception=True)
        data = notice_pack.build(body.validated_data["model_versions"], on=timezone.now().date())
        return tar(data)


def tar(data: bytes) -> HttpResponse:
    """The pack as a file to save."""
    response = HttpResponse(data, content_type="application/x-tar")
    response["Content-Disposition"] = 'attachment; filename="notices.tar"'
    return response
