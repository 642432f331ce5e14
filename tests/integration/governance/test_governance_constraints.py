"""What PostgreSQL itself refuses of people, tokens and policies."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from governance.models import ApiToken, PolicyDocument, User
from governance.permissions import Role, Scope
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def refused(name: str, write: Callable[[], Any]) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        write()
    found = getattr(caught.value.__cause__, "diag", None)
    assert found is not None
    assert found.constraint_name == name


def change(row: Any, **fields: Any) -> int:
    return int(type(row).objects.filter(pk=row.pk).update(**fields))


def test_nobody_stands_above_the_roles() -> None:
    user = factories.user()

    assert change(user, role=Role.REVIEWER) == 1
    refused("governance_user_no_superuser", lambda: change(user, is_superuser=True))
    refused("governance_user_role_known", lambda: change(user, role="king"))
    refused("governance_user_username_key", lambda: User.objects.create(username=user.username))


def token(**fields: Any) -> ApiToken:
    scopes = fields.pop("scopes", [Scope.ADMISSION.value])
    owner = factories.user(Role.ADMIN)
    values = {
        "key_id": "0" * 16,
        "secret_hmac": "0" * 64,
        "name": "node",
        "owner": owner,
        "created_by": owner,
    }
    times = {"created_at": NOW, "expires_at": NOW + timedelta(days=1)}
    return ApiToken.objects.create(**{**values, **times, "scopes": scopes, **fields})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("governance_apitoken_key_id_hex", {"key_id": "not hex, really"}),
        ("governance_apitoken_secret_hashed", {"secret_hmac": "the secret itself"}),
        ("governance_apitoken_scopes_known", {"scopes": ["admission", "everything"]}),
        ("governance_apitoken_scopes_known", {"scopes": []}),
        ("governance_apitoken_record_needs_recorder", {"scopes": ["record"]}),
        ("governance_apitoken_expires_later", {"expires_at": NOW - timedelta(days=1)}),
        ("governance_apitoken_revoked_at_and_by_paired", {"revoked_at": NOW}),
    ],
)
def test_a_wrong_token_is_refused(name: str, wrong: dict[str, Any]) -> None:
    refused(name, lambda: token(**wrong))
    assert token(scopes=["record", "read"], recorder="node-1").revoked_at is None


def test_a_token_stays_what_it_was_issued_as_and_is_revoked_once() -> None:
    row = token()
    other = factories.user(Role.ADMIN)

    for change_ in (
        {"scopes": ["register"]},
        {"owner": other},
        {"environment": "production"},
        {"recorder": "node-2"},
        {"expires_at": NOW + timedelta(days=900)},
        {"secret_hmac": "1" * 64},
    ):
        refused("governance_apitoken_frozen", lambda change_=change_: change(row, **change_))
    assert change(row, revoked_at=NOW, revoked_by=row.owner) == 1
    refused("governance_apitoken_frozen", lambda: change(row, revoked_at=None, revoked_by=None))
    refused("governance_apitoken_never_deleted", row.delete)


def test_a_name_means_one_person_for_ever() -> None:
    user = factories.user()

    refused("governance_user_frozen", lambda: change(user, username="someone-else"))
    refused("governance_user_never_deleted", user.delete)


def test_policy_documents_are_named_by_their_digest_once() -> None:
    row = factories.policy_document()

    refused("governance_policydocument_digest_form", lambda: PolicyDocument.objects.create(policy_digest="0"))
    refused(
        "governance_policydocument_policy_digest_key",
        lambda: PolicyDocument.objects.create(text="x", policy_digest=row.policy_digest),
    )


def test_policy_documents_are_written_once() -> None:
    row = factories.policy_document()

    refused("governance_policydocument_written_once", lambda: change(row, text="anything goes"))
    refused("governance_policydocument_written_once", row.delete)
