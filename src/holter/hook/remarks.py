"""What the hook has to say: a stable code with raw values. Whoever reads it puts it into words, in any language.

``holter.probes.training.remarks`` has the words. A value is a number, a quotation of what another program said, a
process (``worker``), another remark, or a list of these.
"""

from __future__ import annotations

from typing import Any

Remark = dict[str, Any]


def remark(code: str, **values: Any) -> Remark:
    """Return a remark; a value of None is left out."""
    return {"code": code, **{name: value for name, value in values.items() if value is not None}}


def worker(index: int | None, pid: int | None, role: str = "train-worker") -> dict[str, Any]:
    """Return a process as the value of a remark."""
    return {"role": role, "index": index, "pid": pid}


def plain(said: Remark) -> str:
    """Return a remark as it stands in the message of an exception: ``cut-off-within name=data.pkl``."""
    return " ".join([str(said["code"]), *(f"{name}={value}" for name, value in said.items() if name != "code")])
