"""`modelcustody verify` and `modelcustody ship`, as processes."""

import json

import pytest
from modelcustody_client import spool

from tests import packs, standin
from tests.integration.client.command import CLIENT, run


@pytest.fixture
def service():
    with standin.serving() as found:
        yield found


@pytest.fixture
def trust(tmp_path):
    file = tmp_path / "modelcustody.vkeys"
    file.write_text(f"# the service\n{packs.TRUST}")
    return file


def test_verify_of_packs(tmp_path, trust):
    good, bad = tmp_path / "good.tar", tmp_path / "bad.tar"
    good.write_bytes(packs.plan().build())
    bad.write_bytes(packs.plan().build().replace(b"doctype", b"Doctype"))

    verified = run("verify", str(good), "--trust", str(trust))
    assert verified.returncode == 0
    assert verified.stdout.splitlines()[1].startswith("VERIFIED")
    assert run("verify", str(good)).returncode == 2
    tampered = run("verify", str(bad), "--trust", str(trust), "--json")
    assert (tampered.returncode, json.loads(tampered.stdout)["verdict"]) == (1, "tampered")


def test_verify_of_a_proof_and_its_leaf(tmp_path, trust):
    pack = packs.archive_of(packs.plan().build())
    (tmp_path / "3.tlog-proof").write_bytes(pack["entries/requests/3.tlog-proof"])
    (tmp_path / "3.leaf").write_bytes(pack["entries/requests/3.leaf"])
    (tmp_path / "0.leaf").write_bytes(pack["entries/requests/0.leaf"])
    proof = str(tmp_path / "3.tlog-proof")

    def status(leaf: str, *words: str) -> int:
        return run("verify", proof, "--leaf", str(tmp_path / leaf), *words).returncode

    assert status("3.leaf", "--trust", str(trust)) == 0
    assert status("0.leaf", "--trust", str(trust)) == 1
    assert status("3.leaf") == 2
    assert run("verify", proof, "--trust", str(trust)).returncode == 3


def test_wrong_usage_of_verify(tmp_path, trust):
    good = tmp_path / "good.tar"
    good.write_bytes(packs.plan().build())
    (tmp_path / "bad.vkeys").write_text("not a key\n")

    for words in (
        [],
        ["--bogus"],
        [str(tmp_path / "missing.tar")],
        [str(tmp_path)],
        [str(good), "--trust", str(tmp_path / "missing")],
        [str(good), "--trust", str(tmp_path / "bad.vkeys")],
    ):
        assert run("verify", *words).returncode == 3, words


def test_verify_needs_no_cryptography(tmp_path, trust):
    good = tmp_path / "good.tar"
    good.write_bytes(packs.plan().build())
    (tmp_path / "without" / "cryptography").mkdir(parents=True)
    (tmp_path / "without" / "cryptography" / "__init__.py").write_text("raise ImportError\n")

    done = run("verify", str(good), "--trust", str(trust), PYTHONPATH=f"{tmp_path}/without:{CLIENT}")

    assert done.returncode == 0, done.stderr


def test_ship_once(service, tmp_path):
    opened = spool.open_spool(tmp_path / "spool", now=1_800_000_000)
    opened.append({"n": 1})
    opened.close()
    words = ["ship", "--spool", str(tmp_path / "spool"), "--once", "--url", service.url]

    done = run(*words, MODELCUSTODY_TOKEN="mc_k_s")

    assert (done.returncode, "1 records acknowledged" in done.stderr) == (0, True)
    assert len(service.sent("/api/v1/served-requests")) == 1
    assert run(*words).returncode == 2
    assert run("ship", "--spool", str(tmp_path / "none"), "--once", "--url", service.url).returncode == 2


def test_ship_once_tells_what_was_refused_and_what_must_wait(service, tmp_path):
    opened = spool.open_spool(tmp_path / "spool", now=1_800_000_000)
    opened.append({"n": 1})
    opened.close()
    words = ["ship", "--spool", str(tmp_path / "spool"), "--once", "--url", service.url]
    service.tell("/api/v1/served-requests", 503)
    service.tell("/api/v1/served-requests", 422, {"code": "unknown_deployment"})

    assert run(*words, MODELCUSTODY_TOKEN="mc_k_s").returncode == 4
    refused = run(*words, MODELCUSTODY_TOKEN="mc_k_s")
    assert (refused.returncode, "unknown_deployment" in refused.stderr) == (1, True)
