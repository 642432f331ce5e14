"""One process's recorder: its settings, its spool, its keys and its shipper."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

from modelcustody_client import complaints, errors, manifest, observation, shipper, spool, transport

COMMITMENT_KEY = "commitment.key"
PSEUDONYM_KEY = "pseudonym.key"
_THREADS = 4
_MAX_WAIT = 5.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the environment says; `modelcustody admit` sets it for the server that it starts."""

    spool: Path
    recorder: str
    deployment_digest: str
    region: str | None
    tier: str | None
    provider: str | None
    max_bytes: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; what has no default must be there, and nothing may be what the service refuses."""
        try:
            return cls(
                spool=Path(environ["MODELCUSTODY_SPOOL"]),
                recorder=_word(environ["MODELCUSTODY_RECORDER"], name="MODELCUSTODY_RECORDER", most=128),
                deployment_digest=manifest.check_digest(environ["MODELCUSTODY_DEPLOYMENT_DIGEST"]),
                region=_optional(environ, "MODELCUSTODY_REGION", most=64),
                tier=_optional(environ, "MODELCUSTODY_TIER", most=64),
                provider=_optional(environ, "MODELCUSTODY_PROVIDER", most=128),
                max_bytes=int(environ.get("MODELCUSTODY_SPOOL_MAX_BYTES") or spool.DEFAULT_MAX_BYTES),
            )
        except KeyError as error:
            raise transport.BadSettings(f"nothing is recorded: {error.args[0]} is not set") from None
        except ValueError:
            raise transport.BadSettings("MODELCUSTODY_SPOOL_MAX_BYTES is not a number") from None


class Recorder:
    """Writes records without ever standing in the way of a request."""

    def __init__(
        self, settings: Settings, *, environ: Mapping[str, str], complain: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.complain = complain
        self._commitment_key = spool.read_key(settings.spool, name=COMMITMENT_KEY)
        self._pseudonym_key = spool.read_key(settings.spool, name=PSEUDONYM_KEY)
        self._spool = spool.open_spool(settings.spool, now=time.time(), max_bytes=settings.max_bytes)
        self._pool = futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="modelcustody-recorder")
        self._thread = self._start_shipping(environ)

    def commitment(self) -> hmac.HMAC:
        """Return a keyed hash to feed with the bytes of a body; erasing the key erases what it commits to."""
        return hmac.new(self._commitment_key, digestmod=hashlib.sha256)

    def pseudonym(self, user: str) -> str:
        """Return what stands for a user in the records of this spool."""
        digest = hmac.new(self._pseudonym_key, user.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"hmac-sha256:{digest.hexdigest()}"

    def submit(self, build: Callable[[], Mapping[str, Any]]) -> futures.Future[None]:
        """Build and write a record on a thread; what goes wrong there is told, not raised."""
        return self._pool.submit(self._write, build)

    async def write(self, build: Callable[[], Mapping[str, Any]]) -> None:
        """Wait until the record is on disk, but not for ever: a dead disk must not stop the answers."""
        waiting = asyncio.wrap_future(self.submit(build))
        done, _ = await asyncio.wait({waiting}, timeout=_MAX_WAIT)
        if not done:
            self.complain(f"the disk of the spool did not take a record within {_MAX_WAIT:.0f} s")

    def close(self, *, timeout: float = 3.0) -> None:
        """Finish what was submitted, ship what can be shipped in this time, and let the slot go."""
        self._pool.shutdown(wait=True)
        if self._thread is not None:
            self._thread.stop(timeout=timeout)
        self._spool.close()

    def _write(self, build: Callable[[], Mapping[str, Any]]) -> None:
        try:
            self._spool.append(build())
        except Exception as error:  # noqa: BLE001 (a failed record must never fail a request)
            self.complain(f"a record was lost: {str(error) or type(error).__name__}")
        else:
            if self._thread is not None:
                self._thread.wake()

    def _start_shipping(self, environ: Mapping[str, str]) -> shipper.ShippingThread | None:
        url = environ.get("MODELCUSTODY_URL")
        if not url:
            self.complain("MODELCUSTODY_URL is not set: records stay in the spool")
            return None
        try:
            service = transport.Service(url, token=transport.token_source(environ))
        except errors.Refused as error:
            self.complain(f"records stay in the spool: {error}")
            return None
        return shipper.ShippingThread(
            shipper.Shipper(self.settings.spool, service=service), log=self.complain
        )


def _optional(environ: Mapping[str, str], name: str, *, most: int) -> str | None:
    value = environ.get(name)
    return _word(value, name=name, most=most) if value else None


def _word(value: str, *, name: str, most: int) -> str:
    found = observation.text(value, most=most)
    if found is None:
        raise transport.BadSettings(f"nothing is recorded: {name} is empty, too long or not printable")
    return found


def open_recorder(environ: Mapping[str, str]) -> Recorder:
    """Return the recorder that the environment describes, or raise `errors.Refused`."""
    return Recorder(Settings.from_environ(environ), environ=environ, complain=complaints.Complaints())


def uuid7(*, now: float) -> str:
    """Return a UUID, version 7 (RFC 9562): the time in milliseconds, then randomness."""
    value = (int(now * 1000) & (1 << 48) - 1) << 80 | 7 << 76 | secrets.randbits(12) << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
