"""Everything below a prefix of a bucket, in Amazon's S3 or in a store that speaks its protocol.

Asked through `ranges.RangeClient` and signed by `sigv4`, so that the same bounds hold as for every other source, and
so that no credentials are used but the configured ones: an SDK looks for others all over the machine.
"""

import base64
import binascii
import dataclasses
import functools
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from modelcustody_client import canonical, manifest
from modelcustody_client.folder import MAX_FILES

from registry.observed import SourceFacts
from registry.sources import base, ranges, s3_listing
from registry.sources.addresses import Guard, origin_of, require_configured
from registry.sources.ranges import AccessRefused, Answer, BadAnswer, RangeClient
from registry.sources.sigv4 import Credentials, signed

# Bucket names as Amazon defines them; they stand in the path, never in the host.
LOCATION = re.compile(r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.ASCII | re.DOTALL)
REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
AWS = re.compile(r"s3[a-z0-9.-]*\.amazonaws\.com(\.cn)?", re.ASCII)
MOST_PAGE = 16 * 1024 * 1024
MOST_HEADS = 1_000


class S3NotConfigured(base.SourceRefused):
    """The service lacks what it needs to ask a store."""

    code = "s3_not_configured"


@dataclasses.dataclass(frozen=True, slots=True)
class S3Settings:
    """Which store is asked and as whom; without keys, as nobody."""

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = dataclasses.field(default="", repr=False)

    @property
    def address(self) -> str:
        """Where the store is; Amazon's own for the region if no other is named."""
        suffix = ".cn" if self.region.startswith("cn-") else ""
        return self.endpoint.rstrip("/") or f"https://s3.{self.signing_region}.amazonaws.com{suffix}"

    @property
    def signing_region(self) -> str:
        """The region that is signed; stores that know none expect Amazon's first."""
        return self.region or "us-east-1"

    def check(self, hosts: Sequence[str]) -> None:
        """Raise `S3NotConfigured`, or `HostNotConfigured` for a store that is neither in `hosts` nor Amazon's own."""
        if bool(self.access_key) != bool(self.secret_key):
            raise S3NotConfigured(
                "S3_ACCESS_KEY and S3_SECRET_KEY belong together; one of them is not set.", field="source"
            )
        if not REGION.fullmatch(self.signing_region):
            raise S3NotConfigured(f"S3_REGION is no name of a region: {self.region[:40]!a}.", field="source")
        origin = origin_of(self.address)
        if not (origin.scheme == "https" and AWS.fullmatch(origin.name)):
            require_configured(self.address, hosts)


def split_location(location: str) -> tuple[str, str]:
    """Bucket and prefix (without a slash at its end) of `bucket/prefix`; raises `base.InvalidSource`."""
    match = LOCATION.fullmatch(location)
    prefix = (match[2] or "").rstrip("/") if match else ""
    if match is None or ".." in match[1]:
        raise base.InvalidSource(
            f"s3://{location[:200]} names no bucket and prefix. Write s3://bucket/prefix.", field="source"
        )
    if prefix:
        try:
            manifest.check_path(prefix)
        except manifest.BadManifest as error:
            raise base.InvalidSource(f"s3://{location[:200]}: {error}.", field="source") from None
    return match[1], prefix


