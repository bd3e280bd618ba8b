"""Turn samples into rows of the tape and back: only changes are stored, rounded and packed; later, minute means.

A row holds the entities of one kind that were read at that instant, each with only the fields that differ from the
previous row of that kind. An entity without changes is still named, so that "unchanged" differs from "not read". An
entity that was not in the previous row is written in full.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from holter.records import SAMPLE_TYPES, Sample
from holter.tape.surrogates import encode

Fields = dict[str, Any]
Entities = dict[str, Fields]

TYPE_OF_KIND: dict[str, type[Sample]] = {
    str(sample_type.__struct_config__.tag): sample_type for sample_type in SAMPLE_TYPES
}
KIND_OF_TYPE = {sample_type: kind for kind, sample_type in TYPE_OF_KIND.items()}
ENTITY_FIELD = {"process": "pid", "beat": "pid", "gpu": "index", "storage": "label"}

# Below this a zlib header costs more than it saves.
PACK_FROM_BYTES = 300
# Level 1 halves process rows for about 40 microseconds; higher levels gain 5 % for three times that.
PACK_LEVEL = 1
# Memory values vary in every sample; four digits show a leak of 0.1 % and often repeat, so they can be left out.
BYTES_DIGITS = 4


def entity_of(sample: Sample) -> str:
    """Return the key that separates this sample from others of its kind at the same time: a PID, an index, a label."""
    field = ENTITY_FIELD.get(KIND_OF_TYPE[type(sample)])
    return str(getattr(sample, field)) if field else ""


def rounded(name: str, value: Any) -> Any:
    """Return the value as stored: ratios to 0.1 %, times to 0.1 ms, memory to four digits, others unchanged."""
    if isinstance(value, float):
        return round(value, 3 if name.endswith("_ratio") else 4)
    if isinstance(value, int) and name.endswith("_bytes") and value >= 10**BYTES_DIGITS:
        step: int = 10 ** (len(str(value)) - BYTES_DIGITS)
        return round(value / step) * step
    if isinstance(value, (tuple, list)) and name.endswith("ratio_each"):
        return [round(item, 2) for item in value]
    return value


def to_fields(sample: Sample) -> Fields:
    """Return all known fields of a sample except its time, rounded."""
    fields: Fields = msgspec.to_builtins(sample)
    return {name: rounded(name, value) for name, value in fields.items() if name not in ("type", "t_s")}


def to_sample(kind: str, fields: Mapping[str, Any], t_s: float) -> Sample:
    """Rebuild the sample; unknown fields (of another version) are left out.

    Raises:  msgspec.ValidationError if a field has another type than its record says.
    """
    return msgspec.convert({**fields, "type": kind, "t_s": t_s}, TYPE_OF_KIND[kind])


def changes(before: Mapping[str, Any] | None, now: Fields) -> Fields:
    """Return the fields of ``now`` that differ from ``before``; fields that are missing in ``now`` are None."""
    if before is None:
        return now
    changed = {name: value for name, value in now.items() if name not in before or before[name] != value}
    changed.update(dict.fromkeys(before.keys() - now.keys()))
    return changed


def merge(before: Entities | None, row: Entities) -> Entities:
    """Return a row's entities in full, given the previous row (None: the row is whole). Inverse of ``changes``."""
    return {
        entity: {
            name: value for name, value in {**(before or {}).get(entity, {}), **changed}.items() if value is not None
        }
        for entity, changed in row.items()
    }


def pack(data: Any) -> bytes:
    """Encode a record or plain data as JSON bytes, compressed from ``PACK_FROM_BYTES`` on."""
    raw = encode(data)
    return zlib.compress(raw, PACK_LEVEL) if len(raw) >= PACK_FROM_BYTES else raw


def unpack(data: bytes) -> bytes:
    """Return the JSON of ``pack``'s result (JSON never begins with zlib's 0x78)."""
    return zlib.decompress(data) if data[:1] == b"\x78" else data


def unpacked(data: bytes) -> Any:
    """Return the plain data of ``pack``'s result."""
    return msgspec.json.decode(unpack(data))


def mean_entities(rows: Iterable[Entities]) -> Entities:
    """Summarise many rows in one: the mean of numbers, but the last value of counters, texts and lists."""
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    result: Entities = {}
    for row in rows:
        for entity, fields in row.items():
            target = result.setdefault(entity, {})
            for name, value in fields.items():
                target[name] = value
                if _is_state(name, value):
                    total, count = sums.get((entity, name), (0.0, 0))
                    sums[entity, name] = (total + value, count + 1)
    for (entity, name), (total, count) in sums.items():
        value = result[entity].get(name)
        mean = total / count
        result[entity][name] = rounded(name, mean if isinstance(value, float) else round(mean))
    return result


# Numbers that identify something or count up: their mean has no meaning.
_NOT_A_STATE = frozenset(
    {"pid", "ppid", "index", "epoch", "iteration", "worker_index", "last_cpu", "started_s", "progressed_s",
     "pulse_s", "wait_began_s", "case_began_s"}
)  # fmt: skip


def _is_state(name: str, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and not name.endswith("_total") and name not in _NOT_A_STATE
