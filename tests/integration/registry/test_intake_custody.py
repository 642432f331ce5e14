import pytest

from registry.actions import custody, releases
from registry.actions._transition import TransitionNotAllowed
from tests import decisions, factories, intake, releasing

pytestmark = pytest.mark.django_db
ACTIONS = {
    "quarantined": custody.quarantine,
    "resolved": releases.request_release,
    "revoked": custody.revoke,
}


def moved(version, action, reason="a rumour"):  # type: ignore[no-untyped-def]
    action(version=version, reason=reason, actor=factories.actor(), now=intake.now())
    version.refresh_from_db()
    return version


def test_quarantine_says_who_when_and_why() -> None:
    version = moved(factories.resolved_version(), custody.quarantine)

    assert (version.status, version.quarantine_reason) == ("quarantined", "a rumour")
    assert version.quarantined_by.startswith("user:officer")
    assert intake.events(version) == ["registry.version.quarantined"]


def test_the_log_holds_reasons_by_their_digest_and_the_rows_word_for_word() -> None:
    version = moved(factories.resolved_version(), custody.quarantine, "Ada Example told us")
    asked = releasing.asked(version, reason="Ada Example was wrong")
    releasing.decided(asked, note="Ada Example told me too")
    version.refresh_from_db()
    moved(version, custody.revoke, "Ada Example was right")

    bodies = [entry["body"] for entry in decisions.about(f"model-version:{version.pk}")]
    digests = [body["reason_sha256"] for body in bodies if "reason_sha256" in body]

    assert "Ada" not in str(bodies)
    assert digests == [
        factories.sha256(f"Ada Example {words}")
        for words in ("told us", "was wrong", "was wrong", "was right")
    ]
    assert (version.quarantine_reason, version.revocation_reason) == (
        "Ada Example told us",
        "Ada Example was right",
    )


def test_revocation_is_for_ever_and_ends_every_approval() -> None:
    version = factories.resolved_version()
    requested = factories.approval(version)
    approved = factories.approval(version, status="approved")
    rejected = factories.approval(version, status="rejected")

    moved(version, custody.revoke, "poisoned")

    for row, status in ((requested, "withdrawn"), (approved, "revoked"), (rejected, "rejected")):
        row.refresh_from_db()
        assert row.status == status
    assert approved.end_reason == "The version was revoked: poisoned"
    for action in ACTIONS.values():
        with pytest.raises(TransitionNotAllowed):
            moved(version, action)


def test_a_draft_can_be_revoked_but_not_released() -> None:
    version = factories.draft_version()

    with pytest.raises(TransitionNotAllowed):
        moved(version, releases.request_release)

    assert moved(version, custody.revoke).status == "revoked"


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001])
@pytest.mark.parametrize("action", ACTIONS.values())
def test_a_reason_is_needed(action, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(custody.ReasonMissing):
        moved(factories.resolved_version(), action, reason)


def test_the_status_in_hand_may_be_old() -> None:
    version = factories.resolved_version()
    old = type(version).objects.get(pk=version.pk)
    moved(version, custody.revoke)

    with pytest.raises(TransitionNotAllowed, match="The version is revoked") as refusal:
        moved(old, custody.quarantine)

    assert refusal.value.code == "transition_not_allowed"
    assert intake.events(version) == ["registry.version.revoked"]
