"""The kind of run: nnU-Net, an export, a GPU, several ranks, Windows, a container.

A cause that requires one of them is not applicable where it is known to be absent. A text or a person's statement never
proves absence: it may simply not mention it.
"""

from __future__ import annotations

from holter.evidence.fact_book import FactBook, Value
from holter.evidence.facts.training.from_log_text import is_from_text
from holter.evidence.window import Window
from holter.history import stock_outcome
from holter.patterns import later
from holter.records import AbilityName, EpochEnded, Event, ExceptionSeen, LogLine, Noted, PhaseChanged, Tick
from holter.sentences import define
from holter.tape import Recording
from holter.texts.nnunet_commands import other_work
from holter.texts.training_command import parse_training_command

NNUNET_FRAMES = later(r"/nnunetv?2?/|batchgenerators/|nnUNetTrainer|/holter/trainer/")
EXPORT_FRAMES = later(r"perform_actual_validation|export_prediction|predict_from_raw_data|nnUNetv2_predict")
# Kinds of errors that only occur with a GPU, or where one is expected.
GPU_ERRORS = later(r"^(?:cuda|gpu|cudnn|nccl|pinned)")
TRAINS = ("unpack", "train", "validate", "epoch-end", "final-validation")
# Of commands that do not train; what is seen there is work as well.
WORKS = ("predict", "preprocess")
SHELLS = frozenset(("bash", "dash", "fish", "ksh", "sh", "zsh"))
JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "KUBERNETES_SERVICE_HOST")
BY_DATALOADER = stock_outcome.BY_DATALOADER
EXPORT_ECHOES = ("export", "prediction")

BY_COMMAND = define("scope.by-command", "the command is one of nnU-Net")
BY_BEAT = define("scope.by-beat", "the hook saw its trainer")
BY_LOG = define("scope.by-log", "its training log was found")
BY_TEXT = define("scope.by-text", "its sentences were read")
BY_FRAMES = define("scope.by-frames", "its code is in a traceback")
NOT_NNUNET = define("scope.not-nnunet", "nothing of nnU-Net was seen: no trainer, no log, no such command")
NO_TRAINING = define("scope.no-training", "no step, epoch or log sentence of a training was seen")
NO_EXPORT = define("scope.no-export", "no prediction was exported")
NO_GPU = define("scope.no-gpu", "no GPU is there, and no error names one")
ONLY_SHELL = define("scope.only-shell", "nothing but a shell was seen")
CPU_DEVICE = define("scope.cpu-device", "the training runs on the CPU (device cpu)")
GPU_DEVICE = define("scope.gpu-device", "the training runs on the device {device}")
ONE_RANK = define("scope.one-rank", "one process trains")


def collect(window: Window, book: FactBook) -> None:
    """State which kind of run this is: nnU-Net or not, with an export, a GPU, several ranks, a scheduler's job.

    That one of these is absent is stated only if the whole run was observed.
    """
    derive(book)
    contract = window.recording.contract(window.end_s)
    seen = frozenset() if contract is None else frozenset(ability.name for ability in contract.sees if ability.can)
    if "gpu" in seen:
        _add(book, "scope.gpu", True)
    _nnunet(window, book, seen)
    _export(window, book)
    if is_from_text(window):
        return
    environment = window.recording.environment
    if environment is not None and environment.variables:
        names = {name for name, _ in environment.variables}
        _add(book, "scope.job", environment.slurm_job is not None or not names.isdisjoint(JOBS))
    if book.value("scope.gpu") is None:
        device = environment.device if environment is not None else None
        if device == "cpu":
            book.known("scope.gpu", False, CPU_DEVICE())
        elif device is not None:  # NVML lists no AMD, Intel or Apple GPU
            book.known("scope.gpu", True, GPU_DEVICE(device=device))
        elif book.value("gpu.present") is False:
            book.known("scope.gpu", False, NO_GPU())
        elif book.value("gpu.present") is None and book.value("scope.nnunet") is False and _is_shell(window):
            book.known("scope.gpu", False, ONLY_SHELL())  # over before the GPU was read
    ranks = book.value("ddp.ranks")
    if book.value("scope.ranks") is None and ranks == 1:
        book.known("scope.ranks", False, ONE_RANK())


