"""The fact whether the training has finished an epoch; before that there is no checkpoint to continue from."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.patterns import later
from holter.records import EpochEnded, ExceptionSeen
from holter.sentences import define
from holter.tape import Recording
from holter.texts.training_command import parse_training_command

# Functions of nnunetv2's run_training.py and trainer that are over when the first step begins, and those after it.
BEFORE = later(r", in (?:get_trainer_from_args|maybe_load_checkpoint|on_train_start|setup_ddp)\n")
AFTER = later(
    r", in (?:train_step|validation_step|on_train_epoch_\w+|on_validation_epoch_\w+|on_epoch_\w+|on_train_end"
    r"|perform_actual_validation)\n"
)
# The arguments are read in run_training itself: its frame is the last one.
IN_ARGUMENTS = later(r"run_training\.py\", line \d+, in run_training\n(?![\s\S]*File \")")
# Phases of a heartbeat before the end of the first epoch.
BEFORE_END = ("startup", "unpack", "compile", "train", "validate")

EPOCHS_SEEN = define("seen.saved.epochs", "an epoch was finished")
NO_EPOCH_SEEN = define("seen.saved.no-epoch", "it was in its first epoch")
RAISED_BEFORE = define("seen.saved.raised-before", "the error was raised before the first step")
BEGINNING_UNSEEN = define("why.saved.unseen", "its beginning was not seen")
CONTINUED = define("why.saved.continued", "it continued an earlier start")


def collect(window: Window, book: FactBook) -> None:
    """State whether any start of the training in this recording has finished an epoch."""
    recording, end_s = window.recording, window.end_s
    beats = [beat for tick in window.all for beat in tick.beats if beat.role == "main"]
    raised = [event.traceback for event in recording.events(ExceptionSeen, end_s=end_s) if not event.echo]
    if recording.events(EpochEnded, end_s=end_s) or any(beat.phase not in BEFORE_END for beat in beats):
        book.known("progress.saved", True, EPOCHS_SEEN())
    elif _is_continued(recording):
        book.unknown("progress.saved", CONTINUED())
    elif raised and _is_before_steps(f"{raised[0]}\n"):
        book.known("progress.saved", False, RAISED_BEFORE())
    elif beats and _is_whole(recording) and all(beat.epoch in (None, 0) for beat in beats):
        book.known("progress.saved", False, NO_EPOCH_SEEN())
    else:
        book.unknown("progress.saved", BEGINNING_UNSEEN())


def _is_continued(recording: Recording) -> bool:
    command = recording.environment and parse_training_command(recording.environment.command)
    return bool(command and (command.continued or command.validation_only))


# Watched from its start, and not by Holter that saves within an epoch.
def _is_whole(recording: Recording) -> bool:
    contract, environment = recording.contract(), recording.environment
    acts = contract is not None and not contract.only_watches
    return environment is not None and not environment.attached and not acts


def _is_before_steps(traceback: str) -> bool:
    is_early = BEFORE.search(traceback) is not None or IN_ARGUMENTS.search(traceback) is not None
    return is_early and AFTER.search(traceback) is None
