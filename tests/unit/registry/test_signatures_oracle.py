"""Signatures of the field's own tool are verified here, and those that are made here are verified by it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from model_signing import hashing, verifying
from model_signing import signing as oracle
from OpenSSL.crypto import X509StoreContextError

from governance.policy.signature import SigningMethod, TrustedSigner
from registry.lifecycle import Outcome, Severity
from registry.verification import reading
from registry.verification.checks import CHECKS, run_checks
from registry.verification.subject import Subject
from tests import folders, signing

C4 = [one for one in CHECKS if one.check_id == "C4-signature"]
CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]


@dataclasses.dataclass(frozen=True)
class Keys:
    """A way to sign, and what a policy says of it; the certificates are valid now, for the tool knows no other time."""

    private: ec.EllipticCurvePrivateKey
    trusted: TrustedSigner
    chain: tuple[signing.Issued, ...] = ()

    def config(self, folder: Path) -> oracle.Config:
        key = folder / "key.pem"
        key.write_bytes(signing.private_pem(self.private))
        if not self.chain:
            return oracle.Config().use_elliptic_key_signer(private_key=key)
        for place, one in enumerate(self.chain):
            (folder / f"{place}.pem").write_text(one.pem)
        return oracle.Config().use_certificate_signer(
            private_key=key,
            signing_certificate=folder / "0.pem",
            certificate_chain=[folder / f"{place}.pem" for place in range(1, len(self.chain))],
        )

    def verifier(self, folder: Path) -> verifying.Config:
        if not self.chain:
            (folder / "public.pem").write_text(self.trusted.public_key)
            return verifying.Config().use_elliptic_key_verifier(public_key=folder / "public.pem")
        (folder / "root.pem").write_text(self.trusted.authority)
        return verifying.Config().use_certificate_verifier(certificate_chain=[folder / "root.pem"])


def by_key(curve: ec.EllipticCurve = CURVES[0]) -> Keys:
    private = signing.key(curve)
    return Keys(private, TrustedSigner("acme/*", SigningMethod.KEY, public_key=signing.public_pem(private)))


def by_certificate(curve: ec.EllipticCurve = CURVES[0], **given: object) -> Keys:
    root = signing.authority(days=(-3000, 3000))
    middle = signing.authority("Acme issuing", issuer=root, days=(-3000, 3000))
    leaf = signing.leaf(middle, private=signing.key(curve), **({"days": (-3000, 3000)} | given))
    trusted = TrustedSigner(
        "acme/*", SigningMethod.CERTIFICATE, authority=root.pem, identity=signing.IDENTITY
    )
    return Keys(leaf.private, trusted, (leaf, middle))


def model(tmp_path: Path) -> Path:
    files = folders.model_files() | {
        "model-2.safetensors": folders.weights("b", fill=2),
        "sub/a.json": b"{}",
        "sub.json": b"[]",
    }
    return folders.write(tmp_path / "m", files)


def sign(keys: Keys, folder: Path, **given: object) -> None:
    """As the command line of the tool does it: the signature in the folder, and left out of what is signed."""
    config = given.pop("hashing", hashing.Config())
    config.set_ignored_paths(paths=[folder / "model.sig", *given.pop("ignored", [])])
    keys.config(folder.parent).set_hashing_config(config).sign(folder, folder / "model.sig")


def verdict(folder: Path, trusted: TrustedSigner, **given: object) -> tuple[Outcome, Severity]:
    read = reading.read_folder(folder, {}, progress=lambda _: None)
    subject = Subject(
        source_kind="folder",
        revision=None,
        expected={},
        seen=read.seen,
        unreadable=read.unreadable,
        model="acme/model",
        examined_on=signing.NOW.isoformat(),
        trusted=(trusted,),
        **given,
    )
    [found] = [one for one in run_checks(subject, checks=C4) if one.finding.path == "model.sig"]
    return found.finding.outcome, found.severity


def accepted_by_the_tool(keys: Keys, folder: Path) -> bool:
    try:
        config = hashing.Config().set_ignored_paths(paths=[folder / "model.sig"])
        keys.verifier(folder.parent).set_hashing_config(config).verify(folder, folder / "model.sig")
    except (ValueError, InvalidSignature, X509StoreContextError):
        return False
    return True


@pytest.mark.parametrize("curve", CURVES, ids=lambda one: one.name)
@pytest.mark.parametrize("make", [by_key, by_certificate])
def test_what_the_tool_signs_passes_here(
    tmp_path: Path, make: Callable[..., Keys], curve: ec.EllipticCurve
) -> None:
    keys, folder = make(curve), model(tmp_path)

    sign(keys, folder)

    assert verdict(folder, keys.trusted, signature_required=True) == (Outcome.PASS, Severity.CRITICAL)
    assert accepted_by_the_tool(keys, folder)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swap(first: Path, second: Path) -> None:
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


TAMPERS: dict[str, Callable[[Path], object]] = {
    "weights flipped": lambda m: flip(m / "model.safetensors"),
    "configuration flipped": lambda m: flip(m / "config.json"),
    "card flipped": lambda m: flip(m / "README.md"),
    "file inside flipped": lambda m: flip(m / "sub" / "a.json"),
    "renamed in the same order": lambda m: (m / "config.json").rename(m / "configx.json"),
    "removed": lambda m: (m / "LICENSE").unlink(),
    "added": lambda m: (m / "modeling_evil.py").write_text("x = 1"),
    "added inside": lambda m: (m / "sub" / "b.json").write_text("{}"),
    "swapped": lambda m: swap(m / "model.safetensors", m / "model-2.safetensors"),
    "moved": lambda m: (m / "sub.json").rename(m / "sub" / "sub.json"),
}


@pytest.mark.parametrize("make", [by_key, by_certificate])
@pytest.mark.parametrize("name", TAMPERS)
def test_what_is_changed_afterwards_is_refused_by_both(
    tmp_path: Path, make: Callable[..., Keys], name: str
) -> None:
    keys, folder = make(), model(tmp_path)
    sign(keys, folder)

    TAMPERS[name](folder)

    assert verdict(folder, keys.trusted) == (Outcome.FAIL, Severity.CRITICAL)
    assert not accepted_by_the_tool(keys, folder)


@pytest.mark.parametrize("make", [by_key, by_certificate])
def test_what_is_signed_here_passes_with_the_tool(tmp_path: Path, make: Callable[..., Keys]) -> None:
    keys, folder = make(), model(tmp_path)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    chain = tuple(one.certificate for one in keys.chain)

    (folder / "model.sig").write_bytes(signing.signed(files, keys.private, chain=chain))

    assert accepted_by_the_tool(keys, folder)
    assert verdict(folder, keys.trusted, signature_required=True) == (Outcome.PASS, Severity.CRITICAL)


@pytest.mark.parametrize("make", [by_key, by_certificate])
def test_somebody_elses_keys_are_not_trusted(tmp_path: Path, make: Callable[..., Keys]) -> None:
    keys, other, folder = make(), make(), model(tmp_path)
    sign(keys, folder)

    assert verdict(folder, other.trusted) == (Outcome.FAIL, Severity.LOW)
    assert verdict(folder, other.trusted, signature_required=True) == (Outcome.FAIL, Severity.HIGH)
    assert not accepted_by_the_tool(other, folder)


@pytest.mark.parametrize(
    "given",
    [{"uses": (ExtendedKeyUsageOID.SERVER_AUTH,)}, {"days": (-30, -1)}],
    ids=["for servers", "expired"],
)
def test_certificates_that_the_tool_accepts_and_nobody_should(
    tmp_path: Path, given: dict[str, object]
) -> None:
    keys, folder = by_certificate(**given), model(tmp_path)
    sign(keys, folder)

    assert accepted_by_the_tool(keys, folder)
    assert verdict(folder, keys.trusted, signature_required=True) == (Outcome.FAIL, Severity.HIGH)


def test_a_signer_that_leaves_out_weights(tmp_path: Path) -> None:
    keys, folder = by_key(), model(tmp_path)
    sign(keys, folder, ignored=[folder / "model.safetensors"])

    assert accepted_by_the_tool(keys, folder)
    assert verdict(folder, keys.trusted) == (Outcome.FAIL, Severity.HIGH)


@pytest.mark.parametrize(
    "config",
    [
        lambda: hashing.Config().use_shard_serialization(),
        lambda: hashing.Config().use_file_serialization(hashing_algorithm="blake3"),
    ],
    ids=["shards", "blake3"],
)
def test_kinds_that_are_not_verified_here(tmp_path: Path, config: Callable[[], hashing.Config]) -> None:
    keys, folder = by_key(), model(tmp_path)
    sign(keys, folder, hashing=config())

    assert verdict(folder, keys.trusted) == (Outcome.SKIP, Severity.LOW)
    assert verdict(folder, keys.trusted, signature_required=True) == (Outcome.ERROR, Severity.HIGH)
