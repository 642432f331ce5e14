"""Brings the files of a draft together: pinned, listed, fetched or read in place, held against what is claimed."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from django.conf import settings
from modelcustody_client import folder, manifest

from registry import origin, storage
from registry.actions.heartbeat import Heart, Stage
from registry.fetch import fetcher, placing, room
from registry.fetch.patience import Patience
from registry.fetch.store import Fetched
from registry.formats.roles import role_of
from registry.models import ModelVersion
from registry.observed import SourceFacts
from registry.sources import base
from registry.verification import reading
from registry.verification.subject import Expected, Seen

Listing = Mapping[str, base.RemoteFile]
PATIENCE = Patience()


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A pinned state, with every file that was hashed, and what the source said beside them."""

    commit: str | None
    committed_at: datetime | None
    remote: Listing
    seen: Mapping[str, Seen]
    observed: SourceFacts


def find(version: ModelVersion, heart: Heart) -> Found:
    """Pin, list, look at the source, and bring the files; raises what `registry.sources.base` names."""
    source = origin.source_of(version)
    heart.stage(Stage.LISTING)
    pinned = source.pin(version.requested_revision)
    # What a download once left behind, and somebody then uploaded, would be looked for and not be found on any disk.
    remote = {file.path: file for file in source.list_files() if not folder.is_left_out(file.path)}
    observed = source.observe()
    sizes = [file.size for file in remote.values()]
    heart.expect(sum(size or 0 for size in sizes) if None not in sizes else 0)
    if source.folder is not None:
        seen = _read_in_place(source.folder, remote, heart)
    else:
        seen = _fetch(version, source, remote, commit=pinned.commit, heart=heart)
    return Found(
        commit=pinned.commit,
        committed_at=pinned.committed_at,
        remote=remote,
        seen=seen,
        observed=observed,
    )


def _read_in_place(root: Path, remote: Listing, heart: Heart) -> Mapping[str, Seen]:
    heart.stage(Stage.READING)
    expected = {
        path: Expected(path, file.size or 0, "", role_of(path), file.claimed_digest, file.claim_kind)
        for path, file in remote.items()
    }
    read = reading.read_folder(root, expected, progress=heart.advance)
    if read.unreadable:
        raise base.UnsafeListing(f"The files cannot be read: {next(iter(read.unreadable.values()))}.")
    faults = {path: fault for path in sorted(remote) if (fault := _fault(remote[path], read.seen.get(path)))}
    faults |= dict.fromkeys(sorted(set(read.seen) - set(remote)), "was not listed by the source")
    if faults:
        path, fault = next(iter(faults.items()))
        more = f" (and {len(faults) - 1} more files)" if len(faults) > 1 else ""
        raise base.DownloadCorrupted(f"{path} {fault}{more}.", path=path)
    return read.seen


def _fault(remote: base.RemoteFile, seen: Seen | None) -> str:
    if seen is None:
        return "is no longer there"
    if remote.size is not None and seen.size != remote.size:
        return f"has {seen.size} bytes, its source says {remote.size}"
    return ""


def _fetch(
    version: ModelVersion, source: base.ModelSource, remote: Listing, *, commit: str | None, heart: Heart
) -> Mapping[str, Seen]:
    """Bring the files into the store, put the version's folder there, and read back what describes the model."""
    heart.stage(Stage.FETCHING)
    with room.held(storage.model_store()) as hold:
        fetched = fetcher.fetch(
            source,
            list(remote.values()),
            hold,
            connections=settings.FETCH_CONNECTIONS,
            progress=heart.advance,
            patience=PATIENCE,
            scope=f"{version.source_kind}:{version.location}",
        )
        target = _folder(version, fetched, commit=commit)
        placing.place(hold, target, fetched)
    heart.stage(Stage.READING)
    return _read_back(target, fetched)


def _folder(version: ModelVersion, fetched: Mapping[str, Fetched], *, commit: str | None) -> Path:
    """Where the files of the version will be looked for once it has its names."""
    files = [manifest.ManifestFile(file.path, file.size, file.sha256) for file in fetched.values()]
    named = ModelVersion(
        source_kind=version.source_kind,
        location=version.location,
        revision=commit,
        manifest_digest=manifest.manifest_digest(files),
    )
    return origin.folder_of(named)


def _read_back(root: Path, fetched: Mapping[str, Fetched]) -> dict[str, Seen]:
    """Every file as it was hashed on its way; of the small ones that describe the model also what they say."""
    described = {
        path: Expected(path, file.size, file.sha256, role_of(path))
        for path, file in fetched.items()
        if (role_of(path) in {"license", "doc"} or path == "adapter_config.json")
        and file.size <= reading.KEEP_BYTES
    }
    read = reading.read_heads(root, described)
    missing = sorted(set(described) - set(read))
    if missing:
        raise base.SourceUnavailable(f"{missing[0]} was stored, and cannot be read back as it was.")
    return {path: Seen(path, file.size, file.sha256) for path, file in fetched.items()} | read
