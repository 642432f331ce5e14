"""What a chat template could cost the machine that renders it: loops, repetition and recursion without a sensible end. Pure."""

import operator
from collections.abc import Callable, Iterator

from jinja2 import nodes

from registry.formats.sign import Level, Sign
from registry.formats.template import nodes_of

MAX_COUNT = 100_000  # steps of one loop, or characters of a width
MAX_STEPS = 1_000_000  # of loops within each other
MAX_REPEAT = 10_000
MAX_WITHIN = 3  # times that a list is gone through within itself
MAX_DOUBLED = 8
HUGE = 10**15
MAX_DEPTH = 50  # of what is calculated
BRANCHES = (nodes.If, nodes.For, nodes.CondExpr)


def cost(tree: nodes.Template) -> list[Sign]:
    """Every place where a small template makes much work."""
    found = [sign for node in nodes_of(tree) for sign in _node(node)]
    found += _loops(tree)
    found += _growth(tree)
    found += _recursion(tree)
    return found


def number(node: nodes.Node, depth: int = 0) -> int | None:
    """The whole number that an expression of constants gives, at most `HUGE`; None where it depends on anything else."""
    value: int | None = None
    if isinstance(node, nodes.Const):
        is_number = isinstance(node.value, int) and not isinstance(node.value, bool)
        value = node.value if is_number else None
    elif isinstance(node, nodes.Neg) and depth < MAX_DEPTH:
        inner = number(node.node, depth + 1)
        value = -inner if inner is not None else None
    elif type(node) in _ARITHMETIC and isinstance(node, nodes.BinExpr) and depth < MAX_DEPTH:
        left, right = number(node.left, depth + 1), number(node.right, depth + 1)
        if left is not None and right is not None:
            value = _ARITHMETIC[type(node)](left, right)
    return max(-HUGE, min(value, HUGE)) if value is not None else None


def _power(base: int, exponent: int) -> int:
    return HUGE if abs(base) > 1 and exponent > MAX_DEPTH else int(base ** max(exponent, 0))


_ARITHMETIC: dict[type[nodes.Node], Callable[[int, int], int]] = {
    nodes.Add: operator.add,
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.Pow: _power,
}


def _node(node: nodes.Node) -> Iterator[Sign]:
    if isinstance(node, nodes.Call | nodes.Filter):
        values = [number(item) for item in [*node.args, *(keyword.value for keyword in node.kwargs)]]
        if any(value is not None and abs(value) > MAX_COUNT for value in values):
            yield Sign(Level.DANGER, "count", "counts without a sensible end", node.lineno)
    elif isinstance(node, nodes.Mul):
        yield from _repeated(node)
    elif isinstance(node, nodes.Pow) and number(node) in {None, HUGE, -HUGE}:
        yield Sign(Level.DANGER, "power", "raises a number to a power without a sensible end", node.lineno)


def _repeated(node: nodes.Mul) -> Iterator[Sign]:
    """A text or list that is repeated many times."""
    factors, pending, is_text = 1, [node.left, node.right], False
    while pending:
        part = pending.pop()
        value = number(part)
        if value is not None:
            factors = min(factors * max(abs(value), 1), HUGE)
        elif isinstance(part, nodes.Mul):
            pending += [part.left, part.right]
        else:
            is_text |= isinstance(part, nodes.List | nodes.Concat | nodes.Add) or _is_text(part)
    if factors > (MAX_REPEAT if is_text else MAX_STEPS):
        yield Sign(Level.DANGER, "repeat", f"repeats a text {factors:,} times", node.lineno)


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str)


def _loops(tree: nodes.Template) -> Iterator[Sign]:
    """Loops within each other; each is entered with the steps of those around it."""
    pending: list[tuple[nodes.Node, int, tuple[str, ...]]] = [(tree, 1, ())]
    while pending:
        node, steps, lists = pending.pop()
        if isinstance(node, nodes.For):
            own = _steps(node.iter)
            lists = (*lists, node.iter.name) if isinstance(node.iter, nodes.Name) else lists
            if steps <= MAX_STEPS < steps * own:
                yield Sign(
                    Level.DANGER, "loops", f"has loops that take {steps * own:,} steps together", node.lineno
                )
            if lists and lists.count(lists[-1]) == MAX_WITHIN:
                words = f"goes through {lists[-1][:40]} within itself, {MAX_WITHIN} deep"
                yield Sign(Level.DANGER, "loops", words, node.lineno)
            steps = min(steps * own, HUGE)
        pending.extend((child, steps, lists) for child in node.iter_child_nodes())


