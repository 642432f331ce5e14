"""What differs between two versions, over REST."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry import comparison
from registry.actions.evaluate import NotResolved
from registry.api.filters import LARGEST
from registry.api.versions import version_of
from registry.models import ModelVersion


class DifferenceFilter(PageFilter):
    """Against which other version."""

    cursor = limit = None  # type: ignore[assignment]
    against = serializers.IntegerField(
        min_value=1, max_value=LARGEST, error_messages={"required": "Say which version to compare with."}
    )


class FileSideOutput(serializers.Serializer[object]):
    """What a manifest says of a file."""

    path = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    role = serializers.CharField()


class FileChangeOutput(serializers.Serializer[object]):
    """One file that differs."""

    what = serializers.ChoiceField(choices=["added", "removed", "changed", "renamed"])
    path = serializers.CharField()
    before = FileSideOutput(allow_null=True)
    after = FileSideOutput(allow_null=True)


class MemberChangeOutput(serializers.Serializer[object]):
    """One member of a JSON document; null for a side that lacks it, otherwise its value as JSON, cut short."""

    member = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class MemberChangesOutput(serializers.Serializer[object]):
    """The members that differ."""

    changes = MemberChangeOutput(many=True)
    is_cut = serializers.BooleanField()


class LineOutput(serializers.Serializer[object]):
    """A line of each side; `gap` stands for equal lines that were left out."""

    kind = serializers.ChoiceField(choices=["same", "changed", "removed", "added", "gap"])
    before_number = serializers.IntegerField(allow_null=True)
    before = serializers.CharField(allow_null=True)
    after_number = serializers.IntegerField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class TextChangesOutput(serializers.Serializer[object]):
    """The lines that differ, with some around them."""

    lines = LineOutput(many=True)
    is_cut = serializers.BooleanField()


class DocumentChangeOutput(serializers.Serializer[object]):
    """One document that differs: its members, its lines, or why neither is shown."""

    path = serializers.CharField()
    members = MemberChangesOutput(allow_null=True)
    lines = TextChangesOutput(allow_null=True)
    why_not = serializers.CharField()


class TensorChangeOutput(serializers.Serializer[object]):
    """One tensor that differs."""

    name = serializers.CharField()
    what = serializers.ChoiceField(choices=["added", "removed", "reshaped", "retyped", "values", "moved"])
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class TensorChangesOutput(serializers.Serializer[object]):
    """How many tensors changed in which way; `alike` are equal in the pieces that were read, which proves nothing."""

    counts = serializers.DictField(child=serializers.IntegerField())
    changes = TensorChangeOutput(many=True)
    is_cut = serializers.BooleanField()


class UnreadOutput(serializers.Serializer[object]):
    """What was not looked at, and why; an empty path stands for the whole stored copy."""

    side = serializers.ChoiceField(choices=["before", "after"])
    path = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


class VersionDifferenceOutput(serializers.Serializer[object]):
    """Everything that differs, topic by topic."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()
    files = FileChangeOutput(many=True)
    configuration = DocumentChangeOutput(many=True)
    tokenizer = DocumentChangeOutput(many=True)
    template = DocumentChangeOutput(many=True)
    license = DocumentChangeOutput(many=True)
    tensors = TensorChangesOutput()
    unread = UnreadOutput(many=True)


class VersionDifference(APIView):
    """Two versions side by side."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(
        operation_id="model_versions_diff",
        parameters=[
            OpenApiParameter(
                "against", int, required=True, description="The id of the version that is the earlier side"
            )
        ],
        responses=VersionDifferenceOutput,
    )
    def get(self, request: Request, pk: int) -> Response:
        """What differs from another version: files, configuration, tokenizer, template, licence, tensors."""
        after = version_of(pk)
        against = read(DifferenceFilter, request.query_params)["against"]
        before = ModelVersion.objects.select_related("registered_model").filter(pk=against).first()
        if before is None:
            raise InvalidInput(f"There is no version {against}.", field="against")
        for version in (before, after):
            if version.manifest_digest is None:
                raise NotResolved(f"{version} is not resolved yet, so it has no files to compare.")
        found = comparison.of_versions(before, after)
        return Response(
            VersionDifferenceOutput({"before": before.pk, "after": after.pk, **found.to_json()}).data
        )
