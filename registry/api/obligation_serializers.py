"""What obligations look like over REST, and what may be said about them."""

from rest_framework import serializers

from governance.api.filters import PageFilter
from governance.api.serializers import StrictSerializer
from registry.api.filters import LARGEST
from registry.licensing.given import MAX_NOTE, MAX_PATH, MAX_URL
from registry.licensing.terms import EvidenceKind
from registry.lifecycle import TaskStatus
from registry.models import ObligationTask

KINDS = [kind.value for kind in EvidenceKind]


class ObligationFilter(PageFilter):
    """Which obligations."""

    status = serializers.ChoiceField(required=False, choices=[status.value for status in TaskStatus])
    overdue = serializers.BooleanField(required=False, help_text="Open, and past their day.")
    model_version = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    environment = serializers.CharField(required=False)
    license = serializers.CharField(required=False, max_length=80)
    obligation = serializers.CharField(required=False, max_length=80)
    owner = serializers.CharField(required=False, max_length=150)


class ObligationEvidenceInput(StrictSerializer):
    """One thing that shows that an obligation was met; which values it has depends on its kind."""

    kind = serializers.ChoiceField(required=False, choices=KINDS)
    url = serializers.CharField(required=False, max_length=MAX_URL, help_text="https://; kept, never fetched")
    shown_on = serializers.DateField(required=False, help_text="the day on which the address showed it")
    document = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST, help_text="the id of an evidence document"
    )
    path = serializers.CharField(required=False, max_length=MAX_PATH, help_text="the file of a release")
    sha256 = serializers.CharField(required=False, max_length=64, help_text="the digest of that file")
    published_name = serializers.CharField(required=False, max_length=200, help_text="publisher/name")
    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE)
    carried_from = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=LARGEST,
        help_text="instead of all but the note: evidence of an earlier task of the same obligation that still holds",
    )


class CompleteInput(StrictSerializer):
    """Words that go with it."""

    note = serializers.CharField(allow_blank=True, default="", max_length=MAX_NOTE)


class WaiveInput(StrictSerializer):
    """Why it need not be done."""

    reason = serializers.CharField(max_length=MAX_NOTE)


class AssignInput(StrictSerializer):
    """Who sees to it, and until when."""

    owner = serializers.CharField(max_length=150, help_text="the account of an officer")
    due_on = serializers.DateField(required=False, help_text="default: as it is")


class KeptDocument(serializers.Serializer[dict[str, object]]):
    """The document of a piece of evidence."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    sha256 = serializers.CharField()


class ObligationEvidenceOutput(serializers.Serializer[dict[str, object]]):
    """One thing that shows that an obligation was met."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=KINDS)
    url = serializers.CharField()
    shown_on = serializers.DateField(allow_null=True)
    path = serializers.CharField()
    sha256 = serializers.CharField()
    published_name = serializers.CharField()
    note = serializers.CharField()
    document = KeptDocument(allow_null=True)
    carried_from = serializers.IntegerField(allow_null=True)
    added_by = serializers.CharField()
    added_at = serializers.DateTimeField()


class ObligationOutput(serializers.Serializer[ObligationTask]):
    """An obligation that a use triggered, with its evidence."""

    id = serializers.IntegerField()
    model_version = serializers.IntegerField()
    model = serializers.CharField()
    environment = serializers.CharField()
    purpose = serializers.CharField()
    license = serializers.CharField()
    obligation = serializers.CharField()
    do = serializers.CharField()
    evidence = serializers.CharField(help_text="what shows it, in the words of the licence record")
    evidence_kind = serializers.ChoiceField(choices=KINDS, help_text="what it takes to be done")
    clause = serializers.CharField()
    status = serializers.ChoiceField(choices=[status.value for status in TaskStatus])
    owner = serializers.CharField()
    asked_by = serializers.CharField()
    due_on = serializers.DateField()
    overdue = serializers.BooleanField()
    evaluation = serializers.IntegerField()
    evaluation_digest = serializers.CharField()
    opened_by = serializers.CharField()
    opened_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_note = serializers.CharField()
    lapsed_by = serializers.CharField(allow_null=True)
    lapsed_at = serializers.DateTimeField(allow_null=True)
    lapse_reason = serializers.CharField(allow_null=True)
    shown_by = ObligationEvidenceOutput(many=True, help_text="the evidence, in the order in which it came")
