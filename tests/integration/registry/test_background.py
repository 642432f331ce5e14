"""What is remembered of versions: only what cannot change any more."""

from pathlib import Path

import pytest

from registry import background, models
from registry.sources.base import InvalidSource
from registry.sources.parse import parse
from tests import factories

pytestmark = pytest.mark.django_db


def test_nothing_is_remembered_of_a_draft() -> None:
    version = factories.draft_version()
    assert background.current(version).licenses == ("unknown",)

    models.LineageEdge.objects.create(version=version, relation="finetune", base_model="acme/base")
    factories.resolve(version, license_id="mit")

    found = background.current(version)
    assert found.licenses == ("mit",)
    assert [entry["parents"] for entry in found.entries] == [["acme/base"]]


def test_a_resolved_version_is_read_once() -> None:
    version = factories.resolved_version(license_id="mit")

    assert background.current(version) is background.current(version)


def test_a_folder_is_not_registered_under_a_name_that_no_question_may_have(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource):
        parse(f"folder://{tmp_path}", revision=None, name="acme/model.git", allowed=[tmp_path])
