"""Facts about progress, steps and the main process."""

from __future__ import annotations

from collections.abc import Iterable

from holter.evidence import frames
from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import ENDING_UNKNOWN, NO_HEARTBEAT_NO_LOG
from holter.evidence.window import SOON_S, Window, last, mean_cpu, ready_to_run
from holter.evidence.words import ending, works_together
from holter.history.own_actions import OwnActions
from holter.history.ranks import main_beat, stopped_rank
from holter.linux.signals import Signal
from holter.records import (
    ActionTaken,
    Beat,
    EpochEnded,
    ExceptionSeen,
    LogLine,
    Message,
    Noted,
    PhaseChanged,
    ProcessBorn,
    ProcessEnded,
    Text,
    Tick,
)
from holter.sentences import define, joined
from holter.texts.secondary_errors import reports_dataloader_worker

INTERRUPTED = "interrupted"  # a log that ends with Ctrl-C during a wait
SENT_BEFORE_S = 60.0
# Signals with which Holter itself ends a training.
OF_HOLTER = (Signal.SIGTERM, Signal.SIGKILL)
WAITS = {
    "train-batch": "batch-queue",
    "val-batch": "batch-queue",
    "export-slot": "export-slot",
    "export-result": "export-result",
}

CORES = define(
    "seen.activity.cores",
    "{cores:.1f} cores used by {count} processes",
    one="{cores:.1f} cores used by {count} process",
)
CORES_READY = define(
    "seen.activity.cores-ready",
    "{cores:.1f} cores used by {count} processes, {ready} of them always ready to run",
    one="{cores:.1f} cores used by {count} process, always ready to run",
)
IN_STEP = define("seen.main.in-step", "heartbeat: within a step")
STACK = define("seen.main.stack", "stack of the main process ({method})")
WAITS_FOR = define("seen.main.waits-for", "heartbeat: waits for {what}")
AGE = define("seen.progress.age", "last progress {age:.0f} s before the alarm")
BY_LOG = define("seen.progress.by-log", "from the training log")
FILL = define("seen.queue.fill", "{ready} of {size}")
STEPS_BEFORE = define("seen.step.before", "{count} steps before the episode", one="{count} step before the episode")
STEPS_DURING = define("seen.step.during", "{count} steps during the episode", one="{count} step during the episode")
SLOWER = define("seen.step.slower", "{recent:.2f} s instead of {usual:.2f} s")
UNFINISHED = define("seen.step.unfinished", "one unfinished step")
WAIT_NAMES = {
    "train-batch": define("seen.wait.train-batch", "train-batch"),
    "val-batch": define("seen.wait.val-batch", "val-batch"),
    "export-slot": define("seen.wait.export-slot", "export-slot"),
    "export-result": define("seen.wait.export-result", "export-result"),
}
NOT_MEASURED = define("why.activity.not-measured", "CPU use was not measured")
NO_BEAT = define("why.heartbeat.none-of-training", "no heartbeat of the training")
NO_LOG = define("why.log.none", "no training log was found")
ENDED = define("why.main.ended", "the main process has ended")
FAILED_FIRST = define("why.main.failed-first", "its own exception came before the signal")
NO_FRAMES = define("why.main.no-frames", "no frames could be read")
NO_FRAMES_BECAUSE = define("why.main.no-frames-because", "no frames could be read ({refused})")
NO_STACK_NO_BEAT = define("why.main.no-stack-no-heartbeat", "no stack and no heartbeat")
RUNS = define("why.main.runs", "the main process is running")
NO_QUEUE_SIZE = define("why.queue.not-reported", "the augmenter does not report it")
NO_FRAMES_OF_LOOP = define("why.results-loop.no-frames", "no frames")


def collect(window: Window, book: FactBook) -> None:
    """State phase, progress, step times, queues and what the main thread is doing."""
    book.known("episode.kind", window.episode.kind)
    book.known("phase", window.episode.phase if window.episode.phase != "unknown" else None)
    _progress(window, book)
    _steps(window, book)
    _main(window, book)
    _queues(window, book)


