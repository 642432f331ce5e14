import pytest
from django.db import connection


@pytest.mark.django_db
def test_guards_are_always_enabled() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'registry_%' AND NOT tgisinternal")
        triggers = dict(cursor.fetchall())

    assert len(triggers) > 25
    assert set(triggers.values()) == {"A"}
