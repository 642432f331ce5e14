"""What is remembered of versions: only what cannot change any more."""

import pytest

from registry import background, models
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
