"""C4: what is said of signatures, right and wrong; every tamper ends in the outcome that it must have."""

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from governance.policy.signature import TrustedSigner
from registry.lifecycle import Outcome, Severity
from registry.verification import signatures
from tests import signing
from tests.signed import (
    CRITICAL,
    ERROR,
    FILES,
    HIGH,
    KEY,
    LOW,
    PASS,
    SKIP,
    STRANGER,
    TRUSTED,
    bundled,
    check,
    signed,
    subject,
    verdict,
)

# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda one: one.name)
def test_a_signature_of_a_trusted_key_passes_and_says_by_whom(curve: ec.EllipticCurve) -> None:
    private = signing.key(curve)
    trusted = dataclasses.replace(TRUSTED, public_key=signing.public_pem(private))

    [found] = check(signed(private=private), trusted=(trusted,), signature_required=True)

    assert (found.finding.outcome, found.finding.path) == (Outcome.PASS, "model.sig")
    evidence = found.finding.evidence
    assert evidence["signature"] == "valid"
    assert evidence["signer"]["method"] == "key"
    assert evidence["files"] == len(FILES)
    assert "all 5 files" in found.finding.message


@pytest.mark.parametrize(
    ("trusted", "required", "expected"),
    [
        ((), False, LOW),
        ((), True, HIGH),
        ((dataclasses.replace(TRUSTED, models="other/*"),), False, LOW),
        ((dataclasses.replace(TRUSTED, models="other/*"),), True, HIGH),
        ((dataclasses.replace(TRUSTED, models="acme/model"),), True, PASS),
        ((dataclasses.replace(TRUSTED, models="*"),), True, PASS),
        ((dataclasses.replace(TRUSTED, not_after="2026-11-22T11:59:59+00:00"),), True, HIGH),
        ((dataclasses.replace(TRUSTED, not_before="2026-11-22T12:00:01+00:00"),), False, LOW),
        ((dataclasses.replace(TRUSTED, public_key=signing.public_pem(STRANGER)), TRUSTED), True, PASS),
    ],
)
def test_whom_the_policy_trusts(
    trusted: tuple[TrustedSigner, ...], required: bool, expected: tuple[Outcome, Severity]
) -> None:
    assert verdict(signed(), trusted=trusted, signature_required=required) == expected


def test_without_a_signature() -> None:
    assert verdict(FILES) == SKIP
    assert verdict(FILES, signature_required=True) == HIGH


def test_a_key_without_a_hint_is_looked_for() -> None:
    value = signing.bundle(signing.statement(FILES), KEY)
    value["verificationMaterial"]["publicKey"] = {}

    assert verdict(bundled(value)) == PASS
    assert verdict(bundled(value), trusted=()) == LOW


# -- tampering with files ---------------------------------------------------------------------------------------------

TAMPERED: dict[str, Callable[[dict[str, bytes]], object]] = {
    "flipped": lambda m: m.update({"config.json": b"{]"}),
    "weights flipped": lambda m: m.update({"model-00002-of-00002.safetensors": b"weights twp"}),
    "readme flipped": lambda m: m.update({"README.md": b"# a model"}),
    "renamed": lambda m: m.update({"configx.json": m.pop("config.json")}),
    "added": lambda m: m.update({"modeling_evil.py": b"import os"}),
    "added document": lambda m: m.update({"NOTES.md": b"x"}),
    "removed": lambda m: m.pop("tokenizer/vocab.json"),
    "swapped": lambda m: m.update(
        {
            "model-00001-of-00002.safetensors": m["model-00002-of-00002.safetensors"],
            "model-00002-of-00002.safetensors": m["model-00001-of-00002.safetensors"],
        }
    ),
    "moved": lambda m: m.update({"vocab.json": m.pop("tokenizer/vocab.json")}),
    "added beside as a signature": lambda m: m.update({"evil.sig": b"not a signature at all"}),
}


@pytest.mark.parametrize("trusted", [(TRUSTED,), ()], ids=["trusted", "nobody"])
@pytest.mark.parametrize("name", TAMPERED)
def test_files_that_are_not_as_they_were_signed(name: str, trusted: tuple[TrustedSigner, ...]) -> None:
    files = signed()
    TAMPERED[name](files)

    assert verdict(files, trusted=trusted) == CRITICAL


