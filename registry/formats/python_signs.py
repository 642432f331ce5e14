"""Reads Python source without running it: what it could do on the machine that imports it. Pure.

Every sign is a stated rule over the syntax tree. What a model's own code needs (tensors, layers, a configuration) gives
none; what starts programs, runs text, unpickles, or talks to a network gives one each; and the rules of `_combined`
say when such use is an attack: while the file is being imported, or with what it has decoded, fetched or read in secret.
"""

import ast
from collections.abc import Iterator

from registry.formats.python_flow import Flow, at_import, is_secret_place, nodes_of
from registry.formats.python_names import IMPORTERS, Names, text
from registry.formats.python_rules import AT_ONCE, INTERNAL_ATTRIBUTES, PASSED_ON, RUNS, Rule, rule_of
from registry.formats.sign import Level, Sign

MAX_SIGNS = 200
# A text this long without a blank in it carries something packed.
PACKED = 1000
MAX_INNER = 1


def signs(tree: ast.Module, *, is_imported: bool = True, depth: int = 0) -> list[Sign]:
    """Everything that the source could do; `is_imported` is false for a notebook, which no loader imports."""
    nodes = list(nodes_of(tree))
    reader = _Reader(nodes, early=at_import(tree, nodes) if is_imported else set(), depth=depth)
    found: dict[Sign, None] = {}
    for node in nodes:
        for sign in reader.of(node):
            found.setdefault(sign)
    found.update(dict.fromkeys(reader.together()))
    return sorted(found, key=lambda sign: (-sign.level, sign.line))[:MAX_SIGNS]