class S3Source:
    """The objects below `bucket/prefix/`, each fetched only in the state in which it was listed."""

    folder = None

    def __init__(
        self,
        location: str,
        *,
        settings: S3Settings,
        hosts: Sequence[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        settings.check(hosts)
        self.bucket, self.prefix = split_location(location)
        self._settings = settings
        self._now = now
        self._client = RangeClient(Guard(settings.address))

    def pin(self, revision: str) -> base.PinnedRevision:
        """A bucket has no commits."""
        if revision:
            raise base.InvalidSource("A bucket has no revisions; leave `revision` out.", field="revision")
        return base.PinnedRevision(commit=None)

    def list_files(self) -> list[base.RemoteFile]:
        """Every object below the prefix; what is kept with a SHA-256 of its whole content is claimed by that."""
        objects = self._objects()
        try:
            manifest.check_paths(objects)
        except manifest.BadManifest as error:
            raise base.UnsafeListing(
                f"s3://{self.bucket}/{self.prefix} cannot be kept safely: {error}."
            ) from None
        # An entity tag with a dash is that of an object put together from parts: so is its SHA-256, made of theirs.
        with_claim = [
            path for path, one in objects.items() if "SHA256" in one.checksums and "-" not in one.tag
        ]
        claims = {path: self._claim(path, objects[path]) for path in with_claim[:MOST_HEADS]}
        return [
            base.RemoteFile(
                path,
                size=listed.size,
                claimed_digest=claims.get(path, ""),
                claim_kind="sha256" if claims.get(path) else "",
                state=f'"{listed.tag}"',
            )
            for path, listed in sorted(objects.items())
        ]

    def observe(self) -> SourceFacts:
        """What is listed now: keys, sizes and entity tags; a store tells nothing else."""
        objects = self._objects()
        rows = [[path, listed.size, listed.tag] for path, listed in sorted(objects.items())]
        return SourceFacts(
            endpoint=self._settings.address,
            repository=f"{self.bucket}/{self.prefix}".rstrip("/"),
            last_modified=max(listed.modified for listed in objects.values()) or None,
            listing_digest=canonical.digest(rows),
        )

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        """Stream an object; refuses one that changed after it was listed."""
        url = self._address(self._key(file.path))
        return self._client.open_range(
            url,
            size=file.size,
            offset=offset,
            validator=validator,
            headers=self._signed("GET", url) | ({"If-Match": file.state} if file.state else {}),
            judge=functools.partial(self._judge_object, file),
        )

    def _objects(self) -> dict[str, s3_listing.ListedObject]:
        """Path below the prefix -> the object; the marks that consoles leave for folders are no files."""
        start = f"{self.prefix}/" if self.prefix else ""
        found: dict[str, s3_listing.ListedObject] = {}
        for listed in self._listed(start):
            if not listed.key.startswith(start):
                raise base.UnsafeListing(
                    f"The store lists {ascii(listed.key)[:200]}, which is not below {start}."
                )
            path = listed.key.removeprefix(start)
            if path in found:
                raise base.UnsafeListing(f"The store lists {ascii(path)[:200]} twice.")
            if not (listed.size == 0 and (not path or path.endswith("/"))):
                found[path] = listed
        if not found:
            raise base.SourceNotFound(
                f"There is nothing below s3://{self.bucket}/{start}. Name the folder that holds the files."
            )
        return found

    def _listed(self, start: str) -> list[s3_listing.ListedObject]:
        asked = {"encoding-type": "url", "list-type": "2", "max-keys": "1000", "prefix": start}
        found: list[s3_listing.ListedObject] = []
        tokens = set[str]()
        while True:
            url = (
                f"{self._address('')}?{urllib.parse.urlencode(asked, quote_via=urllib.parse.quote, safe='')}"
            )
            body = self._client.read(url, most=MOST_PAGE, headers=self._signed("GET", url), judge=self._judge)
            try:
                page = s3_listing.read(body)
            except s3_listing.BadListing as error:
                raise BadAnswer(f"The listing of s3://{self.bucket} cannot be used: {error}.") from None
            found += page.objects
            if not page.following:
                return found
            if len(found) > MAX_FILES or len(tokens) > MAX_FILES // 100:
                raise base.ListingTooLong(f"s3://{self.bucket}/{start} holds more than {MAX_FILES} objects.")
            if page.following in tokens:
                raise BadAnswer(f"The listing of s3://{self.bucket} leads to the same page again.")
            tokens.add(page.following)
            asked["continuation-token"] = page.following

    def _claim(self, path: str, listed: s3_listing.ListedObject) -> str:
        """The SHA-256 that the store keeps of the whole object; one that is put together from parts is none."""
        url = self._address(self._key(path))
        headers = self._signed("HEAD", url, {"x-amz-checksum-mode": "ENABLED"})
        file = base.RemoteFile(path, size=listed.size, state=f'"{listed.tag}"')
        answer = self._client.head(url, headers=headers, judge=functools.partial(self._judge_object, file))
        if answer.headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() != "FULL_OBJECT":
            return ""
        try:
            digest = base64.b64decode(answer.headers.get("x-amz-checksum-sha256", ""), validate=True)
        except (binascii.Error, ValueError):
            return ""
        return digest.hex() if len(digest) == 32 else ""

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    def _address(self, key: str) -> str:
        below = f"/{urllib.parse.quote(key, safe='/~')}" if key else ""
        return f"{self._settings.address}/{self.bucket}{below}"

    def _signed(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        told = self._settings
        if not told.access_key:
            return dict(headers or {})
        credentials = Credentials(told.access_key, told.secret_key)
        return signed(
            method, url, headers or {}, credentials=credentials, region=told.signing_region, at=self._now()
        )

    def _judge_object(self, file: base.RemoteFile, answer: Answer) -> None:
        changed = answer.status in {404, 410, 412} or (
            answer.status in {200, 206} and answer.validator and file.state not in {"", answer.validator}
        )
        if changed:
            raise base.RevisionMoved(
                f"{file.path} in s3://{self.bucket} changed after it was listed. Register again."
            )
        self._judge(answer)

    def _judge(self, answer: Answer) -> None:
        place = f"s3://{self.bucket}"
        elsewhere = answer.headers.get("x-amz-bucket-region", "")
        if answer.status in ranges.REDIRECTS or (answer.status == 400 and elsewhere):
            where = elsewhere if REGION.fullmatch(elsewhere) else "another region"
            raise BadAnswer(f"{place} lies in {where}: set S3_REGION (and S3_ENDPOINT_URL) to it.")
        if answer.status in {401, 403}:
            raise AccessRefused(
                f"{place} may not be read with the keys in S3_ACCESS_KEY and S3_SECRET_KEY, or it does not exist."
                if self._settings.access_key
                else f"{place} may not be read by anyone. Set S3_ACCESS_KEY and S3_SECRET_KEY."
            )
        if answer.status == 404:
            raise base.SourceNotFound(f"There is no bucket {self.bucket} at {self._settings.address}.")
        ranges.judge(answer)
