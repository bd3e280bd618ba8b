"""The pages of processes: who waits for whom, their stacks, and everything about one of them."""

from __future__ import annotations

from collections.abc import Iterator

from holter.records import Link, StackDump
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.when import clock
from holter.reports.wording import process_name, thread_name
from holter.sentences import define, define_all
from holter.views.model.series import LaneName
from holter.views.model.view import Lane, View
from holter.views.top.draw.glyphs import STATE_STYLES, Glyphs
from holter.views.top.draw.paper import MOST_FRAMES, Paper
from holter.views.top.draw.rows import Row, fit
from holter.views.top.draw.words import percent, size

# Columns of a process and its PID ("validation worker 3 (PID 4194304)"), from which width of the screen on.
NAME, WIDE = 34, 100

NO_STACKS = define("top.no-stacks", "No stacks were read yet. They are read when an alarm begins.")
NO_PROCESS = define("top.no-process", "No process is chosen: choose a lane with the arrow keys.")
NO_CHAIN = define("top.no-chain", "Nobody waits for long.")
define_all(
    {
        "top.table.state": "state",
        "top.table.call": "system call",
        "top.table.file": "file, or where the kernel waits",
        "top.table.process": "process",
        "top.field.pid": "PID",
        "top.field.state": "state",
        "top.field.cpu": "CPU",
        "top.field.memory": "memory",
        "top.field.swap": "swapped out",
        "top.field.threads": "threads",
        "top.field.files": "open files",
        "top.field.read": "read from storage",
        "top.field.written": "written to storage",
        "top.field.call": "system call",
        "top.field.file": "file",
        "top.field.mount": "mount",
        "top.field.channel": "waits in the kernel at",
        "top.field.case": "case",
        "top.field.phase": "phase",
        "top.field.queue": "batches ready",
        "top.field.worker-queue": "batches from workers",
        "top.field.step": "last step",
        "top.step": "{wait:seconds} for data, {compute:seconds} for computing",
        "top.of": "{part} of {whole}",
        "top.chain": "Who waits on whom",
    }
)


def waits(view: View, links: tuple[Link, ...], lang: Lang, paper: Paper, glyphs: Glyphs) -> None:
    """Write to ``paper`` which process waits for which at the moment shown, and where the kernel holds each of them."""
    paper.add((text("top.chain", lang), "bold"))
    if not links:
        paper.add(("  ", ""), (phrase(NO_CHAIN(), lang), "dim"))
    depth = 0
    for number, link in enumerate(links):
        if number == 0 or links[number - 1].target != link.waiter:
            depth = 0
            paper.add(("  ", ""), (phrase(link.waiter, lang), "bold"))
        depth += 1
        how = phrase(link.how, lang)
        paper.add(
            ("  " * (depth + 1) + glyphs.arrow + " ", "yellow"),
            (phrase(link.target, lang), "bold"),
            (f"  {how}" if how else "", "dim"),
            hang=2 * depth + 6,
        )
    paper.lines.append(Row(paper.width).done())
    heads = [text(f"top.table.{name}", lang) for name in ("process", "state", "call", "file")]
    column = 24 if paper.width < WIDE else NAME
    paper.add((fit(heads[0], column) + " " + fit(heads[1], 6) + " " + fit(heads[2], 16) + " " + heads[3], "bold"))
    for lane in view.lanes:
        process = lane.process
        if process is None:
            continue
        name = process_name(process.role, process.worker_index, process.pid, lang)
        where = process.syscall_file or process.wait_channel or ""
        if process.syscall_mount:
            where += f" ({process.syscall_mount})"
        paper.add(
            (fit(name, column) + " ", "bad" if lane.in_trouble else ""),
            (fit(process.state or "?", 6) + " ", STATE_STYLES.get(lane.state or "", "")),
            (fit(process.syscall or "", 16) + " ", ""),
            (where, "dim"),
            hang=column + 24,
        )


def stacks(dumps: list[StackDump], chosen: int | None, lang: Lang, paper: Paper) -> None:
    """Write to ``paper`` the last of these stacks for each process.

    ``chosen``: the PID of the process that comes first.
    """
    latest: dict[int, StackDump] = {}
    for dump in dumps:
        if dump.threads:
            latest[dump.pid] = dump
    if not latest:
        paper.add((phrase(NO_STACKS(), lang), "dim"))
    for dump in sorted(latest.values(), key=lambda dump: (dump.pid != chosen, dump.role != "main", dump.pid)):
        who = process_name(dump.role, None, dump.pid, lang)
        paper.add((f"{clock(dump.t_s):>8}  ", "dim"), (f"{who}, {text(f'rung.{dump.rung}', lang)}", "bold"))
        for thread in dump.threads:
            paper.add(("    ", ""), (thread_name(thread, lang), "cyan"), hang=4)
            for frame in thread.frames[:MOST_FRAMES]:
                place = frame.file if frame.line is None else f"{frame.file}:{frame.line}"
                paper.add((f"      {frame.function}  ", ""), (place, "dim"), hang=8)


def process(view: View, chosen: LaneName | None, lang: Lang, paper: Paper) -> None:
    """Write to ``paper`` everything that was read of the chosen process."""
    lane = next((lane for lane in view.lanes if lane.name == chosen), None)
    if lane is None or lane.process is None:
        paper.add((phrase(NO_PROCESS(), lang), "dim"))
        return
    process = lane.process
    paper.add((process_name(process.role, process.worker_index, process.pid, lang), "bold"))
    for key, value in _fields(lane, lang):
        if value:
            paper.add((fit(text(f"top.field.{key}", lang), 24) + " ", "dim"), (value, ""), hang=25)


def _fields(lane: Lane, lang: Lang) -> Iterator[tuple[str, str]]:
    process, beat = lane.process, lane.beat
    if process is None:
        return
    yield "pid", f"{process.pid}  {process.name or ''}"
    yield "state", f"{process.state or '?'}  {text(f'state.{lane.state}', lang) if lane.state else ''}"
    yield "cpu", "" if process.cpu_ratio is None else f"{percent(process.cpu_ratio)} %"
    yield "memory", size(process.rss_bytes) if process.rss_bytes is not None else ""
    yield "swap", size(process.swap_bytes) if process.swap_bytes else ""
    yield "threads", "" if process.threads is None else str(process.threads)
    files = "" if process.fds is None else str(process.fds)
    yield (
        "files",
        text("top.of", lang, part=files, whole=str(process.fd_limit)) if files and process.fd_limit else files,
    )
    yield "read", size(process.read_bytes_total) if process.read_bytes_total is not None else ""
    yield "written", size(process.write_bytes_total) if process.write_bytes_total is not None else ""
    yield "call", process.syscall or ""
    yield "file", process.syscall_file or ""
    yield "mount", process.syscall_mount or ""
    yield "channel", process.wait_channel or ""
    if beat is None:
        return
    yield "case", beat.case or ""
    if process.role == "main":
        yield "phase", text(f"phase.{beat.phase}", lang)
        if beat.ready_queue is not None:
            yield "queue", text("top.of", lang, part=beat.ready_queue, whole=beat.ready_queue_size or "?")
        if beat.worker_queue is not None:
            yield "worker-queue", text("top.of", lang, part=beat.worker_queue, whole=beat.worker_queue_size or "?")
        if beat.data_wait_s is not None and beat.compute_s is not None:
            yield "step", text("top.step", lang, wait=beat.data_wait_s, compute=beat.compute_s)
