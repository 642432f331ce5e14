"""The buttons of a version's page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DayField, DeskForm, ReasonForm, days_ahead
from governance.permissions import Permission
from registry.actions import custody, drift, evaluate, register, releases, review, smoke, verify
from registry.lifecycle import RunState, Status
from registry.models import ModelVersion, ServingEnvironment

SUGGESTED_DAYS = 90


class UseForm(DeskForm):
    """Where a version is to run, and what for."""

    environment = forms.ModelChoiceField(
        queryset=ServingEnvironment.objects.order_by("name"),
        empty_label="Choose one",
        help_text="Its description says what the model is used for there; the licence is held against that.",
    )
    purpose = forms.CharField(
        max_length=64,
        initial="assistant",
        widget=forms.TextInput(attrs={"list": "purposes", "autocomplete": "off"}),
        help_text="A short name in small letters, such as assistant. Admission asks for the same name.",
    )


class RequestForm(UseForm):
    """What a reviewer is asked to approve."""

    expires_at = DayField(
        label="Approved until",
        help_text="The last day, in UTC. After it, nodes are refused and someone looks again.",
    )
    note = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What the reviewer should know. Kept here; the decisions log gets its digest.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expires_at"].initial = days_ahead(SUGGESTED_DAYS, now=timezone.now())


def _is_resolved(version: ModelVersion) -> bool:
    return version.status == Status.RESOLVED


def _has_manifest(version: ModelVersion) -> bool:
    return version.manifest_digest is not None and version.status != Status.REVOKED


def _may_be_released(version: ModelVersion) -> bool:
    return version.status == Status.QUARANTINED and releases.open_of(version) is None


def _no_open(runs: str) -> Any:
    def offered(version: ModelVersion) -> bool:
        return _is_resolved(version) and not getattr(version, runs).exclude(state=RunState.FINISHED).exists()

    return offered


def _watchable(version: ModelVersion) -> bool:
    return _has_manifest(version) and not version.driftruns.exclude(state=RunState.FINISHED).exists()


def _failed_draft(version: ModelVersion) -> bool:
    runs = version.resolutionruns
    return version.status == Status.DRAFT and not runs.exclude(state=RunState.FINISHED).exists()


def _resolve(version: ModelVersion, _values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return register.register_version(
        source=version.source_address,
        revision=version.requested_revision or None,
        name=str(version.registered_model),
        actor=actor,
        now=now,
    )


def _verify(version: ModelVersion, _values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return verify.request_verification(version=version, actor=actor, now=now)


def _watch(version: ModelVersion, _values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return drift.request_drift(version=version, actor=actor, now=now)


def _smoke(version: ModelVersion, _values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return smoke.request_smoke(version=version, actor=actor, now=now)


def _evaluate(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return evaluate.evaluate_version(
        version=version, environment=values["environment"], purpose=values["purpose"], actor=actor, now=now
    )


def _request(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return review.request_approval(version=version, **values, actor=actor, now=now)


def _quarantine(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return custody.quarantine(version=version, reason=values["reason"], actor=actor, now=now)


def _release(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return releases.request_release(version=version, reason=values["reason"], actor=actor, now=now)


def _revoke(version: ModelVersion, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return custody.revoke(version=version, reason=values["reason"], actor=actor, now=now)


ACTIONS = (
    PageAction(
        name="resolve",
        label="Resolve again",
        permission=Permission.VERSION_REGISTER,
        carry_out=_resolve,
        done="Resolution is queued. Its progress shows here.",
        offered=_failed_draft,
        icon="refresh",
    ),
    PageAction(
        name="verify",
        label="Verify",
        permission=Permission.RUN_REQUEST,
        carry_out=_verify,
        done="Verification is queued. Its progress shows here.",
        offered=_no_open("verificationruns"),
        icon="fact_check",
    ),
    PageAction(
        name="smoke",
        label="Smoke test",
        permission=Permission.RUN_REQUEST,
        carry_out=_smoke,
        done="Smoke inference is queued. Its progress shows here.",
        offered=_no_open("smokeruns"),
        icon="science",
    ),
    PageAction(
        name="evaluate",
        label="Evaluate the licence",
        permission=Permission.EVALUATION_REQUEST,
        carry_out=_evaluate,
        done="The licence is evaluated; the verdict is below.",
        explanation="Holds the licence terms, and those of the models behind it, against the facts that are attested.",
        form=UseForm,
        offered=_has_manifest,
        icon="balance",
    ),
    PageAction(
        name="request-approval",
        label="Request approval",
        permission=Permission.APPROVAL_REQUEST,
        carry_out=_request,
        done="Approval is requested. A reviewer other than you decides.",
        explanation="Binds the request to the files, the evidence, the licence verdict and the policy as they are now.",
        form=RequestForm,
        offered=_is_resolved,
        tone="primary",
        icon="approval_delegation",
    ),
    PageAction(
        name="watch",
        label="Look at the source",
        permission=Permission.RUN_REQUEST,
        carry_out=_watch,
        done="A worker looks at the source. What changed since the version was registered becomes an alert.",
        explanation="Asks the source what it says now: branch or tag, history, name, licence, access, scans. Nothing is fetched.",
        offered=_watchable,
        icon="travel_explore",
    ),
    PageAction(
        name="quarantine",
        label="Quarantine",
        permission=Permission.VERSION_REVOKE,
        carry_out=_quarantine,
        done="The version is quarantined: admission is refused from now on.",
        explanation="Admission is refused at once, everywhere, until someone releases the version.",
        form=ReasonForm,
        offered=_is_resolved,
        tone="danger",
        icon="front_hand",
    ),
    PageAction(
        name="release",
        label="Ask for release",
        permission=Permission.VERSION_REVOKE,
        carry_out=_release,
        done="Asked for. Every check runs anew; then a reviewer other than you decides.",
        explanation="Every check runs anew while the version stays barred. Then another person reads what they found and decides.",
        form=ReasonForm,
        offered=_may_be_released,
        icon="lock_open",
    ),
    PageAction(
        name="revoke",
        label="Revoke for good",
        permission=Permission.VERSION_REVOKE,
        carry_out=_revoke,
        done="The version is revoked and its approvals have ended.",
        explanation="There is no way back: its approvals end, and no node is ever admitted with it again.",
        form=ReasonForm,
        offered=lambda version: version.status != Status.REVOKED,
        tone="danger",
        icon="cancel",
    ),
)
