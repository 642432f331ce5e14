"""What the Hub's API answers about one repository: asked within bounds, believed only in its form.

Not by the Hub's own client: that one follows the next page to any host and shows it the token, waits as long as a
server tells it to, and reads an answer of any size. Everything here goes through `ranges.RangeClient`.
"""

import json
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from modelcustody_client.folder import MAX_FILES

from registry.sources import base, ranges
from registry.sources.addresses import Guard, shown
from registry.sources.connections import Clock, Limits
from registry.sources.ranges import Answer, BadAnswer, RangeClient

MOST_BYTES = 32 * 1024 * 1024  # of one answer: 100,000 files with their digests have 30 MiB
# However the pages are cut; with the slowest pace that is borne this bounds the time, too.
MOST_PAGES = 2 * MAX_FILES // 1000
LISTING_SECONDS = 600.0
LIMITS = Limits(window_seconds=20.0, bytes_per_second=8 * 1024.0)
DISABLED = "Access to this resource is disabled."


class NotOffered(base.SourceRefused):
    """The endpoint has no such answer: a mirror that serves less than the Hub does."""

    code = "not_offered"


class HubApi:
    """Questions about `org/name` at one endpoint, which may lie below a path as Artifactory's do."""

    def __init__(
        self,
        repository: str,
        *,
        endpoint: str,
        token: str,
        limits: Limits | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.repository = repository
        self.endpoint = endpoint.rstrip("/")
        self.files = RangeClient(Guard(self.endpoint), limits=limits, clock=clock)
        self._client = RangeClient(Guard(self.endpoint), limits=limits or LIMITS, clock=clock)
        self._clock = clock
        # Sent only where one is configured; `RangeClient` shows it to no other origin.
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def info(self, revision: str | None = None, **wanted: bool) -> Mapping[str, Any]:
        """What is said of the repository at a revision, or at its default branch; `blobs`, `securityStatus`."""
        below = "" if revision is None else f"/revision/{_quoted(revision)}"
        found, _ = self._get(
            self._address(below, {name: "true" for name, is_wanted in wanted.items() if is_wanted})
        )
        if not isinstance(found, dict):
            raise BadAnswer(f"The Hub says nothing usable about {self.repository}.")
        return found

    def tree(self, revision: str, *, expand: bool = False) -> Iterator[Mapping[str, Any]]:
        """Every entry of a commit's tree, page by page; with what scanners say if `expand`."""
        more = {"expand": "true"} if expand else {}
        return self._pages(f"/tree/{_quoted(revision)}", {"recursive": "true"} | more)

    def commits(self, revision: str) -> Iterator[Mapping[str, Any]]:
        """The history of a revision, the newest first, page by page."""
        return self._pages(f"/commits/{_quoted(revision)}", {})

    def refs(self) -> Mapping[str, Any]:
        """Branches and tags."""
        found, _ = self._get(self._address("/refs", {}), is_optional=True)
        if not isinstance(found, dict):
            raise BadAnswer(f"The Hub lists no branches and tags of {self.repository}.")
        return found

    def file_address(self, commit: str, path: str) -> str:
        """Where the bytes of one file of a commit are asked for."""
        return f"{self.endpoint}/{self.repository}/resolve/{commit}/{urllib.parse.quote(path)}"

    def _pages(self, below: str, query: dict[str, str]) -> Iterator[Mapping[str, Any]]:
        """Follows the next page by its query alone: where it is asked stays the configured endpoint."""
        since, seen = self._clock(), set[str]()
        address = self._address(below, query)
        for _ in range(MOST_PAGES):
            entries, answer = self._get(address, is_optional=True)
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise BadAnswer(f"{below[1:]} of {self.repository} is no list.")
            yield from entries
            following = _next_query(answer.headers.get("link", ""))
            if following is None:
                return
            address = self._address(below, dict(urllib.parse.parse_qsl(following)) | query)
            if address in seen:
                raise BadAnswer(f"{below[1:]} of {self.repository} leads to the same page again.")
            seen.add(address)
            if self._clock() - since > LISTING_SECONDS:
                raise ranges.TryAgain(
                    f"{below[1:]} of {self.repository} was not complete after {LISTING_SECONDS:.0f} seconds."
                )
        raise base.ListingTooLong(f"{below[1:]} of {self.repository} has more than {MOST_PAGES} pages.")

    def _address(self, below: str, query: Mapping[str, str]) -> str:
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        return f"{self.endpoint}/api/models/{self.repository}{below}{asked}"

    def _get(self, address: str, *, is_optional: bool = False) -> tuple[Any, Answer]:
        answers: list[Answer] = []

        def judge(answer: Answer) -> None:
            answers.append(answer)
            self.judge(answer, is_optional=is_optional)

        body = self._client.read(address, most=MOST_BYTES, headers=self.headers, judge=judge)
        try:
            return json.loads(body), answers[-1]
        except (ValueError, RecursionError):
            raise BadAnswer(f"The Hub's answer about {self.repository} is not JSON.") from None

    def judge(self, answer: Answer, *, is_optional: bool = False) -> None:
        """Put the Hub's refusals into our own words; raises `NotOffered` where a mirror has no such answer."""
        name, code = self.repository, answer.headers.get("x-error-code", "")
        if answer.status < 400:
            return
        if not answer.url.startswith(
            f"{self.endpoint}/"
        ):  # where the Hub keeps large files; it speaks for itself
            ranges.judge(answer)
        if code == "GatedRepo":
            raise base.GatedRepository(
                f"{name} is gated: accept its terms on the Hub with an account, and set HF_TOKEN to a token of that "
                "account."
            )
        if code == "RevisionNotFound":
            raise base.RevisionNotFound(f"{name} has no revision {_revision_of(answer.url)}.")
        if code == "EntryNotFound":
            raise base.DownloadCorrupted(
                f"{name} lists a file that it then does not have: {shown(answer.url)}."
            )
        if answer.headers.get("x-error-message") == DISABLED:
            raise base.RepositoryDisabled(
                f"{name} was disabled on the Hub: its files are not given to anyone."
            )
        if (
            code == "RepoNotFound"
            or answer.status in {401, 403}
            or (answer.status == 404 and not is_optional)
        ):
            raise base.RepositoryNotFound(
                f"The Hub has no repository {name}, or shows it only to other accounts. Check the name; for a private "
                "repository set HF_TOKEN."
            )
        if is_optional and answer.status in {400, 404, 405, 501}:
            raise NotOffered(f"{shown(answer.url)} is not offered.")
        ranges.judge(answer)


def _next_query(link: str) -> str | None:
    """The query of the page that is next, as a Link header tells it (RFC 8288)."""
    for part in link[:4000].split(","):
        target, _, parameters = part.partition(">")
        if 'rel="next"' in parameters and target.strip().startswith("<"):
            return urllib.parse.urlsplit(target.strip()[1:]).query
    return None


def _revision_of(address: str) -> str:
    path = urllib.parse.urlsplit(address).path
    for verb in ("/revision/", "/tree/", "/commits/", "/resolve/"):
        if verb in path:
            return ascii(urllib.parse.unquote(path.partition(verb)[2].partition("/")[0])[:200])[1:-1]
    return "main"


def _quoted(revision: str) -> str:
    return urllib.parse.quote(revision, safe="")
