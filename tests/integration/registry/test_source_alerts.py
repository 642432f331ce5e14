"""Alerts about sources and stored copies: one of a kind stands, for the version's owner, and the log tells of each."""

import dataclasses
from datetime import timedelta

import pytest

from registry.actions import source_alerts
from registry.lifecycle import Severity
from registry.models import Alert, AlertKind, ModelVersion
from tests import decisions, factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
BY = "system:verify"


def rotted(version: ModelVersion, **facts: str) -> source_alerts.Wanted:
    return source_alerts.Wanted(
        kind=AlertKind.COPY_ROTTED,
        severity=Severity.CRITICAL,
        message="The stored copy is damaged.",
        remedy="Register it again.",
        facts=facts,
        verification_run=version.verificationruns.last() or factories.verification_run(version),
    )


def test_an_alert_is_raised_once_for_the_owner_and_logged() -> None:
    version = factories.resolved_version()
    wanted = rotted(version, path="a")

    first = source_alerts.raise_about_source(version, wanted, by=BY, now=NOW)
    again = source_alerts.raise_about_source(version, wanted, by=BY, now=LATER)

    assert first == again == Alert.objects.get()
    assert (first.owner, first.state, first.remedy) == (version.submitted_by, "open", "Register it again.")
    event, actor, body = decisions.last(f"model-version:{version.pk}")
    assert (event, actor) == ("registry.alert.raised", BY)
    assert (body["kind"], body["verification_run"]) == ("copy_rotted", wanted.verification_run.pk)
    assert wanted.message not in str(body)


def test_other_facts_put_a_new_alert_in_its_place() -> None:
    version = factories.resolved_version()
    old = source_alerts.raise_about_source(version, rotted(version, path="a"), by=BY, now=NOW)

    new = source_alerts.raise_about_source(version, rotted(version, path="b"), by=BY, now=LATER)

    old.refresh_from_db()
    assert (old.state, old.resolution, new.state) == ("resolved", "superseded", "open")
    said = [entry["event"] for entry in decisions.about(f"model-version:{version.pk}")]
    assert said[-3:] == ["registry.alert.raised", "registry.alert.resolved", "registry.alert.raised"]


def test_it_ends_when_it_is_well_again_and_only_what_was_looked_at() -> None:
    version = factories.resolved_version()
    wanted = rotted(version, path="a")
    moved = dataclasses.replace(wanted, kind=AlertKind.SOURCE_MOVED)
    source_alerts.settle(version, [wanted, moved], looked_at={wanted.kind, moved.kind}, by=BY, now=NOW)

    source_alerts.resolve(version, {AlertKind.COPY_ROTTED}, by=BY, now=LATER)
    source_alerts.resolve(version, {AlertKind.COPY_ROTTED}, by=BY, now=LATER)

    assert [(row.kind, row.state, row.resolution) for row in Alert.objects.order_by("kind")] == [
        ("copy_rotted", "resolved", "recovered"),
        ("source_moved", "open", ""),
    ]
