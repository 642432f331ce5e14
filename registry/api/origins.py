"""Where a version comes from, and what the rules on origin make of it, over REST."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.permissions import Permission
from governance.policy.origin import Attribute
from governance.policy.origin_rules import State
from registry import provenance
from registry.actions.evaluate import NotResolved
from registry.actions.organization import facts_in_force
from registry.api.lookup import environment_named
from registry.api.versions import version_of


class OriginFilter(PageFilter):
    """With the rules of which environment."""

    cursor = limit = None  # type: ignore[assignment]
    environment = serializers.CharField(required=False, max_length=64)


class OriginFactOutput(serializers.Serializer[object]):
    """One value with its source; `seated_in` and `not_seated_in` limit a licensor to some licensees."""

    model = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in State])
    country = serializers.CharField(allow_null=True, help_text="ISO 3166 alpha-2")
    name = serializers.CharField(allow_null=True)
    license = serializers.CharField(allow_null=True)
    verification = serializers.CharField(allow_null=True)
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    seated_in = serializers.ListField(child=serializers.CharField())
    not_seated_in = serializers.ListField(child=serializers.CharField())


class OriginEdgeOutput(serializers.Serializer[object]):
    """The child was made from the parent."""

    child = serializers.CharField()
    parent = serializers.CharField()  # type: ignore[assignment]
    relation = serializers.CharField()


class OriginRuleOutput(serializers.Serializer[object]):
    """What the policy in force makes of one attribute."""

    attribute = serializers.ChoiceField(choices=[attribute.value for attribute in Attribute])
    outcome = serializers.ChoiceField(choices=["no_rule", "passes", "refused"])
    reasons = serializers.ListField(child=serializers.CharField())
    more_reasons = serializers.IntegerField()


class OriginOutput(serializers.Serializer[object]):
    """Everything about a version's origin."""

    model_version = serializers.IntegerField()
    model = serializers.CharField()
    developer = OriginFactOutput(many=True)
    licensor = OriginFactOutput(many=True)
    governing_law = OriginFactOutput(many=True)
    ancestors = OriginFactOutput(many=True)
    lineage = OriginEdgeOutput(many=True)
    cycles = serializers.ListField(child=serializers.CharField())
    left_out = serializers.DictField(child=serializers.IntegerField())
    rules = OriginRuleOutput(many=True)
    environment = serializers.CharField(allow_null=True)
    policy_digest = serializers.CharField(allow_null=True)
    origins_digest = serializers.CharField()


class VersionOrigin(APIView):
    """Where one version comes from."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(
        operation_id="model_versions_origin",
        parameters=[OpenApiParameter("environment", str, description="With what the policy adds for it")],
        responses=OriginOutput,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Developer, licensors, governing laws and ancestors with their sources, and what the rules make of them."""
        version = version_of(pk)
        name = read(OriginFilter, request.query_params).get("environment")
        environment = environment_named(name).name if name else ""
        if version.manifest_digest is None:
            raise NotResolved(f"{version} is not resolved yet; what it was made from is not known.")
        profile = facts_in_force(at=timezone.now())
        found = provenance.standing_of(version, org=profile.facts if profile else {}, environment=environment)
        body = {
            "model_version": version.pk,
            **provenance.to_json(found.provenance),
            "rules": [one.to_json() for one in found.judged],
            "environment": environment or None,
            "policy_digest": found.policy.policy_digest if found.policy else None,
        }
        return Response(OriginOutput(body).data)
