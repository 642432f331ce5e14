"""The log entries of an evidence pack: each proved to be in its log, then read for what it says. Pure."""

from __future__ import annotations

import collections
import dataclasses
import re
from typing import Any

from modelcustody_client import archive, canonical, errors, merkle, note, packing, proof

MAX_LEAF_BYTES = 65_535
_ENTRY = re.compile(r"entries/(decisions|requests)/(0|[1-9][0-9]{0,15})\.(leaf|tlog-proof)")
_DECISION_FIELDS = {"type", "event", "actor", "subject", "at", "body"}


class EntryInvalid(errors.Refused):
    """A leaf or its proof is missing, out of place, or not what its log may hold."""

    code = "entry_invalid"


@dataclasses.dataclass
class LogEntries:
    """What the leaves of a pack say; filled while they are proved, kept small for large packs."""

    decisions: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    deployments: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    cited: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    record_ids: set[str] = dataclasses.field(default_factory=set)
    positions: set[tuple[Any, ...]] = dataclasses.field(default_factory=set)
    unknown: list[str] = dataclasses.field(default_factory=list)


def indices(names: list[str]) -> dict[str, list[int]]:
    """Return the entry indices of each log; every leaf has its proof and every proof its leaf."""
    found: dict[tuple[str, int], set[str]] = {}
    for name in names:
        if not name.startswith("entries/"):
            continue
        matched = _ENTRY.fullmatch(name)
        if matched is None:
            raise EntryInvalid(f"{name} is no name of a log entry")
        found.setdefault((matched[1], int(matched[2])), set()).add(matched[3])
    for (log, index), kinds in found.items():
        if len(kinds) != 2:
            raise EntryInvalid(f"entry {index} of the {log} log lacks its leaf or its proof")
    return {log: sorted(index for owner, index in found if owner == log) for log in packing.LOGS}


def prove(
    pack: archive.Archive, *, log: str, index: int, signed: bytes, checkpoint: note.Checkpoint
) -> bytes:
    """Return the leaf bytes, proved to be entry `index` in the tree of the log's verified checkpoint.

    The proof carries a checkpoint of its own: it must show the very same tree, else the log has two faces.
    """
    leaf = pack.read(packing.leaf_name(log, index=index))
    parsed = proof.parse_proof(pack.read(packing.proof_name(log, index=index)))
    if parsed.index != index:
        raise EntryInvalid(f"the proof of entry {index} of the {log} log is for entry {parsed.index}")
    if parsed.checkpoint != signed:
        raise EntryInvalid(f"the proof of entry {index} shows another checkpoint than log/{log}/checkpoint")
    merkle.verify_inclusion(
        leaf_hash=merkle.leaf_hash(leaf),
        index=index,
        size=checkpoint.size,
        proof=parsed.hashes,
        root=checkpoint.root,
    )
    return leaf


def read_decision(leaf: bytes, *, into: LogEntries) -> None:
    """Take up one leaf of the decisions log."""
    value = canonical.loads_canonical(leaf, max_bytes=MAX_LEAF_BYTES)
    if not isinstance(value, dict) or value.get("type") != packing.DECISION_TYPE:
        into.unknown.append(_type_of(value))
        return
    texts = [value.get(name) for name in ("event", "actor", "subject", "at")]
    if set(value) != _DECISION_FIELDS or not all(isinstance(text, str) for text in texts):
        raise EntryInvalid("a decision has event, actor, subject, at and body")
    if not isinstance(value["body"], dict):
        raise EntryInvalid("the body of a decision is not an object")
    into.decisions.append(value)


def read_request(leaf: bytes, *, into: LogEntries) -> None:
    """Take up one leaf of the requests log: a deployment or a served request."""
    if leaf.startswith(b'{"received_at":'):
        _read_record(leaf, into=into)
        return
    value = canonical.loads_canonical(leaf, max_bytes=MAX_LEAF_BYTES)
    if not isinstance(value, dict) or value.get("type") != packing.DEPLOYMENT_TYPE:
        into.unknown.append(_type_of(value))
        return
    if not all(isinstance(value.get(name), str) for name in ("admission_id", "model_digest")):
        raise EntryInvalid("a deployment has admission_id and model_digest")
    digest = packing.digest(leaf)
    if digest in into.deployments:
        raise EntryInvalid(f"the deployment {digest} is in the log twice")
    into.deployments[digest] = value


def _read_record(leaf: bytes, *, into: LogEntries) -> None:
    value = canonical.loads(leaf, max_bytes=MAX_LEAF_BYTES)
    if not isinstance(value, dict) or list(value) != ["received_at", "record"]:
        raise EntryInvalid("a served request is received_at and record")
    record = value["record"]
    if not isinstance(value["received_at"], str) or not isinstance(record, dict):
        raise EntryInvalid("a served request is received_at and record")
    record_id, cited = record.get("record_id"), record.get("deployment_digest")
    position = tuple(record.get(name) for name in ("recorder", "epoch", "sequence"))
    if not isinstance(record_id, str) or not isinstance(cited, str):
        raise EntryInvalid("a served request has record_id and deployment_digest")
    if not isinstance(position[0], str) or not all(type(number) is int for number in position[1:]):
        raise EntryInvalid("a served request has recorder, epoch and sequence")
    if record_id in into.record_ids or position in into.positions:
        raise EntryInvalid(f"the served request {record_id} is in the log twice")
    into.record_ids.add(record_id)
    into.positions.add(position)
    into.cited[cited] += 1


def _type_of(value: Any) -> str:
    return str(value.get("type")) if isinstance(value, dict) else type(value).__name__
