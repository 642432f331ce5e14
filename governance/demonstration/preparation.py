"""The people, tokens and facts of the demonstration; made once, kept in a file that only its owner reads."""

import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from governance.actions import people, policies, tokens
from governance.actors import Actor
from governance.errors import GovernanceError
from governance.models import PolicyDocument, User
from governance.permissions import Role, Scope
from registry.actions import environments, organization, shipped_licenses
from registry.licensing.releases import Change
from registry.models import OrganizationProfile, ServingEnvironment

ENVIRONMENT, PURPOSE, REGION, RECORDER = "internal-assistant", "assistant", "eu-central", "demonstration-node"
DEFAULT_POLICY = Path(settings.BASE_DIR) / "governance" / "policy" / "default.toml"
USE = {
    "role": "licensee",
    "purpose": "internal",
    "environment": "production",
    "commercial": True,
    "hosting": "none",
    "distribute_weights": False,
    "distribute_derivative": False,
    "served_territories": ["DE"],
    "use_case_tags": ["internal_assistant"],
}
FACTS = {
    "licensee_entity": "Example GmbH (demonstration)",
    "principal_place_of_business": "DE",
    "entity_type": "company",
    "operates_maas": False,
    "operates_ai_assistant": False,
}


def credentials_file() -> Path:
    """Where the demonstration's passwords and tokens are kept, readable by the owner alone."""
    return settings.PATHS.secrets / "demonstration.json"


@transaction.atomic
def prepare(*, now: datetime) -> dict[str, Any]:
    """Make what is missing; a second call changes nothing."""
    file = credentials_file()
    known: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    made = known or {"passwords": {role.value: secrets.token_urlsafe(12) for role in Role}, "tokens": {}}
    # Written before the rows are committed: a crash in between costs a password, never an account nobody can open.
    _write(file, made)
    admin = _person(Role.ADMIN, made, None, now)
    by = Actor(user=admin)
    officer = Actor(user=_person(Role.OFFICER, made, by, now))
    for role in (Role.REVIEWER, Role.AUDITOR):
        _person(role, made, by, now)
    if not PolicyDocument.objects.exists():
        policies.load_policy(text=DEFAULT_POLICY.read_text(), actor=by, now=now)
    if not ServingEnvironment.objects.filter(name=ENVIRONMENT).exists():
        description = "Office assistant for our own staff, on our own machines."
        environments.define_environment(
            name=ENVIRONMENT, description=description, regions=[REGION], use=USE, actor=officer, now=now
        )
    if not OrganizationProfile.objects.exists():
        organization.attest_facts(
            facts=FACTS, note="Facts of the demonstration.", effective_at=now, actor=officer, now=now
        )
    if "node" not in made["tokens"]:
        _, text = tokens.issue_token(
            name="demonstration node",
            owner=admin,
            scopes=[Scope.ADMISSION, Scope.RECORD],
            environment=ENVIRONMENT,
            recorder=RECORDER,
            expires_at=now + timedelta(days=365),
            actor=by,
            now=now,
        )
        made["tokens"]["node"] = text
        _write(file, made)
    return made


def load_licenses(*, now: datetime) -> tuple[str, str]:
    """Put the licence records of this version in force: what came of it, and what the reader should know."""
    try:
        loaded = shipped_licenses.load_licenses(now=now)
    except GovernanceError as problem:
        return "", f"the catalogue in force stays: {problem.detail}"
    hidden = [name for name, change in loaded.changes.items() if change == Change.CHANGED_BENEATH]
    hint = f"your own records hide a change of the project's: {', '.join(hidden)}" if hidden else ""
    number = len(loaded.release.entries)
    return f"{number} records, {len(loaded.changes) or 'none'} changed", hint


def _person(role: Role, made: dict[str, Any], by: Actor | None, now: datetime) -> User:
    found = User.objects.filter(username=role.value).first()
    return found or people.create_user(
        username=role.value, password=made["passwords"][role.value], role=role, actor=by, now=now
    )


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.touch(mode=0o600)
    with beside.open("w") as stream:
        json.dump(content, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    beside.rename(file)