class _Reader:
    def __init__(self, nodes: list[ast.AST], *, early: set[int], depth: int) -> None:
        self.names = Names(nodes)
        self.flow = Flow(nodes, self.names)
        self.early = early  # what runs while the file is imported
        self.depth = depth
        self.docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        self.used: dict[str, int] = {}
        self.called: set[int] = set()  # names that stand for what a call does, which says more

    def of(self, node: ast.AST) -> Iterator[Sign]:
        """The signs of one node; a call comes before the name that it calls."""
        if isinstance(node, ast.Call):
            self.called.add(id(node.func))
            yield from self._call(node)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from self._reference(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from self._import(node)
        elif isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.FunctionDef) and node.name in {"__reduce__", "__reduce_ex__"}:
            yield Sign(
                Level.WARNING, "reduce", "says what is run when a copy of an object is loaded", node.lineno
            )

    def together(self) -> Iterator[Sign]:
        """What the uses of a file mean together."""
        shell = self.used.get("os.dup2") or self.used.get("pty.spawn")
        if shell and any(name.startswith("socket.") for name in self.used):
            words = "ties a program's input and output to a network connection, as remote control does"
            yield Sign(Level.ATTACK, "remote-control", words, shell)

    def _call(self, node: ast.Call) -> Iterator[Sign]:
        name = self.names.dotted(node.func)
        self.used.setdefault(name, node.lineno)
        rule = rule_of(name)
        if rule is not None:
            yield from self._used(node, name=name, rule=rule)
        elif name in IMPORTERS:
            yield from self._imports(node)
        elif name in {"getattr", "setattr"}:
            yield from self._getattr(node)
        else:
            yield from self._careless(node, name)
        if name.endswith(".from_pretrained") or _attribute(node) in {"from_pretrained", "from_config"}:
            yield from self._trusting(node)

    def _used(self, node: ast.Call, *, name: str, rule: Rule) -> Iterator[Sign]:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        kinds = self.flow.kinds(*given)
        says, level = f"{rule.says} ({name})", rule.level
        if rule.kind in RUNS and "decode" in kinds:
            says, level = (
                f"runs what it first decodes, so that a reader cannot see what it does ({name})",
                Level.ATTACK,
            )
        elif rule.kind in RUNS and kinds & {"network", "download"} and name != "ctypes":
            says, level = f"runs what it fetches from the network ({name})", Level.ATTACK
        elif rule.kind == "network" and kinds & {"environment", "secret"}:
            says, level = (
                f"sends what it reads of the machine's environment or secrets to the network ({name})",
                Level.ATTACK,
            )
        elif rule.kind in AT_ONCE and id(node) in self.early and not _is_plain_compile(name, given):
            says, level = f"{rule.says} as soon as it is imported ({name})", Level.ATTACK
        yield Sign(level, rule.kind, says, node.lineno)
        if rule.kind == "run" and self.depth < MAX_INNER and given:
            yield from self._inner(given[0], node.lineno)

    def _inner(self, given: ast.expr, line: int) -> Iterator[Sign]:
        """What a text that is run would do, where it is written out."""
        source = text(given)
        if source is None:
            return
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        for sign in signs(tree, depth=self.depth + 1):
            yield Sign(sign.level, sign.kind, f"{sign.says}, in text that it runs", line)

    def _reference(self, node: ast.Name | ast.Attribute) -> Iterator[Sign]:
        """A harmful function that is named, to be called later or by another name."""
        if isinstance(node, ast.Attribute) and node.attr in INTERNAL_ATTRIBUTES:
            yield Sign(
                Level.DANGER, "internals", f"reaches into Python's own internals ({node.attr})", node.lineno
            )
        if not isinstance(node.ctx, ast.Load) or id(node) in self.called:
            return
        name = self.names.dotted(node)
        rule = rule_of(name)
        if rule is not None and not rule.names >= {f"{name}."}:
            yield Sign(rule.level, rule.kind, f"{rule.says} ({name})", node.lineno)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Sign]:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom) and node.level:
                continue
            whole = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            rule = rule_of(whole.removesuffix(".*"))
            if rule is not None and rule.level >= Level.WARNING:
                yield Sign(
                    Level.WARNING, rule.kind, f"can do the following: it {rule.says} ({whole})", node.lineno
                )

    def _imports(self, node: ast.Call) -> Iterator[Sign]:
        wanted = node.args[0] if node.args else None
        name = text(wanted) if wanted is not None else None
        if name is None:
            yield Sign(
                Level.DANGER,
                "built-name",
                "imports a module whose name it makes up while it runs",
                node.lineno,
            )
        elif not isinstance(wanted, ast.Constant) and (name in PASSED_ON or rule_of(f"{name}.x")):
            yield Sign(Level.ATTACK, "built-name", f"hides in pieces that it imports {name}", node.lineno)

    def _getattr(self, node: ast.Call) -> Iterator[Sign]:
        owner = self.names.dotted(node.args[0]) if node.args else ""
        wanted = node.args[1] if len(node.args) > 1 else None
        if wanted is None or not owner or owner.startswith("."):
            return
        name = text(wanted)
        rule = rule_of(f"{owner}.{name}") or rule_of(name or "")
        if name is not None and rule is not None and not isinstance(wanted, ast.Constant):
            yield Sign(
                Level.ATTACK, "built-name", f"hides in pieces that it uses {owner}.{name}", node.lineno
            )
        elif name is not None and rule is not None:
            yield Sign(rule.level, rule.kind, f"{rule.says} ({owner}.{name})", node.lineno)
        elif name is None and (
            rule_of(f"{owner}.x") or owner in {"os", "sys", "builtins", "__builtins__", "importlib"}
        ):
            words = f"picks a function of {owner} by a name that it makes up while it runs"
            yield Sign(Level.DANGER, "built-name", words, node.lineno)

    def _careless(self, node: ast.Call, name: str) -> Iterator[Sign]:
        """Functions that do harm only as they are called here."""
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in {"torch.load", "torch.serialization.load"} and not _is(
            keywords.get("weights_only"), value=True
        ):
            words = (
                "loads tensors without weights_only=True, which runs code that the file holds (torch.load)"
            )
            yield Sign(Level.DANGER, "unpickle", words, node.lineno)
        elif name in {"numpy.load", "numpy.lib.npyio.load"} and _is(keywords.get("allow_pickle"), value=True):
            yield Sign(
                Level.DANGER, "unpickle", "loads arrays that may hold pickles (numpy.load)", node.lineno
            )
        elif name in {"yaml.load", "yaml.load_all"} and "Safe" not in ast.dump(node)[:2000]:
            yield Sign(Level.DANGER, "unpickle", "loads YAML that can run code (yaml.load)", node.lineno)
        elif name == "open" and _writes(node, keywords):
            yield Sign(Level.NOTE, "write", "writes files", node.lineno)

    def _trusting(self, node: ast.Call) -> Iterator[Sign]:
        if any(
            keyword.arg == "trust_remote_code" and _is(keyword.value, value=True) for keyword in node.keywords
        ):
            yield Sign(
                Level.DANGER,
                "trust",
                "loads another model and trusts the code that comes with it",
                node.lineno,
            )

    def _constant(self, node: ast.Constant) -> Iterator[Sign]:
        if id(node) in self.docstrings:
            return
        if is_secret_place(node):
            words = "names a place where people keep secrets, or from which programs start by themselves"
            yield Sign(Level.DANGER, "secret", words, node.lineno)
        elif (
            isinstance(node.value, str | bytes)
            and len(node.value) >= PACKED
            and len(node.value.split(None, 1)) == 1
        ):
            yield Sign(
                Level.WARNING, "packed", f"holds {len(node.value):,} characters of packed data", node.lineno
            )


def _attribute(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_plain_compile(name: str, given: list[ast.expr]) -> bool:
    """Compiling or evaluating a text that is written out does only what the text says, which is looked at by itself."""
    return name in {"compile", "eval", "exec"} and bool(given) and text(given[0]) is not None


def _writes(node: ast.Call, keywords: dict[str | None, ast.expr]) -> bool:
    mode = node.args[1] if len(node.args) > 1 else keywords.get("mode")
    return mode is not None and any(mark in (text(mode) or "") for mark in "wax+")
