"""Ed25519 (RFC 8032) signatures: checked by `cryptography` where it is there, else in plain Python."""

from __future__ import annotations

import functools
import hashlib

try:
    from cryptography import exceptions
    from cryptography.hazmat.primitives.asymmetric import ed25519 as accelerated
except ImportError:  # the serving node or the auditor need not have it
    HAVE_CRYPTOGRAPHY = False
else:
    HAVE_CRYPTOGRAPHY = True

from modelcustody_client import errors

PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]
_IDENTITY: _Point = (0, 1, 1, 0)


class SigningUnavailable(errors.Refused):
    """Signing needs the `cryptography` package, which is not installed."""

    code = "signing_unavailable"


def verify(*, public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` is that of `message` under `public_key`; never raises on bad input."""
    if not _is_well_formed(public_key, signature):
        return False
    if not HAVE_CRYPTOGRAPHY:
        return verify_plain(public_key=public_key, signature=signature, message=message)
    try:
        accelerated.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (exceptions.InvalidSignature, ValueError):
        return False
    return True


def sign(*, private_key: bytes, message: bytes) -> bytes:
    """Return the signature of `message`; constant time, so only by `cryptography`."""
    return _private(private_key).sign(message)


def public_key_of(private_key: bytes) -> bytes:
    """Return the public half of a 32-byte private key."""
    return _private(private_key).public_key().public_bytes_raw()


def _private(private_key: bytes) -> accelerated.Ed25519PrivateKey:
    if not HAVE_CRYPTOGRAPHY:
        raise SigningUnavailable(
            "signing needs the cryptography package: pip install modelcustody-client[fast]"
        )
    try:
        return accelerated.Ed25519PrivateKey.from_private_bytes(private_key)
    except ValueError:
        raise SigningUnavailable("an Ed25519 private key is 32 bytes", code="bad_private_key") from None


def _is_well_formed(public_key: bytes, signature: bytes) -> bool:
    """Hold both ways of checking to one rule: reduced coordinates, reduced scalar, no weak key."""
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    if int.from_bytes(signature[32:], "little") >= _L:
        return False
    return _is_sound_key(public_key)


@functools.lru_cache(maxsize=256)
def _is_sound_key(public_key: bytes) -> bool:
    point = _decompress(public_key)
    # a key of small order has signatures that fit any message
    return point is not None and not _equal(_multiply(8, point), _IDENTITY)


def verify_plain(*, public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Check a signature in plain Python (RFC 8032, 5.1.7, without the cofactor); slow, public data only."""
    if not _is_well_formed(public_key, signature):
        return False
    key = _decompress(public_key)
    if key is None:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _L
    x, y, z, t = key
    expected = _add(_multiply(scalar, _BASE), _multiply(challenge, (_P - x, y, z, _P - t)))
    return _compress(expected) == signature[:32]


def _add(first: _Point, second: _Point) -> _Point:
    a = (first[1] - first[0]) * (second[1] - second[0]) % _P
    b = (first[1] + first[0]) * (second[1] + second[0]) % _P
    c = 2 * first[3] * second[3] * _D % _P
    d = 2 * first[2] * second[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(scalar: int, point: _Point) -> _Point:
    result = _IDENTITY
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _equal(first: _Point, second: _Point) -> bool:
    return (first[0] * second[2] - second[0] * first[2]) % _P == 0 and (
        first[1] * second[2] - second[1] * first[2]
    ) % _P == 0


def _recover_x(y: int, *, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    return _P - x if x & 1 != sign else x


def _compress(point: _Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decompress(data: bytes) -> _Point | None:
    value = int.from_bytes(data, "little")
    y, sign = value & ((1 << 255) - 1), value >> 255
    if y >= _P:
        return None
    x = _recover_x(y, sign=sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _base_point() -> _Point:
    y = 4 * pow(5, _P - 2, _P) % _P
    x = _recover_x(y, sign=0) or 0
    return (x, y, 1, x * y % _P)


_BASE = _base_point()
