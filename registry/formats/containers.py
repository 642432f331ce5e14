"""What is inside a container that is neither a plain weight file nor a pickle: programs, code, layers, operators. Pure.

Archives are listed and each member is judged by its name and its first bytes; archives inside are not opened.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from modelcustody_client import manifest

from registry.formats import hdf5, magic, onnx, pickled_files, tars, torch_files, view, zips
from registry.formats.archives import Archive, BadArchive, Fault, Member

CODE_SUFFIXES = frozenset(
    {".py", ".pyc", ".pyd", ".ipynb", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat", ".ps1", ".js", ".jar"}
)
_COMPRESSED = frozenset({"gzip", "bzip2", "xz", "zstd", "7z", "rar"})
_ARCHIVES = frozenset({".zip", ".keras", ".mar", ".nemo", ".tar", ".mlpackage", ".egg", ".whl"})
# Engines of TensorRT: a plan may hold plug-ins, which are machine code.
_COMPILED = frozenset({".engine", ".plan", ".trt"})
# TensorFlow's operators that run Python, or read and write files of the machine.
_TF_OPERATORS = (
    b"PyFunc",
    b"ReadFile",
    b"WriteFile",
    b"WholeFileReader",
    b"MatchingFiles",
    b"LoadLibrary",
    b"PrintV2",
    b"DebugIdentity",
    b"SaveDataset",
)
# Keras layers that carry a function of their own.
_KERAS_WORDS = (b"Lambda", b"\\u00", b"__lambda__", b"marshal")
# Layers that carry a function, or load a program of another library's from a file or from bytes.
_KERAS_CODE = frozenset({"Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"})
MAX_SEARCHED_BYTES = 24 * 1024 * 1024
# How much of a member is looked at to tell its kind.
_MEMBER_START = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """What a container holds, and what is wrong with it; `undecided` says why nothing can be said."""

    kind: str
    members: int = 0
    faults: tuple[Fault, ...] = ()
    undecided: str = ""


def examine(path: str, source: view.Bytes) -> Contents | None:
    """What the container holds, or None for a file that is none."""
    suffix = PurePosixPath(path).suffix.lower()
    try:
        return _examine(path, suffix, source)
    except BadArchive as error:
        return Contents("archive", faults=(Fault(error.code, str(error), error.member),))
    except view.NotKept:
        return Contents(
            suffix.removeprefix(".") or "archive", undecided="too much of it would have to be kept"
        )


def _examine(path: str, suffix: str, source: view.Bytes) -> Contents | None:
    kind = magic.kind_of(view.start_of(source))
    if kind == "zip":
        return _zip(suffix, source)
    if kind == "tar":
        return _tar(source)
    if kind in _COMPRESSED:
        return Contents(kind, faults=(Fault("compressed", "is compressed as a whole and was not opened"),))
    if suffix in _ARCHIVES:
        return Contents("archive", faults=(Fault("unknown", "is named like an archive and is none"),))
    return _model(path, "hdf5" if kind == "hdf5" else suffix, source)


def _model(path: str, form: str, source: view.Bytes) -> Contents | None:
    if form == "hdf5":
        return _hdf5(source)
    if form == ".onnx":
        return _onnx(path, source)
    if form in _COMPILED:
        words = "is compiled for one kind of machine and may carry libraries of its own, so that nobody can read it"
        return Contents("compiled model", faults=(Fault("compiled", words),))
    return _searched("TensorFlow graph", source, _tensorflow_faults) if form in {".pb", ".pbtxt"} else None


def _zip(suffix: str, source: view.Bytes) -> Contents | None:
    archive = zips.read(source)
    is_torch = torch_files.main_pickle(archive.files) is not None
    faults = list(archive.faults)
    if is_torch or suffix == ".npz" or suffix in pickled_files.PICKLES:
        # its parts are known to the check of pickles; a program among them is said here as well
        faults += [fault for fault in torch_files.layout_faults(archive.files) if is_torch]
    else:
        faults += [
            fault
            for member in archive.files
            for fault in _member_faults(member, zips.head(source, member, _MEMBER_START))
        ]
    if suffix == ".keras" or any(member.name == "config.json" for member in archive.files):
        faults += _keras_config(source, archive)
    return Contents("zip archive", len(archive.files), tuple(faults))


def _tar(source: view.Bytes) -> Contents:
    archive = tars.read(source)
    faults = list(archive.faults)
    for member in archive.files:
        faults += _member_faults(member, source.read(member.offset, min(_MEMBER_START, member.size)))
    return Contents("tar archive", len(archive.files), tuple(faults))


def _member_faults(member: Member, start: bytes) -> Iterator[Fault]:
    name = PurePosixPath(member.name)
    kind = magic.kind_of(start)
    if name.suffix.lower() in CODE_SUFFIXES or kind in magic.PROGRAMS:
        yield Fault("code", "is code or a program", member.name)
    elif kind in magic.ARCHIVES or name.suffix.lower() in _ARCHIVES:
        yield Fault("nested", "is an archive of its own, which was not opened", member.name)
    elif name.suffix.lower() in pickled_files.PICKLES or kind == "pickle":
        yield Fault("pickle", "is of a format that can run code when it is loaded", member.name)
    elif mismatch := magic.mismatch(member.name, start):
        yield Fault("mismatch", f"is not what it seems: {mismatch}", member.name)


def _keras_config(source: view.Bytes, archive: Archive) -> list[Fault]:
    member = next((member for member in archive.files if member.name == "config.json"), None)
    if member is None:
        return [Fault("keras", "has no config.json, which says what it is made of")]
    try:
        return _keras_faults(zips.unpack(source, member), member.name)
    except BadArchive as error:
        return [Fault("keras", str(error), member.name)]


def _hdf5(source: view.Bytes) -> Contents:
    try:
        config = hdf5.root_attributes(source).get("model_config")
    except hdf5.BadFile as error:
        if source.size > MAX_SEARCHED_BYTES:
            return Contents("HDF5 file", undecided=f"it {error}")
        return _searched("HDF5 file", source, _keras_words)
    # weights alone have no description of layers, and nothing in them is run
    return Contents(
        "HDF5 file", faults=tuple(_keras_faults(config.rstrip(b"\0")) if config is not None else ())
    )


def _keras_faults(config: bytes, member: str = "") -> list[Fault]:
    """Layers with code of their own in Keras's description of a model."""
    try:
        found = sorted(_keras_code(json.loads(config)))
    except (ValueError, RecursionError):
        return [Fault("keras", "describes its layers in a form that is not JSON", member)]
    return [
        Fault("keras", f"builds the model with {name}, which carries or names code", member) for name in found
    ]


