"""Bearer tokens for services; people use their session."""

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from governance import tokens
from governance.actors import Actor
from governance.errors import AuthenticationRequired
from governance.models import ApiToken, User


class BearerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer mc_<key id>_<secret>`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's owner and the token; None when the request carries no bearer token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        row = tokens.check(token.strip(), now=timezone.now())
        return row.owner, row

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Bearer"


def actor_of(request: Request) -> Actor:
    """Who sent this request; only for views that require a login."""
    if isinstance(request.user, AnonymousUser):
        raise AuthenticationRequired(
            "Log in, or send a bearer token; nodes and recorders always send a token."
        )
    token = request.auth if isinstance(request.auth, ApiToken) else None
    return Actor(user=request.user, token=token)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names the token."""

    target_class = "governance.api.authentication.BearerTokenAuthentication"
    name = "bearerToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """An HTTP bearer scheme (OpenAPI 3)."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "mc_<key id>_<secret>"}
