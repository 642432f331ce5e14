"""What a policy document may say, and what is said of one that is wrong."""

import hashlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import document

SHIPPED = document.DEFAULT.read_text()
# Keys younger than policies that are on record; what they stand for when they are absent is the strict side.
OPTIONAL = {("license", "on_worse_verdict")}
KEYS = [
    (section, key)
    for section, table in tomllib.loads(SHIPPED).items()
    for key in (table if isinstance(table, dict) else [None])
    if (section, key) not in OPTIONAL
]
# Keys that documents loaded before them do not have.
LATER = {"obligations", "obligations_due_days"}


def test_the_shipped_policy_is_strict() -> None:
    policy = document.load()

    assert policy.formats == {"safetensors", "gguf"}
    assert policy.accepted_verdicts == {"allowed", "allowed_with_obligations"}
    assert policy.remote_code is document.RemoteCode.FORBIDDEN
    assert policy.mode is document.Mode.ENFORCE
    assert policy.smoke_required
    assert policy.regions == {}


def test_a_policy_from_before_worse_verdicts_suspends() -> None:
    older = "\n".join(line for line in SHIPPED.splitlines() if not line.startswith("on_worse_verdict"))

    assert document.parse(older.encode()).on_worse_verdict is document.WorseVerdict.SUSPEND
    assert document.load().on_worse_verdict is document.WorseVerdict.SUSPEND
    alert = SHIPPED.replace('on_worse_verdict = "suspend"', 'on_worse_verdict = "alert"')
    assert document.parse(alert.encode()).on_worse_verdict is document.WorseVerdict.ALERT


def test_the_digest_is_that_of_the_bytes() -> None:
    content = SHIPPED.encode()

    assert document.parse(content).policy_digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert document.parse(content + b"# changed\n").policy_digest != document.parse(content).policy_digest


@pytest.mark.parametrize(("section", "key"), [one for one in KEYS if one[1] not in LATER])
def test_every_key_is_required(section: str, key: str | None) -> None:
    lines = SHIPPED.splitlines()
    start = lines.index(f"[{section}]") if key else 0
    index = next(i for i in range(start, len(lines)) if lines[i].startswith(f"{key or section} ="))
    del lines[index]

    with pytest.raises(document.InvalidPolicy) as refused:
        document.parse("\n".join(lines).encode())

    assert refused.value.field == (f"{section}.{key}" if key else section)


@pytest.mark.parametrize("section", document.SECTIONS)
def test_every_section_is_required_and_closed(section: str) -> None:
    with pytest.raises(document.InvalidPolicy, match=f"{section}.loosen: unknown key"):
        document.parse(SHIPPED.replace(f"[{section}]", f"[{section}]\nloosen = true").encode())
    with pytest.raises(document.InvalidPolicy, match=f"{section}: is required"):
        document.parse(SHIPPED.replace(f"[{section}]", f"[environments.{section}]").encode())


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("version = 1", "version = 2", "version"),
        ("version = 1", "version = true", "version"),
        ('formats = ["safetensors", "gguf"]', 'formats = ["pickle"]', "evidence.formats"),
        ('formats = ["safetensors", "gguf"]', "formats = []", "evidence.formats"),
        ('remote_code = "forbidden"', 'remote_code = "maybe"', "evidence.remote_code"),
        ("smoke_required = true", 'smoke_required = "yes"', "evidence.smoke_required"),
        (
            "verification_max_age_days = 30",
            "verification_max_age_days = 0",
            "evidence.verification_max_age_days",
        ),
        (
            "verification_max_age_days = 30",
            "verification_max_age_days = -1",
            "evidence.verification_max_age_days",
        ),
        ('"allowed_with_obligations"', '"needs_review"', "license.accepted"),
        ('"allowed_with_obligations"', '"prohibited"', "license.accepted"),
        ('on_worse_verdict = "suspend"', 'on_worse_verdict = "ignore"', "license.on_worse_verdict"),
        ("max_days = 365", "max_days = 99999", "approval.max_days"),
        ('"open_allowed"', '"maybe"', "approval.obligations"),
        ("obligations_due_days = 30", "obligations_due_days = 0", "approval.obligations_due_days"),
        ('"open_allowed"', '"open_allowed"\nrequire_done = ["notice"]', "approval.require_done"),
        ('"open_allowed"', '"required"\nrequire_done = ["No!"]', "approval.require_done"),
        ('"open_allowed"', '"required"\nrequire_done = ["*", "notice"]', "approval.require_done"),
        ("required = false", "required = 0", "signature.required"),
        ("denied_countries = []", 'denied_countries = ["Utopia"]', "origin.denied_countries"),
        ('mode = "enforce"', 'mode = "off"', "admission.mode"),
        ("ttl_minutes = 60", "ttl_minutes = 60.5", "admission.ttl_minutes"),
    ],
)
def test_a_wrong_value_is_named(old: str, new: str, field: str) -> None:
    assert old in SHIPPED

    with pytest.raises(document.InvalidPolicy) as refused:
        document.parse(SHIPPED.replace(old, new).encode())

    assert refused.value.field == field
    assert refused.value.code == "invalid_policy"


def test_a_policy_from_before_the_keys_on_obligations_asks_for_none() -> None:
    old = "\n".join(line for line in SHIPPED.splitlines() if not line.startswith("obligations"))

    policy = document.parse(old.encode())

    assert (policy.obligations_required, policy.obligations_due_days) == (frozenset(), document.DUE_DAYS)


@pytest.mark.parametrize(
    ("lines", "required"),
    [
        ('"open_allowed"', set()),
        ('"required"', {"*"}),
        ('"required"\nrequire_done = ["*"]', {"*"}),
        ('"required"\nrequire_done = ["accept-aup", "notice-file"]', {"accept-aup", "notice-file"}),
    ],
)
def test_obligations_before_an_approval(lines: str, required: set[str]) -> None:
    policy = document.parse(SHIPPED.replace('"open_allowed"', lines, 1).encode())

    assert policy.obligations_required == required


def test_environments_narrow_regions() -> None:
    policy = document.parse((SHIPPED + '\n[environments.production]\nregions = ["eu-central"]\n').encode())

    assert policy.regions == {"production": frozenset({"eu-central"})}


@pytest.mark.parametrize(
    "text", ["[environments.x]", "[environments.X]\nregions = []", "[environments]\nx = 1"]
)
def test_an_environment_without_regions_is_refused(text: str) -> None:
    with pytest.raises(document.InvalidPolicy, match="environments"):
        document.parse(f"{SHIPPED}\n{text}\n".encode())


@given(st.binary(max_size=400))
def test_any_bytes_are_a_policy_or_refused(content: bytes) -> None:
    with pytest.raises(document.InvalidPolicy):
        document.parse(content)


def test_a_huge_document_is_refused() -> None:
    with pytest.raises(document.InvalidPolicy, match="larger"):
        document.parse(b"#" * (document.MAX_BYTES + 1))
