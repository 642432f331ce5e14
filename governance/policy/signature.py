"""Who may sign which models: the trust that a policy states. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class SigningMethod(StrEnum):
    """How a signature names its maker (OpenSSF Model Signing)."""

    KEY = "key"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class TrustedSigner:
    """One key or identity, trusted for the models of one publisher for some time."""

    models: str  # publisher/*, or a pattern of publisher/name
    method: SigningMethod
    public_key: str = ""  # PEM; for keys
    authority: str = ""  # PEM of the certificate authority; for certificates
    identity: str = ""  # e-mail, URI or DNS name in the certificate's subject alternative names
    not_before: str = ""  # RFC 3339; empty for no limit
    not_after: str = ""
