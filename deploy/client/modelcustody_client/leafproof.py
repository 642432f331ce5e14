"""Verification of one leaf with its `.tlog-proof`, offline, against keys that the reader pinned. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from modelcustody_client import errors, merkle, note, packing, proof
from modelcustody_client.report import FAILED, PROVED, UNDECIDED, Report


def verify_leaf(data: bytes, *, leaf: bytes, vkeys: Sequence[note.Vkey], subject: str) -> Report:
    """Verify that the log whose key was pinned holds exactly these bytes."""
    report = Report(subject)
    try:
        # (1) the proof leads from the leaf to the root that the checkpoint states, whoever signed it
        parsed = proof.parse_proof(data)
        checkpoint = note.parse_checkpoint_body(note.parse_note(parsed.checkpoint).text)
        merkle.verify_inclusion(
            leaf_hash=merkle.leaf_hash(leaf),
            index=parsed.index,
            size=checkpoint.size,
            proof=parsed.hashes,
            root=checkpoint.root,
        )
        about = f"entry {parsed.index} of {checkpoint.origin} at size {checkpoint.size}"
        # (2) the log itself signed that checkpoint
        try:
            note.verify_note(parsed.checkpoint, vkeys)
        except note.NoteUntrusted as error:
            report.add("inclusion", UNDECIDED, f"The leaf would be {about}, were its checkpoint genuine.")
            report.add("checkpoint", UNDECIDED, f"{error}. Pin the log's key with --trust.")
        else:
            report.add("inclusion", PROVED, f"The leaf is {about}.")
            report.add(
                "checkpoint", PROVED, f"A key that you pinned for {checkpoint.origin} signed its checkpoint."
            )
    except errors.Refused as error:
        report.add(error.code, FAILED, str(error))
        return report
    report.facts = {"origin": checkpoint.origin, "index": parsed.index, "leaf_digest": packing.digest(leaf)}
    report.limit(
        "That what the leaf says is true: the log shows that it was said, and has not been changed since."
    )
    return report
