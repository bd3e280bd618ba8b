"""The texts in a record and in the records below it, without words of Holter and nnU-Net."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from holter.records import Record

# Fields that hold names of Holter or nnU-Net, never the user's data.
KEPT_FIELDS = frozenset(
    {
        ("Finding", "text"), ("Finding", "fact"), ("Fact", "name"), ("Verdict", "cause"), ("Remedy", "id"),
        ("ProbeRun", "probe"), ("Noted", "what"), ("Episode", "detector"), ("ExceptionSeen", "error"),
        ("Environment", "wall_start"), ("Environment", "holter"), ("Frame", "function"),
        ("ActionTaken", "action"), ("ActionTaken", "cause"), ("Message", "key"), ("Notice", "what"),
    }
)  # fmt: skip


def inner_records(record: Record) -> Iterator[Record]:
    """Yield a record, then every record in its fields, in tuples too."""
    yield record
    for name in _record_fields(type(record)):
        value = getattr(record, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Record):
                yield from inner_records(item)
            elif isinstance(item, tuple):
                yield from (part for part in item if isinstance(part, Record))


def texts_of(record: Record) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each field that may hold text of the user; not those of KEPT_FIELDS."""
    kind = type(record).__name__
    for field in _text_fields(type(record)):
        value = getattr(record, field)
        if value and (kind, field) not in KEPT_FIELDS:
            yield field, value


def strings_of(value: Any) -> Iterator[str]:
    """Yield a string, or those in a tuple."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings_of(item)


# Most fields are numbers: a recording of a day has millions of them.
@cache
def _record_fields(kind: type[Record]) -> tuple[str, ...]:
    return _fields_of(kind, msgspec.inspect.StructType, msgspec.inspect.AnyType)


@cache
def _text_fields(kind: type[Record]) -> tuple[str, ...]:
    return _fields_of(kind, msgspec.inspect.StrType, msgspec.inspect.StructType)


def _fields_of(kind: type[Record], *held: type[msgspec.inspect.Type]) -> tuple[str, ...]:
    types = ((field.name, msgspec.inspect.type_info(field.type)) for field in msgspec.structs.fields(kind))
    return tuple(name for name, info in types if _may_hold(info, held))


def _may_hold(info: msgspec.inspect.Type, held: tuple[type[msgspec.inspect.Type], ...]) -> bool:
    inspect = msgspec.inspect
    if isinstance(info, inspect.UnionType):
        return any(_may_hold(part, held) for part in info.types)
    if isinstance(info, inspect.VarTupleType):
        return _may_hold(info.item_type, held)
    if isinstance(info, inspect.TupleType):
        return any(_may_hold(part, held) for part in info.item_types)
    return isinstance(info, held)
