"""Writes files as torch, numpy and joblib do, by hand: the good ones, and the shells of the hostile ones."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

from tests.corpus import assembler as asm

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
ORDERED = asm.look_up("collections", "OrderedDict") + asm.EMPTY_TUPLE + asm.REDUCE


def tensor(
    key: str, count: int, shape: Sequence[int], *, legacy: bool = False, kind: str = "FloatStorage"
) -> bytes:
    """One tensor of 32-bit numbers whose storage lies beside the pickle."""
    strides = [1] * len(shape)
    for place in range(len(shape) - 2, -1, -1):
        strides[place] = strides[place + 1] * shape[place + 1]
    pid = (
        asm.text("storage") + asm.look_up("torch", kind) + asm.text(key) + asm.text("cpu") + asm.number(count)
    )
    storage = asm.MARK + pid + (asm.NONE if legacy else b"") + asm.TUPLE + asm.BINPERSID
    rest = asm.number(0) + asm.value(tuple(shape)) + asm.value(tuple(strides)) + asm.value(False) + ORDERED
    return (
        asm.look_up("torch._utils", "_rebuild_tensor_v2") + asm.MARK + storage + rest + asm.TUPLE + asm.REDUCE
    )


def state_dict(tensors: Mapping[str, bytes], extra: bytes = b"") -> bytes:
    """An ordered dictionary of tensors with its metadata, of protocol 2."""
    items = b"".join(asm.text(name) + made for name, made in tensors.items())
    metadata = asm.EMPTY_DICT + asm.text("_metadata") + ORDERED + asm.SETITEM
    return asm.pickle(ORDERED + asm.MARK + items + extra + b"u" + metadata + asm.BUILD, 2)


def good_pickle(extra: bytes = b"", *, legacy: bool = False) -> bytes:
    """Two tensors of four numbers each."""
    return state_dict({f"layer.{key}": tensor(key, 4, (2, 2), legacy=legacy) for key in ("0", "1")}, extra)


def torch_members(data: bytes | None = None, folder: str = "archive") -> dict[str, bytes]:
    """The parts of a checkpoint with `good_pickle`, or another one."""
    return {
        f"{folder}/data.pkl": good_pickle() if data is None else data,
        f"{folder}/.format_version": b"1",
        f"{folder}/byteorder": b"little",
        f"{folder}/data/0": struct.pack("<4f", 1, 2, 3, 4),
        f"{folder}/data/1": struct.pack("<4f", 5, 6, 7, 8),
        f"{folder}/version": b"3\n",
        f"{folder}/.data/serialization_id": b"0" * 40,
    }


def torch_zip(data: bytes | None = None, folder: str = "archive", **more: bytes) -> bytes:
    """As torch's own writer does it: stored, sizes behind the data, padded, with 64-bit end records."""
    return padded_zip(torch_members(data, folder) | more)


def padded_zip(members: Mapping[str, bytes]) -> bytes:
    """A zip in the manner of torch's writer (miniz)."""
    out, directory = bytearray(), bytearray()
    for name, data in members.items():
        raw, offset = name.encode(), len(out)
        padding = -(offset + 30 + len(raw) + 4) % 64
        extra = struct.pack("<2H", 0x4246, padding) + b"Z" * padding
        out += (
            struct.pack("<4s5H3L2H", b"PK\x03\x04", 0, 0x0808, 0, 0, 0, 0, 0, 0, len(raw), len(extra))
            + raw
            + extra
        )
        crc = zlib.crc32(data)
        out += data + struct.pack("<4s3L", b"PK\x07\x08", crc, len(data), len(data))
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 0, 0, 0x0808, 0, 0, 0, crc, len(data), len(data), len(raw), 0, 0, 0, 0, 0, offset
        ) + raw  # fmt: skip
    begin, count = len(out), len(members)
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), begin)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, begin + len(directory), 1)
    short = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), begin, 0)
    return bytes(out + directory) + end + locator + short


def plain_zip(members: Mapping[str, bytes], *, deflated: bool = False) -> bytes:
    """A zip by Python's own writer."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if deflated else None)
    return out.getvalue()


def legacy(data: bytes | None = None, magic: bytes | None = None) -> bytes:
    """torch's older layout: five pickles and the storages."""
    parts = [
        magic or asm.pickle(asm.long(MAGIC_NUMBER), 2),
        asm.pickle(asm.number(1001), 2),
        asm.pickle(asm.value({"protocol_version": 1001, "little_endian": True}), 2),
        good_pickle(legacy=True) if data is None else data,
        asm.pickle(asm.value(["0", "1"]), 2),
    ]
    storages = b"".join(struct.pack("<q4f", 4, 1, 2, 3, 4) for _ in range(2))
    return b"".join(parts) + storages


def npy(data: bytes, descr: str = "'<f4'", shape: str = "(4,)") -> bytes:
    """An array file with this header."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data
