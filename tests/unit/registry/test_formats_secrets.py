"""Secrets in text: found by form and checksum, never repeated; what only stands for one gives no alarm.

Every token is made here, so that no file of this repository holds one.
"""

import base64
import hashlib
import json
import random
import string
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import secrets

ALNUM = string.ascii_letters + string.digits


def some(length: int, marks: str = ALNUM, seed: int = 7) -> str:
    """Characters as a generator of tokens gives them, the same in every run."""
    return "".join(random.Random(seed).choices(marks, k=length))


def checked(prefix: str) -> str:
    """A token whose last characters are the checksum of those before."""
    body, value, digits = some(30), zlib.crc32(some(30).encode()), ""
    while value:
        value, rest = divmod(value, 62)
        digits = secrets.BASE62[rest] + digits
    return f"{prefix}{body}{digits.rjust(6, '0')}"


def pem(kind: str = "RSA ", newline: str = "\n") -> str:
    body = base64.b64encode(random.Random(3).randbytes(600)).decode()
    lines = [body[place : place + 64] for place in range(0, len(body), 64)]
    return newline.join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])


def web_token() -> str:
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": "someone", "exp": 1})]
    return ".".join(
        [*(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts), some(43)]
    )


FOUND: dict[str, tuple[Callable[[], str], str]] = {
    "private key": (pem, "private key"),
    "key in JSON": (lambda: json.dumps({"private_key": pem("")}), "private key"),
    "OpenSSH": (lambda: pem("OPENSSH "), "private key"),
    "AWS": (lambda: f"id = AKIA{some(16, string.ascii_uppercase + '234567')}", "AWS access key"),
    "AWS secret": (lambda: f"aws_secret_access_key = {some(40, ALNUM + '+/')}", "AWS secret key"),
    "Google": (lambda: f"key=AIza{some(35)}", "Google API key"),
    "Hugging Face": (lambda: f"token: hf_{some(34, string.ascii_letters)}", "Hugging Face token"),
    "GitHub": (lambda: checked("ghp_"), "GitHub token"),
    "fine-grained": (lambda: f"github_pat_{some(22)}_{some(59)}", "GitHub token"),
    "npm": (lambda: f"//registry/:_authToken={checked('npm_')}", "npm token"),
    "PyPI": (lambda: f"pypi-AgEIcHlwaS5vcmc{some(80)}", "PyPI token"),
    "GitLab": (lambda: f"glpat-{some(20)}", "GitLab token"),
    "Slack": (lambda: f"xoxb-{some(12, string.digits)}-{some(24)}", "Slack token"),
    "Slack hook": (lambda: f"https://hooks.slack.com/services/T{some(8, string.ascii_uppercase)}/B{some(8, string.ascii_uppercase)}/{some(24)}", "Slack webhook"),
    "Anthropic": (lambda: f"sk-ant-api03-{some(90)}", "Anthropic key"),
    "OpenAI": (lambda: f"sk-{some(20)}T3BlbkFJ{some(20)}", "OpenAI key"),
    "OpenAI project": (lambda: f"sk-proj-{some(60)}", "OpenAI key"),
    "a secret key": (lambda: f"sk_live_{some(24)}", "secret key"),
    "W&B": (lambda: f"WANDB_API_KEY={some(40, '0123456789abcdef')}", "Weights & Biases key"),
    "Azure": (lambda: f"AccountKey={some(86, ALNUM + '+/')}==;", "Azure storage key"),
    "web token": (web_token, "web token"),
    "address": (lambda: f"postgres://admin:{some(12)}@db.example/x", "password in an address"),
    "netrc": (lambda: f"machine x.example login me password {some(12)}", "password for a machine"),
}  # fmt: skip
PLACEHOLDERS = [
    "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "hf_" + "a" * 34,
    "HF_TOKEN=hf_...",
    "AKIAIOSFODNN7EXAMPLE",
    "AKIA" + "A" * 16,
    "ghp_" + some(36),  # no checksum of its own
    "ghp_" + "X" * 36,
    "sk-" + "x" * 48,
    "sk-your-key-here",
    "xoxb-your-token-goes-here-please",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\n" + some(300) + "\n-----END PUBLIC KEY-----",
    "https://user:password@host.example/",
    "https://user:${PASSWORD}@host.example/",
    "https://<user>:<pass>@host.example/",
    "git+ssh://git@github.example/a/b",
    "http://host.example:8000/a@b",
    "eyJhbGciOi.eyJzdWIiOi.abc",
    "machine learning models login to the hub, password needed",
    "The tokenizer splits sk- and hf_ into two tokens.",
    "",
]


@pytest.mark.parametrize("name", FOUND)
def test_a_secret_is_found_and_never_repeated(name: str) -> None:
    make, kind = FOUND[name]
    text = f"first line\n{make()}\n"

    (found,) = secrets.secrets(text.encode())

    assert (found.kind, found.line) == (kind, 2)
    assert len(found.begins) <= secrets.SHOWN
    if found.sha256:
        assert found.begins in text
        assert len(found.sha256) == 64
    else:
        assert "password" in kind


def test_a_token_can_be_told_apart_by_its_digest() -> None:
    token = checked("ghp_")

    (found,) = secrets.secrets(token.encode())

    assert found.sha256 == hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_what_only_stands_for_a_secret_gives_no_alarm(text: str) -> None:
    assert list(secrets.secrets(text.encode())) == []


def test_the_checksum_is_the_one_that_its_maker_published() -> None:
    # From the announcement of the format, where it is given as an example.
    assert secrets.has_checksum("ghp_" + "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17")


def test_settings_with_secrets_are_found_in_files_that_hold_them() -> None:
    data = f"MODE=fast\nexport API_KEY='{some(24)}'\nDB_PASSWORD=changeme\nOTHER_TOKEN=${{X}}\n".encode()

    (found,) = secrets.settings(data)

    assert (found.line, found.begins, found.sha256) == (2, "", "")


def test_each_secret_is_told_once_and_not_without_end() -> None:
    tokens = [f"hf_{some(34, string.ascii_letters, seed)}" for seed in range(90)]

    found = list(secrets.secrets("\n".join(tokens * 2).encode()))

    assert len(found) == secrets.MAX_FOUND == len({item.sha256 for item in found})


@pytest.mark.parametrize(
    "piece",
    [b"-----BEGIN PRIVATE KEY-----", b"PuTTY-User-Key-File-2: ", b"eyJ-eyJ.", b"aws_secret", b"machine ", b"a://b:", b"://", b"AccountKey="],
)  # fmt: skip
def test_text_that_is_made_to_be_slow_is_left_in_time_and_said(piece: bytes) -> None:
    found = list(secrets.secrets(piece * 200_000))

    assert [item.kind for item in found if "than were looked at" in item.kind]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(["hf_", "ghp_", "sk-", "://", "@", ":", "eyJ", ".", "a" * 40, "PRIVATE", "-----BEGIN ", "KEY-----"]), max_size=20).map(lambda parts: "".join(parts).encode())))  # fmt: skip
def test_any_bytes_are_searched(data: bytes) -> None:
    assert all(item.kind for item in [*secrets.secrets(data), *secrets.settings(data)])
