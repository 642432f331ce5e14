"""Which expressions of a chat template stand for what people and tools wrote, and which for the date. Pure."""

from collections.abc import Iterable, Iterator

from jinja2 import nodes

from registry.formats.template import nodes_of

ROUNDS = 4
CONTENT = frozenset({"content", "text", "reasoning_content", "prompt"})


class Contents:
    """Which expressions stand for what people and tools wrote, and which for the date."""

    def __init__(self, tree: nodes.Template) -> None:
        self.content: set[str] = set()
        self.dated: set[str] = set()
        self.tables = {name: node for name, node in _given(tree) if isinstance(node, nodes.Dict)}
        given = list(_given(tree))
        for _ in range(ROUNDS):
            for name, value in given:
                if self.is_content(value):
                    self.content.add(name)
                if self.is_dated(value):
                    self.dated.add(name)

    def table(self, node: nodes.Node | None) -> nodes.Dict | None:
        """The table of fixed entries that an expression is, or that a name stands for."""
        return node if isinstance(node, nodes.Dict) else self.tables.get(_name(node))

    def is_content(self, node: nodes.Node | None) -> bool:
        """Whether it is the text of a message: not its role or kind."""
        pending = [node]
        while pending:
            inner = pending.pop()
            if inner is None:
                continue
            is_member = isinstance(inner, nodes.Getattr | nodes.Getitem) and _member(inner) in CONTENT
            if is_member or _name(inner) in self.content or _is_whole(inner) or _is_built(inner):
                return True
            pending.extend(_whence(inner))
        return False

    def is_dated(self, node: nodes.Node) -> bool:
        """Whether it depends on the day."""
        return any(
            (isinstance(inner, nodes.Call) and _name(inner.node) == "strftime_now")
            or (isinstance(inner, nodes.Name | nodes.NSRef | nodes.Getattr) and _name(inner) in self.dated)
            for inner in nodes_of(node)
        )


def _is_whole(node: nodes.Node) -> bool:
    """Whether it is the whole conversation as one text."""
    return (
        isinstance(node, nodes.Filter)
        and node.name in {"tojson", "string", "join"}
        and _name(node.node) in {"messages", "message"}
    )


def _is_built(node: nodes.Node) -> bool:
    """Whether a member is asked for by a name that is put together from texts, as nobody needs to."""
    return (
        isinstance(node, nodes.Getitem)
        and isinstance(node.arg, nodes.Add | nodes.Concat | nodes.Filter)
        and any(
            isinstance(inner, nodes.Const) and isinstance(inner.value, str) for inner in nodes_of(node.arg)
        )
    )


def _whence(node: nodes.Node) -> Iterable[nodes.Node | None]:
    """What an expression takes its text from."""
    if isinstance(node, nodes.Filter):
        return [] if node.name in {"length", "count"} else [node.node]
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        return [node.node.node]
    if isinstance(node, nodes.Getitem):
        return [] if isinstance(_key(node), str) else [node.node]
    return node.iter_child_nodes() if isinstance(node, nodes.Add | nodes.Concat | nodes.CondExpr) else []


def _given(tree: nodes.Template) -> Iterator[tuple[str, nodes.Node]]:
    macros = {node.name: node for node in nodes_of(tree) if isinstance(node, nodes.Macro)}
    for node in nodes_of(tree):
        if isinstance(node, nodes.Assign):
            yield _name(node.target), node.node
        elif isinstance(node, nodes.For) and not isinstance(node.target, nodes.Tuple):
            yield _name(node.target), node.iter
        elif isinstance(node, nodes.For) and (member := _member_of_message(node)) is not None:
            yield member, nodes.Getattr(node.iter, "content", "load")
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in macros:
            for argument, value in zip(macros[node.node.name].args, node.args, strict=False):
                yield argument.name, value


def _member_of_message(node: nodes.For) -> str | None:
    """What a loop over the members of a message calls each of them: one is its text."""
    call = node.iter
    if not (
        isinstance(call, nodes.Call)
        and isinstance(call.node, nodes.Getattr)
        and isinstance(node.target, nodes.Tuple)
    ):
        return None
    whole = call.node.node
    of = _name(whole.node) if isinstance(whole, nodes.Getitem) else _name(whole)
    return (
        _name(node.target.items[-1]) if call.node.attr == "items" and of in {"message", "messages"} else None
    )


def _name(node: nodes.Node | None) -> str:
    if isinstance(node, nodes.NSRef):
        return f"{node.name}.{node.attr}"
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def _key(node: nodes.Getitem) -> object:
    return node.arg.value if isinstance(node.arg, nodes.Const) else None


def _member(node: nodes.Getattr | nodes.Getitem) -> object:
    return node.attr if isinstance(node, nodes.Getattr) else _key(node)