def derive(book: FactBook) -> None:
    """Add the facts about the kind of run that follow from other facts."""
    system, machine = book.value("system.os"), book.value("system.virtual_machine")
    if system == "windows" or machine == "wsl":
        _add(book, "scope.windows", True)
    elif system is not None and machine is not None:
        _add(book, "scope.windows", False)
    container = book.value("system.container")
    _add(book, "scope.container", None if container is None else container != "none")
    kind, text = book.value("exception.kind"), book.value("exception.first")
    names_gpu = isinstance(kind, str) and GPU_ERRORS.search(kind) is not None
    if book.value("gpu.present") or names_gpu or "CUDA" in str(text or ""):
        _add(book, "scope.gpu", True)
    if book.value("echo.says") is not None:
        _add(book, "scope.nnunet", True)
    if book.value("echo.says") in EXPORT_ECHOES or book.value("phase") == "final-validation":
        _add(book, "scope.export", True)
    ranks = book.value("ddp.ranks")
    if (isinstance(ranks, int) and ranks > 1) or book.value("ddp.timed_out") is not None:
        _add(book, "scope.ranks", True)


def was_training_seen(recording: Recording) -> bool:
    """Return whether the recording holds steps, epochs or log lines of a training, or cases of a prediction."""
    return any(shows_training(tick) for tick in recording.all_ticks)


def shows_nnunet(recording: Recording) -> bool:
    """Return whether a command, a step, the log or a stack shows that nnU-Net runs; not only an environment for it."""
    command = recording.environment.command if recording.environment is not None else ()
    if was_training_seen(recording) or parse_training_command(command) is not None or other_work(command) is not None:
        return True
    frames = (frame for dump in recording.all_stacks for thread in dump.threads for frame in thread.frames)
    return any(NNUNET_FRAMES.search(f"{frame.file} {frame.function}") for frame in frames)


def shows_training(tick: Tick) -> bool:
    """Return whether this tick holds a step, an epoch or a log line of a training, or the work of another command."""
    steps = any(beat.steps_total or beat.phase in WORKS for beat in tick.beats if beat.role == "main")
    return steps or any(_is_said_by_nnunet(event) for event in tick.events)


def _nnunet(window: Window, book: FactBook, seen: frozenset[AbilityName]) -> None:
    environment = window.recording.environment
    command = environment.command if environment is not None else ()
    # The hook also reports the steps and phases of a training that is not nnU-Net's, and says so.
    by_dataloader = any(event.what == BY_DATALOADER for event in window.recording.events(Noted))
    beats = any(beat.role == "main" for tick in window.all for beat in tick.beats)
    logged = any(
        _is_said_by_nnunet(event) and not (by_dataloader and isinstance(event, PhaseChanged))
        for tick in window.all
        for event in tick.events
    )
    raised = any(NNUNET_FRAMES.search(error.traceback) for error in window.recording.events(ExceptionSeen))
    is_command = parse_training_command(command) is not None or other_work(command) is not None
    if is_command or (environment is not None and environment.plans):
        book.known("scope.nnunet", True, BY_COMMAND())
    elif (beats or "heartbeat" in seen) and not by_dataloader:
        book.known("scope.nnunet", True, BY_BEAT())
    elif "log" in seen:
        book.known("scope.nnunet", True, BY_LOG())
    elif logged:
        book.known("scope.nnunet", True, BY_TEXT())
    elif raised:
        book.known("scope.nnunet", True, BY_FRAMES())
    elif book.value("scope.nnunet") is None and _was_watched(window):
        book.known("scope.nnunet", False, NOT_NNUNET())
    steps = any(beat.steps_total for tick in window.all for beat in tick.beats if beat.role == "main")
    if steps or logged:
        book.known("scope.training", True)
    elif _was_watched(window):
        book.known("scope.training", False, NO_TRAINING())


def _export(window: Window, book: FactBook) -> None:
    exports = bool(window.processes("export-worker")) or any(
        event.phase in ("final-validation", "predict")
        for event in window.recording.events(PhaseChanged, end_s=window.end_s)
    )
    raised = any(EXPORT_FRAMES.search(error.traceback) for error in window.recording.events(ExceptionSeen))
    if exports or raised:
        book.known("scope.export", True)
    elif book.value("scope.export") is None and _was_watched(window):
        book.known("scope.export", False, NO_EXPORT())


# Only nnU-Net's own stamped lines give an epoch, a phase after startup, or a kept line of the log.
def _is_said_by_nnunet(event: Event) -> bool:
    if isinstance(event, LogLine):
        return event.source == "training-log"
    return isinstance(event, EpochEnded) or (isinstance(event, PhaseChanged) and event.phase in TRAINS)


def _was_watched(window: Window) -> bool:
    return not is_from_text(window) and window.has_process_tree


def _is_shell(window: Window) -> bool:
    names = {process.name for tick in window.all for process in tick.processes}
    return bool(names) and names <= SHELLS


def _add(book: FactBook, name: str, value: Value | None) -> None:
    if value is not None and name not in book.facts:
        book.known(name, value)
