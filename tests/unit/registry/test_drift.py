"""What counts as drift, and what does not."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import drift
from registry.models import AlertKind
from registry.models.alert import ABOUT_SOURCES
from registry.observed import Scan, SourceFacts, from_json

A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN = drift.Registered("acme/model", "main", A)
TAG = drift.Registered("acme/model", "v1", A)
THEN = SourceFacts(
    repository="acme/model",
    commit=A,
    head=A,
    has_pinned=True,
    refs={"refs/heads/main": A, "refs/tags/v1": A},
    gated="no",
    private=False,
    disabled=False,
    license="mit",
    license_name="",
    license_link="",
    scan_status="safe",
    scans=(Scan("m.bin", "safe"),),
)


def now(**changes: Any) -> SourceFacts:
    return dataclasses.replace(THEN, **changes)


def kinds(registered: drift.Registered, then: SourceFacts, later: SourceFacts) -> dict[str, str]:
    return {one.kind: one.severity.value for one in drift.compare(registered, then, later).drifts}


@pytest.mark.parametrize(
    ("registered", "later", "expected"),
    [
        (MAIN, now(), {}),
        (TAG, now(refs={"refs/tags/v1": B}), {"source_moved": "high"}),
        (TAG, now(refs={}), {"source_moved": "high"}),
        (MAIN, now(refs={"refs/tags/v1": B}), {}),
        (MAIN, now(commit=B, head=B), {"new_revision": "info"}),
        (
            MAIN,
            now(commit=B, head=B, has_pinned=False),
            {"new_revision": "info", "history_rewritten": "high"},
        ),
        (MAIN, now(repository="other/model"), {"source_renamed": "medium"}),
        (MAIN, now(license="apache-2.0"), {"license_changed": "high"}),
        (MAIN, now(license_name="community"), {"license_changed": "high"}),
        (MAIN, now(gated="auto"), {"gating_changed": "medium"}),
        (MAIN, now(private=True), {"gating_changed": "medium"}),
        (MAIN, now(scans=(Scan("m.bin", "dangerous"),)), {"scan_changed": "high"}),
        (MAIN, now(disabled=True), {"gating_changed": "high"}),
        (MAIN, now(scan_status="unsafe"), {"scan_changed": "high"}),
        (MAIN, now(scans=(Scan("m.bin", "Suspicious"),)), {"scan_changed": "high"}),
        (MAIN, now(scan_status="queued", scans=(Scan("m.bin", "queued"),)), {}),
        (MAIN, now(listing_digest="sha256:1"), {}),
    ],
)
def test_each_change_has_its_kind(
    registered: drift.Registered, later: SourceFacts, expected: dict[str, str]
) -> None:
    assert kinds(registered, THEN, later) == expected


def test_a_source_without_commits_drifts_by_its_listing() -> None:
    folder = drift.Registered("/srv/m", "", None)
    then, later = SourceFacts(listing_digest="sha256:1"), SourceFacts(listing_digest="sha256:2")

    assert kinds(folder, then, then) == {}
    assert kinds(folder, then, later) == {"source_changed": "high"}


def test_a_scan_that_was_bad_from_the_start_is_not_news() -> None:
    bad = now(scan_status="unsafe", scans=(Scan("m.bin", "unsafe"),))

    assert kinds(MAIN, bad, bad) == {}


def test_silence_decides_nothing() -> None:
    found = drift.compare(MAIN, THEN, SourceFacts())

    assert found.drifts == ()
    assert found.kinds == {"source_gone"}


def test_a_source_that_is_gone_leaves_the_other_alerts_alone() -> None:
    found = drift.gone(MAIN, code="repository_not_found", why="The Hub has no such repository.")

    assert [one.kind for one in found.drifts] == ["source_gone"]
    assert found.kinds == {"source_gone"}


def test_every_kind_is_an_alert_about_a_source() -> None:
    everything = SourceFacts(
        repository="x/y", commit=B, head=B, has_pinned=False, refs={}, gated="auto", license="x",
        scan_status="unsafe", listing_digest="2",
    )  # fmt: skip
    looked = drift.compare(TAG, now(listing_digest="1"), everything)

    assert {AlertKind(kind) for kind in looked.kinds} | {AlertKind.COPY_ROTTED} == set(ABOUT_SOURCES)
    assert {one.kind for one in looked.drifts} == looked.kinds - {"source_gone"}
    for one in looked.drifts:
        assert one.message.endswith(".")
        assert one.remedy.endswith(".")


TEXT = st.none() | st.sampled_from(["", "mit", A, B, "no", "auto", "unsafe"])
FACTS = st.builds(
    SourceFacts,
    repository=TEXT,
    commit=TEXT,
    head=TEXT,
    has_pinned=st.none() | st.booleans(),
    refs=st.none()
    | st.dictionaries(st.sampled_from(["refs/tags/v1", "refs/heads/main"]), st.sampled_from([A, B])),
    gated=TEXT,
    private=st.none() | st.booleans(),
    license=TEXT,
    scan_status=TEXT,
    scans=st.none()
    | st.lists(st.builds(Scan, path=st.just("m"), status=st.sampled_from(["safe", "unsafe"]))).map(tuple),
    listing_digest=TEXT,
)


@given(FACTS, FACTS)
def test_any_two_looks_have_an_answer(then: SourceFacts, later: SourceFacts) -> None:
    found = drift.compare(TAG, then, later)

    assert {one.kind for one in found.drifts} <= found.kinds
    assert kinds(drift.Registered("acme/model", "v1", then.commit), then, then).keys() <= {
        "history_rewritten",
        "source_renamed",
        "new_revision",
    }


@given(FACTS)
def test_facts_survive_being_stored(facts: SourceFacts) -> None:
    assert from_json(facts.to_json()) == facts
    assert set(facts.to_json()["not_told"]) == {
        field.name for field in dataclasses.fields(facts) if getattr(facts, field.name) is None
    }
