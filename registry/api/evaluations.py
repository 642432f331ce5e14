"""Licence evaluation over REST: of a registered version, and of any question."""

from functools import partial

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput
from governance.fields import InvalidField
from governance.permissions import Permission
from registry import evaluation
from registry.actions import evaluate
from registry.api.access import ReadOrPost
from registry.api.lookup import environment_named
from registry.models import Evaluation, ModelVersion
from registry.models.review import VERDICTS
from registry.whatif import question


class EvaluationInput(StrictSerializer):
    """Where and what for."""

    environment = serializers.CharField(max_length=64)
    purpose = serializers.CharField(max_length=64)


class EvaluationOutput(serializers.Serializer[Evaluation]):
    """A verdict and everything it was made from."""

    id = serializers.IntegerField()
    model_version = serializers.IntegerField(source="version_id")
    environment = serializers.CharField(source="environment.name")
    purpose = serializers.CharField()
    verdict = serializers.CharField()
    request = serializers.DictField()
    result = serializers.DictField()
    evaluation_digest = serializers.CharField()
    catalog_digest = serializers.CharField()
    organization_facts = serializers.IntegerField(source="organization_id", allow_null=True)
    evaluated_by = serializers.CharField()
    evaluated_at = serializers.DateTimeField()


class LineageQuestion(serializers.Serializer[object]):
    """How one model was made."""

    model = serializers.CharField()
    relation = serializers.CharField(required=False, allow_null=True)
    parents = serializers.ListField(child=serializers.CharField(), required=False)
    teacher = serializers.CharField(required=False, allow_null=True)


class MovedFacts(serializers.Serializer[object]):
    """Merge patches (RFC 7396) over the facts of the question; null makes a fact unknown."""

    org = serializers.DictField(required=False)
    use = serializers.DictField(required=False)
    derivative = serializers.DictField(required=False)


class LicenseQuestion(serializers.Serializer[object]):
    """A question about any model; the vocabulary of `org`, `use` and `derivative` is that of the catalogue."""

    model = serializers.CharField(required=False, allow_null=True)
    revision = serializers.CharField(required=False, allow_null=True)
    licenses = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    declared_metadata = serializers.DictField(required=False)
    lineage = LineageQuestion(many=True, required=False)
    evaluation_date = serializers.DateField(required=False, help_text="default: today")
    org = serializers.DictField(required=False)
    use = serializers.DictField(required=False)
    derivative = serializers.DictField(required=False)
    what_if = MovedFacts(required=False, allow_null=True)


class MovedAnswer(serializers.Serializer[object]):
    """The answer under moved facts, and what differs."""

    effect = serializers.ChoiceField(choices=["worse", "better", "different", "same"])
    answer = serializers.DictField()
    findings = serializers.ListField(child=serializers.DictField())
    obligations = serializers.DictField()
    missing_facts = serializers.DictField()
    reasons = serializers.ListField(child=serializers.CharField())


class LicenseAnswer(serializers.Serializer[object]):
    """The answer, with the clauses it rests on."""

    verdict = serializers.ChoiceField(choices=VERDICTS)
    effective_licenses = serializers.ListField(child=serializers.CharField())
    obligations = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.DictField())
    conflicts = serializers.ListField(child=serializers.DictField())
    missing_facts = serializers.ListField(child=serializers.CharField())
    catalog_digest = serializers.CharField()
    what_if = MovedAnswer(required=False, help_text="Only where the question has a member what_if.")


class VersionEvaluationList(ReadOrPost, GenericAPIView[Evaluation]):
    """The evaluations of one version."""

    write = Permission.EVALUATION_REQUEST
    queryset = Evaluation.objects.select_related("environment").order_by("-id")
    serializer_class = EvaluationOutput

    @extend_schema(
        operation_id="evaluations_list", tags=["evaluations"], responses=EvaluationOutput(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        """All evaluations of the version, newest first."""
        version = get_object_or_404(ModelVersion, pk=pk)
        page = self.paginate_queryset(self.get_queryset().filter(version=version))
        return self.get_paginated_response([EvaluationOutput(row).data for row in page or []])

    @extend_schema(
        operation_id="evaluations_create",
        tags=["evaluations"],
        request=EvaluationInput,
        responses={201: EvaluationOutput},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Evaluate the version's licence for a use, from the facts in force now."""
        version = get_object_or_404(ModelVersion.objects.select_related("registered_model"), pk=pk)
        body = EvaluationInput(data=request.data)
        body.is_valid(raise_exception=True)
        row = evaluate.evaluate_version(
            version=version,
            environment=environment_named(body.validated_data["environment"]),
            purpose=body.validated_data["purpose"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(EvaluationOutput(row).data, status=status.HTTP_201_CREATED)


class LicenseEvaluation(APIView):
    """A question about any model; nothing is stored."""

    permission_classes = [requires(Permission.EVALUATION_REQUEST, Permission.VERSION_READ)]

    @extend_schema(
        operation_id="license_evaluations_create",
        tags=["evaluations"],
        request=LicenseQuestion,
        responses={200: LicenseAnswer},
    )
    def post(self, request: Request) -> Response:
        """Answer whether this model may be used in this way."""
        if not isinstance(request.data, dict):
            raise ParseError("The question must be a JSON object.")
        today = timezone.now().date()
        ask = partial(evaluation.answer_with_registry, today=today)
        try:
            found = question.answered(request.data, today=today, ask=ask)
        except InvalidField as error:
            raise InvalidInput(str(error), field=error.field) from error
        return Response(found)
