"""Read a pickle without executing it: nothing named in the file is imported, called or hashed.

Python's own unpickler calls functions, sets attributes and allocates as much memory as the file asks for. This reader
only records: a global becomes its name, a call becomes a ``Made`` with its function and arguments.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

from ..remarks import Remark, plain, remark

# nnU-Net's, after 1000 epochs with 100 classes: 4 MB and a million steps. More would only cost memory and time.
MAX_BYTES = 256 << 20
MAX_STEPS = 5_000_000
MOST_ELEMENTS = 1 << 63  # of a tensor; a file may contain a number of a million digits


class NotUnderstood(Exception):
    """The pickle is damaged, or the data is not a pickle; ``why``: a quotation or a remark."""

    def __init__(self, why: str | Remark) -> None:
        super().__init__(why if isinstance(why, str) else plain(why))
        self.why = why


class TooLarge(NotUnderstood):
    """The pickle is larger than this reader accepts; it may be intact."""


class Named:
    """A global: the names of a module and an attribute, not imported."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Made:
    """Stands for the object that a call in the pickle would create: the reader calls nothing.

    ``items``: what the pickle then stores in that object, as in a dict.
    """

    __slots__ = ("arguments", "function", "items")

    def __init__(self, function: Any, arguments: Any) -> None:
        self.function, self.arguments = function, arguments
        self.items: dict[Any, Any] = {}


class Stored(NamedTuple):
    """A storage outside the pickle: ``elements`` numbers of one type, under a key."""

    kind: str
    key: str
    elements: int


class Contents(NamedTuple):
    """The root object, all storages and all calls of a pickle."""

    root: Any
    storages: list[Stored]
    made: list[Made]


def read(data: bytes) -> Contents:
    """Read a pickle of any protocol; raises NotUnderstood or TooLarge."""
    if len(data) > MAX_BYTES:
        raise TooLarge(remark("pickle-too-large"))
    reader = _Reader()
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if step >= MAX_STEPS:
                raise TooLarge(remark("pickle-too-long"))
            reader.take(opcode.name, argument)
        return Contents(reader.stack.pop(), reader.storages, reader.made)
    except NotUnderstood:
        raise
    except Exception as error:
        raise NotUnderstood(f"{type(error).__name__}: {error}"[:200]) from None


_CONSTANTS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "FLOAT", "BINFLOAT",
))  # fmt: skip
_SINGLE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,  # a list: its members would have to be hashed, which a nested tuple can crash
    "NEXT_BUFFER": lambda: None,
}
_NOTHING = frozenset(("PROTO", "FRAME", "STOP", "READONLY_BUFFER"))
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_GET = frozenset(("GET", "BINGET", "LONG_BINGET"))
_PUT = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_EXTENSIONS = frozenset(("EXT1", "EXT2", "EXT4"))


class _Reader:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: list[Stored] = []
        self.made: list[Made] = []
        self.others: dict[str, Callable[[Any], None]] = {
            "MARK": self._mark, "POP": self._pop, "POP_MARK": self._pop_mark,
            "DUP": lambda _: self.stack.append(self.stack[-1]),
            "MEMOIZE": lambda _: self.memo.__setitem__(len(self.memo), self.stack[-1]),
            "APPEND": lambda _: self._extend([self.stack.pop()]), "APPENDS": lambda _: self._extend(self._marked()),
            "ADDITEMS": lambda _: self._extend(self._marked()),
            "LIST": lambda _: self._push(self._marked()),
            "FROZENSET": lambda _: self._push(self._marked()),
            "TUPLE": lambda _: self._push(tuple(self._marked())),
            "DICT": self._dict, "SETITEM": self._set_item, "SETITEMS": lambda _: self._set_items(self._marked()),
            "GLOBAL": self._global, "STACK_GLOBAL": self._stack_global,
            "REDUCE": self._call, "NEWOBJ": self._call, "NEWOBJ_EX": self._call_with_names,
            "BUILD": self._build, "INST": self._inst, "OBJ": self._obj,
            "PERSID": self._persistent, "BINPERSID": lambda _: self._persistent(self.stack.pop()),
        }  # fmt: skip

    def take(self, name: str, argument: Any) -> None:
        """Process one opcode, without importing or calling anything."""
        if name in _CONSTANTS:
            self.stack.append(argument)
        elif name in _PUT:
            self.memo[argument] = self.stack[-1]
        elif name in _GET:
            self.stack.append(self.memo[argument])
        elif name in _SINGLE:
            self.stack.append(_SINGLE[name]())
        elif name in _TUPLES:
            count = _TUPLES[name]
            members = tuple(self.stack[-count:])
            del self.stack[-count:]
            if len(members) < count:
                raise NotUnderstood(remark("pickle-tuple"))
            self.stack.append(members)
        elif name in _EXTENSIONS:
            self.stack.append(Named("copyreg", str(argument)))
        elif name not in _NOTHING:
            self.others[name](argument)

    def _mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _marked(self) -> list[Any]:
        members, self.stack = self.stack, self.marks.pop()
        return members

    def _push(self, value: Any) -> None:
        self.stack.append(value)  # a method of its own: computing the value replaces ``self.stack``

    def _pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._marked()

    def _pop_mark(self, _: Any) -> None:
        self._marked()

    def _build(self, _: Any) -> None:
        self.stack.pop()  # discard the state

    def _extend(self, members: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(members)

    def _dict(self, _: Any) -> None:
        members = self._marked()
        self.stack.append({})
        self._set_items(members)

    def _set_item(self, _: Any) -> None:
        value = self.stack.pop()
        self._set_items([self.stack.pop(), value])

    def _set_items(self, members: list[Any]) -> None:
        target = self.stack[-1]
        into = target.items if isinstance(target, Made) else target
        if isinstance(into, dict):
            for key, value in zip(members[::2], members[1::2], strict=True):
                if isinstance(key, (str, int, float)):  # the only keys that matter, and safe to hash
                    into[key] = value

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(Named(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise NotUnderstood(remark("pickle-name"))
        self.stack.append(Named(module, name))

    def _make(self, function: Any, arguments: Any) -> None:
        made = Made(function, arguments)
        self.made.append(made)
        self.stack.append(made)

    def _call(self, _: Any) -> None:
        arguments = self.stack.pop()
        self._make(self.stack.pop(), arguments)

    def _call_with_names(self, _: Any) -> None:
        self.stack.pop()
        self._call(None)

    def _inst(self, argument: str) -> None:
        arguments = tuple(self._marked())
        self._global(argument)
        self._make(self.stack.pop(), arguments)

    def _obj(self, _: Any) -> None:
        members = self._marked()
        self._make(members[0], tuple(members[1:]))

    def _persistent(self, identity: Any) -> None:
        match identity:
            case ("storage", Named(name=str(kind)), str(key), _, int(elements)) if 0 <= elements < MOST_ELEMENTS:
                stored = Stored(kind, key, elements)
            case _:
                raise NotUnderstood(remark("pickle-storage"))
        self.storages.append(stored)
        self.stack.append(stored)
