"""Every reason for which a fact is unknown or does not apply is a message, which has a Chinese translation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import holter.evidence

# Names of fields and parts of sentences that are put together; all others are whole reasons.
PARTS = {"clock_reasons", "licence_stage", "temperature_c", "utilization_ratio", "virtualization"}


def reasons() -> Iterator[str]:
    """Every text that stands for itself as the reason of a call of a fact book, named there or written there."""
    for file in Path(holter.evidence.__file__).parent.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            told = [keyword.value for keyword in call.keywords if keyword.arg == "unless"]
            if call.func.attr in ("unknown", "not_applicable"):
                told += call.args[1:2]
            for text in told:
                yield from texts(text, tree)


def texts(node: ast.expr, tree: ast.AST) -> Iterator[str]:
    """The constants that an expression may be; of a name, all that is ever given to it in its file."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, tree)
        yield from texts(node.orelse, tree)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from texts(value, tree)
    elif isinstance(node, ast.Name):
        for inner in ast.walk(tree):
            if isinstance(inner, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == node.id for t in inner.targets
            ):
                yield from texts(inner.value, tree)


def test_no_reason_is_an_english_string() -> None:
    assert set(reasons()) - PARTS - {""} == set()