def _keras_code(value: Any) -> set[str]:
    """Layers that are functions of their own, and classes from outside Keras."""
    found: set[str] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            pending += item.values()
            name, module = str(item.get("class_name", "")), item.get("module")
            if name in _KERAS_CODE or ">" in name:
                found.add(name)
            if isinstance(module, str) and name and module.split(".")[0] not in {"keras", "builtins"}:
                found.add(f"{module}.{name}"[:200])
    return found


def _searched(kind: str, source: view.Bytes, faults_in: Any) -> Contents:
    """A file of which only the words in it are looked at."""
    if source.size > MAX_SEARCHED_BYTES:
        return Contents(kind, undecided=f"with {source.size:,} bytes it is too large to be searched")
    return Contents(kind, faults=tuple(faults_in(source.read(0, source.size))))


def _keras_words(data: bytes) -> Iterator[Fault]:
    """Of a file whose structure is not known here, the words of layers that are code."""
    if b"model_config" in data:
        for word in (word for word in _KERAS_WORDS if word in data):
            shown = "text written with escapes" if word == b"\\u00" else f"the word {word.decode()}"
            yield Fault("keras", f"describes layers and holds {shown}, as layers with code of their own do")


def _tensorflow_faults(data: bytes) -> Iterator[Fault]:
    for name in _TF_OPERATORS:
        if name in data:
            yield Fault("tensorflow", f"uses the operator {name.decode()}, which reaches outside the model")


def _onnx(path: str, source: view.Bytes) -> Contents:
    try:
        model = onnx.read(source)
    except onnx.BadModel as error:
        return Contents("onnx", faults=(Fault("onnx", str(error)),))
    faults = [
        Fault("operators", f"needs operators of {domain[:100]!a}, which a library from elsewhere brings")
        for domain in model.domains
    ]
    for place in model.data_files:
        try:
            manifest.check_path(place)
        except manifest.BadPath:
            faults.append(
                Fault("external_data", f"reads its numbers from {place[:200]!a}, outside its folder")
            )
    return Contents("onnx", len(model.data_files), tuple(faults))
