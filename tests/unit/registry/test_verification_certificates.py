"""C4: certificates that count, and those that do not, at the time of the examination."""

import functools
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from governance.policy.signature import SigningMethod, TrustedSigner
from registry.lifecycle import Outcome
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
    bundled,
    by,
    check,
    root,
    trust,
    verdict,
)
from tests.signing import NOW


def test_a_certificate_of_the_authority_with_the_pinned_name() -> None:
    middle = signing.authority("Acme issuing", issuer=root(), uses=(ExtendedKeyUsageOID.CODE_SIGNING,))
    leaf = signing.leaf(middle)

    for above in ((middle,), (middle, root())):
        [found] = check(by(leaf, *above), trusted=(trust(),), signature_required=True)
        assert found.finding.outcome is Outcome.PASS
        signer = found.finding.evidence["signer"]
        assert (signer["method"], signer["identities"]) == ("certificate", (signing.IDENTITY,))
        assert signer["not_after"] == (NOW + timedelta(days=15)).isoformat()


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        (x509.UniformResourceIdentifier("https://acme.example/ci"), "https://acme.example/ci"),
        (x509.DNSName("sign.acme.example"), "sign.acme.example"),
    ],
)
def test_names_of_other_kinds(name: x509.GeneralName, identity: str) -> None:
    leaf = signing.leaf(root(), names=(x509.RFC822Name("b@acme.example"), name))

    assert verdict(by(leaf), trusted=(trust(identity=identity),)) == PASS
    assert verdict(by(leaf), trusted=(trust(identity=identity.upper()),)) == LOW


def test_one_certificate_alone() -> None:
    leaf = signing.leaf(root())
    value = signing.bundle(signing.statement(FILES), leaf.private, chain=(leaf.certificate,))
    [item] = value["verificationMaterial"].pop("x509CertificateChain")["certificates"]
    value["verificationMaterial"]["certificate"] = item

    assert verdict(bundled(value), trusted=(trust(),), signature_required=True) == PASS


UNKNOWN = x509.ObjectIdentifier("1.2.3.4")
OTHER_NAMES = (
    x509.NameConstraints(permitted_subtrees=[x509.RFC822Name("other.example")], excluded_subtrees=None),
    True,
)
UNTRUSTED: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "expired": (lambda: by(signing.leaf(root(), days=(-30, -1))), "expired on 2026-11-21"),
    "not yet valid": (lambda: by(signing.leaf(root(), days=(1, 30))), "not valid before 2026-11-23"),
    "for servers": (
        lambda: by(signing.leaf(root(), uses=(ExtendedKeyUsageOID.SERVER_AUTH,))),
        "not for signing code",
    ),
    "for anything": (
        lambda: by(signing.leaf(root(), uses=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,))),
        "not for signing code",
    ),
    "for no use": (lambda: by(signing.leaf(root(), uses=())), "not for signing code"),
    "not for signatures": (lambda: by(signing.leaf(root(), digital_signature=False)), "key usage"),
    "another name": (
        lambda: by(signing.leaf(root(), names=(x509.RFC822Name("x@acme.example"),))),
        "does not name this signer",
    ),
    "no name": (lambda: by(signing.leaf(root(), names=())), "does not name this signer"),
    "self-signed": (lambda: by(signing.leaf(None)), "does not lead to the authority"),
    "self-signed with the authority beside": (lambda: by(signing.leaf(None), root()), "does not lead"),
    "of another authority": (lambda: by(signing.leaf(signing.authority())), "does not lead to the authority"),
    "of an authority of the same name": (
        lambda: by(signing.leaf(fake := signing.authority(days=(-1000, 1000))), fake),
        "does not lead to the authority",
    ),
    "issuing certificate missing": (
        lambda: by(signing.leaf(signing.authority("Acme issuing", issuer=root()))),
        "does not lead to the authority",
    ),
    "issued by a signer": (
        lambda: by(signing.leaf(middle := signing.leaf(root())), middle),
        "does not lead to the authority",
    ),
    "issued by one that is no authority": (
        lambda: by(
            signing.leaf(middle := signing.authority("Not one", issuer=root(), is_authority=False)), middle
        ),
        "does not lead to the authority",
    ),
    "issuing certificate expired": (
        lambda: by(signing.leaf(middle := signing.authority("Old", issuer=root(), days=(-30, -1))), middle),
        "does not lead to the authority",
    ),
    "issuing certificate for servers only": (
        lambda: by(
            signing.leaf(
                middle := signing.authority("Web", issuer=root(), uses=(ExtendedKeyUsageOID.SERVER_AUTH,))
            ),
            middle,
        ),
        "may not issue certificates for signing code",
    ),
    "an authority itself": (lambda: by(root()), "that of an authority"),
    "with a critical extension that nobody knows": (
        lambda: by(signing.leaf(root(), more=[(x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), True)])),
        "critical extensions",
    ),
    "issued under another name than it may be": (
        lambda: by(
            signing.leaf(middle := signing.authority("Narrow", issuer=root(), more=[OTHER_NAMES])), middle
        ),
        "name constraints",
    ),
    "a chain that is too long": (
        lambda: by(
            signing.leaf(
                (
                    chain := functools.reduce(
                        lambda done, place: [*done, signing.authority(f"A{place}", issuer=done[-1])],
                        range(7),
                        [root()],
                    )
                )[-1]
            ),
            *reversed(chain[1:]),
        ),
        "does not lead to the authority",
    ),
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_certificates_that_do_not_count(name: str) -> None:
    make, words = UNTRUSTED[name]
    files = make()

    for required, expected in ((False, LOW), (True, HIGH)):
        found = check(files, trusted=(trust(),), signature_required=required)
        assert [(one.finding.outcome, one.severity) for one in found] == [expected]
        assert words in found[0].finding.message
    assert verdict({**files, "config.json": b"[]"}, trusted=(trust(),)) == CRITICAL


