"""Looks at a source: what they write, what they raise, and what they leave alone. A real server answers them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from governance.permissions import Role, Scope
from registry.actions import custody, drift, runs
from registry.lifecycle import Outcome, RunState, Status
from registry.models import Alert, DriftRun, ModelVersion, SourceObservation
from tests import desk, factories, folders, hub, intake, rest

pytestmark = pytest.mark.django_db
NAME = "acme/model"


@pytest.fixture
def source(settings: LazySettings) -> Iterator[hub.Hub]:
    with hub.running(NAME, folders.model_files()) as found:
        settings.HF_ENDPOINT, settings.HF_TOKEN = found.endpoint, ""
        yield found


@pytest.fixture
def version(source: hub.Hub) -> ModelVersion:
    """A version of the Hub that was looked at once, as registration does."""
    made = of_hub("main")
    look(made)
    return made


def of_hub(revision: str) -> ModelVersion:
    """A resolved version that was pinned from this branch or tag."""
    model = factories.registered_model(publisher="acme", name="model")
    return factories.resolved_version(
        registered_model=model,
        source_kind="hub",
        location=NAME,
        requested_revision=revision,
        revision=hub.COMMIT,
    )


def look(version: ModelVersion) -> DriftRun:
    run = drift.request_drift(version=version, actor="user:olga", now=rest.now())
    drift.watch_version(run_id=run.pk, worker="w:1")
    run.refresh_from_db()
    return run


def standing(version: ModelVersion) -> set[str]:
    return set(Alert.objects.filter(version=version, resolved_at__isnull=True).values_list("kind", flat=True))


def test_the_first_look_is_what_later_ones_are_held_against(version: ModelVersion) -> None:
    run = version.driftruns.get()
    row = version.observations.get()

    assert (run.outcome, run.message, standing(version)) == ("pass", "", set())
    assert (row.facts["commit"], row.facts["license"], row.drift_run_id) == (hub.COMMIT, "mit", run.pk)
    assert "registry.source.observed" in intake.events(version)
    assert rest.now() - row.observed_at < timedelta(minutes=5)


def _moved_tag(source: hub.Hub) -> None:
    source.add_commit(hub.MOVED, {"README.md": b"else"})
    source.tags["v1"] = hub.MOVED


def _rewritten(source: hub.Hub) -> None:
    source.add_commit(hub.MOVED, {"README.md": b"else"}, parent=None)
    source.branches["main"] = hub.MOVED


def _renamed(source: hub.Hub) -> None:
    source.former.add(NAME)
    source.repository = "other/model"


def _gone(source: hub.Hub) -> None:
    source.repository = "somebody/else"


def _relicensed(source: hub.Hub) -> None:
    source.card = {"license": "cc-by-nc-4.0"}


def _gated(source: hub.Hub) -> None:
    source.is_gated = "manual"


def _went_on(source: hub.Hub) -> None:
    source.add_commit(hub.MOVED, {"README.md": b"else"})
    source.branches["main"] = hub.MOVED


def _scanned(source: hub.Hub) -> None:
    source.scans["model.safetensors"] = {"status": "unsafe"}


@pytest.mark.parametrize(
    ("change", "kinds", "outcome"),
    [
        (_rewritten, {"history_rewritten", "new_revision"}, "fail"),
        (_renamed, {"source_renamed"}, "fail"),
        (_gone, {"source_gone"}, "fail"),
        (_relicensed, {"license_changed"}, "fail"),
        (_gated, {"gating_changed"}, "fail"),
        (_scanned, {"scan_changed"}, "fail"),
        (_went_on, {"new_revision"}, "pass"),
    ],
)
def test_what_changed_is_raised_to_the_owner(
    source: hub.Hub,
    version: ModelVersion,
    change: Callable[[hub.Hub], None],
    kinds: set[str],
    outcome: str,
) -> None:
    change(source)

    run = look(version)

    assert (standing(version), run.outcome) == (kinds, outcome)
    for row in Alert.objects.filter(version=version):
        assert (row.owner_id, row.drift_run_id) == (version.submitted_by_id, run.pk)
        assert row.remedy.endswith(".")
    assert intake.events(version).count("registry.alert.raised") == len(kinds)


def test_a_tag_that_moved_is_told_from_a_branch(source: hub.Hub) -> None:
    source.tags["v1"] = hub.COMMIT
    version = of_hub("v1")
    look(version)
    _moved_tag(source)

    assert look(version).outcome == "fail"
    assert "source_moved" in standing(version)


def test_the_same_drift_is_raised_once_and_ends_when_it_is_over(
    source: hub.Hub, version: ModelVersion
) -> None:
    _gated(source)
    look(version)
    look(version)
    assert Alert.objects.filter(version=version).count() == 1

    source.is_gated = False
    assert look(version).outcome == "pass"

    row = Alert.objects.get(version=version)
    assert (row.state, row.resolution) == ("resolved", "recovered")


def test_a_source_that_comes_back_is_no_longer_gone(source: hub.Hub, version: ModelVersion) -> None:
    _gone(source)
    run = look(version)
    assert not SourceObservation.objects.filter(drift_run=run).exists()

    source.repository = NAME
    look(version)

    assert standing(version) == set()


def test_silence_is_no_answer(source: hub.Hub, version: ModelVersion) -> None:
    _gated(source)
    look(version)
    source.is_gated = False
    source.is_down = True

    run = drift.request_drift(version=version, actor="user:olga", now=rest.now())
    for _ in range(runs.MAX_ATTEMPTS):
        drift.watch_version(run_id=run.pk, worker="w:1")
    run.refresh_from_db()

    assert (run.state, run.outcome, run.code) == (RunState.FINISHED, Outcome.ERROR, "source_unavailable")
    assert standing(version) == {"gating_changed"}
    assert version.observations.count() == 2


def test_a_mistake_of_our_own_is_not_taken_for_a_source_that_is_gone(
    source: hub.Hub, version: ModelVersion
) -> None:
    source.fault("info", "status", status=200, body=b"[not json")

    run = look(version)

    assert (run.outcome, standing(version)) == ("error", set())


def test_a_mirror_that_tells_little_decides_little(source: hub.Hub, version: ModelVersion) -> None:
    _gated(source)
    look(version)
    source.lacks |= {"extras", "refs", "commits", "security", "tree-expand"}

    assert look(version).outcome == "pass"

    assert standing(version) == {"gating_changed"}
    assert "gated" in version.observations.last().facts["not_told"]


def test_the_schedule_asks_for_what_was_not_looked_at_for_a_while(
    source: hub.Hub, version: ModelVersion, settings: LazySettings
) -> None:
    now = rest.now()
    assert drift.request_due(now) == 0
    assert drift.request_due(now + timedelta(hours=settings.DRIFT_EVERY_HOURS, minutes=1)) == 1
    assert drift.request_due(now + timedelta(hours=settings.DRIFT_EVERY_HOURS, minutes=2)) == 0
    assert version.driftruns.latest("pk").requested_by == "system:schedule"


def test_what_was_never_looked_at_waited_longest(
    version: ModelVersion, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "MOST_AT_ONCE", 1)
    never = factories.resolved_version()

    assert drift.request_due(rest.now() + timedelta(hours=settings.DRIFT_EVERY_HOURS, minutes=1)) == 1

    assert DriftRun.objects.get(state="queued").version == never


@pytest.mark.parametrize("status", [Status.DRAFT, Status.REVOKED])
def test_only_what_is_known_and_usable_is_watched(source: hub.Hub, status: Status) -> None:
    version = factories.draft_version() if status is Status.DRAFT else factories.resolved_version()
    if status is Status.REVOKED:
        custody.revoke(version=version, reason="no longer wanted", actor="user:olga", now=rest.now())

    with pytest.raises(runs.VersionNotResolved):
        drift.request_drift(version=version, actor="user:olga", now=rest.now())


def test_rest_asks_for_a_look_and_shows_what_came_of_it(source: hub.Hub, version: ModelVersion) -> None:
    _relicensed(source)
    officer = rest.person(Role.OFFICER)

    asked = rest.post(officer, f"model-versions/{version.pk}/drift-runs", {})
    again = rest.post(officer, f"model-versions/{version.pk}/drift-runs", {})
    drift.watch_version(run_id=asked.json()["id"], worker="w:1")
    shown: dict[str, Any] = rest.person(Role.AUDITOR).get(asked["Location"]).json()

    assert asked.status_code == 202
    rest.problem(again, 409, "run_in_progress")
    assert (shown["outcome"], shown["code"]) == ("fail", "source_drifted")
    assert shown["observation"]["facts"]["license"] == "cc-by-nc-4.0"
    assert len(shown["alerts"]) == 1
    rest.problem(
        rest.post(rest.person(Role.AUDITOR), f"model-versions/{version.pk}/drift-runs", {}), 403, "forbidden"
    )


def test_the_page_shows_each_fact_then_and_now(source: hub.Hub, version: ModelVersion) -> None:
    _relicensed(source)
    look(version)

    page = desk.client(Role.AUDITOR)[0].get(reverse("admin:registry_modelversion_change", args=[version.pk]))
    text = page.content.decode()

    assert "cc-by-nc-4.0" in text
    assert "Declared licence changed at the source" in text
    assert 'id="source-title"' in text


def test_a_look_belongs_to_one_version_and_stays_as_it_was(source: hub.Hub, version: ModelVersion) -> None:
    row = version.observations.get()
    other = factories.resolved_version()

    with pytest.raises(IntegrityError, match="of_own_run"), transaction.atomic():
        SourceObservation.objects.create(
            version=other,
            drift_run=look(version),
            observed_at=rest.now(),
            facts={},
            facts_digest="sha256:" + "0" * 64,
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceObservation.objects.filter(pk=row.pk).update(facts={})
    with pytest.raises(IntegrityError), transaction.atomic():
        row.delete()


def test_a_token_of_a_pipeline_may_ask(source: hub.Hub, version: ModelVersion) -> None:
    _, token = factories.api_token(Scope.REGISTER)
    client = Client(headers={"authorization": f"Bearer {token}"})

    assert rest.post(client, f"model-versions/{version.pk}/drift-runs", {}).status_code == 202
