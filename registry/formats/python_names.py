"""What names and simple expressions of Python source stand for, without running any of it. Pure."""

import ast
from collections.abc import Callable, Iterable

from registry.formats.python_rules import PASSED_ON

MAX_DEPTH = 40
MAX_TEXT = 4096
ROUNDS = 4
IMPORTERS = frozenset(
    {"__import__", "importlib.import_module", "importlib.__import__", "builtins.__import__"}
)
# Mappings of names to what they stand for: looking one up by a text is as good as writing the name.
NAMESPACES = frozenset({"__builtins__", "builtins"})
BUILT_IN = frozenset(
    {
        "__builtins__", "__import__", "bytearray", "bytes", "compile", "eval", "exec", "getattr", "globals", "input", "locals",
        "open", "setattr", "vars",
    }
)  # fmt: skip


class Names:
    """The dotted names that names stand for in one file: imports, and aliases that are given by assignment."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self.known: dict[str, str] = {}
        self.stars: list[str] = []  # modules all of whose names are taken over
        aliases: list[tuple[str, ast.expr]] = []
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.known[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                whence = f"{'.' * node.level}{node.module or ''}"
                for alias in node.names:
                    self.stars += [whence] if alias.name == "*" and whence in PASSED_ON else []
                    self.known[alias.asname or alias.name] = plain(f"{whence}.{alias.name}")
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                aliases += [(target.id, node.value) for target in targets if isinstance(target, ast.Name)]
        for _ in range(ROUNDS):
            for name, value in aliases:
                dotted = self.dotted(value)
                if dotted and name not in self.known:
                    self.known[name] = dotted

    def dotted(self, node: ast.AST, depth: int = 0) -> str:
        """The full name that an expression stands for; empty where it is a thing of the file's own."""
        if depth > MAX_DEPTH:
            return ""
        if isinstance(node, ast.Name):
            taken = f"{self.stars[-1]}.{node.id}" if self.stars else ""
            return self.known.get(node.id) or (node.id if node.id in BUILT_IN else taken)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value, depth + 1)
            return plain(f"{owner}.{node.attr}") if owner else ""
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        if isinstance(node, ast.Subscript):
            return self._looked_up(node, depth)
        return ""

    def _called(self, node: ast.Call, depth: int) -> str:
        name = self.dotted(node.func, depth + 1)
        if name in IMPORTERS and node.args:
            return text(node.args[0]) or ""
        if name == "getattr" and len(node.args) > 1:
            owner, member = self.dotted(node.args[0], depth + 1), text(node.args[1])
            return plain(f"{owner}.{member}") if owner and member else ""
        return ""

    def _looked_up(self, node: ast.Subscript, depth: int) -> str:
        key = text(node.slice)
        if not key:
            return ""
        owner = node.value
        name = self.dotted(owner, depth + 1)
        if name == "sys.modules":
            return key
        if name in NAMESPACES or name.endswith((".__dict__", ".__builtins__")):
            inner = name.removesuffix(".__dict__").removesuffix("__builtins__").rstrip(".")
            return plain(f"{inner}.{key}") if inner else key
        if isinstance(owner, ast.Call) and self.dotted(owner.func, depth + 1) in {
            "vars",
            "globals",
            "locals",
        }:
            inner = self.dotted(owner.args[0], depth + 1) if owner.args else ""
            return plain(f"{inner}.{key}") if inner else self.known.get(key, key)
        return ""


def plain(name: str) -> str:
    """The name without the module of what is built in."""
    return name.removeprefix("builtins.").removeprefix("__builtins__.")


def text(node: ast.AST, depth: int = 0) -> str | None:
    """The text that an expression of constants gives; None where it depends on anything else."""
    found: str | None = None
    if depth > MAX_DEPTH:
        return found
    if isinstance(node, ast.Constant):
        value = node.value[:MAX_TEXT] if isinstance(node.value, str | bytes) else None
        found = value.decode("latin-1") if isinstance(value, bytes) else value
    elif isinstance(node, ast.JoinedStr):
        found = _glued([text(part, depth + 1) for part in node.values])
    elif isinstance(node, ast.FormattedValue):
        found = text(node.value, depth + 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        found = _glued([text(node.left, depth + 1), text(node.right, depth + 1)])
    elif isinstance(node, ast.Subscript):
        found = _reversed(node, depth)
    elif isinstance(node, ast.Call):
        found = _of_call(node, depth)
    return found


def _glued(parts: list[str | None]) -> str | None:
    found = [part for part in parts if part is not None]
    return "".join(found)[:MAX_TEXT] if len(found) == len(parts) else None


def _reversed(node: ast.Subscript, depth: int) -> str | None:
    place, whole = node.slice, text(node.value, depth + 1)
    is_reverse = (
        isinstance(place, ast.Slice)
        and place.lower is None
        and place.upper is None
        and isinstance(place.step, ast.UnaryOp)
        and isinstance(place.step.op, ast.USub)
        and isinstance(place.step.operand, ast.Constant)
        and place.step.operand.value == 1
    )
    return whole[::-1] if whole is not None and is_reverse else None


def _of_call(node: ast.Call, depth: int) -> str | None:
    if len(node.args) > 1:
        return _replaced(node, depth)
    if not node.args:
        return _changed(node, depth)
    argument, function = node.args[0], node.func
    if isinstance(function, ast.Name) and function.id == "chr" and isinstance(argument, ast.Constant):
        code = argument.value
        return chr(code) if isinstance(code, int) and 0 <= code < 0x110000 else None
    if (
        isinstance(function, ast.Attribute)
        and function.attr == "join"
        and isinstance(argument, ast.List | ast.Tuple)
    ):
        glue = text(function.value, depth + 1)
        parts = [text(item, depth + 1) for item in argument.elts[:MAX_TEXT]]
        found = [part for part in parts if part is not None]
        return glue.join(found)[:MAX_TEXT] if glue is not None and len(found) == len(parts) else None
    return None


_CHANGES: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
    "swapcase": str.swapcase,
    "decode": str,
}


def _changed(node: ast.Call, depth: int) -> str | None:
    change = _CHANGES.get(node.func.attr) if isinstance(node.func, ast.Attribute) else None
    whole = text(node.func.value, depth + 1) if change and isinstance(node.func, ast.Attribute) else None
    return change(whole) if change and whole is not None else None


def _replaced(node: ast.Call, depth: int) -> str | None:
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "replace" and len(node.args) == 2):
        return None
    parts = [text(item, depth + 1) for item in (node.func.value, *node.args)]
    whole, old, new = parts
    return whole.replace(old, new)[:MAX_TEXT] if whole is not None and old and new is not None else None