def _steps(node: nodes.Node) -> int:
    """How often a loop over it runs, as far as the template alone says so."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "range":
        values = [number(item) for item in node.args[:3]]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and known:
            start, stop = (known[0], known[1]) if len(known) > 1 else (0, known[0])
            step = known[2] if len(known) > 2 and known[2] else 1
            return max(1, (stop - start) // step)
    if isinstance(node, nodes.List | nodes.Tuple):
        return max(1, len(node.items))
    return max(1, len(node.value)) if isinstance(node, nodes.Const) and isinstance(node.value, str) else 1


def _growth(tree: nodes.Template) -> Iterator[Sign]:
    """A text that is put together from itself, in a loop or again and again."""
    doubled: list[int] = []
    pending: list[tuple[nodes.Node, bool]] = [(tree, False)]
    while pending:
        node, in_loop = pending.pop()
        if isinstance(node, nodes.Assign) and _doubles(node):
            doubled.append(node.lineno)
            if in_loop:
                yield Sign(Level.DANGER, "growth", "doubles a text with every step of a loop", node.lineno)
        in_loop |= isinstance(node, nodes.For)
        pending.extend((child, in_loop) for child in node.iter_child_nodes())
    if len(doubled) > MAX_DOUBLED:
        yield Sign(Level.DANGER, "growth", f"doubles a text {len(doubled)} times", doubled[0])


def _doubles(node: nodes.Assign) -> bool:
    own = _key(node.target)
    if not own:
        return False
    if isinstance(node.node, nodes.Filter) and node.node.name == "replace":
        old, new = ([*node.node.args, None, None])[:2]
        return (
            isinstance(old, nodes.Const)
            and isinstance(new, nodes.Const)
            and str(new.value).count(str(old.value) or "-") > 1
            and any(_key(inner) == own for inner in nodes_of(node.node.node or node.node))
        )
    return sum(_key(part) == own for part in _operands(node.node)) > 1


def _operands(node: nodes.Node) -> Iterator[nodes.Node]:
    """The parts that are put together, one after the other."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, nodes.Add):
            pending += [part.left, part.right]
        elif isinstance(part, nodes.Concat):
            pending += part.nodes
        elif isinstance(part, nodes.Filter) and part.node is not None:
            pending.append(part.node)
        else:
            yield part


def _key(node: nodes.Node) -> str:
    """The name of a variable, or of one in a namespace."""
    if isinstance(node, nodes.NSRef):
        return f"{node.name}.{node.attr}"
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def _recursion(tree: nodes.Template) -> Iterator[Sign]:
    """Macros that call themselves whatever they are given, or more than once without going deeper into it."""
    always: dict[str, set[str]] = {}
    macros = [node for node in nodes_of(tree) if isinstance(node, nodes.Macro)]
    for macro in macros:
        calls = list(_calls(macro))
        always[macro.name] = {name for name, call, is_sure in calls if is_sure}
        own = [call for name, call, _ in calls if name == macro.name]
        flat = [call for call in own if all(_is_flat(item, macro) for item in call.args)]
        if len(flat) > 1:
            words = f"has a macro that calls itself {len(flat)} times without an end ({macro.name[:40]})"
            yield Sign(Level.DANGER, "recursion", words, macro.lineno)
    for macro in macros:
        if macro.name in _reached(always, macro.name):
            words = f"has a macro that calls itself without a condition ({macro.name[:40]})"
            yield Sign(Level.DANGER, "recursion", words, macro.lineno)


def _calls(macro: nodes.Macro) -> Iterator[tuple[str, nodes.Call, bool]]:
    pending: list[tuple[nodes.Node, bool]] = [(item, True) for item in macro.body]
    while pending:
        node, is_sure = pending.pop()
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
            yield node.node.name, node, is_sure
        is_sure &= not isinstance(node, BRANCHES)
        pending.extend((child, is_sure) for child in node.iter_child_nodes())


def _is_flat(node: nodes.Node, macro: nodes.Macro) -> bool:
    """Whether an argument is a parameter of the macro itself, or a number made from it: no smaller piece of data."""
    names = {argument.name for argument in macro.args}
    return all(
        isinstance(inner, nodes.Const | nodes.BinExpr)
        or (isinstance(inner, nodes.Name) and inner.name in names)
        for inner in nodes_of(node)
    )


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = list(graph.get(start, ()))
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(graph.get(name, ()))
    return found
