"""Checks for what should not travel with a model: programs, scripts, archives, hidden files, secrets. Pure."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from registry.formats import carriers, magic, secrets
from registry.formats.sign import Level, Sign
from registry.lifecycle import MINOR
from registry.verification.code import CODE_SUFFIXES
from registry.verification.documents import VOCABULARIES
from registry.verification.outcomes import Finding, passed
from registry.verification.signs import finding
from registry.verification.subject import Seen, Subject

PROGRAM_SUFFIXES = frozenset(
    {
        ".action", ".apk", ".app", ".applescript", ".bash", ".bat", ".chm", ".class", ".cmd", ".com", ".command", ".cpl", ".csh", ".deb",
        ".desktop", ".dll", ".dmg", ".docm", ".dylib", ".elf", ".exe", ".fish", ".hta", ".inf", ".jar", ".js", ".jse", ".ko", ".ksh", ".lnk",
        ".lua", ".mjs", ".msi", ".node", ".o", ".a", ".lib", ".pif", ".pkg", ".php", ".pl", ".pptm", ".ps1", ".psm1", ".rb", ".reg", ".rpm",
        ".run", ".scf", ".scr", ".service", ".sh", ".so", ".sys", ".tcl", ".terminal", ".url", ".vbe", ".vbs", ".war", ".wasm", ".workflow",
        ".wsf", ".xlsm", ".zsh",
    }
)  # fmt: skip
_LIBRARY = re.compile(r"\.so(\.\d+)+$")
# Names behind which a program hides: what comes first is what people see.
_DOUBLE = re.compile(
    r"\.(?:safetensors|gguf|bin|json|md|txt|pdf|png|jpe?g|gif|csv|docx?|xlsx?|zip|npy|pt|onnx)[\s.]*\.[a-z0-9]{1,12}$"
)
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\x00-\x1f\x7f]")
# Files that start with a dot and are no matter; everything else that is hidden is told.
ORDINARY_HIDDEN = frozenset(
    {".gitattributes", ".gitignore", ".gitkeep", ".gitmodules", ".hfignore", ".dockerignore", ".editorconfig"}
)
# Files that tools run or obey without being asked, by a part of their path.
_OBEYED = (
    (re.compile(r"(?:^|/)\.git/|(?:^|/)(?:\.git)?hooks/(?:pre|post|commit|applypatch|update|prepare)[\w-]*$"), "is run by git"),
    (re.compile(r"(?:^|/)\.envrc$"), "is run by direnv when its folder is entered"),
    (re.compile(r"(?:^|/)\.vscode/(?:tasks|launch|settings)\.json$|(?:^|/)\.idea/"), "is obeyed by editors"),
    (re.compile(r"(?:^|/)\.devcontainer"), "is obeyed by editors"),
    (re.compile(r"(?:^|/)(?:\.bashrc|\.profile|\.zshrc|\.bash_profile)$"), "is run by shells"),
)  # fmt: skip
_SETTINGS = re.compile(r"(?:^|/)\.env(?:\.[\w-]+)*$")
_KEYS = re.compile(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.git-credentials|\.htpasswd|\.pypirc|\.netrc|_netrc|[^/]+\.(?:p12|pfx|jks|keystore|kdbx|ppk))$"
)
LEAD = "The file"


def executables(subject: Subject) -> Iterator[Finding]:
    """C17: no programs, scripts, archives, hidden files or secrets travel with the model."""
    told = []
    unseen = 0
    for file in subject.files():
        role = subject.role(file.path)
        unseen += not file.is_whole and role != "weight"
        signs = [*_named(file, role), *_inside(file, role), *_secrets(file, role)]
        if signs:
            told.append(finding(LEAD, signs, path=file.path))
    yield from told
    if all(item.severity in MINOR for item in told):
        rest = f" {unseen} of them are large and were looked at by their beginning alone." if unseen else ""
        yield passed(
            f"No programs, scripts, archives or secrets were found among {len(subject.seen)} files. "
            f"Weights and vocabularies are not searched for secrets.{rest}",
            by_beginning=unseen,
        )


def _named(file: Seen, role: str) -> Iterator[Sign]:
    """What the name of a file says."""
    path, name = file.path, file.name.lower()
    suffix = ".so" if _LIBRARY.search(name) else file.suffix.rstrip(". ")
    if suffix in PROGRAM_SUFFIXES:
        if _DOUBLE.search(name):
            yield Sign(
                Level.DANGER, "disguised", "is a program or script dressed up as something else by its name"
            )
        yield Sign(Level.DANGER, "program", f"is a program or script by its name ({suffix})")
    if _UNSEEN.search(path):
        yield Sign(
            Level.DANGER, "disguised", "has a name with characters that cannot be seen or that reorder it"
        )
    obeyed = next((says for pattern, says in _OBEYED if pattern.search(path)), "")
    if obeyed:
        yield Sign(Level.DANGER, "obeyed", obeyed)
    elif any(part.startswith(".") for part in PurePosixPath(path).parts) and name not in ORDINARY_HIDDEN:
        yield Sign(Level.DOUBT, "hidden", "is hidden: its name starts with a dot")
    if _KEYS.search(path.lower()):
        yield Sign(Level.DANGER, "keys", "is where keys or passwords are kept, by its name")


def _inside(file: Seen, role: str) -> Iterator[Sign]:
    """What the bytes of a file say."""
    kind = magic.kind_of(file.start)
    if role == "weight":
        if kind in magic.PROGRAMS:
            yield Sign(Level.ATTACK, "disguised", f"is a program that poses as weights ({kind})")
        elif file.suffix == ".pth" and file.is_whole:  # also the name of files that Python reads at its start
            yield from carriers.signs(file.path, file.start)
        return
    if file.suffix in CODE_SUFFIXES:
        return  # judged by the check of code
    if kind in magic.PROGRAMS:
        yield Sign(Level.DANGER, "program", f"is a program or script ({kind})")
    elif kind in magic.ARCHIVES:
        yield Sign(Level.DANGER, "archive", f"is an archive ({kind}); what is inside was not examined")
    elif file.is_whole:
        yield from carriers.signs(file.path, file.start)


def _secrets(file: Seen, role: str) -> Iterator[Sign]:
    """Keys, tokens and passwords in a text; binary files, weights and vocabularies are not read as text."""
    if role == "weight" or not file.is_whole or file.name in VOCABULARIES or b"\x00" in file.start[:4096]:
        return
    found = list(secrets.secrets(file.start))
    if _SETTINGS.search(file.path):
        found += secrets.settings(file.start)
    for secret in found:
        known = (
            f": it begins with {secret.begins} and has the SHA-256 {secret.sha256}" if secret.sha256 else ""
        )
        yield Sign(secret.level, "secret", f"holds a {secret.kind}{known}", secret.line)