def _progress(window: Window, book: FactBook) -> None:
    beat = window.main_beat()
    moment_s = window.episode.alarm_s
    if beat is not None and beat.progressed_s is not None:
        age_s = max(0.0, moment_s - min(beat.progressed_s, moment_s))
        book.known("progress.age_s", age_s, AGE(age=age_s))
    else:
        moments = (
            _event_times(window, EpochEnded, moment_s)
            + _event_times(window, PhaseChanged, moment_s)
            + _event_times(window, LogLine, moment_s)
        )
        age = moment_s - max(moments) if moments else None
        book.known("progress.age_s", age, BY_LOG(), unless=NO_HEARTBEAT_NO_LOG())
    after = [tick for tick in window.during if tick.t_s > window.episode.alarm_s]
    beats = [main for tick in after if (main := main_beat(tick)) is not None]
    if beats and beat is not None:
        totals = [main.progress_total for main in beats if main.pid == beats[-1].pid]
        book.known("progress.resumed", max(totals) > min(totals))
    lines = _event_times(window, LogLine, moment_s) + _event_times(window, EpochEnded, moment_s)
    book.known("log.age_s", moment_s - max(lines) if lines else None, unless=NO_LOG())
    ratios = [mean_cpu(window.now, process.pid) for process in window.processes()]
    known = [ratio for ratio in ratios if ratio is not None]
    if known:
        cpus = last(tick.cgroup.effective_cpus for tick in window.all if tick.cgroup)
        ready = ready_to_run(window.now)
        active = bool(ready) or works_together(known, cpus if cpus is not None else float("inf"))
        how = CORES(cores=sum(known), count=len(known))
        if ready:
            how = CORES_READY(cores=sum(known), count=len(known), ready=len(ready))
        book.known("activity.present", active, how)
    else:
        book.unknown("activity.present", NOT_MEASURED())


def _event_times(
    window: Window, kind: type[EpochEnded] | type[PhaseChanged] | type[LogLine], end_s: float
) -> list[float]:
    return [event.t_s for event in window.recording.events(kind, end_s=end_s)]


# (waited s, spent s, steps) between the first and last training heartbeat of one process.
def _spent(ticks: Iterable[Tick]) -> tuple[float, float, int] | None:
    beats = [b for tick in ticks if (b := main_beat(tick)) is not None and b.phase == "train"]
    beats = [b for b in beats if b.pid == beats[-1].pid]
    if len(beats) < 2:
        return None
    first, last = beats[0], beats[-1]
    waited = last.data_wait_s_total - first.data_wait_s_total
    spent = waited + last.compute_s_total - first.compute_s_total
    # The current step is not in the totals yet.
    if last.waits_for != "none" and last.wait_began_s is not None:
        open_s = max(0.0, last.t_s - max(last.wait_began_s, first.t_s))
        waited += open_s
    else:
        open_s = max(0.0, last.t_s - max(last.progressed_s or last.t_s, first.t_s))
    return waited, spent + open_s, last.steps_total - first.steps_total


def _steps(window: Window, book: FactBook) -> None:
    before, during = _spent(window.before), _spent(window.during)
    if window.main_beat() is None:
        book.unknown(("step.usual_s", "step.recent_s", "wait.ratio", "wait.usual_ratio"), NO_BEAT())
        return
    if before is not None and before[2] > 0:
        book.known("step.usual_s", before[1] / before[2], STEPS_BEFORE(count=before[2]))
        book.known("wait.usual_ratio", before[0] / max(before[1], 1e-9))
    if during is not None and during[1] > 0:
        steps = during[2]
        how = STEPS_DURING(count=steps) if steps else UNFINISHED()
        book.known("step.recent_s", during[1] / max(steps, 1), how)
        book.known("wait.ratio", during[0] / during[1])
    usual, recent = book.value("step.usual_s"), book.value("step.recent_s")
    if isinstance(usual, (int, float)) and isinstance(recent, (int, float)) and usual > 0:
        book.known("step.times_usual", recent / usual, SLOWER(recent=recent, usual=usual))


# Holter was sent the signal that ended the process, not long before it.
def _is_passed_on(window: Window, ended: ProcessEnded) -> bool:
    notes = window.recording.events(Noted, start_s=ended.t_s - SENT_BEFORE_S, end_s=ended.t_s)
    messages = [note.message for note in notes if note.what == "signal-passed-on" and note.message is not None]
    return any(dict(message.values).get("signal") == ending(ended) for message in messages)


# Holter ended it: no evidence.
def _is_by_holter(window: Window, ended: ProcessEnded) -> bool:
    own = OwnActions(window.recording.events(ActionTaken, ProcessBorn, end_s=ended.t_s))
    return ended.exit_signal in OF_HOLTER and own.explain(ended)


# A main process that its own exception ends is still there for a moment, and a signal may be quicker than its exit.
def _has_failed_first(window: Window, ended: ProcessEnded) -> bool:
    if ended.exit_signal is None:
        return False
    begin_s = ended.t_s - SENT_BEFORE_S
    sent = (note.t_s for note in window.recording.events(Noted, start_s=begin_s) if note.what == "signal-passed-on")
    until_s = min((*sent, ended.t_s))  # what it raises after a signal is its answer to it
    return any(
        event.pid == ended.pid and event.source == "hook" and event.thread is None and not event.echo
        for event in window.recording.events(ExceptionSeen, start_s=begin_s, end_s=until_s)
        if event.error not in ("KeyboardInterrupt", "SystemExit") and not reports_dataloader_worker(event.message)
    )


