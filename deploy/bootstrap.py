"""From a fresh clone to the running product, or to its passed tests, with Python 3.11 and nothing else.

    python3 deploy/bootstrap.py up [arguments of `manage.py up`]
    python3 deploy/bootstrap.py test [--without-vllm] [--without-browser] [--without-brokers] [arguments of pytest]
    python3 deploy/bootstrap.py install [--dev]

Makes .venv from the lock files, every package checked by its hash, then goes on in it. Standard library only.
"""

import argparse
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed-from"
LOCKS = {"demo": "requirements-demo.lock", "dev": "requirements-dev.lock"}  # the second holds the first
LAYOUT = "1"  # raised when what is made beside the packages changes
CLIENT_SCRIPT = """\
#!{python}
import sys

from modelcustody_client.cli import main

sys.exit(main())
"""
# Marks of tests that need more than Python, and the switches that leave them out.
MARKS = {"vllm": "without_vllm", "browser": "without_browser", "broker": "without_brokers"}
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Installs without starting what would come up as a service of the machine: the tests start servers of their own.
WITHOUT_SERVICES = """\
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
"$@"
"""
# Each process writes a file of its own; they are combined at the end.
MEASURED = (str(PYTHON), "-m", "coverage", "run", "--parallel-mode", "-m", "pytest")
# The two halves of the tests: those that need nothing, and those that need a database, servers or a browser.
PURE, SURROUNDED = ("tests/unit", "tests/architecture"), ("tests/integration", "tests/functional")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CANNOT = 2  # exit code: this machine lacks something, or the network does


def main(arguments: list[str]) -> int:
    """Run one of the three commands; the return value is the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the message is for those who have only an older one
        return say(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}", CANNOT)
    parser = argparse.ArgumentParser(usage=__doc__, allow_abbrev=False)
    parser.add_argument("command", choices=["up", "test", "install"])
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--without-vllm", action="store_true")
    parser.add_argument("--without-browser", action="store_true")
    parser.add_argument("--without-brokers", action="store_true")
    command = arguments[:1]
    if command == ["up"]:
        return up(arguments[1:])
    options, rest = parser.parse_known_args(arguments)
    if options.command == "test":
        left_out = [name for name, switch in MARKS.items() if getattr(options, switch)]
        return test(rest, left_out=left_out)
    return install("dev" if options.dev else "demo")


def up(arguments: list[str]) -> int:
    """Install what is missing and become `manage.py up`."""
    code = install("demo")
    if code == 0:
        if "--without-vllm" not in arguments:
            have_numa()  # where it cannot be had, the product says what is missing and goes on
        os.chdir(ROOT)
        sys.stdout.flush()
        os.execv(PYTHON, [str(PYTHON), "manage.py", "up", *arguments])  # noqa: S606 - our own interpreter
    return code


def test(arguments: list[str], *, left_out: list[str]) -> int:
    """Install what the tests need and run them, but for those with the marks that are left out."""
    code = install("dev")
    code = code or (0 if "browser" in left_out else have_browser())
    code = code or (0 if "broker" in left_out else have_brokers())
    if code:
        return code
    selection = ["-m", " and ".join(f"not {name}" for name in left_out)] if left_out else []
    environment = dict(os.environ)
    if "vllm" not in left_out:
        have_numa()
        # Says itself what it could not have; the tests that need it then fail, and say so too.
        run(
            [str(PYTHON), "-m", "governance.demonstration", "--model-folder", str(ROOT / "build" / "smollm2")]
        )
        environment["DEMONSTRATION_MODEL"] = str(ROOT / "build" / "smollm2")
    if arguments:
        code = run([*MEASURED, *selection, *arguments], environment=environment)
        return run([str(PYTHON), "-m", "coverage", "combine", "--quiet"]) or code
    return run_halves(selection, environment=environment)


def run_halves(selection: list[str], *, environment: "dict[str, str]") -> int:
    """Run both halves of the tests beside each other, each with a database of its own; the second one's words come last."""
    (ROOT / "build").mkdir(exist_ok=True)
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    with (ROOT / "build" / "tests-pure.log").open("w+b") as words:
        pure = subprocess.Popen(
            [*MEASURED, *selection, *PURE], cwd=ROOT, env=environment, stdout=words, stderr=words
        )
        try:
            code = run([*MEASURED, *selection, *SURROUNDED], environment=environment)
            code = pure.wait() or code
        finally:
            pure.terminate()
            pure.wait()
        words.seek(0)
        shutil.copyfileobj(words, sys.stdout.buffer)
    return run([str(PYTHON), "-m", "coverage", "combine", "--quiet"]) or code


def install(level: str) -> int:
    """Make .venv as the lock files say; quick where it is so already."""
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    guard = os.open(ROOT, os.O_RDONLY)  # closed by exec and exit, and with it the lock
    fcntl.flock(guard, fcntl.LOCK_EX)
    try:
        have = STAMP.read_text(encoding="utf-8").split() if PYTHON.exists() and STAMP.exists() else []
        if have and have[-1] == fingerprint() and (level in have or "dev" in have):
            return 0
        return make(level, anew=not have or have[-1] != fingerprint())
    except OSError as problem:
        return say(f"could not make {VENV}: {problem}", CANNOT)
    finally:
        os.close(guard)


