"""Environments over REST."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.authentication import actor_of
from governance.api.serializers import StrictSerializer
from governance.permissions import Permission
from registry.actions import environments
from registry.api.access import ReadOrPost
from registry.models import ServingEnvironment


class EnvironmentInput(StrictSerializer):
    """An environment as it is to be."""

    name = serializers.CharField(max_length=64)
    description = serializers.CharField(allow_blank=True, default="", max_length=4000)
    regions = serializers.ListField(child=serializers.CharField(max_length=64), default=list, max_length=200)
    use = serializers.DictField(help_text="`use` in the vocabulary of the licence catalogue")


class EnvironmentOutput(serializers.Serializer[ServingEnvironment]):
    """An environment as it is."""

    name = serializers.CharField()
    description = serializers.CharField()
    regions = serializers.ListField(child=serializers.CharField(), help_text="empty: any region")
    use = serializers.DictField()
    defined_by = serializers.CharField(source="defined_by.username")
    defined_at = serializers.DateTimeField()


class EnvironmentList(ReadOrPost, GenericAPIView[ServingEnvironment]):
    """The places where models are served."""

    write = Permission.ORGANIZATION_EDIT
    queryset = ServingEnvironment.objects.select_related("defined_by").order_by("-id")
    serializer_class = EnvironmentOutput

    @extend_schema(
        operation_id="environments_list", tags=["environments"], responses=EnvironmentOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """All environments, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([EnvironmentOutput(row).data for row in page or []])

    @extend_schema(
        operation_id="environments_define",
        tags=["environments"],
        request=EnvironmentInput,
        responses={201: EnvironmentOutput, 200: EnvironmentOutput},
    )
    def post(self, request: Request) -> Response:
        """Define an environment; one of this name is defined anew (200)."""
        body = EnvironmentInput(data=request.data)
        body.is_valid(raise_exception=True)
        is_known = ServingEnvironment.objects.filter(name=body.validated_data["name"]).exists()
        row = environments.define_environment(
            **body.validated_data, actor=actor_of(request), now=timezone.now()
        )
        code = status.HTTP_200_OK if is_known else status.HTTP_201_CREATED
        return Response(EnvironmentOutput(row).data, status=code)
