"""Documents of evidence: kept once, never changed, and what the log and the database say of them."""

import hashlib
from datetime import timedelta

import pytest
from django.db import connection

from audit.models import DecisionEntry
from governance.errors import Forbidden, InvalidInput
from governance.permissions import Role
from registry.actions import documents
from registry.formats.evidence import DocumentRefused
from registry.models import EvidenceDocument
from tests import decisions, factories
from tests.refusals import refused, rows_of

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def test_a_document_is_kept_and_the_log_gets_its_digest_alone() -> None:
    officer = factories.actor()

    row = documents.keep_document(
        name="/home/me/users.csv", media_type="text/csv", content=b"a,b\n", actor=officer, now=NOW
    )

    assert (row.name, row.size, row.kept_by, row.kept_at) == ("users.csv", 4, officer.user, NOW)
    event, actor, body = decisions.last(f"evidence-document:{row.pk}")
    assert (event, actor) == ("registry.document.kept", str(officer))
    assert body == {"sha256": hashlib.sha256(b"a,b\n").hexdigest()}


def test_the_same_content_is_kept_once() -> None:
    first = factories.document(content=b"same")
    again = documents.keep_document(
        name="other.md", media_type="text/markdown", content=b"same", actor=factories.actor(), now=NOW
    )

    assert again == first
    assert again.name == first.name
    assert DecisionEntry.objects.filter(event="registry.document.kept").count() == 1


def test_who_may_not_keep_and_what_is_not_kept() -> None:
    wanted = {"name": "a.txt", "media_type": "text/plain", "content": b"x", "now": NOW}

    with pytest.raises(Forbidden):
        documents.keep_document(**wanted, actor=factories.actor(Role.AUDITOR))
    with pytest.raises(DocumentRefused):
        documents.keep_document(**{**wanted, "content": b""}, actor=factories.actor(Role.REVIEWER))
    assert not EvidenceDocument.objects.exists()


def test_documents_are_named_by_their_numbers() -> None:
    first, second = factories.document(content=b"1"), factories.document(content=b"2")

    assert documents.kept([second.pk, first.pk]) == [second, first]
    for wrong in ([first.pk, first.pk], [first.pk, 999_999], list(range(1, 40))):
        with pytest.raises(InvalidInput) as refusal:
            documents.kept(wrong)
        assert refusal.value.field == "documents"


def test_lists_leave_the_content_in_the_database(django_assert_num_queries: object) -> None:
    row = factories.document()

    found = EvidenceDocument.objects.get(pk=row.pk)

    assert found.get_deferred_fields() == {"content"}
    assert bytes(found.content) == bytes(row.content)


def test_the_database_refuses_changes_and_false_digests() -> None:
    row = factories.document()
    other = {
        "name": "x.txt", "media_type": "text/plain", "size": 3, "content": b"abc", "kept_by": row.kept_by,
        "sha256": hashlib.sha256(b"abc").hexdigest(), "kept_at": NOW - timedelta(days=1),
    }  # fmt: skip
    create = EvidenceDocument.objects.create

    refused("registry_evidencedocument_written_once", lambda: rows_of(row).update(name="b.txt"))
    refused("registry_evidencedocument_written_once", row.delete)
    for changed in ({"sha256": "0" * 64}, {"size": 4}):
        refused(
            "registry_evidencedocument_says_what_it_holds",
            lambda changed=changed: create(**{**other, **changed}),
        )  # type: ignore[misc]
    empty = {"size": 0, "content": b"", "sha256": hashlib.sha256(b"").hexdigest()}
    refused("registry_evidencedocument_size_bounded", lambda: create(**{**other, **empty}))
    refused(
        "registry_evidencedocument_media_type_known", lambda: create(**{**other, "media_type": "text/html"})
    )
    refused("registry_evidencedocument_name_plain", lambda: create(**{**other, "name": "../x"}))
    refused(
        "registry_evidencedocument_sha256_key",
        lambda: create(**{**other, "content": row.content, "size": row.size, "sha256": row.sha256}),
    )
    create(**other)


def test_the_table_is_not_emptied() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgname = 'registry_evidencedocument_no_truncate'"
        )
        assert cursor.fetchone() == (1,)
