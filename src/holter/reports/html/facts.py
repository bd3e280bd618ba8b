"""Details of the page: environment, stacks, events, what could not be observed, and the cost of recording."""

from __future__ import annotations

import re
import statistics
from typing import Any

from holter.evidence.words import cut_off
from holter.patterns import later
from holter.records import (
    Environment,
    Event,
    ExceptionSeen,
    GpuSample,
    KernelMessage,
    LogLine,
    Noted,
    ProbeRun,
    ProcessEnded,
    ThreadStack,
)
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.catalogue import known as is_known
from holter.reports.choices import value_words
from holter.reports.html import lanes
from holter.reports.live.contract import rows as rows_of
from holter.reports.outcome.wall import clocks
from holter.reports.wording import process_name, thread_name
from holter.tape import Recording

# Limits that keep the page readable: the tape has the rest.
MAX_EVENTS = 60
MAX_STACKS = 24
MAX_FRAMES = 14
# Python names every extension module that was loaded, below the stacks of a crash: hundreds, on two pages of paper.
EXTENSION_MODULES = later(r"\s*Extension modules: .*", re.S)

Rows = list[tuple[str, str]]


def environment(recording: Recording, lang: Lang) -> list[tuple[str, Rows]]:
    """Return the environment as titled lists of (name, value), without unknown values."""
    known, contract = recording.environment, recording.contract()
    if known is None:
        return []
    groups = (
        (text("environment.machine", lang), _machine(known, _gpu_name(recording), lang)),
        (text("environment.plans", lang), _training(known, _is_hooked(recording), lang)),
        (text("environment.contract", lang), [] if contract is None else rows_of(contract, lang)),
        (text("environment.versions", lang), list(known.versions)),
        (text("environment.variables", lang), list(known.variables)),
    )
    return [(title, rows) for title, rows in groups if rows]


def _machine(known: Environment, gpu: str | None, lang: Lang) -> Rows:
    named = (
        ("hostname", known.hostname),
        ("os", known.os),
        ("kernel", known.kernel),
        ("cpu", known.cpu_model),
        ("gpu", gpu),
        ("container", _choice("system.container", known.container, lang)),
        ("virtual-machine", _choice("system.virtual_machine", known.virtual_machine, lang)),
        ("slurm-job", known.slurm_job),
    )
    return [(text(f"environment.{key}", lang), value) for key, value in named if value]


def _choice(fact: str, value: str | None, lang: Lang) -> str | None:
    return value_words(fact, value, lang) if value and value != "none" else None


def _is_hooked(recording: Recording) -> bool | None:
    # What the trainer reports is recorded later than that Holter's hook is there: a run may end between them.
    contract, known = recording.contract(), recording.environment
    if contract is not None and any(ability.name == "heartbeat" and ability.can for ability in contract.sees):
        return True
    return None if known is None else known.hooked


def _training(known: Environment, is_hooked: bool | None, lang: Lang) -> Rows:
    hooked = None if is_hooked is None else text("word.yes" if is_hooked else "word.no", lang)
    named = (
        ("command", " ".join(known.command)),
        ("output-folder", known.output_folder),
        ("preprocessed-folder", known.preprocessed_folder),
        ("hooked", hooked),
        ("attached", text("word.yes", lang) if known.attached else None),
    )
    rows = [(text(f"environment.{key}", lang), value) for key, value in named if value]
    return [*((label(f"plan.{name}", name, lang), value) for name, value in known.plans), *rows]


def _gpus(recording: Recording) -> dict[int, GpuSample]:
    return {gpu.index: gpu for tick in recording.ticks() for gpu in tick.gpus}


def _gpu_name(recording: Recording) -> str | None:
    names = [" ".join(filter(None, (gpu.name, gpu.driver))) for gpu in _gpus(recording).values()]
    return ", ".join(name for name in names if name) or None


def unseen(recording: Recording, lang: Lang) -> list[str]:
    """Return a sentence for every source that Holter tried to read and could not; facts are in their episodes."""
    lines: list[str] = []
    known = recording.environment
    if _is_hooked(recording) is False:
        lines.append(text("unseen.hook", lang))
    lines += _failed_probes(recording, lang)
    for index, gpu in sorted(_gpus(recording).items()):
        if gpu.source == "none":
            lines.append(text("unseen.gpu-note", lang, note=phrase(gpu.note or "", lang)))
        for gap in gpu.gaps:
            field = label(f"field.gpu.{gap.field}", gap.field, lang)
            lines.append(text("unseen.gpu", lang, index=index, field=field, why=phrase(gap.why, lang)))
    for dump in recording.stacks():
        if dump.refused:
            refused = ", ".join(phrase(reason, lang) for reason in dump.refused)
            lines.append(text("unseen.stack", lang, pid=dump.pid, time=clocks(known, dump.t_s), refused=refused))
    return list(dict.fromkeys(lines))


