"""Every reason for which a fact is unknown or does not apply is told in Chinese too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import holter.evidence
from holter.reports.catalogue.phrases_zh_cn import translate_phrase

# Names of fields and parts of sentences that are put together; all others are whole reasons.
PARTS = {"clock_reasons", "licence_stage", "temperature_c", "utilization_ratio", "virtualization"}


def reasons() -> Iterator[str]:
    """Every text that stands for itself as the reason of a call of a fact book."""
    for file in Path(holter.evidence.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            told = [one.value for one in call.keywords if one.arg == "unless"]
            if call.func.attr in ("unknown", "not_applicable"):
                told += call.args[1:2]
            for text in told:
                whole = [text.body, text.orelse] if isinstance(text, ast.IfExp) else [text]
                yield from (one.value for one in whole if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_reason_has_a_chinese_sentence() -> None:
    found = set(reasons())
    assert "no CPU quota is set" in found  # the search finds what there is
    assert {one for one in found - PARTS if translate_phrase(one) == one} == set()
