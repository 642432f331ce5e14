"""Hostile pickles, assembled by opcode, and the files that they hide in. None of them is ever loaded.

Every payload would make the file `CANARY`; the tests hold that it is never made.
"""

import dataclasses
import gzip
import io
import tarfile
from collections.abc import Iterator

from tests.corpus import assembler as asm
from tests.corpus import torch_writer as torch

CANARY = "modelcustody-canary"
TOUCH = f"touch {CANARY}"
PYTHON = f"open({CANARY!r}, 'w')"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A file, and what must be said of it: `says` is part of the message, the rest is the least severity."""

    name: str
    path: str
    data: bytes
    says: str
    is_critical: bool = True


# What could be called to run code: each is refused by name, however it is written.
CALLS: tuple[tuple[str, str, tuple[object, ...]], ...] = (
    ("os", "system", (TOUCH,)),
    ("posix", "system", (TOUCH,)),
    ("nt", "system", (TOUCH,)),
    ("os", "popen", (TOUCH,)),
    ("os", "execv", ("/bin/sh", ["sh", "-c", TOUCH])),
    ("subprocess", "check_output", (["touch", CANARY],)),
    ("subprocess", "Popen", (TOUCH,)),
    ("builtins", "eval", (PYTHON,)),
    ("builtins", "exec", (PYTHON,)),
    ("builtins", "compile", (PYTHON, "", "exec")),
    ("builtins", "__import__", ("antigravity",)),
    ("builtins", "open", (CANARY, "w")),
    ("builtins", "breakpoint", ()),
    ("builtins", "input", ()),
    ("__builtin__", "eval", (PYTHON,)),
    ("__builtin__", "apply", (None,)),
    ("importlib", "import_module", ("antigravity",)),
    ("ctypes", "CDLL", ("libc.so.6",)),
    ("pip", "main", (["install", "x"],)),
    ("pip._internal", "main", (["install", "x"],)),
    ("timeit", "timeit", (PYTHON,)),
    ("marshal", "loads", (b"\xe3",)),
    ("code", "interact", ()),
    ("code", "InteractiveInterpreter", ()),
    ("pty", "spawn", ("/bin/sh",)),
    ("webbrowser", "open", ("http://127.0.0.1/",)),
    ("shutil", "rmtree", (CANARY,)),
    ("socket", "create_connection", (("127.0.0.1", 9),)),
    ("asyncio", "run", (None,)),
    ("runpy", "run_path", (CANARY,)),
    ("pickle", "loads", (b"cos\nsystem\n.",)),
    ("_pickle", "loads", (b"cos\nsystem\n.",)),
    ("cProfile", "run", (PYTHON,)),
    ("pdb", "run", (PYTHON,)),
    ("pydoc", "pipepager", ("x", TOUCH)),
    ("doctest", "debug_script", (PYTHON,)),
    ("functools", "partial", ("x",)),
    ("operator", "attrgetter", ("system",)),
    ("operator", "methodcaller", ("system", TOUCH)),
    ("_operator", "itemgetter", (0,)),
    ("types", "CodeType", (0,)),
    ("types", "FunctionType", (None, {})),
    ("tempfile", "mkdtemp", ()),
    ("urllib.request", "urlopen", ("http://127.0.0.1/",)),
    ("http.client", "HTTPSConnection", ("127.0.0.1",)),
    ("multiprocessing.util", "spawnv_passfds", (b"/bin/sh", [], [])),
    ("torch", "load", (CANARY,)),
    ("torch.serialization", "load", (CANARY,)),
    ("torch.storage", "_load_from_bytes", (b"\x80\x02",)),
    ("torch.hub", "load", ("a/b", "c")),
    ("torch.jit.unsupported_tensor_ops", "execWrapper", (PYTHON, {}, {})),
    ("torch.utils.bottleneck.__main__", "run_cprofile", (PYTHON, {})),
    ("torch.package", "PackageImporter", (CANARY,)),
    ("torch._inductor.codecache", "compile_file", ("", "", ["sh", "-c", TOUCH])),
    ("numpy", "load", (CANARY, None, True)),
    ("numpy.testing._private.utils", "runstring", (PYTHON, {})),
    ("numpy.f2py.crackfortran", "getlincoef", (PYTHON, {})),
    ("cloudpickle.cloudpickle", "_make_function", (None,)),
    ("dill._dill", "_create_code", (None,)),
    ("joblib", "load", (CANARY,)),
    ("pandas", "read_pickle", (CANARY,)),
    ("logging.config", "dictConfig", ({},)),
    ("zipimport", "zipimporter", (CANARY,)),
    ("sys", "exit", ()),
)
# What is not known to run code, and no part of a model either.
STRANGERS: tuple[tuple[str, str, tuple[object, ...]], ...] = (
    ("transformers.training_args", "TrainingArguments", ()),
    ("sklearn.svm._classes", "SVC", ()),
    ("argparse", "Namespace", ()),
    ("model", "Net", ()),
    ("builtins", "list", ((1, 2),)),
    ("torch.nn.modules.linear", "Linear", (4, 4)),
)


def calls() -> Iterator[Sample]:
    """Each call, written in one of eight ways in turn."""
    for place, (module, name, arguments) in enumerate(CALLS):
        way = place % 8
        given = asm.value(arguments)
        written = (
            asm.pickle(asm.look_up(module, name) + given + asm.REDUCE, 2),
            asm.pickle(asm.look_up_stacked(module, name) + given + asm.REDUCE),
            b"(" + b"".join(map(asm.value, arguments)) + f"i{module}\n{name}\n.".encode(),
            b"(" + asm.look_up(module, name) + b"".join(map(asm.value, arguments)) + b"o.",
            asm.pickle(asm.look_up(module, name) + given + asm.NEWOBJ, 2),
            asm.pickle(asm.look_up_stacked(module, name) + given + asm.EMPTY_DICT + asm.NEWOBJ_EX),
            asm.framed(asm.text(module) + asm.MEMOIZE + asm.POP + asm.text(name) + asm.MEMOIZE + asm.POP
                       + asm.get(0) + asm.get(1) + asm.STACK_GLOBAL + given + asm.REDUCE),
            asm.look_up(module, name) + given + asm.REDUCE + asm.STOP,
        )[way]  # fmt: skip
        shown = f"{'builtins' if module == '__builtin__' else module}.{name}"
        yield Sample(f"{module}.{name}-{way}", f"{module}.{way}.pkl", written, shown)
    for module, name, arguments in STRANGERS:
        yield Sample(
            f"{module}.{name}",
            "training_args.bin",
            asm.pickle(asm.call(module, name, *arguments)),
            f"{module}.{name}",
            is_critical=False,
        )


SYSTEM = asm.call("os", "system", TOUCH)
GETATTR = asm.look_up("builtins", "getattr")


def tricks() -> Iterator[Sample]:
    """Streams that hide what they call, or break off behind it."""
    run, critical = "os.system", True
    samples = (
        ("broken-after-call", asm.proto() + SYSTEM + b"\xff", run, critical),
        ("truncated-after-call", asm.proto() + SYSTEM, run, critical),
        ("underflow-after-call", asm.proto() + SYSTEM + b"0000.", run, critical),
        ("call-behind-a-good-one", asm.pickle(asm.value({"a": 1})) + asm.pickle(SYSTEM), run, critical),
        ("popped", asm.pickle(SYSTEM + asm.POP + asm.value({"a": 1})), run, critical),
        ("popped-to-mark", asm.pickle(asm.MARK + SYSTEM + b"1" + asm.NONE), run, critical),
        ("in-a-list", asm.pickle(asm.EMPTY_LIST + SYSTEM + asm.APPEND), run, critical),
        ("as-a-key", asm.pickle(asm.EMPTY_DICT + SYSTEM + asm.NONE + asm.SETITEM), run, critical),
        ("memo-put-get", asm.pickle(asm.look_up("os", "system") + asm.put(1) + asm.POP + asm.get(1) + asm.value((TOUCH,)) + asm.REDUCE), run, critical),
        ("memo-overwritten", asm.pickle(asm.text("collections") + asm.put(1) + asm.text("os") + asm.put(1) + asm.POP + asm.POP
                                        + asm.get(1) + asm.text("system") + asm.STACK_GLOBAL + asm.value((TOUCH,)) + asm.REDUCE), run, critical),
        ("doubled", asm.pickle(asm.look_up("os", "system") + asm.DUP + asm.value((TOUCH,)) + asm.REDUCE), run, critical),
        ("only-looked-up", asm.pickle(asm.look_up("os", "system")), run, critical),
        ("getattr-chain", asm.pickle(GETATTR + asm.MARK + asm.call("builtins", "__import__", "os") + asm.text("system")
                                     + asm.TUPLE + asm.REDUCE + asm.value((TOUCH,)) + asm.REDUCE), "builtins.", critical),
        ("attrgetter-chain", asm.pickle(asm.call("operator", "attrgetter", "system") + asm.MARK + asm.call("builtins", "__import__", "os")
                                        + asm.TUPLE + asm.REDUCE + asm.value((TOUCH,)) + asm.REDUCE), "operator.attrgetter", critical),
        ("dotted-name", asm.pickle(asm.look_up_stacked("torch", "serialization.os.system") + asm.value((TOUCH,)) + asm.REDUCE), "torch.serialization.os.system", critical),
        ("dotted-dunder", asm.pickle(asm.look_up_stacked("collections", "OrderedDict.__init__.__globals__") + asm.EMPTY_TUPLE + asm.REDUCE), "__globals__", critical),
        ("allowed-name-in-another-module", asm.pickle(asm.look_up_stacked("torch", "_utils._rebuild_tensor_v2.__globals__")), "__globals__", critical),
        ("computed-name", asm.pickle(asm.call("_codecs", "encode", "os", "latin1") + asm.text("system") + asm.STACK_GLOBAL + asm.value((TOUCH,)) + asm.REDUCE), "put together while it is loaded", critical),
        ("escaped-name", b"\x80\x04V\\u006fs\nVsystem\n\x93" + asm.value((TOUCH,)) + b"R.", "put together while it is loaded", critical),
        ("bytes-as-name", b"\x80\x04C\x02os" + asm.text("system") + b"\x93" + asm.value((TOUCH,)) + b"R.", "put together while it is loaded", critical),
        ("codec-import", asm.pickle(asm.call("_codecs", "encode", "x", "rot13")), "_codecs.encode", not critical),
        ("look-alike", asm.pickle(asm.look_up("o\u0455", "system") + asm.value((TOUCH,)) + asm.REDUCE), "o\\u0455.system", not critical),
        ("compatibility-form", asm.pickle(asm.look_up("\uff4fs", "system") + asm.value((TOUCH,)) + asm.REDUCE), "\\uff4fs.system", critical),
        ("surrogate-name", asm.pickle(asm.look_up_stacked("os\udc80", "system") + asm.value((TOUCH,)) + asm.REDUCE), "system", not critical),
        ("extension-1", asm.pickle(b"\x82\x01" + asm.value((TOUCH,)) + asm.REDUCE), "extension registry", critical),
        ("extension-2", asm.pickle(b"\x83\x01\x00" + asm.value((TOUCH,)) + asm.REDUCE), "extension registry", critical),
        ("extension-4", asm.pickle(b"\x84\x01\x00\x00\x00" + asm.value((TOUCH,)) + asm.REDUCE), "extension registry", critical),
        ("persistent-id", b"Pos.system\n.", "by a name", not critical),
        ("binary-persistent-id", asm.pickle(asm.value(("module", "x")) + asm.BINPERSID), "no storage of numbers", not critical),
        ("build-on-a-class", asm.pickle(asm.look_up("collections", "OrderedDict") + asm.value({"__setstate__": 1}) + asm.BUILD), "fills collections.OrderedDict", not critical),
        ("build-setstate", asm.pickle(torch.ORDERED + asm.EMPTY_DICT + asm.text("items") + asm.look_up("os", "system") + asm.SETITEM + asm.BUILD), run, critical),
        ("build-shadowing", asm.pickle(torch.ORDERED + asm.value({"items": 1}) + asm.BUILD), "fills collections.OrderedDict", not critical),
        ("build-slots", asm.pickle(torch.ORDERED + asm.value((None, {"__class__": 1})) + asm.BUILD), "fills collections.OrderedDict", not critical),
        ("reduce-an-instance", asm.pickle(torch.ORDERED + asm.EMPTY_TUPLE + asm.REDUCE), "what another call returned", not critical),
        ("reduce-a-text", asm.pickle(asm.text("os.system") + asm.value((TOUCH,)) + asm.REDUCE), "what another call returned", not critical),
        ("setitem-on-a-call", asm.pickle(asm.call("os", "environ.copy") + asm.text("a") + asm.text("b") + asm.SETITEM), "os.environ.copy", critical),
        ("append-to-a-call", asm.pickle(asm.call("torch", "Size", (1,)) + asm.NONE + asm.APPEND), "fills something that is no list", not critical),
        ("huge-bytearray", asm.pickle(asm.call("builtins", "bytearray", 2**30)), "builtins.bytearray", not critical),
        ("huge-array", asm.pickle(asm.look_up("numpy.core.multiarray", "_reconstruct") + asm.MARK + asm.look_up("numpy", "ndarray")
                                  + asm.value((2**40,)) + asm.value(b"b") + asm.TUPLE + asm.REDUCE), "_reconstruct", not critical),
        ("out-of-band", asm.pickle(b"\x97", 5), "from outside the file", not critical),
        ("huge-memo", asm.pickle(asm.NONE + b"r\xff\xff\xff\xff"), "numbers an object", not critical),
        ("missing-memo", asm.pickle(asm.get(7)), "which there is not", not critical),
        ("negative-length", b"\x80\x02T\xff\xff\xff\xff.", "middle of an instruction", not critical),
        ("long-beyond-end", b"\x80\x04\x8d" + b"\xff" * 7 + b"\x0f", "middle of an instruction", not critical),
        ("deep-marks", asm.proto() + asm.MARK * 5000, "nested too deeply", not critical),
        ("deep-tuples", asm.pickle(asm.NONE + asm.TUPLE1 * 100_000 + b"\xff"), "unknown instruction", not critical),
        ("protocol-6", b"\x80\x06N.", "unknown protocol", not critical),
        ("protocol-twice", b"\x80\x02\x80\x04N.", "declares its protocol twice", not critical),
        ("undeclared-protocol", asm.text("os") + asm.text("path") + asm.STACK_GLOBAL + asm.STOP, "os.path", critical),
        ("frame-beyond-end", b"\x80\x04\x95" + b"\xff" * 8 + b"N.", "frame", not critical),
        ("frame-overlaps", b"\x80\x04\x95\x02" + bytes(7) + b"X\x01\0\0\0aN.", "frame", not critical),
        ("frame-in-frame", b"\x80\x04\x95\x20" + bytes(7) + (b"\x95\x01" + bytes(7)) * 4 + b"N.", "frame", not critical),
        ("number-with-underscores", b"I1_0\n.", "where a number belongs", not critical),
        ("two-on-the-stack", asm.pickle(asm.NONE + asm.NONE), "leaves something", not critical),
        ("trailing", asm.pickle(asm.NONE) + b"\xff" * 9, "followed by something else", not critical),
        ("padded-front", bytes(16) + asm.pickle(SYSTEM), "unknown instruction", not critical),
        ("unicode-line", b"\x80\x04cos\n\xff\n)R.", "not UTF-8", not critical),
        ("odd-dictionary", asm.pickle(asm.MARK + asm.text("a") + b"d"), "no value", not critical),
    )  # fmt: skip
    for name, data, says, is_critical in samples:
        yield Sample(name, f"{name}.pkl", data, says, is_critical)


def hidden() -> Iterator[Sample]:
    """The same payload in the containers that loaders open, and under names that say something else."""
    bad = asm.pickle(SYSTEM, 2)
    in_state = torch.good_pickle(asm.text("x") + SYSTEM)
    says = "os.system"
    yield Sample("torch-zip", "pytorch_model.bin", torch.torch_zip(in_state), says)
    yield Sample(
        "torch-zip-plain", "model.pt", torch.plain_zip(torch.torch_members(bad), deflated=True), says
    )
    yield Sample("torch-zip-unnamed", "weights.dat", torch.torch_zip(in_state), says)
    yield Sample(
        "torch-two-pickles",
        "a.ckpt",
        torch.plain_zip(torch.torch_members() | torch.torch_members(bad, "other")),
        says,
    )
    yield Sample("torch-deeper", "a.pth", torch.plain_zip(torch.torch_members(bad, "a/b")), says)
    yield Sample("torch-extra-pickle", "a.pt", torch.torch_zip(**{"archive/extra.pkl": bad}), says)
    yield Sample("torch-case", "a.pt", torch.torch_zip(**{"archive/DATA.pkl": bad}), says)
    yield Sample(
        "torchscript",
        "a.pt",
        torch.torch_zip(**{"archive/code/__torch__.py": b"def f(): pass"}),
        "TorchScript",
        is_critical=False,
    )
    yield Sample(
        "torch-legacy", "a.bin", torch.legacy(torch.good_pickle(asm.text("x") + SYSTEM, legacy=True)), says
    )
    yield Sample(
        "torch-legacy-magic",
        "a.bin",
        torch.legacy(magic=asm.pickle(asm.call("builtins", "eval", "0x1950a86a20f9469cfc6c"), 2)),
        "builtins.eval",
    )
    yield Sample(
        "torch-legacy-end", "a.bin", torch.legacy() + b"x", "exactly the storages", is_critical=False
    )
    yield Sample(
        "torch-missing-storage",
        "a.bin",
        torch.plain_zip({"archive/data.pkl": torch.good_pickle()}),
        "is not there",
        is_critical=False,
    )
    beyond = torch.state_dict({"a": torch.tensor("0", 4, (2**20, 2**20))})
    yield Sample(
        "torch-beyond-storage", "a.bin", torch.torch_zip(beyond), "_rebuild_tensor_v2", is_critical=False
    )
    yield Sample("joblib", "a.joblib", bad, says)
    yield Sample(
        "joblib-compressed", "b.joblib", gzip.compress(bad), "unknown instruction", is_critical=False
    )
    yield Sample("npy-object", "a.npy", torch.npy(bad, "'|O'", "(1,)"), says)
    yield Sample("npy-structured", "b.npy", torch.npy(bad, "[('a', '<f4'), ('b', '|O')]", "(1,)"), says)
    yield Sample(
        "npz-object", "a.npz", torch.plain_zip({"x.npy": torch.npy(bad, "'|O'", "(1,)")}, deflated=True), says
    )
    yield Sample("npz-pickle", "b.npz", torch.plain_zip({"x.npy": bad}), "no array", is_critical=False)
    yield Sample(
        "npy-header-code",
        "c.npy",
        torch.npy(bytes(16), "__import__('os').system('x')"),
        "no plain literal",
        is_critical=False,
    )
    yield Sample(
        "npy-header-deep", "d.npy", torch.npy(bytes(16), "[" * 5000), "no plain literal", is_critical=False
    )
    yield Sample("npy-trailing", "e.npy", torch.npy(bytes(16) + bad), "not as long", is_critical=False)
    yield Sample("renamed-text", "notes.txt", bad, says)
    yield Sample("renamed-protocol-0", "vocab.dat", b"cos\nsystem\n(S'" + TOUCH.encode() + b"'\ntR.", says)
    yield Sample("renamed-safetensors", "model.safetensors", bad, says)
    yield Sample("zip-of-pickle", "data.zip", torch.plain_zip({"a/state": bad}), says)
    yield Sample("empty", "empty.pkl", b"", "middle of an instruction", is_critical=False)
    yield Sample("not-a-pickle", "random.bin", b"\xfe\xff" * 40, "unknown instruction", is_critical=False)


def in_tar() -> bytes:
    """A tar with a pickle in it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member, data = tarfile.TarInfo("weights.pkl"), asm.pickle(SYSTEM)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def every() -> list[Sample]:
    """All of them."""
    return [*calls(), *tricks(), *hidden()]
