"""Whose signatures a policy trusts: what it may say, and what is said of one that is wrong."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import document, signature
from governance.policy.signature import SignaturePolicy, Signer, SigningMethod
from tests import signing

SHIPPED = document.DEFAULT.read_text()
KEY = signing.public_pem(signing.key())
ROOT = signing.authority()
BY_KEY = {"models": '"acme/*"', "method": '"key"', "public_key": f'"""{KEY}"""'}
BY_CERTIFICATE = {
    "models": '"acme/*"',
    "method": '"certificate"',
    "authority": f'"""{ROOT.pem}"""',
    "identity": '"release@acme.example"',
}
DAY = "2026-01-01T00:00:00Z"


def policy(*tables: dict[str, str], section: str = "required = false") -> SignaturePolicy:
    text = SHIPPED.replace("required = false", section, 1)
    for table in tables:
        lines = "\n".join(f"{key} = {value}" for key, value in table.items())
        text += f"\n[[signature.trusted]]\n{lines}\n"
    return document.parse(text.encode()).signature


def refused(*tables: dict[str, str], section: str = "required = false") -> tuple[str, str]:
    """The field that a policy is refused for, and why."""
    with pytest.raises(document.InvalidPolicy) as error:
        policy(*tables, section=section)
    return error.value.field, error.value.reason


def test_the_shipped_policy_trusts_nobody_and_requires_nothing() -> None:
    assert document.load().signature == SignaturePolicy(required=False)


def test_keys_and_certificates_are_read() -> None:
    found = policy(
        BY_KEY | {"not_before": DAY, "not_after": '"2027-01-01T02:00:00+02:00"'},
        BY_CERTIFICATE,
        section='required = false\nrequired_models = ["acme/*", "other/model"]',
    )

    first, second = found.trusted
    assert (first.method, first.public_key) == (SigningMethod.KEY, KEY)
    assert (first.not_before, first.not_after) == ("2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00")
    assert (second.method, second.authority) == (SigningMethod.CERTIFICATE, ROOT.pem)
    assert (second.identity, second.not_after) == ("release@acme.example", "")
    assert found.required_models == ("acme/*", "other/model")


@pytest.mark.parametrize(
    ("section", "model", "needed"),
    [
        ("required = true", "", True),
        ("required = true", "acme/model", True),
        ("required = false", "acme/model", False),
        ('required = false\nrequired_models = ["acme/*"]', "acme/model", True),
        ('required = false\nrequired_models = ["acme/*"]', "ACME/Model", True),
        ('required = false\nrequired_models = ["acme/*"]', "acmes/model", False),
        ('required = false\nrequired_models = ["acme/model"]', "acme/model-2", False),
        ('required = false\nrequired_models = ["*"]', "any/thing", True),
        ('required = false\nrequired_models = ["*"]', "", True),
    ],
)
def test_which_models_need_one(section: str, model: str, needed: bool) -> None:
    assert policy(section=section).is_required(model) is needed


def pem_of(key: object) -> str:
    return f'"""{signing.public_pem(key)}"""'


WRONG: list[tuple[Callable[[], dict[str, str]], str, str]] = [
    (lambda: BY_KEY | {"models": '"acme"'}, "models", "must be"),
    (lambda: BY_KEY | {"models": '"*/*"'}, "models", "must be"),
    (lambda: BY_KEY | {"models": '"acme/*x"'}, "models", "must be"),
    (lambda: BY_KEY | {"models": "[]"}, "models", "must be a text"),
    (lambda: BY_KEY | {"method": '"sigstore"'}, "method", "must be one of key, certificate"),
    (lambda: BY_KEY | {"loosen": "true"}, "loosen", "unknown key"),
    (lambda: BY_KEY | {"public_key": "1"}, "public_key", "is required"),
    (lambda: BY_KEY | {"public_key": '"x"'}, "public_key", "is not a public key"),
    (lambda: BY_KEY | {"public_key": '"' + "x" * 20_000 + '"'}, "public_key", "at most"),
    (lambda: BY_KEY | {"public_key": pem_of(ed25519.Ed25519PrivateKey.generate())}, "public_key", "P-256"),
    (lambda: BY_KEY | {"public_key": pem_of(rsa.generate_private_key(65537, 2048))}, "public_key", "P-256"),
    (lambda: BY_KEY | {"public_key": pem_of(signing.key(ec.SECP256K1()))}, "public_key", "P-256"),
    (lambda: BY_KEY | {"authority": f'"""{ROOT.pem}"""'}, "authority", "does not belong"),
    (lambda: BY_KEY | {"identity": '"x@y"'}, "identity", "does not belong"),
    (lambda: BY_KEY | {"not_before": '"soon"'}, "not_before", "time with its zone"),
    (lambda: BY_KEY | {"not_before": "2026-01-01"}, "not_before", "time with its zone"),
    (lambda: BY_KEY | {"not_before": "2026-01-01T00:00:00"}, "not_before", "time with its zone"),
    (lambda: BY_KEY | {"not_before": '"0001-01-01T00:00:00+14:00"'}, "not_before", "time with its zone"),
    (lambda: BY_KEY | {"not_before": DAY, "not_after": DAY}, "not_after", "later than"),
    (lambda: BY_CERTIFICATE | {"public_key": f'"""{KEY}"""'}, "public_key", "does not belong"),
    (lambda: BY_CERTIFICATE | {"identity": '"a b"'}, "identity", "e-mail address"),
    (lambda: BY_CERTIFICATE | {"identity": '""'}, "identity", "1 to"),
    (lambda: BY_CERTIFICATE | {"authority": f'"""{KEY}"""'}, "authority", "exactly one certificate"),
    (lambda: BY_CERTIFICATE | {"authority": f'"""{ROOT.pem * 2}"""'}, "authority", "exactly one certificate"),
    (
        lambda: (
            BY_CERTIFICATE | {"authority": '"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----"'}
        ),
        "authority",
        "is not a certificate",
    ),
    (
        lambda: BY_CERTIFICATE | {"authority": f'"""{signing.leaf(ROOT).pem}"""'},
        "authority",
        "may not issue certificates",
    ),
]


@pytest.mark.parametrize(("make", "key", "words"), WRONG)
def test_a_wrong_signer_is_named(make: Callable[[], dict[str, str]], key: str, words: str) -> None:
    field, reason = refused(BY_KEY, make())

    assert field == f"signature.trusted[1].{key}"
    assert words in reason


@pytest.mark.parametrize("key", ["models", "method", "public_key"])
def test_every_key_of_a_signer_is_required(key: str) -> None:
    assert (
        refused({name: value for name, value in BY_KEY.items() if name != key})[0]
        == f"signature.trusted[0].{key}"
    )


def test_a_certificate_needs_a_name() -> None:
    table = {name: value for name, value in BY_CERTIFICATE.items() if name != "identity"}

    assert refused(table) == ("signature.trusted[0].identity", "is required")


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ('required = false\nrequired_models = ["acme"]', "signature.required_models[0]"),
        ('required = false\nrequired_models = "acme/*"', "signature.required_models"),
        ("required = false\ntrusted = 1", "signature.trusted"),
    ],
)
def test_a_wrong_section_is_named(section: str, field: str) -> None:
    assert refused(section=section)[0] == field


def test_no_more_signers_than_anybody_has() -> None:
    many = SHIPPED + "\n".join(
        f"[[signature.trusted]]\n{chr(10).join(f'{key} = {value}' for key, value in BY_KEY.items())}"
        for _ in range(257)
    )

    with pytest.raises(
        document.InvalidPolicy, match=re.escape("signature.trusted: must name at most 256 signers")
    ):
        document.parse(many.encode())


def test_the_example_in_the_shipped_policy_is_understood() -> None:
    """What its comments show, with real keys in place of the dots."""
    start = SHIPPED.index("# [[signature.trusted]]")
    example = SHIPPED[start : SHIPPED.index("\n[origin]")]
    example = "\n".join(line.removeprefix("# ") for line in example.splitlines())
    example = re.sub(
        r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", KEY.strip(), example, flags=re.DOTALL
    )
    example = re.sub(
        r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", ROOT.pem.strip(), example, flags=re.DOTALL
    )

    found = document.parse(f"{SHIPPED}\n{example}\n".encode()).signature

    assert [one.method for one in found.trusted] == ["key", "certificate"]


SIGNER = Signer(
    "certificate",
    "a" * 64,
    authority=signature.authority_fingerprint(ROOT.pem),
    identities=("release@acme.example", "x.acme.example"),
    not_before="2026-01-01T00:00:00+00:00",
    not_after="2026-12-31T00:00:00+00:00",
)


@pytest.mark.parametrize(
    ("at", "model", "words"),
    [
        (datetime(2026, 6, 1, tzinfo=UTC), "acme/model", ""),
        (datetime(2026, 1, 1, tzinfo=UTC), "Acme/Model", ""),
        (datetime(2025, 12, 31, tzinfo=UTC), "acme/model", "not valid at this time"),
        (datetime(2027, 1, 1, tzinfo=UTC), "acme/model", "not valid at this time"),
        (None, "acme/model", "not valid at this time"),
        (datetime(2026, 6, 1, tzinfo=UTC), "other/model", "for acme/* and not for other/model"),
        (datetime(2026, 6, 1, tzinfo=UTC), "", "for acme/* and not for a model without a name"),
    ],
)
def test_certificates_are_trusted_while_they_are_valid(at: datetime | None, model: str, words: str) -> None:
    doubt = policy(BY_CERTIFICATE).doubt(SIGNER, model=model, at=at)

    assert words in doubt
    assert bool(doubt) is bool(words)


@given(st.text(max_size=60))
def test_any_text_as_a_key_is_a_key_or_refused(text: str) -> None:
    for load in (signature.load_key, signature.load_authority):
        with pytest.raises(ValueError, match="PEM"):
            load(text)