def test_an_authority_that_expired() -> None:
    old = signing.authority("Old root", days=(-30, -1))

    assert verdict(by(signing.leaf(old)), trusted=(trust(old),)) == LOW


def test_the_time_is_that_of_the_examination() -> None:
    files = by(signing.leaf(root(), days=(-30, -1)))

    assert verdict(files, trusted=(trust(),), examined_on=(NOW - timedelta(days=10)).isoformat()) == PASS
    assert verdict(files, trusted=(trust(),), examined_on="") == LOW


def test_a_payload_that_the_certificate_did_not_sign() -> None:
    leaf = signing.leaf(root())
    value = signing.bundle(signing.statement(FILES), signing.key(), chain=(leaf.certificate,))

    assert verdict(bundled(value), trusted=(trust(),)) == CRITICAL
    assert verdict(bundled(value), trusted=()) == CRITICAL


def test_an_unknown_certificate_of_sigstore_needs_its_log() -> None:
    leaf = signing.leaf(signing.authority())
    value = signing.bundle(signing.statement(FILES), leaf.private, chain=(leaf.certificate,))
    value["verificationMaterial"]["tlogEntries"] = [{"logIndex": "1"}]

    assert verdict(bundled(value), trusted=(trust(),)) == SKIP
    assert verdict(bundled(value), trusted=(trust(),), signature_required=True) == ERROR


def test_keys_that_model_signatures_do_not_know() -> None:
    leaf = signing.leaf(root(), private=signing.key(ec.SECP256K1()))
    value = signing.bundle(signing.statement(FILES), KEY, chain=(leaf.certificate,))

    assert verdict(bundled(value), trusted=(trust(),)) == SKIP


def test_the_key_of_a_certificate_is_no_trusted_key() -> None:
    leaf = signing.leaf(root())
    by_key = TrustedSigner("acme/*", SigningMethod.KEY, public_key=signing.public_pem(leaf.private))

    assert verdict(by(leaf), trusted=(by_key,)) == LOW
