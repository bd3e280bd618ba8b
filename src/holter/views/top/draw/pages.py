"""The pages beside the lanes: events, epochs, who waits, stacks, log, one process, the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holter.records import (
    ActionTaken,
    EpochEnded,
    Event,
    ExceptionSeen,
    KernelMessage,
    Link,
    LogLine,
    Noted,
    Notice,
    ProcessEnded,
    StackDump,
    ThreadStack,
)
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.healing import action_line
from holter.reports.html.facts import environment, event_words
from holter.reports.wording import clock, process_name
from holter.sentences import define, define_all
from holter.tape import Recording
from holter.views.model.series import LaneName
from holter.views.model.story import Story
from holter.views.model.view import Lane, View
from holter.views.top.draw.glyphs import EPISODES, STATE_STYLES, Glyphs
from holter.views.top.draw.rows import Line, Row, broken, fit, visible
from holter.views.top.draw.words import percent, size

# In the order of their keys. "lanes" has none of the others beside it; on a tall screen they stand below it.
PAGES = ("events", "epochs", "waits", "stacks", "log", "process", "run", "diagnosis")
# A page shows the latest of very many lines; the tape and the report have all.
MOST_LINES = 400
MOST_FRAMES = 12
TELLING = (ActionTaken, Notice, ExceptionSeen, KernelMessage, Noted, LogLine, ProcessEnded)

NO_EVENTS = define("top.no-events", "Nothing has happened yet.")
NO_EPOCHS = define("top.no-epochs", "No epoch ended yet.")
NO_STACKS = define("top.no-stacks", "No stacks were read yet. They are read when an alarm begins.")
NO_LOG = define("top.no-log", "No line was kept yet: warnings, errors and phases are.")
NO_PROCESS = define("top.no-process", "No process is chosen: choose a lane with the arrow keys.")
NO_CHAIN = define("top.no-chain", "Nobody waits for long.")
NO_DIAGNOSIS = define("top.no-diagnosis", "Nothing was diagnosed: there is no episode.")
DIAGNOSING = define("top.diagnosing", "The recording is being diagnosed …")
NOTICED = define("top.noticed", "{kind} noticed: {reason}")
OVER = define("top.episode-over", "{kind} over after {lasted:duration}")
NAMED = define("top.cause-named", "cause: {cause} ({verdict})")
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


class Paper:
    """Collects the lines of a page in one width; a filter leaves out those without its text."""

    def __init__(self, width: int, only: str = "") -> None:
        self.width = width
        self.lines: list[Line] = []
        self._only = only.casefold()

    def add(self, *pieces: tuple[str, str], hang: int = 0) -> None:
        """Add one entry of styled pieces; if it is too long it continues on the next line, indented by ``hang``."""
        if self._only and self._only not in "".join(words for words, _ in pieces).casefold():
            return
        hang = min(hang, self.width // 2)
        row = Row(self.width)
        for words, name in pieces:
            content = visible(words)
            while content:
                part, content = broken(content, row.left, is_begun=row.used > hang)
                row.add(part, name)
                if content:
                    self.lines.append(row.done())
                    row = Row(self.width).to(hang)
        self.lines.append(row.done())


def events(view: View, story: Story, lang: Lang, paper: Paper) -> None:
    """Write what happened up to the time, oldest first."""
    rows = sorted(happened_until(view.at_s, story, lang), key=lambda row: row[0])
    for t_s, style_name, words in rows[-MOST_LINES:]:
        paper.add((f"{clock(t_s):>8}  ", "dim"), (words, style_name), hang=10)
    if not rows:
        paper.add((phrase(NO_EVENTS(), lang), "dim"))


def happened_until(t_s: float, story: Story, lang: Lang) -> Iterator[tuple[float, str, str]]:
    """Yield what happened up to a time: when, its style, its words; not in order."""
    for event in _latest(story.events, t_s, TELLING):
        if isinstance(event, ActionTaken):
            words = action_line(event, lang)
            if words is not None:
                yield event.t_s, "bold cyan", words
        elif isinstance(event, Notice):
            yield event.t_s, "yellow", phrase(event.message, lang)
        elif not isinstance(event, ProcessEnded) or not story.is_orderly(event.pid):
            described = event_words(event, lang)
            if described is not None:
                kind, content = described
                yield event.t_s, _STYLE_OF_EVENT.get(kind, ""), content
    for episode in story.episodes:
        kind = text(f"kind.{episode.kind}.headline", lang)
        if episode.alarm_s <= t_s:
            reason = phrase(episode.reason, lang) or text("live.looking", lang)
            yield episode.alarm_s, EPISODES.get(episode.kind, "bold"), phrase(NOTICED(kind=kind, reason=reason), lang)
        if episode.end_s is not None and episode.end_s <= t_s:
            lasted = episode.end_s - episode.start_s
            yield episode.end_s, "green", phrase(OVER(kind=kind, lasted=lasted), lang)
    for judged in story.judged:
        if judged.cause is not None and judged.verdict is not None and judged.t_s <= t_s:
            cause = text(f"cause.{judged.cause}.title", lang)
            verdict = text(f"verdict.{judged.verdict}", lang)
            yield judged.t_s, "bold", phrase(NAMED(cause=cause, verdict=verdict), lang)


_STYLE_OF_EVENT = {"end": "bold red", "error": "red", "kernel": "magenta", "warning": "yellow", "note": ""}


def _latest(events: list[Event], until_s: float, kinds: tuple[type, ...]) -> list[Event]:
    found: list[Event] = []
    for event in reversed(events):
        if event.t_s <= until_s and isinstance(event, kinds):
            found.append(event)
            if len(found) >= MOST_LINES:
                break
    return found[::-1]


def log(view: View, story: Story, lang: Lang, paper: Paper) -> None:
    """Write the kept lines of the training's log and console, tracebacks and the kernel's lines."""
    shown = _latest(story.events, view.at_s, (LogLine, ExceptionSeen, KernelMessage))
    for event in shown:
        when = (f"{clock(event.t_s):>8}  ", "dim")
        if isinstance(event, LogLine):
            style_name = {"warning": "yellow", "error": "red"}.get(event.level, "")
            paper.add(when, (phrase(event.message or event.text, lang), style_name), hang=10)
        elif isinstance(event, KernelMessage):
            paper.add(when, (event.text, "magenta"), hang=10)
        elif isinstance(event, ExceptionSeen):
            paper.add(when, (f"{event.error}: {event.message}", "red"), hang=10)
            for line in event.traceback.splitlines()[-MOST_FRAMES:]:
                paper.add(("          ", ""), (line, "dim"), hang=12)
    if not shown:
        paper.add((phrase(NO_LOG(), lang), "dim"))


def epochs(view: View, story: Story, lang: Lang, paper: Paper, glyphs: Glyphs) -> None:
    """Write a chart of the epoch times and losses, and the table of the last epochs, the newest first."""
    ended = [epoch for epoch in story.epochs if epoch.t_s <= view.at_s]
    if not ended:
        paper.add((phrase(NO_EPOCHS(), lang), "dim"))
        return
    counted = list({epoch.epoch: epoch for epoch in ended}.values())
    for key, values in (
        ("series.epoch-time", [epoch.duration_s for epoch in counted]),
        ("series.train-loss", [epoch.train_loss for epoch in counted]),
        ("series.val-loss", [epoch.val_loss for epoch in counted]),
    ):
        line = _history(values, max(4, paper.width - 32), glyphs)
        known = [value for value in values if value is not None]
        if len(known) > 1:
            ends = f"{min(known):.3g} … {max(known):.3g}"
            paper.add((fit(text(key, lang), 14), ""), (line, "cyan"), (f"  {ends}", "dim"))
    heads = ("table.epoch", "table.ended", "table.duration", "table.train-loss", "table.val-loss", "table.dice")
    widths = (7, 10, 10, 14, 14, 1)
    for cells in ([text(head, lang) for head in heads], *map(_epoch_cells, reversed(counted[-MOST_LINES:]))):
        style_name = "bold" if cells[0] == text("table.epoch", lang) else ""
        row = "".join(fit(cell, width, right=True) + "  " for cell, width in zip(cells[:-1], widths, strict=False))
        paper.add((row + cells[-1], style_name))


def _epoch_cells(epoch: EpochEnded) -> list[str]:
    return [
        str(epoch.epoch),
        clock(epoch.t_s),
        "" if epoch.duration_s is None else f"{epoch.duration_s:.1f} s",
        "" if epoch.train_loss is None else f"{epoch.train_loss:.4f}",
        "" if epoch.val_loss is None else f"{epoch.val_loss:.4f}",
        " ".join(f"{value:.2f}" for value in epoch.pseudo_dice or ()),
    ]


def _history(values: list[float | None], room: int, glyphs: Glyphs) -> str:
    # As many epochs a sign as are needed to show all of them.
    each = -(-len(values) // room)
    parts = [
        [value for value in values[start : start + each] if value is not None] for start in range(0, len(values), each)
    ]
    means = [sum(part) / len(part) if part else None for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    last = len(glyphs.heights) - 1
    return "".join(" " if mean is None else glyphs.heights[max(1, round((mean - low) / span * last))] for mean in means)


def waits(view: View, links: tuple[Link, ...], lang: Lang, paper: Paper, glyphs: Glyphs) -> None:
    """Write who waits for whom at the time, and where the kernel holds each process."""
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
    paper.add((fit(heads[0], 24) + " " + fit(heads[1], 6) + " " + fit(heads[2], 16) + " " + heads[3], "bold"))
    for lane in view.lanes:
        process = lane.process
        if process is None:
            continue
        name = process_name(process.role, process.worker_index, process.pid, lang)
        where = process.syscall_file or process.wait_channel or ""
        if process.syscall_mount:
            where += f" ({process.syscall_mount})"
        paper.add(
            (fit(name, 24) + " ", "bad" if lane.in_trouble else ""),
            (fit(process.state or "?", 6) + " ", STATE_STYLES.get(lane.state or "", "")),
            (fit(process.syscall or "", 16) + " ", ""),
            (where, "dim"),
            hang=48,
        )


def stacks(dumps: list[StackDump], chosen: int | None, lang: Lang, paper: Paper) -> None:
    """Write the last stacks of each process up to the time; those of the chosen process first."""
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
            paper.add(("    ", ""), (_thread(thread, lang), "cyan"), hang=4)
            for frame in thread.frames[:MOST_FRAMES]:
                place = frame.file if frame.line is None else f"{frame.file}:{frame.line}"
                paper.add((f"      {frame.function}  ", ""), (place, "dim"), hang=8)


def _thread(thread: ThreadStack, lang: Lang) -> str:
    number = thread.thread_id
    unnamed = text("stack.thread-number", lang, number=number) if number else text("stack.thread", lang)
    parts = (thread.state, thread.wait_channel, thread.syscall)
    return ", ".join([thread.name or unnamed, *(part for part in parts if part)])


def process(view: View, chosen: LaneName | None, lang: Lang, paper: Paper) -> None:
    """Write everything that was read of the chosen process."""
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
    limit = "" if process.fd_limit is None else str(process.fd_limit)
    yield (
        "files",
        ""
        if process.fds is None
        else text("top.of", lang, part=process.fds, whole=limit)
        if limit
        else str(process.fds),
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


def run(view: View, lang: Lang, paper: Paper) -> None:
    """Write machine, training, versions and variables of the run."""
    ticks = () if view.tick is None else (view.tick,)
    for title, rows in environment(Recording(all_ticks=ticks, environment=view.environment), lang):
        paper.add((title, "bold"))
        for name, value in rows:
            paper.add((f"  {fit(name, 26)} ", "dim"), (value, ""), hang=29)


def written(lines: Iterable[str], paper: Paper) -> None:
    """Write text of another command."""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        paper.add((" " * indent, ""), (line.lstrip(), "" if indent else "bold"), hang=indent)
