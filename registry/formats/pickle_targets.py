"""What a pickle of tensors may name, and which other names are known to run code. Pure.

Only `ALLOWED` decides what is data. `is_harmful` decides how loudly something else is refused, never whether.
"""

import unicodedata

_TORCH_STORAGES = {
    "Bool": 1,
    "Byte": 1,
    "Char": 1,
    "Short": 2,
    "Half": 2,
    "BFloat16": 2,
    "Int": 4,
    "Float": 4,
    "Long": 8,
    "Double": 8,
    "ComplexFloat": 8,
    "ComplexDouble": 16,
}
# Bytes of one element, by the storage class that a persistent id names.
STORAGES = {f"torch.{name}Storage": size for name, size in _TORCH_STORAGES.items()} | {
    "torch.storage.UntypedStorage": 1,
    "torch.UntypedStorage": 1,
}
DTYPES = {
    f"torch.{name}": size
    for size, names in {
        1: "bool uint8 int8 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu",
        2: "int16 uint16 float16 bfloat16",
        4: "int32 uint32 float32",
        8: "int64 uint64 float64 complex64",
        16: "complex128",
    }.items()
    for name in names.split()
}
# Names that may be called, each with the form of its arguments; `pickle_calls` knows these forms.
CALLS = {
    "collections.OrderedDict": "ordered",
    "torch._utils._rebuild_tensor": "tensor",
    "torch._utils._rebuild_tensor_v2": "tensor",
    "torch._utils._rebuild_tensor_v3": "tensor",
    "torch._utils._rebuild_parameter": "parameter",
    "torch.Size": "size",
    "torch.device": "device",
    "_codecs.encode": "encoded",
    "builtins.bytes": "nothing",
    "builtins.bytearray": "bytearray",
    "builtins.complex": "complex",
    "builtins.set": "set",
    "builtins.frozenset": "set",
    "numpy.dtype": "dtype",
    "numpy.core.multiarray._reconstruct": "reconstruct",
    "numpy._core.multiarray._reconstruct": "reconstruct",
    "numpy.core.multiarray.scalar": "scalar",
    "numpy._core.multiarray.scalar": "scalar",
    "numpy.core.numeric._frombuffer": "frombuffer",
    "numpy._core.numeric._frombuffer": "frombuffer",
}
ALLOWED = frozenset(CALLS) | STORAGES.keys() | DTYPES.keys() | {"numpy.ndarray"}
# Python 2's names, which an unpickler translates for protocols up to 2.
_OLD_NAMES = {"__builtin__": "builtins"}

_HARMFUL_PACKAGES = frozenset(
    """
    _aix_support _asyncio _ctypes _imp _interpreters _io _multiprocessing _operator _osx_support _pickle _posixshmem
    _posixsubprocess _pyrepl _socket _sqlite3 _ssl _thread _winapi _xxsubinterpreters aiohttp antigravity asyncio
    asyncore atexit bdb builtins cProfile cffi cgi cgitb cloudpickle code codecs codeop commands compileall
    concurrent ctypes curses dbm dill distutils doctest ensurepip faulthandler fileinput fsspec ftplib functools gc
    glob http httplib httpx idlelib imaplib imp importlib inspect io jsonpickle lib2to3 linecache marshal
    mmap modulefinder msvcrt multiprocessing nntplib nt ntpath operator os pdb pexpect pickle pickletools pip pipes
    pkgutil platform poplib posix posixpath profile pstats pty py_compile pyclbr pydoc pyximport requests runpy
    sched script selectors setuptools shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl
    subprocess sys sysconfig tarfile telnetlib tempfile test threading timeit tkinter trace tracemalloc turtle
    types typing_extensions urllib urllib2 urllib3 uuid venv webbrowser winreg wsgiref xmlrpc zipapp zipfile
    zipimport
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
# Parts of packages that hold data as well as ways to run code.
_HARMFUL_PARTS = (
    "jinja2",
    "joblib.externals",
    "joblib.load",
    "joblib.parallel",
    "logging.",
    "mlflow.pyfunc",
    "numpy.ctypeslib",
    "numpy.distutils",
    "numpy.f2py",
    "numpy.lib.npyio",
    "numpy.load",
    "numpy.loads",
    "numpy.memmap",
    "numpy.testing",
    "numpy.vectorize",
    "pandas.eval",
    "pandas.io",
    "pandas.read_",
    "scipy.weave",
    "tensorflow.keras.models.load_model",
    "tensorflow.load_op_library",
    "tensorflow.python",
    "torch._dynamo",
    "torch._inductor",
    "torch.classes",
    "torch.compile",
    "torch.distributed.elastic",
    "torch.distributed.launch",
    "torch.distributed.rpc",
    "torch.distributed.run",
    "torch.export",
    "torch.fx",
    "torch.hub",
    "torch.jit",
    "torch.load",
    "torch.multiprocessing",
    "torch.ops",
    "torch.package",
    "torch.serialization",
    "torch.storage._load_from_bytes",
    "torch.utils._config_module",
    "torch.utils.bottleneck",
    "torch.utils.collect_env",
    "torch.utils.cpp_extension",
    "torch.utils.data.datapipes",
    "torch.utils.model_zoo",
    "yaml.",
)
# Exceptions and plain types: refused like every name that is not allowed, but nothing that runs code by itself.
_PLAIN_BUILTINS = frozenset(
    {
        "bool",
        "dict",
        "float",
        "int",
        "list",
        "object",
        "range",
        "slice",
        "str",
        "tuple",
        "Ellipsis",
        "NotImplemented",
    }
)
# Plain data of packages that hold much else.
_PLAIN_NAMES = frozenset({"uuid.UUID", "types.SimpleNamespace", "io.BytesIO", "_io.BytesIO"})


def canonical(module: str, name: str) -> str:
    """The name that an unpickler would look up, in full."""
    return f"{_OLD_NAMES.get(module, module)}.{name}"


def is_harmful(module: str, name: str) -> bool:
    """Whether the name is known to run code, open files or connections, or to reach what does."""
    full = unicodedata.normalize("NFKC", canonical(module, name))
    parts = full.split(".")
    if parts[0] == "builtins" and len(parts) == 2:
        return parts[1] not in _PLAIN_BUILTINS and not parts[1].endswith(("Error", "Exception", "Warning"))
    if full in _PLAIN_NAMES:
        return False
    reached = _HARMFUL_PACKAGES if "." in name else frozenset()
    return (
        parts[0] in _HARMFUL_PACKAGES
        or full.startswith(_HARMFUL_PARTS)
        or any(part in reached or part.startswith("__") for part in parts[1:])
    )
