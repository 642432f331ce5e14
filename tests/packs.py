"""Builds small, valid evidence packs for the tests of the verifier, and lets a test spoil one part."""

from __future__ import annotations

import dataclasses
import io
import json

from modelcustody_client import (
    archive,
    canonical,
    dsse,
    ed25519,
    manifest,
    merkle,
    note,
    pack,
    packing,
    proof,
)

from tests import trees

ORIGIN = "custody.example"
ATTESTER = f"{ORIGIN}/attestation"
DECISIONS_KEY, REQUESTS_KEY, ATTESTATION_KEY = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32
FILES = [
    manifest.ManifestFile("README.md", 3, "a" * 64),
    manifest.ManifestFile("config.json", 2, "b" * 64),
    manifest.ManifestFile("model.safetensors", 9, "c" * 64),
]
MANIFEST_DIGEST, MODEL_DIGEST = manifest.manifest_digest(FILES), manifest.model_digest(FILES)
ADMISSION_ID = "5c8b6f0e-8f53-4f6f-8a52-0d8f4c1f2b11"


def vkey(name: str, key: bytes) -> note.Vkey:
    return note.make_vkey(name, public_key=ed25519.public_key_of(key))


def origin(log: str) -> str:
    return f"{ORIGIN}/log/{log}"


VKEYS = (
    vkey(origin("decisions"), DECISIONS_KEY),
    vkey(origin("requests"), REQUESTS_KEY),
    vkey(ATTESTER, ATTESTATION_KEY),
)
TRUST = "".join(f"{key}\n" for key in VKEYS)


def decision(event: str, subject: str, body: dict) -> bytes:
    return canonical.dumps(
        {
            "type": packing.DECISION_TYPE,
            "event": event,
            "actor": "user:ada",
            "subject": subject,
            "at": "2026-11-22T10:00:00Z",
            "body": body,
        }
    )


def deployment(**changes) -> bytes:
    return canonical.dumps(
        {
            "type": packing.DEPLOYMENT_TYPE,
            "admission_id": ADMISSION_ID,
            "model_version": "pkg:huggingface/org/name@" + "0" * 40,
            "model_digest": MODEL_DIGEST,
            "manifest_digest": MANIFEST_DIGEST,
            "recorder": "node-1",
            **changes,
        }
    )


def served_request(sequence: int, *, deployment_digest: str) -> bytes:
    record = {
        "record_id": f"0197f3a0-0000-7000-8000-{sequence:012d}",
        "recorder": "node-1",
        "epoch": 1,
        "sequence": sequence,
        "deployment_digest": deployment_digest,
        "parameters": {"temperature": 0.7},
    }
    return b'{"received_at":"2026-11-22T10:00:01Z","record":' + json.dumps(record).encode() + b"}"


@dataclasses.dataclass
class Plan:
    """Everything a pack is made of; change what you like before `build`."""

    files: dict[str, bytes]
    decisions: dict[int, bytes]
    requests: dict[int, bytes]
    size: int = 7
    model_version: dict[str, str] = dataclasses.field(default_factory=dict)
    index_changes: dict[str, object] = dataclasses.field(default_factory=dict)
    keys: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def build(self) -> bytes:
        files = dict(self.files)
        for log, entries in (("decisions", self.decisions), ("requests", self.requests)):
            files.update(self._log_files(log, entries))
        files.update(
            {name: data for name, data in self.files.items() if name.startswith(("log/", "entries/"))}
        )
        index = packing.index_bytes(
            files,
            model_version=self.model_version,
            generated_at="2026-11-22T10:00:02Z",
            logs={
                "decisions": {"origin": origin("decisions"), "vkey": str(VKEYS[0])},
                "requests": {"origin": origin("requests"), "vkey": str(VKEYS[1])},
            },
        )
        if self.index_changes:
            index = canonical.dumps({**canonical.loads(index), **self.index_changes})
        stream = io.BytesIO()
        packing.write_pack(
            files,
            index=index,
            key_name=ATTESTER,
            private_key_bytes=self.keys.get("attestation", ATTESTATION_KEY),
            stream=stream,
        )
        return stream.getvalue()

    def _log_files(self, log: str, entries: dict[int, bytes]) -> dict[str, bytes]:
        leaves = [entries.get(index, b"other %d" % index) for index in range(self.size)]
        key = self.keys.get(log, DECISIONS_KEY if log == "decisions" else REQUESTS_KEY)
        body = note.format_checkpoint_body(origin=origin(log), size=self.size, root=merkle.root_hash(leaves))
        checkpoint = note.sign_note(body, name=origin(log), private_key_bytes=key)
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
        files = {packing.checkpoint_name(log): checkpoint}
        for index, leaf in entries.items():
            path = trees.inclusion_proof(hashes, index)
            files[packing.leaf_name(log, index=index)] = leaf
            files[packing.proof_name(log, index=index)] = proof.format_proof(
                index=index, hashes=path, checkpoint=checkpoint
            )
        return files


def plan() -> Plan:
    """Return a plan of a good pack: one approval, one admitted deployment, two served requests."""
    statement = deployment()
    approval = {
        "id": 4,
        "status": "approved",
        "manifest_digest": MANIFEST_DIGEST,
        "model_digest": MODEL_DIGEST,
        "policy_digest": "sha256:" + "d" * 64,
    }
    digests = {name: value for name, value in approval.items() if name.endswith("_digest")}
    return Plan(
        files={
            "manifest.sha256": manifest.sha256sum_lines(FILES),
            "approvals.json": canonical.dumps([approval]),
            "bom.cdx.json": b'{"bomFormat":"CycloneDX"}',
            "verification.json": canonical.dumps({"manifest_digest": MANIFEST_DIGEST, "checks": []}),
            "smoke.json": b'{"logprobs":[-0.25]}',
            "evaluation.json": b'{"verdict":"allowed"}',
            "report.html": b"<!doctype html>",
        },
        decisions={
            1: decision("registry.approval.requested", "approval:4", digests),
            2: decision("registry.approval.approved", "approval:4", digests),
            5: decision(
                "registry.admission.decided",
                f"admission:{ADMISSION_ID}",
                {"decision": "allow", "model_digest": MODEL_DIGEST},
            ),
        },
        requests={
            0: statement,
            3: served_request(0, deployment_digest=packing.digest(statement)),
            6: served_request(1, deployment_digest=packing.digest(statement)),
        },
        model_version={
            "purl": "pkg:huggingface/org/name@" + "0" * 40,
            "manifest_digest": MANIFEST_DIGEST,
            "model_digest": MODEL_DIGEST,
        },
    )


def resigned(pack_index: bytes, key: bytes) -> bytes:
    """Return an envelope over `pack_index` under the attester's name with this key."""
    return dsse.sign_envelope(
        pack_index, payload_type=packing.PAYLOAD_TYPE, name=ATTESTER, private_key_bytes=key
    )


def archive_of(data: bytes) -> dict[str, bytes]:
    """Return the members of a pack by name."""
    found = archive.Archive(io.BytesIO(data))
    return {name: found.read(name) for name in found.members}


def verified(data: bytes, vkeys=VKEYS):
    return pack.verify_stream(io.BytesIO(data), vkeys=vkeys)


def failure(data: bytes, vkeys=VKEYS) -> str:
    report = verified(data, vkeys)
    assert (report.verdict, report.exit_code) == ("tampered", 1)
    return " ".join(check.detail for check in report.checks if check.outcome == "failed")
