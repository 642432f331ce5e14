"""How torch lays out its files: a zip around one pickle and its storages, or the older row of pickles. Pure.

Source: torch.serialization (`_save`, `_legacy_save`) and caffe2/serialize/inline_container.cc, read in 2.x.
"""

import re
import struct
from collections.abc import Sequence

from registry.formats import pickles, view
from registry.formats.archives import Fault, Member
from registry.formats.pickle_calls import Made, Storage
from registry.formats.pickle_machine import Refusal

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_PARTS = re.compile(
    r"data\.pkl|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id|data/[0-9]+"
)
_CODE = re.compile(r"code/.*|constants\.pkl|constants/.*")


def main_pickle(members: Sequence[Member]) -> Member | None:
    """The member that torch loads first, if the archive has one in any folder."""
    named = [member for member in members if member.name.rpartition("/")[2] == "data.pkl"]
    return min(named, key=lambda member: (member.name.count("/"), member.name)) if named else None


def layout_faults(members: Sequence[Member]) -> list[Fault]:
    """Members that are no part of a checkpoint, so that two readers could load different ones."""
    main = main_pickle(members)
    folder = main.name.removesuffix("data.pkl") if main else ""
    faults = []
    if folder.count("/") != 1:
        faults.append(Fault("torch_layout", "has its pickle in an unusual folder"))
    for member in members:
        part = member.name.removeprefix(folder)
        if _CODE.fullmatch(part):
            faults.append(
                Fault(
                    "torchscript",
                    "is code: this is a TorchScript program, which runs when it is used",
                    member.name,
                )
            )
        elif not member.name.startswith(folder) or not _PARTS.fullmatch(part):
            faults.append(Fault("torch_layout", "is no part of a checkpoint", member.name))
    return faults


def storage_faults(storages: Sequence[Storage], members: Sequence[Member]) -> list[Fault]:
    """Storages that the pickle names and that are not there, or of another size."""
    main = main_pickle(members)
    folder = main.name.removesuffix("data.pkl") if main else ""
    sizes = {member.name: member.size for member in members}
    return [
        Fault("storage", "is not there, or not as long as the pickle says", f"{folder}data/{storage.key}")
        for storage in storages
        if sizes.get(f"{folder}data/{storage.key}") != storage.size
    ]


def is_legacy(first: pickles.Pickle) -> bool:
    """Whether the first pickle of a file says that four more and the storages follow."""
    return first.is_complete and first.value == MAGIC_NUMBER and type(first.value) is int


def follow_legacy(source: view.Bytes, first: pickles.Pickle) -> list[pickles.Pickle]:
    """The pickles of a file in torch's older layout, up to the first that breaks; raises `view.NotKept`.

    The last one carries a refusal where the storages behind it do not end exactly where the file does.
    """
    found = [first]
    while len(found) < 5 and found[-1].is_complete:
        found.append(pickles.follow(source, found[-1].end, with_storages=True))
    if len(found) < 5 or not found[-1].is_complete:
        return found
    words = ""
    if found[1].value != PROTOCOL or not isinstance(found[2].value, Made) or found[2].value.by != "dict":
        words = "does not say of which protocol and machine it is"
    elif not _ends_with_storages(source, found[-1], found[3].storages):
        words = "is not followed by exactly the storages that it names"
    if words:
        found[-1] = found[-1].refused(Refusal("legacy_layout", words, found[-1].end))
    return found


def _ends_with_storages(source: view.Bytes, keys: pickles.Pickle, storages: Sequence[Storage]) -> bool:
    listed = keys.value.items if isinstance(keys.value, Made) and keys.value.by == "list" else []
    named = {storage.key: storage for storage in storages}
    if sorted(map(str, listed)) != sorted(named) or len(named) != len(storages):
        return False
    at = keys.end
    for key in listed:
        count = source.read(at, 8)
        if len(count) < 8 or struct.unpack("<q", count)[0] != named[key].count:
            return False
        at += 8 + named[key].size
    return at == source.size
