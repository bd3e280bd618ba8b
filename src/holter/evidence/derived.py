"""Facts that follow from the words of stated ones: a person copies what was printed, and causes ask what it means.

What the person states of them holds, whatever the words say.
"""

from __future__ import annotations

import re

from holter.evidence import scope
from holter.evidence.error_kinds import OTHER, error_kind
from holter.evidence.fact_book import FactBook, Value
from holter.evidence.facts import fitting
from holter.evidence.sayings import UNSTATED
from holter.probes.gpu.nvidia_smi import licence_stage
from holter.texts.secondary_errors import said_in

# "RuntimeError: …" or "torch.cuda.OutOfMemoryError: …", as the last line of a traceback says it.
_RAISED = re.compile(r"^\s*[\w.]*(?:Error|Exception)(?::|\s*$)", re.MULTILINE)
_LABEL = re.compile(r"^\s*License Status\s*:", re.IGNORECASE)


def derive(book: FactBook) -> None:
    """Add what follows from exceptions, licence text and versions."""
    _echo(book)
    _exception(book)
    text = book.value("gpu.licence_text")
    if isinstance(text, str):
        stage = licence_stage(_LABEL.sub("", text))
        _add(book, "gpu.licence_stage", stage if stage != "unknown" else None)
    versions = FactBook()
    versions.facts.update(book.facts)
    fitting.derive(versions)
    for name in ("software.slow_kernels", "gpu.driver_fits", "gpu.capability_fits"):
        _add(book, name, versions.value(name))
    scope.derive(book)
    _unsaid(book)


def _echo(book: FactBook) -> None:
    """An echo is no exception of its own: beside nothing else it would hide what it only repeats."""
    text = book.value("exception.first")
    where = said_in(text) if isinstance(text, str) else None
    if where is None:
        return
    _add(book, "echo.says", where, str(text)[:160])
    rest = "\n".join(line for line in str(text).splitlines() if said_in(line) is None)
    if error_kind(rest) == OTHER and _RAISED.search(rest) is None:
        book.unknown("exception.first", "only an echo of another error is stated")


def _exception(book: FactBook) -> None:
    text = book.value("exception.first")
    if isinstance(text, str):
        kind = error_kind(text)
        # Somebody's own words that fit no kind say nothing; the words of Python say that it is another one.
        _add(book, "exception.kind", kind if kind != OTHER or _RAISED.search(text) else None)
    known = book.value("exception.kind")
    _add(book, "exception.cuda_oom", None if known is None else known == "cuda-oom")


def _unsaid(book: FactBook) -> None:
    """What nobody would state who did not see it: only certain errors ask whether it was so."""
    is_about_memory = book.value("exception.kind") == "memory"
    for name in ("data.read_only", "results.gone", *(() if is_about_memory else ("limit.reached", "memory.refused"))):
        if name not in book.facts:
            book.not_applicable(name, UNSTATED())


def _add(book: FactBook, name: str, value: Value | None, detail: str = "") -> None:
    if value is not None and name not in book.facts:
        book.known(name, value, detail)
