"""The environment that `modelcustody admit` would give a server."""

import pytest


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELCUSTODY_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("MODELCUSTODY_RECORDER", "node-1")
    monkeypatch.setenv("MODELCUSTODY_DEPLOYMENT_DIGEST", "sha256:" + "d" * 64)
    monkeypatch.setenv("MODELCUSTODY_REGION", "eu-central")
    monkeypatch.delenv("MODELCUSTODY_URL", raising=False)
    return tmp_path / "spool"
