"""Licence records of an organisation for tests, and what becomes of them."""

import copy
from datetime import timedelta
from typing import Any

from governance.actors import Actor
from governance.permissions import Role
from registry.actions import license_records
from registry.licensing import records
from registry.models import CatalogRelease, LicenseProposal
from tests import factories

NOW = factories.NOW + timedelta(minutes=1)
HOUSE = """\
id = "house-1.0"  # what our own people train
name = "House licence 1.0"
publisher = "Acme"
category = "community"
verification = "verified_text"
sources = ["contract 17"]

[hub]
license_names = ["acme-house"]

[[repositories]]
pattern = "acme-house/*"

[scope]
finetune = "covered"
adapter = "covered"
quantized = "covered"
merge = "covered"
distillation = "covered"
synthetic_outputs = "covered"

[[conditions]]
kind = "manual_review"
clause = "§1"
effect = "needs_review"
reason = "Ask the house lawyer."
verification = "verified_text"

[[obligations]]
id = "house-notice"
do = "Say that it is ours."
evidence = "a picture of the page"
clause = "§2"
trigger = "any_use"
"""


def variant(license_id: str, **changes: Any) -> str:
    """The project's record of a licence with some of its members replaced, as TOML."""
    return to_toml({**copy.deepcopy(dict(records.shipped()[license_id])), **changes})


def to_toml(record: dict[str, Any]) -> str:
    """Plain values as inline TOML, which is enough for a test."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in record.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_value(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def propose(toml: str = HOUSE, *, actor: Actor | None = None, **fields: Any) -> LicenseProposal:
    values: dict[str, Any] = {"takes_over": [], "reason": "We use it.", "now": NOW, **fields}
    return license_records.propose(toml=toml, actor=actor or factories.actor(Role.OFFICER), **values)


def publish(proposal: LicenseProposal, *, actor: Actor | None = None, **fields: Any) -> CatalogRelease:
    values: dict[str, Any] = {"note": "Read.", "now": NOW, **fields}
    return license_records.publish(proposal=proposal, actor=actor or factories.actor(Role.REVIEWER), **values)


def in_force(toml: str = HOUSE, **fields: Any) -> CatalogRelease:
    """A record of the organisation, proposed and put in force."""
    return publish(propose(toml, **fields))