def make(level: str, *, anew: bool) -> int:
    """Make or complete .venv; the stamp is written last, so that a broken off attempt is made again."""
    STAMP.unlink(missing_ok=True)
    if anew and (code := make_venv()):
        return code
    lock = ROOT / LOCKS[level]
    if code := install_packages(lock, total=count(lock)):
        return code
    link_client()
    STAMP.write_text(f"{level} {fingerprint()}\n", encoding="utf-8")
    return say("Environment ready.", 0)


def make_venv() -> int:
    """Make an empty .venv, with Debian's separate package for it where that is missing."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("ensurepip") is None and (
        code := apt_install(f"{version}-venv", "virtual environments")
    ):
        return code
    say(f"Making {VENV.name} with Python {sys.version.split()[0]}.", 0)
    answer = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], check=False, capture_output=True, text=True
    )
    return say(f"could not make {VENV}: {answer.stdout}{answer.stderr}", CANNOT) if answer.returncode else 0


def count(lock: Path) -> int:
    """Count the packages of a lock file that belong on this kind of machine, roughly."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    elsewhere = re.compile(r"sys_platform == '(win32|darwin|emscripten)'|python_full_version >= '3\.1[2-9]'")
    return sum(
        "==" in line[:80] and not line.startswith((" ", "#")) and not elsewhere.search(line) for line in lines
    )


def install_packages(lock: Path, *, total: int) -> int:
    """Install a lock file with pip, refusing what has another hash, and show how far it is."""
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--progress-bar=off", "--require-hashes"]
    say(f"Installing {total} packages from {lock.name}, each checked by its hash.", 0)
    said = []
    with subprocess.Popen(
        [*command, "--requirement", str(lock)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        done = 0
        for line in pip.stdout or ():
            said.append(line.rstrip())
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                done += 1
                show(done, total, line.split()[1 if line.startswith("C") else 3])
            elif line.startswith("Installing collected"):
                show(total, total, "unpacking")
    if sys.stdout.isatty():
        print()
    if pip.returncode == 0:
        return 0
    lost = [line for line in said if line.startswith("WARNING: Retrying")][-1:]  # the network, most likely
    errors = [line for line in said if line.startswith("ERROR")] or said[-5:]
    advice = "pip could not install the packages; run the same command again when it can:"
    return say("\n".join([advice, *lost, *errors]), CANNOT)


def show(done: int, total: int, what: str) -> None:
    """Show progress: on one line for a person, every tenth step in a log."""
    text = f"  {min(done, total)}/{total} {re.split('[=<>~ ]', what)[0]}"
    if sys.stdout.isatty():
        print(f"\r{text:<70}", end="", flush=True)
    elif done % 10 == 0 or done >= total:
        print(text, flush=True)


def link_client() -> None:
    """Make the package for serving nodes importable, and its command callable, from where it lies."""
    site = next((VENV / "lib").glob("python3.*/site-packages"))
    (site / "modelcustody_client.pth").write_text(f"{ROOT / 'deploy' / 'client'}\n", encoding="utf-8")
    script = VENV / "bin" / "modelcustody"
    script.write_text(CLIENT_SCRIPT.format(python=PYTHON), encoding="utf-8")
    script.chmod(0o755)


def have_browser() -> int:
    """Have a Chromium for the browser tests."""
    if any(shutil.which(name) for name in BROWSERS):
        return 0
    return apt_install(
        "chromium", "the browser tests (leave them out with --without-browser)", "fonts-dejavu-core"
    )


def have_brokers() -> int:
    """Have Redis and RabbitMQ for the tests of workers; neither runs as a service of this machine."""
    if shutil.which("redis-server") and RABBITMQ.exists():
        return 0
    return apt_install(
        "redis-server",
        "the tests with brokers (leave them out with --without-brokers)",
        "rabbitmq-server",
    )


def have_numa() -> int:
    """Have the system library that vLLM for the CPU is linked against."""
    if shutil.which("nvidia-smi") or os.environ.get("VLLM_PYTHON"):
        return 0
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        return apt_install("libnuma1", "vLLM on a CPU")
    return 0


def apt_install(package: str, purpose: str, *more: str) -> int:
    """Install Debian packages where that is allowed; otherwise say exactly what to do."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", package, *more]
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    allowed = shutil.which("apt-get") and (
        not sudo or (shutil.which("sudo") and run([*sudo, "true"], quiet=True) == 0)
    )
    if not allowed:
        return say(
            f"For {purpose}, run this and then the same command again:\n  sudo {' '.join(command)}", CANNOT
        )
    say(f"Installing {package} for {purpose}.", 0)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*sudo, "apt-get", "update"], quiet=True, environment=environment)
    if run([*sudo, "sh", "-c", WITHOUT_SERVICES, "sh", *command], quiet=True, environment=environment):
        return say(f"apt-get could not install {package}; it is needed for {purpose}", CANNOT)
    return 0


def fingerprint() -> str:
    """Say what .venv must have been made from, and where: a moved one does not work."""
    parts = [
        LAYOUT,
        sys.version,
        str(VENV),
        *((ROOT / name).read_text(encoding="utf-8") for name in LOCKS.values()),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run(command: list[str], *, quiet: bool = False, environment: "dict[str, str] | None" = None) -> int:
    """Run a command in the clone and return its exit code."""
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        command, check=False, cwd=ROOT, env=environment, stdout=sink, stderr=sink
    ).returncode


def say(text: str, code: int) -> int:
    """Tell the person something, and hand the exit code on."""
    print(text, file=sys.stderr if code else sys.stdout, flush=True)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
