"""AWS Signature Version 4 for requests without a body, as S3-compatible stores ask for it. Pure.

Source: AWS General Reference, "Create a signed AWS API request"; for S3 the path is signed as it is sent.
"""

import dataclasses
import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping
from datetime import datetime

from registry.sources.addresses import origin_of

EMPTY = hashlib.sha256(b"").hexdigest()
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair; its secret is never shown."""

    access_key: str
    secret_key: str = dataclasses.field(repr=False)


def signed(
    method: str, url: str, headers: Mapping[str, str], *, credentials: Credentials, region: str, at: datetime
) -> dict[str, str]:
    """The headers with which a request is sent: `headers` (all signed), and those of the signature. `at` is in UTC."""
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    parts = urllib.parse.urlsplit(url)
    sent = {name.lower(): value for name, value in headers.items()}
    sent |= {"x-amz-date": moment, "x-amz-content-sha256": EMPTY}
    covered = sorted({"host": origin_of(url).name, **sent}.items())
    names = ";".join(name for name, _ in covered)
    canonical = [method, parts.path or "/", _canonical_query(parts.query)]
    canonical += [*(f"{name}:{' '.join(value.split())}" for name, value in covered), "", names, EMPTY]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256("\n".join(canonical).encode()).hexdigest()])
    signature = hmac.new(_key(credentials, moment[:8], region), text.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _key(credentials: Credentials, day: str, region: str) -> bytes:
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_query(query: str) -> str:
    """The parameters by name and value; they are encoded already, with %20 and never a plus."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
