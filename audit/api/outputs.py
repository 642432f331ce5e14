"""What the API answers, as the OpenAPI document shows it."""

from typing import Any

from rest_framework import serializers


class ReceiptOutput(serializers.Serializer[Any]):
    """The batch is on disk; the same batch always gets the same answer."""

    batch_id = serializers.IntegerField()
    recorder = serializers.CharField()
    epoch = serializers.IntegerField()
    first_sequence = serializers.IntegerField()
    count = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 over the records, each followed by a newline.")
    received_at = serializers.DateTimeField()
    gap_before = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="First and last number missing before this batch.",
    )


class DeploymentOutput(serializers.Serializer[Any]):
    """The name by which served requests cite a deployment."""

    deployment_digest = serializers.CharField()


class ServedRequestOutput(serializers.Serializer[Any]):
    """What a served request is found by."""

    record_id = serializers.UUIDField()
    recorder = serializers.CharField()
    epoch = serializers.IntegerField()
    sequence = serializers.IntegerField()
    deployment_digest = serializers.CharField(source="deployment.deployment_digest")
    model_digest = serializers.CharField(source="deployment.model_digest")
    model_version = serializers.CharField(source="deployment.model_version")
    environment = serializers.CharField(source="deployment.environment")
    region = serializers.CharField(allow_null=True)
    request_id = serializers.CharField(allow_null=True)
    response_id = serializers.CharField(allow_null=True)
    operation = serializers.CharField()
    status = serializers.CharField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    input_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    received_at = serializers.DateTimeField()


class ServedRequestDetail(ServedRequestOutput):
    """One served request, with what was true then."""

    index = serializers.IntegerField(
        allow_null=True, help_text="Its place in the log; null until the tree holds it."
    )
    record = serializers.JSONField(help_text="What the recorder sent.")
    deployment = serializers.DictField(help_text="The deployment statement.")
    in_force = serializers.JSONField(
        allow_null=True,
        help_text="Version, licence, approval and decision in force at the time of the request.",
    )
    leaf = serializers.CharField(help_text="The exact bytes in the log.")


class DecisionOutput(serializers.Serializer[Any]):
    """One entry of the decisions log."""

    batch_id = serializers.IntegerField()
    index = serializers.IntegerField(
        allow_null=True, help_text="Its place in the log; null until the tree holds it."
    )
    event = serializers.CharField()
    actor = serializers.CharField()
    subject = serializers.CharField()
    at = serializers.DateTimeField()
    body = serializers.JSONField()
