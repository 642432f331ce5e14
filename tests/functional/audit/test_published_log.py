"""A client that nobody here wrote reads the logs over HTTP and accepts what they prove."""

import base64

import pytest
import requests
from pytest_django.live_server_helper import LiveServer
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tiles import leaf_hash

from audit import selectors
from audit.events import Log
from tests.logs import add_leaves, decide, sequence_all


def public_reader(address: str) -> tuple[TilesReader, VkeySet]:
    backend = HttpBackend(address)
    # A connection for each request: else the server's threads, and theirs to the database, would outlive the test.
    backend.session = requests
    vkey = backend.get("vkey")
    assert vkey is not None
    return TilesReader(backend), VkeySet(Vkey.from_string(vkey.decode().strip()))


@pytest.mark.django_db(transaction=True)
def test_a_public_client_follows_the_requests_log(live_server: LiveServer) -> None:
    leaves = [b"leaf %d" % number for number in range(700)]
    address = f"{live_server.url}/log/requests"
    reader, vkeys = public_reader(address)
    seen = []
    for start, end in ((0, 255), (255, 256), (256, 257), (257, 700)):
        add_leaves(*leaves[start:end])
        sequence_all(Log.REQUESTS)
        checkpoint = reader.get_checkpoint()
        assert checkpoint.origin == "modelcustody.local/log/requests"
        assert len(vkeys.verify(checkpoint.signatures, checkpoint)) == 1
        assert (checkpoint.size, checkpoint.root_hash) == (end, reader.calculate_root_hash())
        for index in {0, end // 2, end - 1}:
            assert reader.get_entry(index) == leaves[index]
            proof = reader.get_inclusion_proof(index, end)
            proof.check(leaf_hash(leaves[index]), checkpoint.root_hash)
        for old in seen:
            reader.get_consistency_proof(old.size, end).check(old.root_hash, checkpoint.root_hash)
        seen.append(checkpoint)


@pytest.mark.django_db(transaction=True)
def test_our_proofs_are_those_of_a_public_client(live_server: LiveServer) -> None:
    for number in range(5):
        decide("model-version:1", number=number)
    sequence_all()
    reader, _ = public_reader(f"{live_server.url}/log/decisions")
    checkpoint = reader.get_checkpoint()

    for entry in selectors.decision_entries(subjects=["model-version:1"]):
        assert entry.index is not None
        assert entry.proof is not None
        assert reader.get_entry(entry.index) == entry.leaf
        reader.get_inclusion_proof(entry.index, checkpoint.size).check(
            leaf_hash(entry.leaf), checkpoint.root_hash
        )
        hashes = list(entry.proof.split("\n\n")[0].splitlines()[2:])
        theirs = reader.get_inclusion_proof(entry.index, checkpoint.size).node_hashes
        assert hashes == [base64.b64encode(node).decode() for node in theirs]