def test_the_root_digest_alone_binds_no_names() -> None:
    """The same digests in the same order give the same root, whatever the files are called."""
    files = signed()
    renamed = {("configx.json" if path == "config.json" else path): data for path, data in FILES.items()}
    assert (
        signing.statement(renamed)["subject"][0]["digest"] == signing.statement(FILES)["subject"][0]["digest"]
    )

    [found] = check({**renamed, "model.sig": files["model.sig"]})

    assert "config.json" in found.finding.message
    assert (found.finding.outcome, found.severity) == CRITICAL


# -- what the signer left out -----------------------------------------------------------------------------------------


def test_what_git_keeps_is_unsigned_and_named() -> None:
    files = {**FILES, ".gitattributes": b"* text"}

    found = {one.finding.path: one for one in check(signed(files))}

    assert found["model.sig"].finding.outcome is Outcome.PASS
    assert found["model.sig"].finding.evidence["unsigned"] == [".gitattributes"]
    assert (found[".gitattributes"].finding.outcome, found[".gitattributes"].severity) == (
        Outcome.FAIL,
        Severity.INFO,
    )


@pytest.mark.parametrize(
    "path", [".git/hooks/evil", ".github/setup.json", "model.safetensors", "code/run.py"]
)
def test_a_signer_that_leaves_out_what_is_loaded(path: str) -> None:
    files = signed(
        {**FILES, path: b"x"}, ignored=(".git", ".github", "model.safetensors", "code", "model.sig")
    )
    files["model.sig"] = signing.signed(FILES, KEY, ignored=(*signing.GIT, "model.safetensors", "code"))

    assert verdict(files) == HIGH
    assert verdict(files, trusted=()) == LOW
    [found] = [one for one in check(files) if one.finding.path == "model.sig"]
    assert path in found.finding.message
    assert found.finding.evidence["signature"] == "partial"


def test_ignoring_a_name_ignores_no_longer_one() -> None:
    files = {**FILES, "codes/run.py": b"x"}
    files["model.sig"] = signing.signed(FILES, KEY, ignored=("code", "codes/run", "model.sig"))

    assert verdict(files) == CRITICAL


# -- several signatures -----------------------------------------------------------------------------------------------


def test_each_signature_is_judged_by_itself() -> None:
    files = {**signed(), "second.sig": signing.signed(FILES, STRANGER)}

    found = {
        one.finding.path: (one.finding.outcome, one.severity) for one in check(files, signature_required=True)
    }

    assert found == {"model.sig": PASS, "second.sig": LOW}


def test_a_second_signature_that_is_wrong_is_not_outweighed() -> None:
    other = {**FILES, "config.json": b"[]"}
    files = {**signed(), "second.sig": signing.signed(other, KEY)}

    found = {one.finding.path: (one.finding.outcome, one.severity) for one in check(files)}

    assert found == {"model.sig": PASS, "second.sig": CRITICAL}


def test_more_signatures_than_anybody_makes_are_refused() -> None:
    files = {**FILES, **{f"s{place:02}.sig": signing.signed(FILES, KEY) for place in range(17)}}

    found = {one.finding.path: (one.finding.outcome, one.severity) for one in check(files)}

    assert found["s16.sig"] == HIGH


def test_a_signature_of_a_folder_inside() -> None:
    inside = {"config.json": b"{}", "weights.safetensors": b"w"}
    files = {f"unet/{path}": data for path, data in inside.items()}
    files["unet/model.sig"] = signing.signed(inside, KEY)
    files["model_index.json"] = b"{}"

    [found] = check(files)
    assert (found.finding.outcome, found.severity) == HIGH
    assert "model_index.json" in found.finding.message

    del files["model_index.json"]
    [found] = check(files)
    assert found.finding.outcome is Outcome.PASS

    # One that names itself from above was made of the folder above.
    files["unet/model.sig"] = signing.signed(inside, KEY, ignored=("unet/model.sig",))
    [found] = check(files)
    assert (found.finding.outcome, found.severity) == CRITICAL


def test_a_signature_of_one_file() -> None:
    value = signing.statement({".": b"weights"}, ignored=(), name="model.gguf")
    files = {
        "model.gguf": b"weights",
        "model.gguf.sig": json.dumps(signing.bundle(value, KEY)).encode(),
    }

    [found] = check(files)
    assert found.finding.outcome is Outcome.PASS
    [found] = check({**files, "model.gguf": b"weightz"})
    assert (found.finding.outcome, found.severity) == CRITICAL
    [found] = check({"other.gguf": b"weights", "model.gguf.sig": files["model.gguf.sig"]})
    assert (found.finding.outcome, found.severity) == CRITICAL
    [found] = check({**files, "config.json": b"{}"})
    assert (found.finding.outcome, found.severity) == HIGH


