"""A version's folder: plain files that share their bytes with the store, put into place all at once."""

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from modelcustody_client import durable, manifest
from modelcustody_client import folder as folders

from registry.fetch.room import Hold
from registry.fetch.store import Fetched


def place(hold: Hold, target: Path, fetched: Mapping[str, Fetched]) -> None:
    """Build the folder of a version from files of the store; one that is there already is used if it is the same.

    Engines see ordinary files: hard links, or copies where the disk cannot link. Raises `StoreFull`, `OSError`.
    """
    manifest.check_paths(fetched)
    if _is_placed(target, fetched):
        return
    building = hold.folder / f"building-{uuid.uuid4().hex}"
    for path, file in fetched.items():
        place_ = building / path
        place_.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(hold, file, place_)
    for parent, _, _ in os.walk(building, topdown=False):
        durable.sync_folder(Path(parent))
    target.parent.mkdir(parents=True, exist_ok=True)
    with hold.store.locked():
        if target.exists():  # something else has that name: an older layout, or what somebody changed
            target.rename(hold.folder / f"replaced-{uuid.uuid4().hex}")
        building.rename(target)
    _sync_up(target.parent, hold.store.root)


def _is_placed(target: Path, fetched: Mapping[str, Fetched]) -> bool:
    """Whether the folder holds exactly these files, by the inodes whose bytes were hashed just now."""
    if not target.is_dir():
        return False
    try:
        found = folders.list_files(target)
        return found.keys() == fetched.keys() and all(
            os.path.samestat(found[path].lstat(), file.blob.lstat()) for path, file in fetched.items()
        )
    except (OSError, manifest.BadManifest):
        return False


def _link_or_copy(hold: Hold, file: Fetched, place: Path) -> None:
    try:
        place.hardlink_to(file.blob)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, none that can link, or too many links to one file
        hold.reserve(file.size)
        shutil.copyfile(file.blob, place)
        place.chmod(0o444)
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        hold.spend(file.size)


def _sync_up(folder: Path, root: Path) -> None:
    while folder != root and folder.is_relative_to(root):
        durable.sync_folder(folder)
        folder = folder.parent
    durable.sync_folder(root)
