"""Names of tensors that nobody gives in good faith. Pure."""

import unicodedata
from collections.abc import Iterable

MAX_CHARACTERS = 512
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def fault_of(names: Iterable[str]) -> tuple[str, str] | None:
    """(code, message) for the first name that is unfit, or that cannot be told from another; None where all are fit."""
    alike: dict[str, str] = {}
    for name in names:
        fault = _unfit(name)
        if fault:
            return "bad_name", fault
        folded = name.lower() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()
        if folded not in alike:
            alike[folded] = name
        elif alike[folded] == name:
            return "duplicate_name", f"tensor {name!a} appears twice, so readers may disagree on it"
        else:
            return "alike_names", f"tensors {alike[folded]!a} and {name!a} have names that look the same"
    return None


def _unfit(name: str) -> str:
    if not name or len(name) > MAX_CHARACTERS:
        return f"a tensor's name is empty or longer than {MAX_CHARACTERS} characters: {name[:40]!a}"
    if name.startswith("/") or "\\" in name or (".." in name and ".." in name.split("/")):
        return f"tensor {name!a} is named like a path that leaves its folder"
    if name.isascii() and name.isprintable():
        return ""
    if any(unicodedata.category(character) in _INVISIBLE for character in name):
        return f"tensor {name!a} has invisible characters in its name"
    return ""
