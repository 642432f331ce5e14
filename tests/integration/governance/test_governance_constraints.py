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


def test_token_rows() -> None:
    row, _ = factories.api_token(Scope.ADMISSION)

    assert change(row, scopes=["record", "read"], recorder="node-1") == 1
    refused("governance_apitoken_key_id_hex", lambda: change(row, key_id="not hex, really"))
    refused("governance_apitoken_secret_hashed", lambda: change(row, secret_hmac="the secret itself"))
    refused("governance_apitoken_scopes_known", lambda: change(row, scopes=["admission", "everything"]))
    refused("governance_apitoken_scopes_known", lambda: change(row, scopes=[]))
    refused("governance_apitoken_record_needs_recorder", lambda: change(row, recorder=""))
    refused(
        "governance_apitoken_expires_later",
        lambda: change(row, expires_at=row.created_at - timedelta(days=1)),
    )
    refused("governance_apitoken_revoked_at_and_by_paired", lambda: change(row, revoked_at=NOW))
    assert change(row, revoked_at=NOW, revoked_by=row.owner) == 1
    assert ApiToken.objects.get().revoked_at == NOW


def test_policy_documents_are_named_by_their_digest_once() -> None:
    row = factories.policy_document()

    refused("governance_policydocument_digest_form", lambda: change(row, policy_digest="sha256:0"))
    refused(
        "governance_policydocument_policy_digest_key",
        lambda: PolicyDocument.objects.create(text="x", policy_digest=row.policy_digest),
    )
