"""What the desk and a node do, as the role that the service connects as: no right is missing."""

from datetime import timedelta

import pytest

from governance.actions import people, policies, tokens
from governance.actors import Actor
from governance.permissions import Role, Scope
from registry import models
from registry.actions import admit, custody, environments, license_records, obligation_work, review
from tests import factories, licenses, releasing
from tests.obligations import finish, sharing_desk, tasks
from tests.reviewing import NOW, USE, open_desk, policy_text
from tests.roles import connected_as


@pytest.mark.django_db(transaction=True)
def test_the_application_role_can_do_everything_that_the_service_does() -> None:
    desk, admin = open_desk(), factories.actor(Role.ADMIN)

    with connected_as("custody_app"):
        token, _ = tokens.issue_token(
            name="node",
            owner=admin.user,
            scopes=[Scope.ADMISSION],
            environment="",
            recorder="",
            expires_at=NOW + timedelta(days=1),
            actor=admin,
            now=NOW,
        )
        desk.approved()
        node = Actor(user=admin.user, token=token)
        assert admit.decide_admission(request=desk.offer(), actor=node, now=NOW).decision == "allow"
        policies.load_policy(text=policy_text(ttl_minutes="5"), actor=admin, now=NOW)
        review.revoke(approval=models.Approval.objects.get(), reason="odd", actor=desk.reviewer, now=NOW)
        desk.request()
        environments.define_environment(
            name=desk.environment.name, description="", regions=[], use=USE, actor=desk.officer, now=NOW
        )
        custody.quarantine(version=desk.version, reason="odd", actor=desk.officer, now=NOW)
        asked = releasing.asked(desk.version, actor=desk.officer, now=NOW)
        releasing.decided(asked, actor=desk.reviewer, now=NOW)
        desk.version.refresh_from_db()
        custody.revoke(version=desk.version, reason="bad", actor=desk.officer, now=NOW)
        assert admit.decide_admission(request=desk.offer(), actor=node, now=NOW).decision == "deny"
        licenses.in_force()
        refused = licenses.propose(licenses.HOUSE.replace("Acme", "Acme GmbH"), actor=desk.officer)
        license_records.decline(proposal=refused, reason="no", actor=desk.reviewer, now=NOW)
        person = people.create_user(
            username="ada", password="a long passphrase", role="officer", actor=admin, now=NOW
        )
        people.change_user(user=person, role="auditor", is_active=True, actor=admin, now=NOW)
        people.set_password(user=person, password="another passphrase", actor=admin, now=NOW)
        assert tokens.revoke_token(token=token, actor=admin, now=NOW).revoked_at == NOW


@pytest.mark.django_db(transaction=True)
def test_the_application_role_can_work_on_obligations() -> None:
    desk = sharing_desk()

    with connected_as("custody_app"):
        desk.request()
        first, second, *_ = tasks(desk)
        assert finish(first, desk.officer).status == "done"
        obligation_work.assign(task=second, owner=desk.officer.user, due_on=None, actor=desk.officer, now=NOW)
        assert obligation_work.waive(task=second, reason="x", actor=desk.reviewer, now=NOW).status == "waived"
        review.withdraw(approval=models.Approval.objects.get(), reason="x", actor=desk.officer, now=NOW)

    assert {task.status for task in tasks(desk)} == {"done", "lapsed"}