# -- forged and malformed signatures ----------------------------------------------------------------------------------


def payload_of(value: dict[str, Any]) -> dict[str, Any]:
    return json.loads(base64.b64decode(value["dsseEnvelope"]["payload"]))


def forge(value: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The bundle with another payload under the old signature."""
    payload = payload_of(value)
    change(payload)
    value["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    return value


def envelope(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    value["dsseEnvelope"].update(changes)
    return value


def material(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    value["verificationMaterial"].update(changes)
    return value


FORGED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "payload": lambda v: forge(v, lambda p: p["subject"][0].update(name="other")),
    "payload with a file ignored": lambda v: forge(
        v, lambda p: p["predicate"]["serialization"]["ignore_paths"].append("config.json")
    ),
    "signature of another payload": lambda v: envelope(
        v, signatures=signing.bundle(b"{}", KEY)["dsseEnvelope"]["signatures"]
    ),
    "another key under the trusted hint": lambda v: envelope(
        v, signatures=signing.bundle(signing.statement(FILES), STRANGER)["dsseEnvelope"]["signatures"]
    ),
    "payload type": lambda v: envelope(v, payloadType="application/json"),
    "payload not base64": lambda v: envelope(v, payload="!!!"),
    "payload loosely base64": lambda v: envelope(v, payload=v["dsseEnvelope"]["payload"] + "\n"),
    "no signature": lambda v: envelope(v, signatures=[]),
    "two signatures": lambda v: envelope(v, signatures=v["dsseEnvelope"]["signatures"] * 2),
    "signature not DER": lambda v: envelope(v, signatures=[{"sig": "AAAA", "keyid": ""}]),
    "a member of its own": lambda v: {**v, "extra": 1},
    "a member in the envelope": lambda v: envelope(v, extra=1),
    "a member in the material": lambda v: material(v, extra=1),
    "two signers": lambda v: material(v, certificate={"rawBytes": "AAAA"}),
    "no signer": lambda v: {**v, "verificationMaterial": {}},
    "certificates that are none": lambda v: {
        **v,
        "verificationMaterial": {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}},
    },
    "no certificates": lambda v: {
        **v,
        "verificationMaterial": {"x509CertificateChain": {"certificates": []}},
    },
    "too many certificates": lambda v: {
        **v,
        "verificationMaterial": {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}] * 11}},
    },
    "a hint that is no text": lambda v: material(v, publicKey={"hint": 1}),
    "log entries that are none": lambda v: material(v, tlogEntries={}),
    "no kind": lambda v: {name: item for name, item in v.items() if name != "mediaType"},
    "no envelope": lambda v: {name: item for name, item in v.items() if name != "dsseEnvelope"},
}


@pytest.mark.parametrize("trusted", [(TRUSTED,), ()], ids=["trusted", "nobody"])
@pytest.mark.parametrize("name", FORGED)
def test_forged_bundles_never_pass(name: str, trusted: tuple[TrustedSigner, ...]) -> None:
    value = FORGED[name](signing.bundle(signing.statement(FILES), KEY))

    found = verdict(bundled(value), trusted=trusted)

    # Whether a payload is the signer's can be told with the signer's key only; whatever else is wrong shows without.
    needs_key = name in {
        "payload",
        "signature of another payload",
        "another key under the trusted hint",
        "signature not DER",
    }
    assert found == (LOW if needs_key and not trusted else CRITICAL) or (
        name == "payload with a file ignored" and not trusted and found == LOW
    )


def statements(**changes: Any) -> dict[str, Any]:
    return {**signing.statement(FILES), **changes}


def predicate(**changes: Any) -> dict[str, Any]:
    value = signing.statement(FILES)
    value["predicate"].update(changes)
    return signing.rooted(value) if isinstance(value["predicate"].get("resources"), list) else value


def resources(change: Callable[[list[dict[str, Any]]], object]) -> dict[str, Any]:
    value = signing.statement(FILES)
    change(value["predicate"]["resources"])
    return value


MALFORMED: dict[str, Callable[[], dict[str, Any]]] = {
    "another type": lambda: statements(_type="https://in-toto.io/Statement/v0.1"),
    "no subject": lambda: statements(subject=[]),
    "two subjects": lambda: statements(subject=statements()["subject"] * 2),
    "another root": lambda: statements(subject=[{"name": "m", "digest": {"sha256": "0" * 64}}]),
    "another digest of the subject": lambda: statements(
        subject=[{"name": "m", "digest": {**statements()["subject"][0]["digest"], "sha512": "0" * 128}}]
    ),
    "no files": lambda: predicate(resources=[]),
    "a method of its own": lambda: signing.statement(FILES, method="everything"),
    "another hash": lambda: signing.statement(FILES, hash_type="md5"),
    "links as words": lambda: signing.statement(FILES, allow_symlinks="yes"),
    "ignores a number": lambda: signing.statement(FILES, ignore_paths=[1]),
    "lists twice": lambda: signing.rooted(resources(lambda r: r.append(dict(r[0])))),
    "lists twice with another digest": lambda: signing.rooted(
        resources(lambda r: r.append({**r[0], "digest": "0" * 64}))
    ),
    "leaves the folder": lambda: signing.rooted(resources(lambda r: r[0].update(name="../config.json"))),
    "absolute": lambda: signing.rooted(resources(lambda r: r[0].update(name="/config.json"))),
    "dotted": lambda: signing.rooted(resources(lambda r: r[0].update(name="./config.json"))),
    "backslash": lambda: signing.rooted(resources(lambda r: r[0].update(name="a\\config.json"))),
    "differs in case only": lambda: signing.rooted(
        resources(lambda r: r.append({**r[0], "name": "CONFIG.json"}))
    ),
    "hides its direction": lambda: signing.rooted(resources(lambda r: r[0].update(name="config\u202e.json"))),
    "short digest": lambda: resources(lambda r: r[0].update(digest="00")),
    "digest in capitals": lambda: resources(lambda r: r[0].update(digest="A" * 64)),
    "another algorithm": lambda: resources(lambda r: r[0].update(algorithm="sha1")),
    "no name": lambda: resources(lambda r: r[0].pop("name")),
    "a file and a folder": lambda: signing.rooted(resources(lambda r: r.append({**r[0], "name": "."}))),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_statements_that_are_signed_and_malformed(name: str) -> None:
    assert verdict(bundled(signing.bundle(MALFORMED[name](), KEY))) == CRITICAL


UNSUPPORTED: dict[str, Callable[[], bytes]] = {
    "shards": lambda: signing.signed(FILES, KEY, method="shards", shard_size=1000000000.0),
    "blake3": lambda: signing.signed(FILES, KEY, hash_type="blake3"),
    "before 1.0": lambda: json.dumps(
        signing.bundle(statements(predicateType="https://model_signing/Digests/v0.1"), KEY)
    ).encode(),
    "an attestation of another kind": lambda: json.dumps(
        signing.bundle(statements(predicateType="https://slsa.dev/provenance/v1"), KEY)
    ).encode(),
    "a bundle of version 0.1": lambda: json.dumps(
        {
            **signing.bundle(statements(), KEY),
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        }
    ).encode(),
    "a blob": lambda: json.dumps(
        {**signing.bundle(statements(), KEY), "messageSignature": {"signature": "AAAA"}}
    ).encode(),
    "of OpenPGP": lambda: b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n",
    "of another tool": lambda: b'{"version": 1, "signature": "AAAA"}',
    "binary": lambda: b"\x80\x04K\x01.",
    "empty": lambda: b"",
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_cannot_be_verified_neither_passes_nor_blocks_unless_it_is_required(name: str) -> None:
    files = {**FILES, "model.sig": UNSUPPORTED[name]()}

    assert verdict(files) == SKIP
    assert verdict(files, signature_required=True) == ERROR
    assert check(files)[0].finding.evidence["signature"] == "undecided"


def test_a_signature_that_is_cut_off() -> None:
    files = signed()
    for size in (len(files["model.sig"]) - 1, 100, 1):
        assert verdict({**files, "model.sig": files["model.sig"][:size]}) == CRITICAL


def test_ten_megabytes_of_signature() -> None:
    junk = {**FILES, "model.sig": b"{" * (10 * 1024 * 1024)}
    assert verdict(junk) == CRITICAL
    value = signing.bundle(signing.statement(FILES), KEY)
    value["dsseEnvelope"]["payload"] = "QUFB" * (10 * 1024 * 256)
    assert verdict(bundled(value)) == CRITICAL


def test_a_signature_too_large_to_be_kept() -> None:
    whole = subject(signed())
    seen = {
        **whole.seen,
        "model.sig": dataclasses.replace(whole.seen["model.sig"], start=b"{", is_whole=False),
    }

    [found] = list(signatures.signatures(dataclasses.replace(whole, seen=seen)))

    assert found.outcome is Outcome.SKIP
