from modelcustody_client import canonical, ed25519, note

from tests import packs
from tests.packs import verified


def test_a_report_cannot_steer_a_terminal():
    plan = packs.plan()
    plan.model_version["purl"] = "\x1b[2J\u202epkg\nVERIFIED"

    text = verified(plan.build()).as_text()

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J\\u202epkg\\nVERIFIED" in text


def test_the_report_for_programs_holds_the_outcomes():
    value = verified(packs.plan().build()).as_json()

    assert value["verdict"] == "verified"
    assert len(value["proved"]) == len(value["checks"]) == 12
    assert canonical.dumps(value)


def test_a_verified_pack_in_plain_python(monkeypatch):
    data = packs.plan().build()
    monkeypatch.setattr(ed25519, "HAVE_CRYPTOGRAPHY", False)

    assert verified(data).exit_code == 0
    assert (
        verified(
            data, [note.make_vkey(key.name, public_key=packs.VKEYS[0].public_key) for key in packs.VKEYS]
        ).exit_code
        != 0
    )
