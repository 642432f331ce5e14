"""System checks of the deployment; each has an id and says how to mend it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution


@register(Tags.security, deploy=True)
def secrets_are_set(**_: Any) -> list[CheckMessage]:
    """Keys exist and debugging is off."""
    found: list[CheckMessage] = [
        Error(
            f"{name} is missing or shorter than 32 characters.",
            hint=f"Set {name} or {name}_FILE.",
            id="governance.E001",
        )
        for name in ("SECRET_KEY", "TOKEN_PEPPER")
        if len(getattr(settings, name)) < 32
    ]
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Unset DEBUG.", id="governance.E002"))
    if settings.LOG_ORIGIN == "modelcustody.local":
        found.append(
            Caution(
                "LOG_ORIGIN is the default.",
                hint="Choose a name that is yours, once, before anything is signed.",
                id="governance.W001",
            )
        )
    return found
