"""Facts about a finished run, a silent console and an optional step."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.frames import describe, main_thread, network_caller
from holter.evidence.reasons import NO_HEARTBEAT_NO_LOG
from holter.evidence.window import Window, last
from holter.patterns import later
from holter.records import LogLine, Noted, PhaseChanged
from holter.sentences import define

# nnU-Net's last lines, after all results are written.
LAST_WORDS = ("Validation complete", "Mean Validation Dice")
# Steps that a training does not need: drawing the network and the progress, and run-tracking services.
EXTRA_STEP = later(
    r"plot_network_architecture|plot_progress_png|hiddenlayer|graphviz|font_manager|/(?:wandb|mlflow|clearml|tensorboardX?)/"
)
UNBUFFERED = later(r"^-[a-zA-Z]*u[a-zA-Z]*$")

BEFORE_ALARM = define("seen.finish.before-alarm", "{age:.0f} s before the alarm")
TO_NULL = define("seen.output.to-null", "the output goes to /dev/null")
AS_LOG = define("seen.output.as-log", "the console file gets what the log gets")
# The kind of standard output, by the words of ``console_kind``.
STANDARD_OUTPUT = {
    "file": define("seen.output.file", "standard output is a file"),
    "pipe": define("seen.output.pipe", "standard output is a pipe"),
    "terminal": define("seen.output.terminal", "standard output is a terminal"),
    "null": define("seen.output.null", "standard output is /dev/null"),
    "socket": define("seen.output.socket", "standard output is a socket"),
}
NO_STACK = define("why.main.no-stack", "no stack of the main process")
NO_EXTRA_STEP = define("why.main.no-extra-step", "the main thread is in no optional step")
NOT_FINISHED = define("why.finish.not-finished", "the training has not finished")
CONSOLE_UNKNOWN = define("why.output.console-unknown", "what the console shows is not known")
OUTPUT_UNKNOWN = define("why.output.unknown", "where the output goes is not known")


def collect(window: Window, book: FactBook) -> None:
    """State whether the run is finished, whether the console is silent, and where the main thread is in optional code.

    Optional are steps that a training does not need, such as saving a plot or sending values to a tracking service.
    """
    _finish(window, book)
    _console(window, book)
    main = window.main()
    dump = window.stack(main.pid if main is not None else window.episode.pid)
    thread = main_thread(dump) if dump is not None else None
    if thread is None or not thread.frames:
        book.unknown("main.extra_step", NO_STACK())
        return
    extra = next((frame for frame in thread.frames if EXTRA_STEP.search(f"{frame.file}:{frame.function}")), None)
    extra = extra or network_caller(thread.frames)
    if extra is None:
        book.not_applicable("main.extra_step", NO_EXTRA_STEP())
    else:
        book.known("main.extra_step", describe(extra))


def _finish(window: Window, book: FactBook) -> None:
    moment_s = window.episode.alarm_s
    phases = sorted(window.recording.events(PhaseChanged, end_s=moment_s), key=lambda event: event.t_s)
    validated = next((change.t_s for change in phases if change.phase == "final-validation"), None)
    over = [
        change.t_s
        for change in phases
        if change.phase == "shutdown" and validated is not None and change.t_s >= validated
    ]
    printed = [
        line.t_s for line in window.recording.events(LogLine, end_s=moment_s) if line.text.startswith(LAST_WORDS)
    ]
    began_again = [change.t_s for change in phases if change.phase in ("startup", "train")]
    done = [t_s for t_s in (*over, *printed) if t_s >= max(began_again, default=float("-inf"))]
    if not phases and not printed:
        book.unknown("finish.done", NO_HEARTBEAT_NO_LOG())
    else:
        book.known("finish.done", bool(done))
    if done:
        book.known("finish.age_s", moment_s - min(done), BEFORE_ALARM(age=moment_s - min(done)))
    elif phases:
        book.not_applicable("finish.age_s", NOT_FINISHED())


# Hidden: the log continues without the console. Buffered: Python holds back what it prints to a file or pipe.
def _console(window: Window, book: FactBook) -> None:
    notes = [note for note in window.recording.events(Noted, end_s=window.end_s) if note.what.startswith("console-")]
    newest = last(notes)
    environment = window.recording.environment
    kind = environment.console if environment is not None and environment.console != "read" else None
    if newest is not None:
        book.known("output.hidden", newest.what == "console-silent", newest.said)
    elif kind == "null":
        book.known("output.hidden", True, TO_NULL())
    elif kind == "file" and any(True for _ in window.recording.events(PhaseChanged)):
        book.known("output.hidden", False, AS_LOG())
    else:
        book.unknown("output.hidden", CONSOLE_UNKNOWN())
    if environment is None or kind is None:
        book.unknown("output.buffered", OUTPUT_UNKNOWN())
        return
    unbuffered = dict(environment.variables).get("PYTHONUNBUFFERED") or any(map(UNBUFFERED.match, environment.command))
    standard_output = STANDARD_OUTPUT.get(kind)
    detail = standard_output() if standard_output is not None else ""
    book.known("output.buffered", kind in ("file", "pipe") and not unbuffered, detail)
