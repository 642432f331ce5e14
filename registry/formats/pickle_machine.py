"""An unpickler's stack, marks and memo, without the unpickler: every step says what it would look up or call. Pure."""

import dataclasses
from collections.abc import Callable
from typing import Any

from registry.formats import pickle_calls
from registry.formats.pickle_calls import Made, Storage, Target, is_made
from registry.formats.pickle_opcodes import Opcode, Unreadable
from registry.formats.pickle_targets import ALLOWED, CALLS, canonical, is_harmful

MAX_DEPTH = 1000
MAX_REFUSALS = 100
MAX_MEMO_INDEX = 2**24
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PLAIN = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DICTIONARIES = ("dict", "collections.OrderedDict")
# What no writer of models needs, and what tricks are made of.
_UNUSED = {
    "DUP": "doubles what it made",
    "EXT1": "calls for an entry of the extension registry",
    "EXT2": "calls for an entry of the extension registry",
    "EXT4": "calls for an entry of the extension registry",
    "NEXT_BUFFER": "takes data from outside the file",
    "PERSID": "asks its reader for an object by a name",
}
_UNKNOWN = "?"


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pickle is not data. `message` continues "It ..."; `target` is the name that it is about."""

    code: str
    message: str
    offset: int
    target: str = ""
    is_harmful: bool = False


class Machine:
    """Takes one opcode after another; raises `Unreadable` or `IndexError` where an unpickler would give up, too."""

    def __init__(self, *, with_storages: bool) -> None:
        self.refusals: list[Refusal] = []
        self.targets: dict[str, None] = {}
        self.storages: dict[Storage, None] = {}
        self.calls = 0
        self.value: Any = None
        self._with_storages = with_storages
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._protocol = 1  # or 0: neither says so
        self._at = -1
        self._has_harmful = False
        self._steps = self._table()

    def step(self, opcode: Opcode) -> None:
        """Do what the opcode does."""
        is_first, self._at = self._at < 0, opcode.offset
        if opcode.name == "PROTO":
            self._proto(opcode.argument, is_first=is_first)
        elif opcode.protocol > self._protocol:
            self.refuse(
                "protocol", f"uses instructions of protocol {opcode.protocol}, which it does not declare"
            )
            self._protocol = 5
        if opcode.name in _CONSTANTS:
            self._push(_CONSTANTS[opcode.name])
        elif opcode.name in _UNUSED:
            self.refuse(opcode.name.lower(), _UNUSED[opcode.name])
            self._push(Made(_UNKNOWN))
        elif opcode.name in _TUPLES:
            self._push(tuple(self._take(_TUPLES[opcode.name])))
        else:
            self._steps[opcode.name](opcode.argument)

    def refuse(
        self, code: str, message: str, *, at: int | None = None, target: str = "", harmful: bool = False
    ) -> None:
        """Note why this is no data; of very many reasons the first ones, and the first harmful one."""
        if len(self.refusals) >= MAX_REFUSALS and (self._has_harmful or not harmful):
            return
        self._has_harmful = self._has_harmful or harmful
        self.refusals.append(Refusal(code, message, self._at if at is None else at, target, harmful))

    def _table(self) -> dict[str, Callable[[Any], None]]:
        steps: dict[str, Callable[[Any], None]] = {
            "PROTO": lambda _: None,
            "FRAME": lambda _: None,
            "READONLY_BUFFER": lambda _: self.refuse("buffer", "takes data from outside the file"),
            "MARK": lambda _: self._mark(),
            "POP": lambda _: self._pop(),
            "POP_MARK": lambda _: self._pop_mark(),
            "LIST": lambda _: self._make("list", self._marked()),
            "DICT": lambda _: self._make("dict", self._pairs(self._marked())),
            "FROZENSET": lambda _: self._make("frozenset", self._marked()),
            "TUPLE": lambda _: self._push(tuple(self._marked())),
            "EMPTY_LIST": lambda _: self._make("list", []),
            "EMPTY_DICT": lambda _: self._make("dict", []),
            "EMPTY_SET": lambda _: self._make("set", []),
            "APPEND": lambda _: self._extend(self._take(1), "list"),
            "APPENDS": lambda _: self._extend(self._marked(), "list"),
            "ADDITEMS": lambda _: self._extend(self._marked(), "set"),
            "SETITEM": lambda _: self._extend(self._take(2), *_DICTIONARIES),
            "SETITEMS": lambda _: self._extend(self._pairs(self._marked()), *_DICTIONARIES),
            "PUT": self._put,
            "BINPUT": self._put,
            "LONG_BINPUT": self._put,
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            "GET": self._get,
            "BINGET": self._get,
            "LONG_BINGET": self._get,
            "GLOBAL": lambda names: self._push(self._look_up(*names)),
            "STACK_GLOBAL": lambda _: self._stack_global(),
            "REDUCE": lambda _: self._reduce(),
            "BUILD": lambda _: self._build(),
            "NEWOBJ": lambda _: self._instance(self._take(2)[0]),
            "NEWOBJ_EX": lambda _: self._instance(self._take(3)[0]),
            "OBJ": lambda _: self._instance(self._marked()[0]),
            "INST": self._inst,
            "BINPERSID": lambda _: self._load_storage(),
            "STOP": lambda _: self._stop(),
        }
        return steps | dict.fromkeys(_PLAIN, self._push)

    def _proto(self, protocol: int, *, is_first: bool) -> None:
        if protocol > 5:
            raise Unreadable("protocol", f"is of the unknown protocol {protocol}", offset=self._at)
        if not is_first:
            self.refuse("protocol", "declares its protocol twice")
        self._protocol = max(protocol, 1)

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _take(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def _mark(self) -> None:
        if len(self._below) >= MAX_DEPTH:
            raise Unreadable("too_deep", "is nested too deeply", offset=self._at)
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _pop(self) -> None:
        self.refuse("pop", "throws away what it made")
        if self._stack:
            self._stack.pop()
        else:
            self._marked()

    def _pop_mark(self) -> None:
        self.refuse("pop", "throws away what it made")
        self._marked()

    def _pairs(self, items: list[Any]) -> list[Any]:
        if len(items) % 2:
            self.refuse("container", "holds a dictionary with a key that has no value")
        return items

    def _make(self, kind: str, items: list[Any]) -> None:
        made = Made(kind)
        made.items = items
        self._push(made)

    def _extend(self, items: list[Any], *kinds: str) -> None:
        container = self._stack[-1]
        if is_made(container, *kinds):
            container.items += items
        else:
            self.refuse("container", f"fills something that is no {kinds[0]}", harmful=_is_unknown(container))

    def _put(self, index: int) -> None:
        if not 0 <= index <= MAX_MEMO_INDEX:
            raise Unreadable("memo", f"numbers an object {index}", offset=self._at)
        if index in self._memo:
            self.refuse("memo", f"gives the number {index} to two objects")
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise Unreadable("memo", f"takes object {index}, which there is not", offset=self._at)
        self._push(self._memo[index])

    def _stack_global(self) -> None:
        module, name = self._take(2)
        if isinstance(module, str) and isinstance(name, str):
            self._push(self._look_up(module, name))
            return
        self.refuse("computed_name", "looks up a name that is put together while it is loaded", harmful=True)
        self._push(Made(_UNKNOWN))

    def _look_up(self, module: str, name: str) -> Any:
        full = canonical(module, name)
        shown = ascii(full)[1:-1][:200]
        self.targets[shown] = None
        target = Target(module, name, full)
        if full not in ALLOWED:
            # what is asked of a package that is not known to be harmful is code as well: its import runs
            self.refuse("target", f"looks up {shown}", target=shown, harmful=is_harmful(module, name))
        return target

    def _reduce(self) -> None:
        callee, arguments = self._take(2)
        self.calls += 1
        if not isinstance(callee, Target):
            self.refuse("computed_call", "calls what another call returned", harmful=_is_unknown(callee))
            self._push(Made(_UNKNOWN))
            return
        form = CALLS.get(callee.full)
        if form is None:
            self._refuse_call(callee)
        elif not isinstance(arguments, tuple):
            self.refuse("arguments", f"calls {callee.full} without a list of arguments", target=callee.full)
        elif fault := pickle_calls.fault(callee, form, arguments):
            self.refuse("arguments", f"calls {callee.full} {fault}", target=callee.full)
        made = Made(
            callee.full if form else _UNKNOWN, arguments[0] if form == "dtype" and arguments else None
        )
        self._push(made)

    def _instance(self, callee: Any) -> None:
        self.calls += 1
        if isinstance(callee, Target):
            self._refuse_call(callee)
        else:
            self.refuse("computed_call", "makes an instance of what another call returned", harmful=True)
        self._push(Made(_UNKNOWN))

    def _inst(self, names: tuple[str, str]) -> None:
        self._marked()
        self._instance(self._look_up(*names))

    def _refuse_call(self, callee: Target) -> None:
        shown = ascii(callee.full)[1:-1][:200]
        self.refuse("call", f"calls {shown}", target=shown, harmful=is_harmful(callee.module, callee.name))

    def _build(self) -> None:
        (state,) = self._take(1)
        made = self._stack[-1]
        self.calls += 1
        fault = pickle_calls.state_fault(made, state)
        if fault:
            by = made.by if isinstance(made, Made) else made.full if isinstance(made, Target) else "an object"
            shown = "what another call returned" if by == _UNKNOWN else ascii(by)[1:-1][:200]
            self.refuse("build", f"fills {shown} {fault}", target=shown)

    def _load_storage(self) -> None:
        (pid,) = self._take(1)
        storage = pickle_calls.storage_of(pid) if self._with_storages else None
        if storage is None:
            self.refuse("persistent_id", "asks its reader for an object that is no storage of numbers")
            self._push(Made(_UNKNOWN))
            return
        self.storages[storage] = None
        self._push(storage)

    def _stop(self) -> None:
        self.value = self._stack.pop()
        if self._stack or self._below:
            self.refuse("stack", "leaves something on its stack")


def _is_unknown(value: Any) -> bool:
    return isinstance(value, Made) and value.by == _UNKNOWN
