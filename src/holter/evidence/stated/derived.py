"""Facts derived from the words of stated ones: people copy what was printed, causes ask what it means.

A derived fact never replaces one that the person stated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from holter.evidence import scope
from holter.evidence.error_kinds import OTHER, error_kind
from holter.evidence.fact_book import FactBook, Value
from holter.evidence.facts.gpu import fitting
from holter.evidence.facts.gpu.health import worst_xid, xid_kind
from holter.evidence.facts.training.from_log_text import TIME_LIMIT
from holter.evidence.messages import UNSTATED
from holter.evidence.reasons import ONLY_AN_ECHO
from holter.evidence.text_facts import facts_of
from holter.evidence.words import NO_SPACE
from holter.patterns import later
from holter.probes.gpu.nvidia_smi import licence_stage
from holter.records import Text
from holter.texts.secondary_errors import part_that_raised

# Signals that only limits of a process send, by their number on Linux.
SIGXCPU, SIGXFSZ = 24, 25
# With it Slurm, PBS and LSF end a job first.
SIGTERM = 15
# nnU-Net starts so many data workers where it sees as many CPUs.
STOCK_WORKERS = 12
FEW_OF_MANY = 0.75
AS_WORKERS = "pauses-as-workers"
TOO_LARGE = later(r"\[Errno 27\]|File too large")
# fork() and pthread_create() return EAGAIN at a limit of processes; reads of a pipe do so without one.
REFUSED = later(r"\[Errno 11\]|Resource temporarily unavailable|can't start new thread|\bEAGAIN\b")
# "RuntimeError: …" or "torch.cuda.OutOfMemoryError: …", the last line of a traceback.
_RAISED = later(r"^\s*[\w.]*(?:Error|Exception)(?::|\s*$)", re.MULTILINE)
_LABEL = later(r"^\s*License Status\s*:", re.IGNORECASE)


def derive(book: FactBook, quotes: Mapping[str, str]) -> None:
    """Add the facts that follow from stated exceptions, licence texts, versions, and quoted texts.

    ``quotes``: by name of a fact, the words from which it was stated; "" if there are none.
    """
    _quoted(book, quotes)
    _echo(book)
    _exception(book)
    _kernel_log(book)
    if book.value("main.time_limit") is True:  # the scheduler's signal, where nobody saw its number
        _add(book, "main.exit_signal", SIGTERM)
    follow(book)
    scope.derive(book)
    _unsaid(book)


def follow(book: FactBook) -> None:
    """Add the facts that follow from limits, licence texts and versions, whether stated, measured or read in a text."""
    kind = book.value("exception.kind")
    _add(book, "exception.cuda_oom", None if kind is None else kind == "cuda-oom")
    _limit(book)
    _pauses(book)
    _cpus(book)
    text = book.value("gpu.licence_text")
    if isinstance(text, str):
        stage = licence_stage(_LABEL.sub("", text))
        _add(book, "gpu.licence_stage", stage if stage != "unknown" else None)
    versions = FactBook()
    versions.facts.update(book.facts)
    fitting.derive(versions)
    for name in ("software.slow_kernels", "gpu.driver_fits", "gpu.capability_fits"):
        _add(book, name, versions.value(name))


# What a person or several outputs state of CPUs, put together.
def _cpus(book: FactBook) -> None:
    effective, visible = _count(book, "cpu.effective"), _count(book, "cpu.visible")
    workers = _count(book, "setting.n_proc_da")
    if effective and workers:
        _add(book, "cpu.workers_per_cpu", workers / effective)
    # As many as nnU-Net wants are not few, however many more there are.
    if effective and visible and (effective < STOCK_WORKERS or effective > FEW_OF_MANY * visible):
        _add(book, "cpu.allocated_ratio", min(1.0, effective / visible), f"{effective:g} / {visible:g}")
    load, cpus = _count(book, "cpu.load"), visible or effective
    if load is not None and cpus:
        _add(book, "cpu.load_ratio", round(load / cpus, 3), f"{load:g} / {cpus:g}")


def _count(book: FactBook, name: str) -> float | None:
    value = book.value(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


# Each of N workers delivers one batch, then all compute again: a pause every N steps is theirs.
def _pauses(book: FactBook) -> None:
    every, workers = book.value("pauses.every_steps"), book.value("workers.count") or book.value("setting.n_proc_da")
    if isinstance(every, (int, float)) and isinstance(workers, (int, float)) and abs(every - workers) < 1:
        symptoms = book.value("symptoms") or ()
        if isinstance(symptoms, tuple) and AS_WORKERS not in symptoms:
            book.known("symptoms", (*symptoms, AS_WORKERS))


# ``quotes`` holds the text of scheduler, error or path that stands next to a value.
def _quoted(book: FactBook, quotes: Mapping[str, str]) -> None:
    quoted = {name: quote for name, quote in quotes.items() if quote and book.value(name) is not None}
    if "main.ending" in quoted:
        _add(book, "main.time_limit", TIME_LIMIT in quoted["main.ending"])
    if "shm.trouble" in quoted:
        _add(book, "shm.no_space", NO_SPACE.search(quoted["shm.trouble"]) is not None)
    _add(book, "storage.path", quoted.get("storage.mount"))


# An echo is no exception of its own and would hide the error that it only repeats.
def _echo(book: FactBook) -> None:
    text = book.value("exception.first")
    where = part_that_raised(text) if isinstance(text, str) else None
    if where is None:
        return
    _add(book, "echo.says", where, str(text)[:160])
    rest = "\n".join(line for line in str(text).splitlines() if part_that_raised(line) is None)
    if error_kind(rest) == OTHER and _RAISED.search(rest) is None:
        book.unknown("exception.first", ONLY_AN_ECHO())


# Lines of the kernel log mean the same in an evidence file as on the machine.
def _kernel_log(book: FactBook) -> None:
    lines = book.value("gpu.kernel_errors")
    if isinstance(lines, tuple) and lines:
        worst = worst_xid(lines)
        _add(book, "gpu.xid_kind", xid_kind(worst), worst[:160])


def _exception(book: FactBook) -> None:
    _messages(book)
    text = book.value("exception.first")
    if isinstance(text, str):
        kind = error_kind(text)
        # A person's own words that match no kind mean nothing; a message of Python that matches none is another error.
        _add(book, "exception.kind", kind if kind != OTHER or _RAISED.search(text) else None)
    if book.value("exception.cuda_oom") is True:
        _add(book, "exception.kind", "cuda-oom")


# A limit that is set, and an ending or error that such a limit has.
def _limit(book: FactBook) -> None:
    text, signals = (
        str(book.value("exception.first") or ""),
        (book.value("main.exit_signal"), book.value("worker.exit_signal")),
    )
    fitting = (
        ("address-space", "limit.address_space_bytes", book.value("exception.kind") == "memory"),
        ("file-size", "limit.file_size_bytes", SIGXFSZ in signals or TOO_LARGE.search(text) is not None),
        ("cpu-time", "limit.cpu_time_s", SIGXCPU in signals),
        (
            "processes",
            "limit.processes",
            REFUSED.search(text) is not None or book.value("limit.reached") == "processes",
        ),
    )
    for name, fact, fits in fitting:
        value = book.value(fact)
        if fits and isinstance(value, (int, float)):
            _add(book, "limit.reached", name, book.facts[fact].detail or "")
            _add(book, "limit.value", value)
            return


# An error message means the same in an evidence file as in a pasted text.
def _messages(book: FactBook) -> None:
    texts = [str(book.value(name)) for name in ("exception.first", "worker.ending", "main.ending") if book.value(name)]
    for name, found in facts_of("\n".join(texts), is_prose=False).items():
        if name not in ("episode.kind", "exception.first"):
            _add(book, name, found.value, found.quote)


# People state these facts only if they saw them; only certain errors ask about them.
def _unsaid(book: FactBook) -> None:
    is_about_memory = book.value("exception.kind") == "memory"
    for name in ("data.read_only", "results.gone", *(() if is_about_memory else ("limit.reached", "memory.refused"))):
        if name not in book.facts:
            book.not_applicable(name, UNSTATED())


def _add(book: FactBook, name: str, value: Value | None, detail: Text = "") -> None:
    is_open = name not in book.facts or book.facts[name].status == "unknown"
    if value is not None and is_open:
        book.known(name, value, detail)
