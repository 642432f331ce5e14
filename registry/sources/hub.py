"""The Hugging Face Hub or a mirror of it: one repository, pinned to one commit.

The client library does not hold a download's content against the digest that the Hub lists, so nothing here
counts as checked: every file is hashed again by us.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # one endpoint, the configured one
os.environ.setdefault("HF_HUB_DISABLE_UPDATE_CHECK", "1")

import httpx2
import huggingface_hub
from huggingface_hub import errors
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import get_session
from huggingface_hub.utils.tqdm import tqdm
from modelcustody_client import manifest

from registry.sources import base

T = TypeVar("T")
ATTEMPT_SECONDS = 30.0


class HubSource:
    """`org/name` at one endpoint; files are kept below `store`."""

    def __init__(
        self, repository: str, *, endpoint: str, token: str, store: Path, commit: str | None = None
    ) -> None:
        self.repository = repository
        self.store = store
        self.revision = commit or ""
        self.commit = commit
        # False, not None: a token that happens to lie on this machine is never sent.
        self._token: str | bool = token or False
        self._api = huggingface_hub.HfApi(endpoint=endpoint, token=self._token)

    def pin(self, revision: str) -> base.PinnedRevision:
        """Resolve a branch or tag to its commit, once; everything later uses the commit."""
        self.revision = revision or "main"
        self.commit = self._resolve()
        return base.PinnedRevision(commit=self.commit, committed_at=self._committed_at())

    def list_files(self) -> list[base.RemoteFile]:
        """Every file of the commit; refuses if the branch moved on meanwhile."""
        entries: list[Any] = self._ask(
            lambda: list(self._api.list_repo_tree(self.repository, recursive=True, revision=self._pinned()))
        )
        files = sorted(
            (_remote_file(entry) for entry in entries if isinstance(entry, RepoFile)), key=lambda f: f.path
        )
        try:
            manifest.check_paths(file.path for file in files)
        except manifest.BadManifest as error:
            raise base.UnsafeListing(f"{self.repository} cannot be kept safely: {error}.") from None
        if not files:
            raise base.UnsafeListing(f"{self.repository} holds no files at {self._pinned()[:12]}.")
        if self.revision != self.commit and self._resolve() != self.commit:
            raise base.RevisionMoved(
                f"{self.revision} of {self.repository} moved away from {self._pinned()[:12]} while it was resolved. "
                "Register again, or name the commit that is meant."
            )
        return files

    def fetch(self, *, progress: base.Progress) -> Path:
        """Download the commit's files into a folder of their own; what is there already is not fetched again."""
        folder = self.folder
        for file in self.list_files():
            bar = _bar(progress)
            self._ask(
                lambda path=file.path, bar=bar: self._api.hf_hub_download(  # type: ignore[misc]
                    self.repository, path, revision=self._pinned(), local_dir=folder, tqdm_class=bar
                )
            )
        return folder

    @property
    def folder(self) -> Path:
        """Where the files of the pinned commit are kept."""
        return self.store / "hub" / self.repository / self._pinned()

    def discard(self, path: str) -> None:
        """Remove a file and what the client library remembers of it."""
        (self.folder / path).unlink(missing_ok=True)
        (self.folder / ".cache" / "huggingface" / "download" / f"{path}.metadata").unlink(missing_ok=True)

    def _pinned(self) -> str:
        if self.commit is None:
            raise base.SourceRefused(f"{self.repository} is not pinned to a commit.")
        return self.commit

    def _resolve(self) -> str:
        found = self._ask(
            lambda: self._api.model_info(self.repository, revision=self.revision, timeout=ATTEMPT_SECONDS).sha
        )
        if found is None or not base.COMMIT.fullmatch(found):
            raise base.RevisionNotFound(f"{self.repository} does not say which commit {self.revision} is.")
        return found

    def _committed_at(self) -> datetime | None:
        """When the commit was made, where the Hub says so; mirrors often do not, and nothing depends on it."""
        address = f"{self._api.endpoint}/api/models/{self.repository}/commits/{self._pinned()}"
        try:
            headers = build_hf_headers(token=self._token)
            answer = get_session().get(address, headers=headers, timeout=ATTEMPT_SECONDS)
            newest = answer.raise_for_status().json()[0]
            made = datetime.fromisoformat(newest["date"])
        except (httpx2.HTTPError, errors.HfHubHTTPError, OSError, LookupError, TypeError, ValueError):
            return None
        return made if newest.get("id") == self.commit and made.tzinfo else None

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask the Hub, and put its refusals into our own words."""
        name = self.repository
        try:
            return question()
        except errors.GatedRepoError:
            raise base.GatedRepository(
                f"{name} is gated: accept its terms on the Hub with an account, and set HF_TOKEN to a token of that account."
            ) from None
        except (errors.RepositoryNotFoundError, errors.DisabledRepoError, errors.HFValidationError):
            raise base.RepositoryNotFound(
                f"The Hub has no repository {name}, or shows it only to other accounts. Check the name; for a private "
                "repository set HF_TOKEN."
            ) from None
        except (errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError):
            raise base.RevisionNotFound(f"{name} has no revision {self.revision}.") from None
        except errors.OfflineModeIsEnabled:
            raise base.SourceUnavailable("HF_HUB_OFFLINE is set, so the Hub is not asked.") from None
        except (httpx2.HTTPError, errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
            raise base.SourceUnavailable(
                f"{name}: the Hub does not answer as it should: {_words(error)}"
            ) from None


def _remote_file(entry: RepoFile) -> base.RemoteFile:
    """A large file is listed with the SHA-256 of its content, a small one with its git object id."""
    if entry.lfs is not None:
        return base.RemoteFile(
            entry.path, size=entry.lfs.size, claimed_digest=entry.lfs.sha256, claim_kind="sha256"
        )
    return base.RemoteFile(entry.path, size=entry.size, claimed_digest=entry.blob_id, claim_kind="git-oid")


def _bar(progress: base.Progress) -> type[tqdm]:
    class Bar(tqdm):
        """Shows nothing; passes the byte counts on."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            progress(int(n or 0))
            return None

    return Bar


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
