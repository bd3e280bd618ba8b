"""Messages of the hook: a stable code with raw values. The reader of a recording puts them into words of any language.

``holter.probes.training.remarks`` has the words. A value is a number, a quotation from another program, a process
(``worker``), another remark, or a list of these.
"""

from __future__ import annotations

from typing import Any

Remark = dict[str, Any]


def remark(code: str, **values: Any) -> Remark:
    """Build a remark; values of None are left out."""
    return {"code": code, **{name: value for name, value in values.items() if value is not None}}


def worker(index: int | None, pid: int | None) -> dict[str, Any]:
    """Build a value for a remark that names a process."""
    return {"role": "train-worker", "index": index, "pid": pid}


def plain(message: Remark) -> str:
    """Format a remark for the message of an exception: ``cut-off-within name=data.pkl``."""
    return " ".join([str(message["code"]), *(f"{name}={value}" for name, value in message.items() if name != "code")])
