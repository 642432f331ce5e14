from typing import Any

import pytest

from governance.errors import Forbidden, InvalidInput
from governance.permissions import Role
from registry.actions import environments
from registry.models import ServingEnvironment
from tests import decisions, factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def define(**changes: Any) -> ServingEnvironment:
    fields: dict[str, Any] = {
        "name": "production",
        "description": "the customers' assistant",
        "regions": ["eu-central"],
        "use": {"role": "licensee", "purpose": "internal", "commercial": True, "hosting": "none"},
        "now": NOW,
        **changes,
    }
    fields.setdefault("actor", factories.actor(Role.OFFICER))
    return environments.define_environment(**fields)


def test_define_environment_keeps_it_and_logs_it() -> None:
    officer = factories.actor(Role.OFFICER)

    row = define(actor=officer)

    assert ServingEnvironment.objects.get(name="production").regions == ["eu-central"]
    event, actor, body = decisions.last("environment:production")
    assert (event, actor) == ("registry.environment.defined", str(officer))
    digest = factories.sha256(row.description)
    assert body == {"description_sha256": digest, "regions": row.regions, "use": row.use, "was": None}


def test_define_environment_anew_says_what_it_was() -> None:
    define()

    row = define(regions=[])

    assert ServingEnvironment.objects.count() == 1
    assert row.regions == []
    assert decisions.last("environment:production")[2]["was"]["regions"] == ["eu-central"]


def test_define_environment_as_it_is_writes_nothing() -> None:
    define()

    define()

    assert len(decisions.about("environment:production")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Production"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"regions": ["eu", "eu"]}, "regions"),
        ({"regions": [""]}, "regions"),
        ({"use": {"comercial": True}}, "use.comercial"),
        ({"use": {"role": "king"}}, "use.role"),
        ({"use": {"use_case_tags": [f"tag{number}" for number in range(2000)]}}, "use"),
        ({"description": "x" * 4001}, "description"),
    ],
)
def test_define_environment_refuses(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        define(**changes)

    assert caught.value.field == field
    assert decisions.count() == 0


def test_only_those_who_edit_the_organisation_define_environments() -> None:
    with pytest.raises(Forbidden):
        define(actor=factories.actor(Role.REVIEWER))
