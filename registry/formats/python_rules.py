"""Which functions of Python and of common packages can do harm, by their full names, and in which words. Pure."""

import dataclasses

from registry.formats.sign import Level


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What using a name means. A name that ends in a dot stands for everything below it."""

    kind: str
    level: Level
    says: str
    names: frozenset[str]


def _rule(kind: str, level: Level, says: str, names: str) -> Rule:
    return Rule(kind, level, says, frozenset(names.split()))


# Kinds whose use while a file is being imported is an attack: no model needs them before it is asked anything.
AT_ONCE = frozenset({"process", "run", "network"})
# Kinds that run what they are given.
RUNS = frozenset({"run", "process", "unpickle", "native"})

RULES = (
    _rule("process", Level.DANGER, "starts other programs",
          "os.system os.popen os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe os.spawnl os.spawnle "
          "os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe os.posix_spawn os.posix_spawnp os.fork os.forkpty "
          "os.startfile posix. nt. subprocess. pty.spawn asyncio.create_subprocess_shell asyncio.create_subprocess_exec "
          "asyncio.subprocess. pexpect. sh. plumbum. fabric. pip.main pip._internal. popen2. commands. "
          "multiprocessing.util.spawnv_passfds distutils.spawn. setuptools.distutils.spawn. IPython.get_ipython.system"),
    _rule("run", Level.DANGER, "runs text as code",
          "exec eval compile execfile runpy. code.interact code.InteractiveInterpreter code.InteractiveConsole code.compile_command "
          "codeop. types.FunctionType types.CodeType importlib.util.spec_from_file_location importlib.util.spec_from_loader "
          "importlib.machinery.SourceFileLoader importlib.machinery.SourcelessFileLoader "
          "importlib.machinery.ExtensionFileLoader imp. zipimport. timeit.timeit timeit.repeat timeit.Timer cProfile.run "
          "profile.run pdb.run bdb. trace.Trace sys.call_tracing numpy.f2py. test.support.run_in_subinterp _xxsubinterpreters. "
          "lib2to3.pgen2.pgen.generate_lines transformers.dynamic_module_utils. torch.hub.load torch.hub.load_local"),
    _rule("native", Level.DANGER, "loads or compiles native code",
          "ctypes. _ctypes. cffi. torch.utils.cpp_extension. torch.ops.load_library torch.classes.load_library "
          "numpy.ctypeslib.load_library cupy.RawModule cupy.RawKernel llvmlite. tvm.runtime.load_module tensorflow.load_op_library"),
    _rule("unpickle", Level.DANGER, "loads data in a format that can run code",
          "pickle.load pickle.loads pickle.Unpickler _pickle. cPickle. dill. cloudpickle.load cloudpickle.loads "
          "joblib.load sklearn.externals.joblib.load shelve. marshal.load marshal.loads pandas.read_pickle jsonpickle. "
          "yaml.unsafe_load yaml.full_load yaml.UnsafeLoader torch.jit.load torch.package. keras.models.load_model "
          "tensorflow.keras.models.load_model tensorflow.saved_model.load"),
    _rule("network", Level.DANGER, "connects to the network",
          "socket. ssl. requests. urllib.request. urllib2. urllib3. http.client. httplib. httpx. httpx2. aiohttp. ftplib. smtplib. "
          "poplib. imaplib. nntplib. telnetlib. paramiko. websocket. websockets. xmlrpc. pycurl. wget. gdown. boto3. "
          "botocore. google.cloud. azure. dns. scapy. zmq. grpc. asyncio.open_connection asyncio.start_server "
          "http.server. socketserver. flask. fastapi. uvicorn. webbrowser. telebot. discord. "
          "torch.hub.download_url_to_file torch.hub.load_state_dict_from_url torchvision.datasets.utils.download_url "
          "tensorflow.keras.utils.get_file keras.utils.get_file"),
    _rule("download", Level.WARNING, "fetches or sends files of a model hub",
          "huggingface_hub.hf_hub_download huggingface_hub.snapshot_download huggingface_hub.upload_file "
          "huggingface_hub.upload_folder huggingface_hub.HfApi huggingface_hub.create_repo "
          "huggingface_hub.login transformers.utils.hub.cached_file transformers.utils.cached_file modelscope. "
          "kernels.get_kernel kernels.load_kernel"),
    _rule("internals", Level.DANGER, "interferes with how Python itself imports, traces or audits code",
          "sys.settrace sys.setprofile sys.meta_path sys.path_hooks sys.addaudithook sys._getframe "
          "gc.get_objects gc.get_referrers builtins.__build_class__ faulthandler."),
    _rule("watch", Level.DANGER, "watches the keyboard, the screen or the clipboard",
          "pynput. keyboard. mss. pyautogui. pyperclip. PIL.ImageGrab. cv2.VideoCapture sounddevice."),
    _rule("destroy", Level.WARNING, "deletes files or changes their rights",
          "os.remove os.unlink os.rmdir os.removedirs os.chmod os.chown shutil.rmtree os.truncate os.kill os.killpg"),
    _rule("decode", Level.NOTE, "decodes hidden or packed data",
          "base64.b64decode base64.urlsafe_b64decode base64.standard_b64decode base64.b32decode base64.b16decode base64.b85decode "
          "base64.a85decode base64.decodebytes base64.decode binascii.a2b_base64 binascii.unhexlify binascii.a2b_hex "
          "bytes.fromhex bytearray.fromhex codecs.decode zlib.decompress zlib.decompressobj bz2.decompress "
          "lzma.decompress gzip.decompress marshal.loads uu.decode quopri.decodestring"),
    _rule("environment", Level.NOTE, "reads environment variables",
          "os.environ os.getenv os.environb posix.environ"),
    _rule("secret", Level.DANGER, "asks for passwords or stored secrets",
          "getpass.getpass keyring. netrc. browser_cookie3. win32crypt. huggingface_hub.get_token "
          "huggingface_hub.HfFolder.get_token"),
    _rule("path", Level.NOTE, "changes where Python finds modules", "sys.path.insert sys.path.append sys.path.extend site.addsitedir"),
)  # fmt: skip

EXACT = {name: rule for rule in RULES for name in rule.names if not name.endswith(".")}
BELOW = {name[:-1]: rule for rule in RULES for name in rule.names if name.endswith(".")}
# Below a harmful module, what is harmless in it.
HARMLESS = frozenset(
    {
        "subprocess.PIPE", "subprocess.DEVNULL", "subprocess.STDOUT", "subprocess.CalledProcessError",
        "subprocess.TimeoutExpired", "requests.exceptions", "requests.RequestException", "requests.Response",
        "ctypes.sizeof", "ctypes.c_int", "ctypes.c_uint64", "ctypes.c_float", "socket.timeout", "socket.error",
        "socket.gethostname", "torch.utils.cpp_extension.CUDA_HOME", "faulthandler.enable",
        "transformers.dynamic_module_utils.get_imports",
    }
)  # fmt: skip

# Places where people and systems keep secrets, or from which programs are started by themselves.
SECRET_PLACES = (
    "/.ssh", "id_rsa", "id_ed25519", "authorized_keys", ".aws/credentials", ".netrc", ".git-credentials",
    "/etc/passwd", "/etc/shadow", ".kube/config", ".docker/config.json", "huggingface/token", ".bash_history",
    ".bashrc", ".bash_profile", ".zshrc", "/etc/cron", "/etc/ld.so.preload", "LaunchAgents",
    "CurrentVersion\\Run", "wallet.dat", "/proc/self/environ", "169.254.169.254", "metadata.google.internal",
    "Login Data", "sitecustomize", "/var/run/docker.sock",
)  # fmt: skip
INTERNAL_ATTRIBUTES = frozenset(
    {"__subclasses__", "__globals__", "__builtins__", "gi_frame", "f_globals", "f_builtins", "tb_frame"}
)


# Modules that other modules pass on: `torch.serialization.os.system` is `os.system`.
PASSED_ON = frozenset(
    {"os", "sys", "subprocess", "socket", "builtins", "importlib", "pickle", "ctypes", "shutil", "marshal"}
)


def rule_of(name: str) -> Rule | None:
    """What using this full name means; None where it means no harm, or where it is of the repository itself."""
    if not name or name.startswith("."):
        return None
    parts = name.split(".")
    for place in range(len(parts) - 1, 0, -1):
        if parts[place] in PASSED_ON:
            return _rule_of(parts[place + (parts[place] == "builtins") :]) or _rule_of(parts)
    return _rule_of(parts)


def _rule_of(parts: list[str]) -> Rule | None:
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if head in HARMLESS:
            return None
        if head in EXACT:
            return EXACT[head]
        if head in BELOW:
            return BELOW[head]
    return None
