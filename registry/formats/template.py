"""Reads chat templates without running them: an allow-list over their syntax tree. Pure."""

from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from registry.formats.sign import Level, Sign

MAX_CHARACTERS = 256 * 1024
# The largest templates in use have a tenth of these; looking at each part with all that is in it costs their product.
MAX_NODES, MAX_DEPTH = 40_000, 200
FUNCTIONS = frozenset({"raise_exception", "strftime_now", "namespace", "range", "dict", "caller"})
METHODS = frozenset(
    {
        "append", "capitalize", "count", "endswith", "find", "get", "index", "isdigit", "isspace", "items", "join", "keys",
        "lower", "lstrip", "pop", "removeprefix", "removesuffix", "replace", "rfind", "rsplit", "rstrip", "split",
        "splitlines", "startswith", "strip", "title", "upper", "values",
    }
)  # fmt: skip
FILTERS = frozenset(
    {
        "abs", "capitalize", "count", "default", "d", "dictsort", "e", "escape", "first", "float", "indent", "int", "items",
        "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round",
        "safe", "select", "selectattr", "slice", "sort", "string", "sum", "title", "tojson", "trim", "unique", "upper",
    }
)  # fmt: skip
TESTS = frozenset(
    {
        "==", "!=", "<", "<=", ">", ">=", "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false",
        "float", "ge", "gt", "in", "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd",
        "sameas", "sequence", "string", "true", "undefined", "upper",
    }
)  # fmt: skip
INTERNAL_NAMES = frozenset(
    {"self", "cycler", "joiner", "lipsum", "url_for", "config", "get_flashed_messages", "request", "g"}
)
FORBIDDEN_NODES = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends, nodes.EvalContextModifier)
# Names of internals from which a template gets at any function of Python.
DEADLY = (
    "__globals__", "__subclasses__", "__builtins__", "__import__", "__base__", "__bases__", "__mro__", "__init__", "__getattribute__",
    "__code__", "__reduce__", "__loader__", "__self__", "__func__", "func_globals", "gi_frame", "f_globals", "popen",
)  # fmt: skip


class BadTemplate(ValueError):
    """The template cannot be parsed, so nothing can be said about it."""


