from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from audit import checks, durability
from audit.events import Log
from audit.ingest import records
from audit.ingest import store as ingest
from tests.logs import add_leaves, assert_whole, clock, decide, deployment, lines, record
from tests.roles import connected_as


@pytest.fixture
def role(request: pytest.FixtureRequest) -> Iterator[str]:
    with connected_as(request.param):
        yield request.param


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ["custody_app"], indirect=True)
def test_the_application_role_cannot_rewrite_the_log(role: str) -> None:
    assert checks.excessive_rights() == []
    assert checks.log_is_append_only() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ["custody_sequencer"], indirect=True)
def test_the_sequencer_has_exactly_its_few_rights(role: str) -> None:
    assert checks.excessive_rights(permitted=checks.SEQUENCER_RIGHTS) == []
    assert checks.excessive_rights() == ["audit_head: UPDATE", "audit_pending: DELETE", "audit_tile: UPDATE"]


@pytest.mark.django_db
def test_the_owner_is_too_strong_to_serve() -> None:
    found = checks.excessive_rights(permitted=checks.SEQUENCER_RIGHTS)

    assert "audit_batch: DELETE, OWNERSHIP, TRIGGER, TRUNCATE, UPDATE" in found
    [message] = checks.log_is_append_only()
    assert message.id == "audit.E001"
    assert message.hint == checks.HINT


@pytest.mark.django_db
def test_a_connection_that_does_not_wait_for_the_disk_is_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")

    assert durability.weak_settings() == {"synchronous_commit": "off"}
    assert "audit.E002" in {message.id for message in checks.log_is_append_only()}


def test_a_database_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def gone() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(checks, "excessive_rights", gone)

    [message] = checks.log_is_append_only()

    assert message.id == "audit.E003"


@pytest.mark.django_db(transaction=True)
def test_the_roles_can_do_their_work_with_the_rights_they_have() -> None:
    with connected_as("custody_app"):
        decide()
        found = deployment()
        batch = records.read_batch(
            lines([record(3, deployment_digest=found.deployment_digest)]), is_lines=True
        )
        assert ingest.take_over(batch, now=clock()).gap == (0, 2)

    with connected_as("custody_sequencer"):
        call_command("sequence_log", once=True)

    with connected_as("custody_app"):
        assert (assert_whole(Log.DECISIONS), assert_whole(Log.REQUESTS)) == (1, 2)
        decide()
        add_leaves(b"more")

    with connected_as("custody_sequencer"):
        call_command("sequence_log", once=True)
    assert (assert_whole(Log.DECISIONS), assert_whole(Log.REQUESTS)) == (2, 3)