def _by_probe(recording: Recording) -> dict[str, list[ProbeRun]]:
    runs: dict[str, list[ProbeRun]] = {}
    for run in recording.probe_runs():
        runs.setdefault(run.probe, []).append(run)
    return runs


def _failed_probes(recording: Recording, lang: Lang) -> list[str]:
    lines = []
    for probe, probe_runs in _by_probe(recording).items():
        failed = [run for run in probe_runs if not run.ok]
        if failed:
            error = phrase(failed[-1].error or "", lang)
            values = {
                "probe": label(f"probe.{probe}", probe, lang),
                "failed": len(failed),
                "looks": len(probe_runs),
                "error": error,
            }
            lines.append(text("unseen.probe", lang, **values))
    return lines


def stacks(recording: Recording, lang: Lang) -> list[dict[str, Any]]:
    """Return stack dumps: process, time, and each thread with its innermost frames first.

    Two alarms at once, or two readings of a process that stands still, give the same threads: they are shown once.
    """
    shown: dict[tuple[int, str], Any] = {}
    rows = []
    for dump in recording.stacks()[-MAX_STACKS:]:
        if not dump.threads or shown.get((dump.pid, dump.rung)) == dump.threads:
            continue
        shown[dump.pid, dump.rung] = dump.threads
        rows.append(
            {
                "who": process_name(dump.role, None, dump.pid, lang),
                "when": clocks(recording.environment, dump.t_s),
                "rung": text(f"rung.{dump.rung}", lang),
                "threads": [(thread_name(thread, lang), _frames(thread)) for thread in dump.threads],
            }
        )
    return rows


def _frames(thread: ThreadStack) -> list[str]:
    lines = []
    for frame in thread.frames[:MAX_FRAMES]:
        place = f"{frame.file}:{frame.line}" if frame.line is not None else frame.file
        lines.append(f"{frame.function}  {place}".rstrip())
    return lines


def events(recording: Recording, lang: Lang) -> list[tuple[str, str, str]]:
    """Return (time, kind, text) of the latest notable events, oldest first."""
    rows = []
    orderly = lanes.orderly_ends(recording)
    gone: set[int] = set()
    everything: tuple[Event, ...] = recording.events()
    for event in everything:
        if isinstance(event, ProcessEnded):
            # Hook, parent and kernel report one end each.
            if event.pid in gone or event.pid in orderly:
                continue
            gone.add(event.pid)
        words = event_words(event, lang)
        if words is not None:
            rows.append((clocks(recording.environment, event.t_s), *words))
    return rows[-MAX_EVENTS:]


def event_words(event: Event, lang: Lang) -> tuple[str, str] | None:
    """Return the kind and the text of a notable event; None for any other."""
    if isinstance(event, ProcessEnded):
        who = process_name(event.role, event.worker_index, event.pid, lang)
        key, values = "ending.unknown", {}
        if event.exit_signal is not None:
            key, values = "ending.signal", {"signal": event.exit_signal}
        elif event.exit_code is not None:
            key, values = "ending.code", {"code": event.exit_code}
        return "end", text("event.named", lang, name=who, said=text(key, lang, **values))
    if isinstance(event, ExceptionSeen):
        return "error", f"{event.error}: {event.message}" if event.error else phrase(cut_off(event), lang)
    if isinstance(event, KernelMessage):
        return "kernel", event.text
    if isinstance(event, LogLine) and event.level != "info":
        return event.level, phrase(event.message or event.text, lang)
    if isinstance(event, Noted):
        message = phrase(event.said, lang)
        if event.pid is not None and message:
            message = text("note.of-process", lang, pid=event.pid, said=message)
        what = label(f"noted.{event.what}", event.what, lang)
        kind = "error" if event.what == "fatal-error" else "note"
        said = EXTENSION_MODULES.sub("", message)
        return kind, text("event.named", lang, name=what, said=said) if said else what
    return None


def label(key: str, name: str, lang: Lang) -> str:
    """Return the label of a name; if the catalogue has none (the tape is of another version), the name itself."""
    return text(key, lang) if is_known(key) else name


def cost(recording: Recording, lang: Lang) -> list[dict[str, Any]]:
    """Return the cost of each probe: number of readings, failures, mean cost of one reading in milliseconds."""
    rows: list[dict[str, Any]] = [
        {
            "probe": label(f"probe.{probe}", probe, lang),
            "looks": len(probe_runs),
            "failed": sum(not run.ok for run in probe_runs),
            "cost_ms": 1000 * statistics.fmean(run.cost_s for run in probe_runs),
        }
        for probe, probe_runs in _by_probe(recording).items()
    ]
    return sorted(rows, key=lambda row: row["cost_ms"], reverse=True)