class _Generation(Extension):
    """`{% generation %}`, which marks what an assistant says; only its inside matters here."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_ENVIRONMENT = Environment(  # noqa: S701 - only parses; nothing is ever rendered
    extensions=["jinja2.ext.loopcontrols", _Generation]
)


def parse(source: str) -> nodes.Template:
    """The syntax tree; raises `BadTemplate`."""
    if len(source) > MAX_CHARACTERS:
        raise BadTemplate(f"it is longer than {MAX_CHARACTERS} characters")
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise BadTemplate(f"line {error.lineno}: {error.message}") from None
    except (RecursionError, MemoryError):
        raise BadTemplate("it is nested too deeply") from None
    except (ValueError, OverflowError, AssertionError) as error:
        raise BadTemplate(str(error)[:200] or "it is not written as a template") from None
    _check_size(tree)
    return tree


def _check_size(tree: nodes.Template) -> None:
    pending: list[tuple[nodes.Node, int]] = [(tree, 0)]
    count = 0
    while pending:
        node, depth = pending.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_NODES:
            raise BadTemplate("it has too many parts, or is nested too deeply")
        pending.extend((inner, depth + 1) for inner in node.iter_child_nodes())


def nodes_of(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Every node below, without recursion."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.iter_child_nodes())


def reach(tree: nodes.Template) -> list[Sign]:
    """What the template reaches for beyond putting text together."""
    macros = {node.name for node in nodes_of(tree) if isinstance(node, nodes.Macro)}
    lists = _lists_of(tree, macros) - _given_otherwise(tree)
    held = set(_held(tree))
    return [
        *(sign for node in nodes_of(tree) for sign in _signs(node, macros=macros, lists=lists)),
        *(
            sign
            for node in nodes_of(tree)
            for sign in _renamed(node, functions=FUNCTIONS | macros, held=held)
        ),
    ]


def _lists_of(tree: nodes.Template, macros: set[str]) -> set[str]:
    """The names that hold nothing but macros of the template, by their place."""
    given: dict[str, list[nodes.Node]] = {}
    for node in nodes_of(tree):
        if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            given.setdefault(node.target.name, []).append(node.node)
    return {
        name
        for name, values in given.items()
        if all(
            isinstance(inner, nodes.Add | nodes.List)
            or (isinstance(inner, nodes.Name) and inner.name in macros | {name})
            for value in values
            for inner in nodes_of(value)
        )
    }


def _given_otherwise(tree: nodes.Template) -> set[str]:
    """Names that get a value in another way than by `set`: of a loop, or as what a macro is called with."""
    targets = {id(node.target) for node in nodes_of(tree) if isinstance(node, nodes.Assign)}
    return {
        node.name
        for node in nodes_of(tree)
        if isinstance(node, nodes.Name) and node.ctx != "load" and id(node) not in targets
    }


def _signs(node: nodes.Node, *, macros: set[str], lists: set[str]) -> Iterator[Sign]:
    if isinstance(node, FORBIDDEN_NODES):
        yield Sign(Level.DANGER, "include", "loads another template", node.lineno)
    elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield Sign(Level.DANGER, "filter", f"uses the filter {node.name[:40]}", node.lineno)
    elif isinstance(node, nodes.Test) and node.name not in TESTS:
        yield Sign(Level.DANGER, "test", f"uses the test {node.name[:40]}", node.lineno)
    elif (
        isinstance(node, nodes.Mod)
        and isinstance(node.left, nodes.Const)
        and isinstance(node.left.value, str)
    ):
        yield Sign(Level.DANGER, "format", "builds text by formatting codes", node.lineno)
    elif isinstance(node, nodes.Call):
        yield from _call(node, macros=macros, lists=lists)
    elif isinstance(node, nodes.Add | nodes.Concat):
        yield from _pieces(node)
    else:
        yield from _name(node)


def _held(tree: nodes.Template) -> Iterator[str]:
    """The names under which namespaces of the template hold something."""
    for node in nodes_of(tree):
        if isinstance(node, nodes.NSRef):
            yield node.attr
        elif (
            isinstance(node, nodes.Call)
            and isinstance(node.node, nodes.Name)
            and node.node.name == "namespace"
        ):
            yield from (keyword.key for keyword in node.kwargs)


def _renamed(node: nodes.Node, *, functions: set[str] | frozenset[str], held: set[str]) -> Iterator[Sign]:
    """Another thing under the name of a function or method, so that calling it calls whatever it is."""
    if isinstance(node, nodes.Name) and node.ctx != "load" and node.name in functions:
        words = f"gives the name {node.name[:40]} of a function to something else"
        yield Sign(Level.DANGER, "renamed", words, node.lineno)
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr in held:
        words = f"calls {node.node.attr[:40]}, which a namespace of the template may hold"
        yield Sign(Level.DANGER, "renamed", words, node.lineno)
    elif (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name == "namespace"
        and (node.args or node.dyn_args or node.dyn_kwargs)
    ):
        yield Sign(
            Level.DANGER, "renamed", "fills a namespace with names that are not written out", node.lineno
        )


def _name(node: nodes.Node) -> Iterator[Sign]:
    """Names of internals, whole or in pieces of text to put together."""
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        yield _internal(f"reaches for the internal attribute {node.attr[:40]}", node.attr, node.lineno)
    elif isinstance(node, nodes.Name) and (node.name.startswith("__") or node.name in INTERNAL_NAMES):
        yield _internal(f"reaches for the internal name {node.name[:40]}", node.name, node.lineno)
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        if "__" in node.value:
            words = "holds a text with a double underscore, as in internal names"
            yield _internal(words, node.value, node.lineno)
        elif node.value and not node.value.strip("_"):
            yield Sign(
                Level.DANGER, "pieces", "holds a piece of text to build internal names from", node.lineno
            )


def _pieces(node: nodes.Add | nodes.Concat) -> Iterator[Sign]:
    """A name of internals that is put together from parts."""
    parts = node.nodes if isinstance(node, nodes.Concat) else [node.left, node.right]
    if all(isinstance(part, nodes.Const) and isinstance(part.value, str) for part in parts):
        whole = "".join(part.value for part in parts if isinstance(part, nodes.Const))
        if any(name in whole for name in DEADLY) and "__" in whole:
            yield Sign(
                Level.ATTACK, "pieces", "puts the name of an internal together from pieces", node.lineno
            )


def _internal(words: str, name: str, line: int) -> Sign:
    """Whoever gets at these internals runs any code; other ones only show what nobody needs to see."""
    level = Level.ATTACK if any(deadly in name for deadly in DEADLY) else Level.DANGER
    return Sign(level, "internals", words, line)


def _call(node: nodes.Call, *, macros: set[str], lists: set[str]) -> Iterator[Sign]:
    callee = node.node
    if isinstance(callee, nodes.Name):
        if callee.name not in FUNCTIONS | macros:
            yield Sign(Level.DANGER, "call", f"calls {callee.name[:40]}", node.lineno)
    elif isinstance(callee, nodes.Getattr):
        if callee.attr in {"popen", "system", "__import__"}:
            yield Sign(Level.ATTACK, "call", f"calls the method {callee.attr}", node.lineno)
        elif callee.attr not in METHODS:
            yield Sign(Level.DANGER, "call", f"calls the method {callee.attr[:40]}", node.lineno)
    elif not (
        isinstance(callee, nodes.Getitem)
        and isinstance(callee.node, nodes.Name)
        and callee.node.name in lists
    ):
        yield Sign(Level.DANGER, "call", "calls something that is not named", node.lineno)
