"""The texts in a record and in the records below it, without words of Holter and nnU-Net."""

from __future__ import annotations

from collections.abc import Iterator
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
    for name in record.__struct_fields__:
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


_FIELDS: dict[type[Record], tuple[str, ...]] = {}


def _text_fields(kind: type[Record]) -> tuple[str, ...]:
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(
            field.name
            for field in msgspec.structs.fields(kind)
            if _may_hold_text(msgspec.inspect.type_info(field.type))
        )
    return _FIELDS[kind]


def _may_hold_text(info: msgspec.inspect.Type) -> bool:
    inspect = msgspec.inspect
    if isinstance(info, inspect.UnionType):
        return any(_may_hold_text(part) for part in info.types)
    if isinstance(info, inspect.VarTupleType):
        return _may_hold_text(info.item_type)
    if isinstance(info, inspect.TupleType):
        return any(_may_hold_text(part) for part in info.item_types)
    return isinstance(info, (inspect.StrType, inspect.StructType))
