"""What happens to an admission while someone else revokes, or loads another policy."""

from collections.abc import Callable
from typing import Any

import pytest

from governance.actions import policies
from governance.actors import Actor
from governance.errors import Unavailable
from governance.permissions import Role, Scope
from registry import models
from registry.actions import admit, custody, review
from tests import factories
from tests.reviewing import NOW, Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db


def node() -> Actor:
    token, _ = factories.api_token(Scope.ADMISSION)
    return Actor(user=token.owner, token=token)


def between_decision_and_commit(
    monkeypatch: pytest.MonkeyPatch, deed: Callable[[], Any], *, times: int = 1
) -> None:
    """Have something happen after the decision was made, and before it is written."""
    store, left = admit._store, [deed] * times

    def overtaken(*args: Any, **kwargs: Any) -> models.Admission:
        if left:
            left.pop()()
        return store(*args, **kwargs)

    monkeypatch.setattr(admit, "_store", overtaken)


def revoke_version(desk: Desk) -> None:
    custody.revoke(version=desk.version, reason="poisoned", actor=desk.officer, now=NOW)


def quarantine(desk: Desk) -> None:
    custody.quarantine(version=desk.version, reason="odd", actor=desk.officer, now=NOW)


def revoke_approval(desk: Desk) -> None:
    review.revoke(approval=models.Approval.objects.get(), reason="wrong", actor=desk.reviewer, now=NOW)


@pytest.mark.parametrize(
    ("deed", "code"),
    [(revoke_version, "revoked"), (quarantine, "quarantined"), (revoke_approval, "not_approved")],
)
def test_an_end_that_overtakes_an_admission_denies_it(
    monkeypatch: pytest.MonkeyPatch, deed: Callable[[Desk], None], code: str
) -> None:
    desk = open_desk()
    desk.approved()
    between_decision_and_commit(monkeypatch, lambda: deed(desk))

    row = admit.decide_admission(request=desk.offer(), actor=node(), now=NOW)

    assert row.decision == "deny"
    assert code in [reason["code"] for reason in row.reasons]
    assert models.Admission.objects.count() == 1


def test_a_policy_that_overtakes_an_admission_decides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = open_desk()
    desk.approved()
    stricter = policy_text(required="true")
    between_decision_and_commit(
        monkeypatch,
        lambda: policies.load_policy(text=stricter, actor=factories.actor(Role.ADMIN), now=NOW),
    )

    row = admit.decide_admission(request=desk.offer(), actor=node(), now=NOW)

    assert (row.decision, row.policy.text) == ("deny", stricter)


def test_nothing_is_decided_while_everything_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = open_desk()
    desk.approved()
    numbers = iter(range(100))
    between_decision_and_commit(
        monkeypatch,
        lambda: policies.load_policy(
            text=f"{policy_text()}# {next(numbers)}\n", actor=factories.actor(Role.ADMIN), now=NOW
        ),
        times=100,
    )

    with pytest.raises(Unavailable):
        admit.decide_admission(request=desk.offer(), actor=node(), now=NOW)

    assert models.Admission.objects.count() == 0
