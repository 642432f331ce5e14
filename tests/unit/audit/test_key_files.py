from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from modelcustody_client import dsse, note

from governance import keys


@pytest.fixture
def keys_dir(settings: LazySettings, tmp_path: Path) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.PATHS = type(settings.PATHS)(tmp_path)
    return tmp_path / "keys"


def test_keys_are_made_once_for_their_owner_only(keys_dir: Path) -> None:
    made = keys.create_keys()
    before = {path.name: path.read_bytes() for path in keys_dir.iterdir()}

    again = keys.create_keys()

    assert made == ["decisions", "requests", "attestation"]
    assert again == []
    assert {path.name: path.read_bytes() for path in keys_dir.iterdir()} == before
    assert sorted(before) == sorted(f"{name}.{kind}" for name in made for kind in ("key", "vkey"))
    assert all((keys_dir / f"{name}.key").stat().st_mode & 0o777 == 0o600 for name in made)


def test_what_a_key_signs_its_vkey_verifies(keys_dir: Path) -> None:
    keys.create_keys()
    key = keys.log_key("requests")
    body = note.format_checkpoint_body(origin=key.origin, size=3, root=b"r" * 32)

    signed = key.sign_note(body)
    envelope = keys.attestation_key().sign_envelope(b"{}", payload_type="application/x")

    assert key.origin == "modelcustody.local/log/requests"
    assert note.verify_note(signed, [key.vkey]).size == 3
    assert (
        dsse.verify_envelope(envelope, [keys.attestation_key().vkey], payload_type="application/x") == b"{}"
    )


def test_the_public_half_needs_no_private_file(keys_dir: Path) -> None:
    keys.create_keys()
    (keys_dir / "decisions.key").unlink()

    assert keys.log_key("decisions").vkey.name == "modelcustody.local/log/decisions"
    with pytest.raises(keys.KeyUnusable, match="is missing"):
        keys.log_key("decisions").sign_note(b"text\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "does not hold"),
        ("PRIVATE+KEY+modelcustody.local/log/decisions+00000000+AAAA", "does not hold"),
        ("\xff", "cannot be read"),
    ],
)
def test_a_damaged_key_is_a_clear_error(keys_dir: Path, content: str, said: str) -> None:
    keys.create_keys()
    (keys_dir / "decisions.key").write_text(content, encoding="latin-1")

    with pytest.raises(keys.KeyUnusable, match=said):
        keys.log_key("decisions").sign_note(b"text\n")


def test_a_key_with_another_id_is_damaged(keys_dir: Path) -> None:
    keys.create_keys()
    path = keys_dir / "decisions.key"
    parts = path.read_text().split("+", 4)
    parts[3] = "00000000"
    path.write_text("+".join(parts))

    with pytest.raises(keys.KeyUnusable, match="its id does not belong to it"):
        keys.log_key("decisions").sign_note(b"text\n")


def test_a_key_that_others_can_read_is_refused(keys_dir: Path) -> None:
    keys.create_keys()
    (keys_dir / "decisions.key").chmod(0o644)

    with pytest.raises(keys.KeyUnusable, match="open to others"):
        keys.log_key("decisions").sign_note(b"text\n")


def test_a_key_of_another_origin_is_refused(keys_dir: Path, settings: LazySettings) -> None:
    keys.create_keys()
    settings.LOG_ORIGIN = "elsewhere.example"

    with pytest.raises(keys.KeyUnusable, match="LOG_ORIGIN was changed"):
        _ = keys.log_key("decisions").vkey
    with pytest.raises(keys.KeyUnusable, match="LOG_ORIGIN was changed"):
        keys.log_key("decisions").sign_note(b"text\n")


def test_a_vkey_of_another_key_is_refused(keys_dir: Path) -> None:
    keys.create_keys()
    other = note.make_vkey("modelcustody.local/log/decisions", public_key=b"\x01" * 32)
    (keys_dir / "decisions.vkey").write_text(f"{other}\n")

    with pytest.raises(keys.KeyUnusable, match="not the public half"):
        keys.create_keys()


def test_an_unknown_log_has_no_key(keys_dir: Path) -> None:
    with pytest.raises(ValueError, match="no log"):
        keys.log_key("other")


def test_the_command_writes_the_trust_file(keys_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_keys")
    call_command("create_keys")

    trust = keys_dir.parent / "trust" / "modelcustody.vkeys"
    assert [
        vkey.name.removeprefix("modelcustody.local/") for vkey in note.parse_vkeys(trust.read_bytes())
    ] == [
        "log/decisions",
        "log/requests",
        "attestation",
    ]
    assert "New keys: decisions, requests, attestation." in capsys.readouterr().out


def test_the_command_says_what_is_wrong_with_a_key(keys_dir: Path) -> None:
    from django.core.management.base import CommandError

    keys.create_keys()
    (keys_dir / "requests.key").write_text("x")

    with pytest.raises(CommandError, match="does not hold an Ed25519 key"):
        call_command("create_keys")
