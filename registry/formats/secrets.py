"""Finds keys, tokens and passwords in text by their form and, where they have one, by their checksum. Pure.

What is found is never repeated: of a long token its first characters and its SHA-256, so that its owner can tell which
one it is; of a password nothing, because a digest of it could be guessed.
"""

import base64
import binascii
import dataclasses
import hashlib
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

from registry.formats.sign import Level

MAX_FOUND = 50
# Places of one file at which one form is tried: what a hostile text may cost is bounded by this.
MAX_PLACES = 100_000
FEW_PLACES = 2000  # for a form that may read far at each of them
SHOWN = 4
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PLACEHOLDER = re.compile(
    r"(?i)example|sample|placeholder|dummy|changeme|your|insert|here|secret|token|xxxx|0000|1234567|abcdef|\.\.\.|<|\$\{|\{\{|fake|test"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Secret:
    """One secret: what it is, where, and how it can be told apart without being shown."""

    kind: str
    level: Level
    line: int
    begins: str = ""
    sha256: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """What a kind of secret looks like. `near` are words one of which every text that holds it must hold."""

    kind: str
    near: tuple[bytes, ...]
    pattern: re.Pattern[str]
    level: Level = Level.DANGER
    holds: Callable[[str], bool] = lambda text: not is_placeholder(text)
    is_shown: bool = True
    places: int = MAX_PLACES


def entropy(text: str) -> float:
    """Bits a character, by how often each stands in the text."""
    return (
        -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
        if text
        else 0.0
    )


def is_placeholder(text: str) -> bool:
    """Whether it stands for a secret, as examples do, rather than being one."""
    return entropy(text) < 3.2 or _PLACEHOLDER.search(text) is not None


def has_checksum(token: str) -> bool:
    """Whether the last six characters of a GitHub or npm token are the CRC-32 of the thirty before, in base 62."""
    body, check = token.split("_", 1)[1][:30], token[-6:]
    value, digits = zlib.crc32(body.encode()), ""
    while value:
        value, rest = divmod(value, 62)
        digits = BASE62[rest] + digits
    return check == digits.rjust(6, "0")


def _is_key(text: str) -> bool:
    """Whether a key in PEM has a body of base64, longer than an example's."""
    body = re.sub(
        r"-----[A-Z0-9 ]*(?:-----)?|\\[nr]|\s|[\"',+]|(?:Proc-Type|DEK-Info|Comment|Version):[^\n]*", "", text
    )
    return len(body) >= 64 and re.fullmatch(r"[A-Za-z0-9+/=]+", body) is not None and entropy(body) > 4


def _is_web_token(text: str) -> bool:
    """Whether the first part is the header of a JSON Web Token."""
    head = text.split(".", maxsplit=1)[0]
    try:
        value = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(value, dict) and "alg" in value and not is_placeholder(text.split(".")[2])


def _is_password(text: str) -> bool:
    return len(text) >= 4 and not re.search(
        r"(?i)^(?:pass(?:word|wd)?|pwd|user(?:name)?|secret|token|x+|\*+|\.+|changeme|example.*|your.*|[<${%\[(].*|.*[>}%\])]|port|key)$",
        text,
    )


def _form(kind: str, near: str, pattern: str, level: Level = Level.DANGER, **more: object) -> _Form:
    return _Form(kind, tuple(word.encode() for word in near.split(" ")), re.compile(pattern), level, **more)  # type: ignore[arg-type]


FORMS = (
    _form("private key", "PRIVATE", r"-----BEGIN (?:[A-Z0-9]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----[\s\S]{20,9000}?-----END ", holds=_is_key, places=FEW_PLACES),
    _form("PuTTY private key", "PuTTY-User-Key-File", r"PuTTY-User-Key-File-\d: [\s\S]{1,4000}?Private-Lines: \d{1,4}\s{1,4}([A-Za-z0-9+/=\s]{40,9000})", places=FEW_PLACES),
    _form("AWS access key", "AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    _form("AWS secret key", "aws_secret aws-secret AWS_SECRET SecretAccessKey",
          r"(?i)(?:aws_?-?secret\w{0,40}|SecretAccessKey)[\"']?\s{0,5}[:=]\s{0,5}[\"']?([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])"),
    _form("Google API key", "AIza", r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    _form("Hugging Face token", "hf_ api_org_", r"\b(?:hf_|api_org_)[A-Za-z0-9]{34}\b"),
    _form("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36}\b", holds=has_checksum),
    _form("GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    _form("npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b", holds=has_checksum),
    _form("PyPI token", "pypi-AgEI", r"\bpypi-AgEI[A-Za-z0-9_-]{50,400}"),
    _form("GitLab token", "glpat-", r"\bglpat-[0-9A-Za-z_-]{20,64}"),
    _form("Slack token", "xox", r"\bxox[abeoprs]-[0-9A-Za-z-]{20,250}"),
    _form("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,32}"),
    _form("Anthropic key", "sk-ant-", r"\bsk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{60,200}"),
    _form("OpenAI key", "T3BlbkFJ sk-proj- sk-svcacct- sk-admin-",
          r"\bsk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,120}T3BlbkFJ[A-Za-z0-9_-]{20,120}|\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}"),
    _form("secret key", "sk- sk_live_ rk_live_", r"\b(?:sk-[A-Za-z0-9]{40,64}|[sr]k_live_[A-Za-z0-9]{24,120})\b"),
    _form("Weights & Biases key", "WANDB_API_KEY wandb_api_key", r"(?i)wandb_api_key[\"']?\s{0,5}[:=]\s{0,5}[\"']?([0-9a-f]{40})\b"),
    _form("Azure storage key", "AccountKey=", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
    _form("web token", "eyJ", r"\beyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,700}", Level.WARNING, holds=_is_web_token, places=FEW_PLACES),
    _form("password in an address", "://", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{1,100}:([^\s/@\"'<>]{1,200})@[A-Za-z0-9\[]", holds=_is_password, is_shown=False),
    _form("password for a machine", "machine", r"\bmachine\s{1,9}\S{1,200}\s{1,9}login\s{1,9}\S{1,200}\s{1,9}password\s{1,9}(\S{1,200})", holds=_is_password, is_shown=False),
)  # fmt: skip
# Lines of a file of settings: only read so in files that are there to hold secrets.
_SETTING = re.compile(
    r"(?im)^[ \t]{0,20}(?:export[ \t]{1,5})?([A-Z0-9_]{0,60}(?:KEY|TOKEN|SECRET|PASSW(?:OR)?D|CREDENTIAL)[A-Z0-9_]{0,60})"
    r"[ \t]{0,5}=[ \t]{0,5}[\"']?([^\s\"'#]{6,400})"
)


def secrets(data: bytes) -> Iterator[Secret]:
    """Every secret in a text, at most `MAX_FOUND`; a text that no form's words stand in costs one search for each."""
    forms = [form for form in FORMS if any(word in data for word in form.near)]
    if not forms:
        return
    text = data.decode("utf-8", "replace")
    seen: set[str] = set()
    for form in forms:
        end = _end(text, form)
        for match in form.pattern.finditer(text, 0, end):
            token = match[match.lastindex or 0]
            if token in seen or not form.holds(token):
                continue
            seen.add(token)
            yield _secret(
                form.kind, form.level, token, text.count("\n", 0, match.start()) + 1, is_shown=form.is_shown
            )
            if len(seen) >= MAX_FOUND:
                return
        if end < len(text):
            yield Secret(f"more places that could hold a {form.kind} than were looked at", Level.DOUBT, 0)


def _end(text: str, form: _Form) -> int:
    """Where to stop looking: behind the last place that is tried."""
    ends = []
    for word in form.near:
        place = -1
        for _ in range(form.places):
            place = text.find(word.decode(), place + 1)
            if place < 0:
                break
        else:
            ends.append(place)
    return min(ends, default=len(text))


def settings(data: bytes) -> Iterator[Secret]:
    """The lines of a `.env` file that give a secret a value."""
    text = data.decode("utf-8", "replace")
    for match in _SETTING.finditer(text):
        if _is_password(match[2]) and not is_placeholder(match[2]):
            yield _secret(
                "value of a secret setting",
                Level.DANGER,
                match[2],
                text.count("\n", 0, match.start()) + 1,
                is_shown=False,
            )


def _secret(kind: str, level: Level, token: str, line: int, *, is_shown: bool) -> Secret:
    if not is_shown:
        return Secret(kind, level, line)
    digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
    return Secret(kind, level, line, token[:SHOWN], digest)
