"""What the registry's lists can be narrowed down to."""

from rest_framework import serializers

from governance.api.filters import PageFilter
from registry.lifecycle import ApprovalStatus, Severity, Status
from registry.models import Alert, AlertKind, Cause, ReleaseDecision

LARGEST = 2**53


class VersionFilter(PageFilter):
    """Which versions."""

    status = serializers.ChoiceField(required=False, choices=list(Status))
    model = serializers.RegexField(
        r"\A[^/]+/[^/]+\Z", required=False, error_messages={"invalid": "Write publisher/name."}
    )
    model_digest = serializers.RegexField(
        r"\Asha256:[0-9a-f]{64}\Z",
        required=False,
        error_messages={"invalid": "Write sha256: and 64 lower-case hexadecimal digits."},
    )


class ApprovalFilter(PageFilter):
    """Which approvals."""

    model_version = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    environment = serializers.CharField(required=False)
    status = serializers.ChoiceField(required=False, choices=list(ApprovalStatus))


class AdmissionFilter(PageFilter):
    """Which admissions."""

    environment = serializers.CharField(required=False)
    decision = serializers.ChoiceField(required=False, choices=["allow", "deny"])


class ApprovedModelFilter(PageFilter):
    """The models of one environment."""

    environment = serializers.CharField(error_messages={"required": "Say which environment."})


class AlertFilter(PageFilter):
    """Which alerts."""

    state = serializers.ChoiceField(required=False, choices=list(Alert.STATES))
    kind = serializers.ChoiceField(required=False, choices=AlertKind.values)
    severity = serializers.ChoiceField(required=False, choices=list(Severity))
    model_version = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    environment = serializers.CharField(required=False)
    approval = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)


class ReleaseFilter(PageFilter):
    """Which requests to end a quarantine."""

    state = serializers.ChoiceField(required=False, choices=["open", *ReleaseDecision.values])
    model_version = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)


class ReevaluationFilter(PageFilter):
    """Which campaigns."""

    cause = serializers.ChoiceField(required=False, choices=Cause.values)
