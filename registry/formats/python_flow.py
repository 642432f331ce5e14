"""What happens in Python source as soon as it is imported, and where what it decodes, fetches or reads goes. Pure."""

import ast
from collections.abc import Iterable, Iterator

from registry.formats.python_names import Names, text
from registry.formats.python_rules import SECRET_PLACES, rule_of

ROUNDS = 5
SOURCES = frozenset({"decode", "network", "download", "environment", "secret"})
Function = ast.FunctionDef | ast.AsyncFunctionDef
# What Python calls by itself when a class is made use of.
BY_ITSELF = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__", "__call__"})


def nodes_of(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node below, without recursion."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(ast.iter_child_nodes(node))


def at_import(tree: ast.Module, nodes: Iterable[ast.AST]) -> set[int]:
    """The ids of the nodes that run as soon as the file is imported, with the functions that it calls then."""
    functions: dict[str, list[ast.AST]] = {}
    for node in nodes:
        if isinstance(node, Function):
            functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ClassDef):
            inner = [item for item in node.body if isinstance(item, Function) and item.name in BY_ITSELF]
            functions.setdefault(node.name, []).extend(inner)
    found: set[int] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        for node in _running(pending.pop()):
            if id(node) in found:
                continue
            found.add(id(node))
            for name in _called(node):
                pending += functions.pop(name, [])
    return found


def _called(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield node.func.id
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield node.func.attr
    elif isinstance(node, Function | ast.ClassDef):
        yield from (item.id for item in node.decorator_list if isinstance(item, ast.Name))


def _running(start: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when `start` does: the bodies of functions that it defines wait until they are called."""
    pending: list[ast.AST] = list(start.body) if isinstance(start, Function) else [start]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, Function):
            pending += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif isinstance(node, ast.If) and _is_main(node.test):
            pending += node.orelse
        else:
            pending.extend(ast.iter_child_nodes(node))


def _is_main(test: ast.expr) -> bool:
    """Whether the branch is for a file that is run as a program, or for type checkers, and not for one that is imported."""
    if isinstance(test, ast.Name):
        return test.id == "TYPE_CHECKING"
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
        and text(test.comparators[0]) == "__main__"
    )


class Flow:
    """Which names of a file hold something decoded, fetched or secret; names count for the whole file."""

    def __init__(self, nodes: Iterable[ast.AST], names: Names) -> None:
        self.names = names
        self.held: dict[str, frozenset[str]] = {}
        given = list(_given(nodes))
        for _ in range(ROUNDS):
            before = dict(self.held)
            for name, value in given:
                kinds = self.kinds(value)
                if kinds:
                    self.held[name] = self.held.get(name, frozenset()) | kinds
            if self.held == before:
                break

    def kinds(self, *values: ast.AST) -> frozenset[str]:
        """What an expression may hold of what was decoded, fetched or is secret."""
        found: set[str] = set()
        for value in values:
            for node in nodes_of(value):
                if isinstance(node, ast.Name | ast.Attribute):
                    found |= self.held.get(_own_name(node), frozenset())
                    rule = rule_of(self.names.dotted(node))
                    if rule and rule.kind in SOURCES:
                        found.add(rule.kind)
                elif isinstance(node, ast.Call):
                    rule = rule_of(self.names.dotted(node)) or rule_of(self.names.dotted(node.func))
                    if rule and rule.kind in SOURCES:
                        found.add(rule.kind)
                elif isinstance(node, ast.Constant) and is_secret_place(node):
                    found.add("secret")
        return frozenset(found)


def is_secret_place(node: ast.Constant) -> bool:
    """Whether a text names a place where secrets lie, or from which programs are started by themselves."""
    return (
        isinstance(node.value, str)
        and len(node.value) < 1000
        and any(place in node.value for place in SECRET_PLACES)
    )


def _given(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Every name of the file with every expression whose value it may be given."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from ((name, node.value) for name in _targets([target]))
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            yield from ((name, node.value) for name in _targets([node.target]))
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield from ((name, node.iter) for name in _targets([node.target]))
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield from ((name, node.context_expr) for name in _targets([node.optional_vars]))
        elif isinstance(node, Function):
            for inner in nodes_of(node):
                if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None:
                    yield node.name, inner.value


def _targets(targets: Iterable[ast.AST]) -> Iterator[str]:
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            yield from _targets(target.elts)
        else:
            name = _own_name(target)
            if name:
                yield name


def _own_name(node: ast.AST) -> str:
    """A name of the file's own, or the attribute of one."""
    if isinstance(node, ast.Starred | ast.Subscript):
        return _own_name(node.value)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""
