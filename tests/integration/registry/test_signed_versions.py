"""A signed version from its verification to admission: the evidence stays, and the policy of the moment decides."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.actions import policies
from governance.permissions import Role
from governance.policy import document
from registry import questions, standing, standing_many
from registry.admission.decision import decide
from registry.admission.offer import Offer
from registry.admission.question import Environment
from registry.models import ModelVersion
from tests import factories, folders, intake, signing

pytestmark = pytest.mark.django_db
KEY, STRANGER = signing.key(), signing.key()
SHIPPED = document.DEFAULT.read_text()


def load(*, required: bool = True, key: Any = KEY, **lines: str) -> document.Policy:
    """Put a policy in force that trusts this key for models of acme; without a key nobody."""
    text = SHIPPED.replace("required = false", f"required = {json.dumps(required)}", 1)
    if key is not None:
        limits = "\n".join(f"{name} = {value}" for name, value in lines.items())
        pem = signing.public_pem(key)
        text += (
            f'[[signature.trusted]]\nmodels = "acme/*"\nmethod = "key"\npublic_key = """{pem}"""\n{limits}\n'
        )
    policies.load_policy(text=text, actor=factories.actor(Role.ADMIN), now=factories.NOW)
    return document.parse(text.encode())


def verified(folder: Path, *, key: Any = KEY, **changes: bytes) -> ModelVersion:
    """A version of a signed folder, verified; `changes` are made after it was signed."""
    files = folders.model_files()
    folders.write(folder, files | changes)
    (folder / "model.sig").write_bytes(signing.signed(files, key))
    version = intake.registered(folder)
    intake.resolve_open(version)
    version.refresh_from_db()
    intake.verify_open(version)
    version.refresh_from_db()
    return version


def codes(version: ModelVersion, policy: document.Policy, *, at: datetime | None = None) -> set[str]:
    """What admission says of signatures, and of what it is told of them by the verification."""
    candidate = standing.candidate(version, approvals=[], license_evidence=None)
    assert standing_many.bases([version])[version.pk].signature == candidate.signature
    decision = decide(
        Offer("production", "chat", files=candidate.files, model_digest=version.model_digest),
        candidates=[candidate],
        policy=policy,
        environment=Environment("production"),
        now=at or intake.now(),
    )
    return {reason.code for reason in decision.reasons if reason.code.startswith("signature")}


def test_the_question_is_asked_with_the_policy_in_force(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    assert questions.question_of(version, now=factories.NOW).trusted == ()

    policy = load()

    asked = questions.asked_of(version, now=factories.NOW)
    assert asked.question.trusted == policy.signature.trusted
    assert asked.question.signature_required
    assert asked.question.examined_on == factories.NOW.isoformat()
    assert asked.sources["policy"] == policy.policy_digest


def test_a_trusted_signature_admits_until_the_trust_ends(tmp_path: Path) -> None:
    policy = load()
    version = verified(tmp_path / "m")

    result = version.verificationruns.get().results.get(check_id="C4-signature", path="model.sig")
    assert (result.outcome, result.evidence["signature"]) == ("pass", "valid")
    assert "cryptography" in result.tool_version
    assert codes(version, policy) == set()
    # The evidence is the same; what changes is the policy.
    assert codes(version, load(key=None)) == {"signature_untrusted"}
    assert codes(version, load(key=STRANGER)) == {"signature_untrusted"}
    tomorrow = intake.now() + timedelta(days=1)
    ending = load(not_after=tomorrow.isoformat(timespec="seconds"))
    assert codes(version, ending) == set()
    assert codes(version, ending, at=tomorrow + timedelta(seconds=2)) == {"signature_untrusted"}
    assert codes(version, load(required=False, key=None)) == set()


def test_a_signature_of_nobody_in_particular(tmp_path: Path) -> None:
    policy = load(required=False)
    version = verified(tmp_path / "m", key=STRANGER)

    run = version.verificationruns.get()
    assert run.results.get(check_id="C4-signature", path="model.sig").severity == "low"
    assert codes(version, policy) == set()
    assert codes(version, load()) == {"signature_untrusted"}


def test_a_version_without_a_signature(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")

    assert codes(version, load(required=False)) == set()
    assert codes(version, load()) == {"signature_missing"}


def test_files_that_were_changed_after_signing_are_quarantined(tmp_path: Path) -> None:
    load(required=False)

    version = verified(tmp_path / "m", **{"config.json": b'{"model_type": "llama"}'})

    assert version.status == "quarantined"
    assert "C4-signature (model.sig)" in version.quarantine_reason