def _main(window: Window, book: FactBook) -> None:
    main = window.main()
    # A user kills a hung training, or one that lost a worker, in the end: that ending is not part of the episode.
    began_with_main = window.episode.is_about_main
    until_s = window.episode.alarm_s + SOON_S if began_with_main else window.episode.start_s
    ended = [
        event
        for event in window.recording.events(ProcessEnded, start_s=window.episode.start_s - 1, end_s=until_s)
        if event.role == "main" and not _is_by_holter(window, event)
    ]
    book.known("main.alive", not ended and (main is not None or not window.all))
    if ended:
        # Of several ranks take the one that the episode is about: the launcher ends the others for that reason.
        best = max(ended, key=lambda event: (ending(event) is not None, event.pid == window.episode.pid))
        if _has_failed_first(window, best):
            book.not_applicable(("main.ending", "main.exit_signal", "main.passed_on"), FAILED_FIRST())
        else:
            book.known("main.ending", ending(best), unless=ENDING_UNKNOWN())
            book.known("main.exit_signal", best.exit_signal if best.exit_code is None else 0)
            book.known("main.passed_on", _is_passed_on(window, best))
    elif main is not None:
        book.not_applicable("main.ending", RUNS())
        book.not_applicable("main.exit_signal", RUNS())
    if main is not None:
        newest = next((tick for tick in reversed(window.now) if tick.processes), None)
        rank = None if newest is None else stopped_rank(newest)  # it holds up the others
        book.known("main.state", (rank or main).state)
        book.known("main.cpu_ratio", mean_cpu(window.now, main.pid))
    beat = window.main_beat()
    if window.episode.kind == "death" and not began_with_main:
        # A worker's death affects the main process only afterwards.
        beat = last(main_beat(tick) for tick in window.during) or beat
    dump = window.stack(main.pid if main else window.episode.pid)
    spot = None
    if dump is not None:
        thread = frames.main_thread(dump)
        spot = frames.place(thread) if thread else None
        loop = frames.results_loop(dump)
        book.known("results_loop.waits_on", loop, STACK(method=dump.rung), unless=NO_FRAMES_OF_LOOP())
    elif main is None and window.episode.detector == INTERRUPTED:
        stopped = (frames.interrupted(event) for event in window.recording.events(ExceptionSeen))
        spot = next((place for place in stopped if place), None)
    waits_on = WAITS.get(beat.waits_for) if beat is not None and not ended else None
    if waits_on is not None and beat is not None:
        frame = spot[1] if spot and spot[0] == waits_on else None
        book.known("main.waits_on", waits_on, frame or WAITS_FOR(what=WAIT_NAMES[beat.waits_for]()))
        book.known(
            "main.where",
            frame or f"heartbeat: waits for {beat.waits_for}",
            words=None if frame else WAITS_FOR(what=WAIT_NAMES[beat.waits_for]()),
        )
    elif spot is not None:
        book.known("main.waits_on", spot[0], spot[1])
        book.known("main.where", spot[1])
    elif ended:
        book.not_applicable("main.waits_on", ENDED())
    elif _in_step(beat, main is not None and main.state in ("S", "R")):
        book.known("main.waits_on", "python", IN_STEP())
    else:
        book.unknown("main.waits_on", NO_STACK_NO_BEAT() if dump is None else _refused(dump.refused))


def _refused(reasons: tuple[Text, ...]) -> Message:
    return NO_FRAMES_BECAUSE(refused=joined(*reasons)) if reasons else NO_FRAMES()


def _in_step(beat: Beat | None, runs: bool) -> bool:
    return beat is not None and runs and beat.phase in ("train", "validate") and beat.waits_for == "none"


def _queues(window: Window, book: FactBook) -> None:
    beat = window.main_beat()
    readings = (
        ("queue.ready", beat.ready_queue if beat else None, beat.ready_queue_size if beat else None),
        ("queue.worker", beat.worker_queue if beat else None, beat.worker_queue_size if beat else None),
    )
    for name, value, size in readings:
        if value is None or not size:
            book.unknown(name, (NO_BEAT if beat is None else NO_QUEUE_SIZE)())
            continue
        fill = "empty" if value <= 0 else "full" if value >= size - 1 else "some"
        book.known(name, fill, FILL(ready=value, size=size))
