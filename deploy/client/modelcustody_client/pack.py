"""Verification of evidence packs, offline, against keys that the reader pinned.

Steps: (1) archive, (2) index and digests, (3) signature of the index, (4) identity of the model, (5) checkpoints,
(6) log entries, (7) deployments and served requests, (8) approvals and evidence. A step that fails is reported and
the later ones that rest on it are left out; nothing is ever assumed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from modelcustody_client import archive, canonical, dsse, entries, errors, manifest, note, packing, statements
from modelcustody_client.report import FAILED, PROVED, UNDECIDED, Report

_INDEX_FIELDS = {"type", "model_version", "generated_at", "files", "logs", "pending"}
_EXPECTED = ("bom.cdx.json", "verification.json", "smoke.json", "evaluation.json", "report.html")
_LIMITS = (
    "That the serving node really loaded these bytes: the deployment is the node's own statement.",
    "That prompts and answers were what a user saw: only keyed commitments are logged.",
    "That the pack holds every request or decision: a selection can be proved genuine, not complete.",
    "That nothing happened since: an approval may have been revoked after this pack was made.",
    "That the service shows everyone the same log: compare its checkpoints with those others have seen.",
)


@dataclasses.dataclass
class _Index:
    """The parsed `pack.json`."""

    raw: bytes
    model_version: dict[str, Any]
    files: dict[str, str]
    logs: dict[str, dict[str, str]]
    pending: int


def verify_pack(path: str | Path, *, vkeys: Sequence[note.Vkey]) -> Report:
    """Verify an evidence pack and report; an unreadable file raises `OSError`, nothing else is raised."""
    with Path(path).open("rb") as stream:
        return verify_stream(stream, vkeys=vkeys, subject=f"Evidence pack {Path(path).name}")


def verify_stream(stream: BinaryIO, *, vkeys: Sequence[note.Vkey], subject: str = "Evidence pack") -> Report:
    """Verify an evidence pack that is open for reading and seeking."""
    report = Report(subject)
    try:
        # (1) one plain archive, (2) which holds what its index lists and nothing else
        pack = archive.Archive(stream)
        report.add(
            "archive", PROVED, f"The archive is well formed: {len(pack.members)} files, nothing hidden."
        )
        index = _read_index(pack)
        _verify_contents(pack, index=index)
        report.add(
            "contents", PROVED, f"Every file is listed in {packing.INDEX_NAME} with its SHA-256, none extra."
        )
        # (3) the service signed that index
        _verify_signature(pack, index=index, vkeys=vkeys, report=report)
        # (4) the model's names follow from its list of files
        _verify_identity(pack, index=index, report=report)
    except errors.Refused as error:
        report.add(error.code, FAILED, str(error))
        return report
    found = entries.LogEntries()
    try:
        # (5), (6) both logs, signed and proved
        for log, indices in entries.indices(list(pack.members)).items():
            _verify_log(pack, index=index, log=log, indices=indices, vkeys=vkeys, into=found, report=report)
        # (7), (8) what the entries say agrees with what the pack says
        statements.verify_requests(found, model_version=index.model_version, report=report)
        statements.verify_approvals(pack, found=found, model_version=index.model_version, report=report)
        statements.verify_documents(pack, model_version=index.model_version, report=report)
    except errors.Refused as error:
        report.add(error.code, FAILED, str(error))
    for name in _EXPECTED:
        if name not in pack.members:
            report.limit(f"The pack has no {name}.")
    if index.pending:
        report.limit(
            f"What {index.pending} more entries say: the logs had not signed them when the pack was made."
        )
    for text in _LIMITS:
        report.limit(text)
    return report


def _read_index(pack: archive.Archive) -> _Index:
    raw = pack.read(packing.INDEX_NAME)
    value = canonical.loads_canonical(raw, max_bytes=archive.MAX_MEMBER_BYTES)
    if not isinstance(value, dict) or set(value) != _INDEX_FIELDS or value["type"] != packing.PACK_TYPE:
        raise archive.ArchiveInvalid(f"{packing.INDEX_NAME} is not that of an evidence pack, version 1")
    version, files, logs = value["model_version"], value["files"], value["logs"]
    if not isinstance(version, dict) or not isinstance(files, dict) or not isinstance(logs, dict):
        raise archive.ArchiveInvalid(f"{packing.INDEX_NAME} lacks model_version, files or logs")
    for name in ("manifest_digest", "model_digest"):
        manifest.check_digest(str(version.get(name)))
    pending = value["pending"]
    if type(pending) is not int or pending < 0:
        raise archive.ArchiveInvalid(f"{packing.INDEX_NAME} does not count what was pending")
    if set(logs) != set(packing.LOGS):
        raise archive.ArchiveInvalid("the pack must name the decisions log and the requests log")
    origins = set()
    for name, log in logs.items():
        if not isinstance(log, dict) or set(log) != {"origin", "vkey"} or not _all_text(log.values()):
            raise archive.ArchiveInvalid(f"the {name} log has no origin and vkey")
        prefix, _, last = log["origin"].rpartition("/log/")
        origins.add(prefix)
        if last != name:
            raise archive.ArchiveInvalid(f"{log['origin']!a} is not the origin of a {name} log")
    if len(origins) != 1:
        raise archive.ArchiveInvalid("the two logs belong to different services")
    return _Index(raw, version, files, logs, pending)


def _verify_contents(pack: archive.Archive, *, index: _Index) -> None:
    present = set(pack.members) - {packing.INDEX_NAME, packing.ENVELOPE_NAME}
    if missing := sorted(set(index.files) - present):
        raise archive.ArchiveInvalid(f"{missing[0]!a} is listed but not in the pack")
    if extra := sorted(present - set(index.files)):
        raise archive.ArchiveInvalid(f"{extra[0]!a} is in the pack but not listed")
    for name, digest in index.files.items():
        if digest != "sha256:" + pack.members[name].sha256:
            raise archive.ArchiveInvalid(f"{name} is not the file that was listed: its SHA-256 differs")


def _verify_signature(
    pack: archive.Archive, *, index: _Index, vkeys: Sequence[note.Vkey], report: Report
) -> None:
    origins = {log["origin"] for log in index.logs.values()}
    attesters = [vkey for vkey in vkeys if vkey.name not in origins]  # a log's key attests its log only
    data = pack.read(packing.ENVELOPE_NAME)
    canonical.loads_canonical(data, max_bytes=dsse.MAX_ENVELOPE_BYTES)
    if dsse.parse_envelope(data).payload != index.raw:
        raise dsse.EnvelopeInvalid(f"{packing.ENVELOPE_NAME} is about another {packing.INDEX_NAME}")
    try:
        dsse.verify_envelope(data, attesters, payload_type=packing.PAYLOAD_TYPE)
    except dsse.EnvelopeUntrusted as error:
        report.add(
            "signature", UNDECIDED, f"Who made the pack: {error}. Pin the service's keys with --trust."
        )
    else:
        report.add("signature", PROVED, "The service's attestation key signed the list of files.")


def _verify_identity(pack: archive.Archive, *, index: _Index, report: Report) -> None:
    sums = manifest.parse_sha256sum_lines(pack.read(packing.MANIFEST_NAME))
    if not any(manifest.is_load_bearing(path) for path in sums):
        raise manifest.BadManifest("the manifest names no file that a model is made of")
    manifest_digest, model_digest = manifest.digests_of_sums(sums)
    version = index.model_version
    for name, computed in (("manifest_digest", manifest_digest), ("model_digest", model_digest)):
        if version[name] != computed:
            raise manifest.BadManifest(f"the {name} of the pack is not that of {packing.MANIFEST_NAME}")
    known = {name: value for name, value in version.items() if isinstance(value, str)}
    report.facts = {"manifest_digest": manifest_digest, "model_digest": model_digest, **known}
    report.add("identity", PROVED, f"The digests of the model follow from its manifest of {len(sums)} files.")


def _verify_log(  # noqa: PLR0913  (one argument a thing it needs, all named)
    pack: archive.Archive,
    *,
    index: _Index,
    log: str,
    indices: list[int],
    vkeys: Sequence[note.Vkey],
    into: entries.LogEntries,
    report: Report,
) -> None:
    signed = pack.read(packing.checkpoint_name(log))
    stated = index.logs[log]
    outcome = PROVED
    try:
        checkpoint = note.verify_note(signed, vkeys)
    except note.NoteUntrusted:
        # no pinned key: the pack must at least agree with the key that it names itself
        checkpoint = note.verify_note(signed, [note.parse_vkey(stated["vkey"])])
        outcome = UNDECIDED
    if checkpoint.origin != stated["origin"]:
        raise note.NoteInvalid(f"the checkpoint of the {log} log is that of {checkpoint.origin!a}")
    about = f"the {log} log {checkpoint.origin} at size {checkpoint.size}"
    trusted = (
        "signed with a key you pinned"
        if outcome == PROVED
        else f"signed with a key you did not pin: {stated['vkey']}"
    )
    report.add(f"checkpoint:{log}", outcome, f"The checkpoint of {about} is {trusted}.")
    read = entries.read_decision if log == "decisions" else entries.read_request
    for number in indices:
        leaf = entries.prove(pack, log=log, index=number, signed=signed, checkpoint=checkpoint)
        try:
            read(leaf, into=into)
        except errors.Refused as error:
            raise entries.EntryInvalid(f"entry {number} of the {log} log: {error}") from None
    report.add(
        f"entries:{log}", outcome, f"{len(indices)} entries are in {about}, each with its inclusion proof."
    )


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
