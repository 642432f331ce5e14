"""Mint, hash and check API tokens: `mc_<key id>_<secret>`, stored as a keyed hash."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from django.conf import settings

from governance.errors import GovernanceError
from governance.models import ApiToken

FORM = re.compile(r"mc_([0-9a-f]{16})_([0-9A-Za-z_-]{43})")


class TokenRefused(GovernanceError):
    """The bearer token is not usable; the detail says why."""

    code = "token_invalid"
    status = 401
    title = "The token was refused"


class TokenExpired(TokenRefused):
    """The token was good once."""

    code = "token_expired"


def digest(secret: str) -> str:
    """HMAC-SHA256 of the secret under the pepper, in hex."""
    return hmac.new(settings.TOKEN_PEPPER.encode(), secret.encode(), hashlib.sha256).hexdigest()


def new_secret() -> tuple[str, str]:
    """A fresh key id and secret."""
    return secrets.token_hex(8), secrets.token_urlsafe(32)


def check(token: str, *, now: datetime) -> ApiToken:
    """The stored token that this text is; raises `TokenRefused`."""
    match = FORM.fullmatch(token)
    if match is None:
        raise TokenRefused("The token does not have the form mc_<key id>_<secret>.")
    key_id, secret = match.groups()
    row = ApiToken.objects.select_related("owner").filter(key_id=key_id).first()
    # The comparison runs for an unknown key id too, so that its time tells nothing.
    known = hmac.compare_digest(row.secret_hmac if row else "0" * 64, digest(secret))
    if row is None or not known:
        raise TokenRefused("No such token.")
    if row.revoked_at is not None:
        raise TokenRefused(f"Token {key_id} was revoked at {row.revoked_at:%Y-%m-%d %H:%M} UTC.")
    if row.expires_at <= now:
        raise TokenExpired(
            f"Token {key_id} expired at {row.expires_at:%Y-%m-%d %H:%M} UTC; ask for a new one."
        )
    if not row.owner.is_active:
        raise TokenRefused(f"The account behind token {key_id} is switched off.")
    return row
