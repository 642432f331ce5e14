import hashlib
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from governance.actions import policies
from governance.errors import Forbidden, InvalidInput
from governance.models import PolicyDocument
from governance.permissions import Role
from governance.policy import document
from tests import decisions, factories

pytestmark = pytest.mark.django_db
DEFAULT = document.DEFAULT.read_text()


def load(text: str = DEFAULT, role: Role = Role.ADMIN) -> PolicyDocument:
    return policies.load_policy(text=text, actor=factories.actor(role), now=factories.NOW)


def test_loaded_policy_is_in_force_and_logged() -> None:
    row = load()

    assert policies.in_force() == (row, document.load())
    event, actor, body = decisions.last(f"policy:{row.policy_digest}")
    assert event == "governance.policy.loaded"
    assert actor.startswith("user:admin")
    assert body == {"name": "default", "policy_digest": row.policy_digest, "replaces": None}
    assert row.policy_digest == "sha256:" + hashlib.sha256(DEFAULT.encode()).hexdigest()


def test_newest_is_in_force_and_names_the_one_it_replaces() -> None:
    old = load()

    new = load(DEFAULT + "# from today\n")

    assert policies.in_force()[0] == new
    assert decisions.last(f"policy:{new.policy_digest}")[2]["replaces"] == old.policy_digest


def test_loading_what_is_in_force_writes_nothing() -> None:
    assert load() == load()
    assert decisions.count() == 1


def test_an_old_text_is_refused_with_the_way_back() -> None:
    load()
    load(DEFAULT + "# from today\n")

    with pytest.raises(policies.PolicySuperseded, match="change a comment"):
        load()


@pytest.mark.parametrize("text", ["", "version = 2", DEFAULT + "\n[extra]\nx = 1", "not toml ["])
def test_a_policy_that_is_not_understood_is_refused_whole(text: str) -> None:
    with pytest.raises(InvalidInput):
        load(text)

    assert not PolicyDocument.objects.exists()


def test_only_administrators_load_policies() -> None:
    with pytest.raises(Forbidden):
        load(role=Role.OFFICER)


def test_without_a_policy_nothing_is_decided() -> None:
    with pytest.raises(policies.NoPolicy, match="load_policy"):
        policies.in_force()


def test_command_loads_the_shipped_policy_and_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("load_policy")

    assert capsys.readouterr().out.strip() == policies.in_force()[0].policy_digest
    assert decisions.about(f"policy:{policies.in_force()[0].policy_digest}")[0]["actor"] == "system:setup"
    (tmp_path / "bad.toml").write_text("version = 1")
    with pytest.raises(CommandError, match="not valid"):
        call_command("load_policy", str(tmp_path / "bad.toml"))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_policy", str(tmp_path / "none.toml"))
    with pytest.raises(CommandError, match="no account"):
        call_command("load_policy", by="nobody")
