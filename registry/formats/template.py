"""Reads chat templates without running them: an allow-list over their syntax tree. Pure."""

from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

MAX_CHARACTERS = 256 * 1024
MAX_RANGE = 100_000
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
INTERNAL_NAMES = frozenset({"self", "cycler", "joiner", "lipsum", "url_for", "config"})
FORBIDDEN_NODES = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends, nodes.EvalContextModifier)


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


def faults(source: str) -> list[str]:
    """What the template does beyond putting text together; raises `BadTemplate`."""
    if len(source) > MAX_CHARACTERS:
        raise BadTemplate(f"it is longer than {MAX_CHARACTERS} characters")
    try:
        tree = _ENVIRONMENT.parse(source)
        macros = {macro.name for macro in tree.find_all(nodes.Macro)}
        return [fault for node in _nodes(tree) for fault in _fault(node, macros=macros)]
    except TemplateSyntaxError as error:
        raise BadTemplate(f"line {error.lineno}: {error.message}") from None
    except (RecursionError, ValueError, OverflowError, AssertionError) as error:
        raise BadTemplate(str(error)[:200] or "it is nested too deeply") from None


def _nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.iter_child_nodes())


def _fault(node: nodes.Node, *, macros: set[str]) -> Iterator[str]:
    line = f" (line {node.lineno})"
    if isinstance(node, FORBIDDEN_NODES):
        yield f"it loads another template{line}"
    elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield f"it uses the filter {node.name}{line}"
    elif (
        isinstance(node, nodes.Mod)
        and isinstance(node.left, nodes.Const)
        and isinstance(node.left.value, str)
    ):
        yield f"it builds text by formatting codes{line}"
    elif isinstance(node, nodes.Call):
        yield from (f"{words}{line}" for words in _call(node, macros=macros))
    else:
        yield from (f"{words}{line}" for words in _name(node))


def _name(node: nodes.Node) -> Iterator[str]:
    """Names of internals, whole or in pieces of text to put together."""
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        yield f"it reaches for the internal attribute {node.attr}"
    elif isinstance(node, nodes.Name) and (node.name.startswith("__") or node.name in INTERNAL_NAMES):
        yield f"it reaches for the internal name {node.name}"
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        if "__" in node.value:
            yield "it holds a text with a double underscore, as in internal names"
        elif node.value and not node.value.strip("_"):
            yield "it holds a piece of text to build internal names from"


def _call(node: nodes.Call, *, macros: set[str]) -> Iterator[str]:
    callee = node.node
    if isinstance(callee, nodes.Name):
        if callee.name not in FUNCTIONS | macros:
            yield f"it calls {callee.name}"
        if callee.name == "range" and any(
            isinstance(item, nodes.Const) and isinstance(item.value, int) and item.value > MAX_RANGE
            for item in node.args
        ):
            yield "it counts without a sensible end"
    elif isinstance(callee, nodes.Getattr):
        if callee.attr not in METHODS:
            yield f"it calls the method {callee.attr}"
    else:
        yield "it calls something that is not named"
