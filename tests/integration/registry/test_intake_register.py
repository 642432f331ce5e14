from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from governance.errors import GovernanceError
from registry.actions import register
from registry.actions.register import DuplicateVersion
from registry.models import ModelVersion
from registry.sources.base import InvalidSource, SourceNotFound
from tests import factories, folders, intake

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folders.write(tmp_path / "model", folders.model_files())


def test_a_folder_becomes_a_draft_with_a_queued_resolution(folder: Path) -> None:
    actor = factories.actor()

    version = intake.registered(folder, actor=actor)

    assert (version.status, str(version.registered_model)) == ("draft", "acme/model")
    assert version.location == str(folder)
    assert version.submitted_by == actor.user
    assert version.resolutionruns.get().state == "queued"
    assert intake.events(version) == ["registry.version.drafted", "registry.run.requested"]


def test_a_hub_repository_is_meant_at_main_unless_said_otherwise() -> None:
    version = intake.registered(Path(), source="hf://org/name", name=None)

    assert (version.source_kind, version.location, version.requested_revision) == ("hub", "org/name", "main")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": "org/name"}, "source"),
        ({"source": "ftp://example.org/x"}, "source"),
        ({"source": "hf://only-a-name"}, "source"),
        ({"source": "hf://org/../name"}, "source"),
        ({"source": "hf://org/name", "name": "other/name"}, "name"),
        ({"source": "hf://org/name", "name": None, "revision": "a b"}, "revision"),
        ({"source": "hf://org/name", "name": None, "revision": "../main"}, "revision"),
        ({"source": "hf://org/name", "name": None, "revision": "-x"}, "revision"),
        ({"source": "folder://relative/path"}, "source"),
        ({"revision": "main"}, "revision"),
        ({"name": None}, "name"),
        ({"name": "no-publisher"}, "name"),
    ],
)
def test_what_is_not_a_source_is_refused_with_how_to_mend_it(
    folder: Path, fields: dict[str, str | None], field: str
) -> None:
    with pytest.raises(InvalidSource) as refusal:
        intake.registered(folder, **fields)

    assert (refusal.value.code, refusal.value.field) == ("invalid_source", field)
    assert not ModelVersion.objects.exists()


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="There is no folder"):
        intake.registered(tmp_path / "nothing")


def test_a_folder_outside_the_allowed_ones_is_refused(
    folder: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.SOURCE_FOLDERS = [tmp_path / "allowed"]
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(folder)

    for place in (folder, tmp_path / "allowed" / "link"):
        with pytest.raises(SourceNotFound, match="outside the folders"):
            intake.registered(place)


def test_an_open_draft_is_returned_again(folder: Path) -> None:
    first = intake.registered(folder)

    assert intake.registered(folder) == first
    assert first.resolutionruns.count() == 1


def test_a_draft_whose_resolution_failed_is_resolved_again(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")
    first = intake.registered(folder)
    assert intake.resolve_open(first).code == "unsafe_listing"
    (folder / "link").unlink()

    again = intake.registered(folder)

    assert again == first
    assert intake.resolve_open(again).outcome == "pass"


def test_a_commit_that_is_registered_is_refused_at_once() -> None:
    commit = "a" * 40
    model = factories.registered_model(publisher="org", name="name")
    there = factories.resolved_version(
        registered_model=model, source_kind="hub", location="org/name", revision=commit
    )

    with pytest.raises(DuplicateVersion, match=f"version {there.pk}") as refusal:
        intake.registered(Path(), source="hf://org/name", name=None, revision=commit.upper())

    assert refusal.value.extra["model_version"] == there.pk
    assert isinstance(refusal.value, GovernanceError)


@pytest.mark.parametrize("inside", ["keys", "keys/..", "keys/below"])
def test_folders_with_the_service_s_own_keys_are_no_source(
    tmp_path: Path, settings: Settings, inside: str
) -> None:
    (tmp_path / "keys" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / inside)
    settings.KEYS_DIR = tmp_path / "keys"

    for address in (f"folder://{tmp_path / inside}", f"folder://{tmp_path / 'link'}"):
        with pytest.raises(SourceNotFound, match="keys of its own"):
            register.register_version(
                source=address, revision=None, name="acme/m", actor=factories.actor(), now=factories.NOW
            )
