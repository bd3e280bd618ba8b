"""Facts about the results of the training: finite losses, the results folder, all epochs trained."""

from __future__ import annotations

import re

from holter.evidence.disk_space import is_same_device, is_same_folder
from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window, last
from holter.evidence.words import is_saved
from holter.patterns import later
from holter.records import ActionTaken, EpochEnded, Message, Noted, ProcessEnded, StorageSample
from holter.sentences import define

EPOCHS = 2
MISSING = later(r"does not exist|No such file|FileNotFoundError|\[Errno 2\]|cannot be opened", re.IGNORECASE)
# torch's word when it saves, and the picture that nnU-Net draws before: either would have been created in the folder.
NO_FOLDER = later(
    r"Parent directory (?P<saved>.+?) does not exist|"
    r"No such file or directory: '(?P<drawn>[^']*/fold_\w+)/progress\.png'"
)
LOSS_NOTES = ("loss-not-finite", "loss-is-finite")
LOSS_FACTS = ("loss.not_finite", "loss.since")
IS_FINITE = define("result.is-finite", "the losses are finite numbers")
NO_EPOCHS = define("result.no-epochs", "fewer than two epochs were logged")
NO_HOOK = define("result.no-hook", "steps are not seen without the hook; the log has only epochs")
FOLDER_THERE = define("result.folder-there", "the results folder is the one that was there before")
NOT_MISSING = define("results.not-missing", "no error says that a file or folder is missing")
NOT_READ = define("why.results.not-read", "the results folder was not read")
MISSED_ONCE = define("result.missed-once", "one reading did not find the results folder, and there was no second one")
NOT_ENDED = define("result.not-ended", "the main process has not ended with exit code 0")
EARLY = define(
    "result.early", "exit code 0 in epoch {epoch} of {epochs} (counted from 0); no final checkpoint was written"
)
EARLY_UNKNOWN = define("result.early-unknown", "exit code 0 before the training was over")


def collect(window: Window, book: FactBook) -> None:
    """State losses that are not finite, a lost results folder, and an early end."""
    _losses(window, book)
    _folder(window, book)
    ended = window.recording.events(ProcessEnded, start_s=window.episode.start_s - 5, end_s=window.end_s + 1)
    early = [event for event in ended if event.role == "main" and event.early]
    if early:
        beat = window.main_beat()
        environment = window.recording.environment
        epochs = environment.num_epochs if environment is not None else None
        detail = EARLY_UNKNOWN()
        if beat is not None and beat.epoch is not None and epochs is not None:
            detail = EARLY(epoch=beat.epoch, epochs=epochs)
        book.known("main.early", True, detail)
    else:
        book.not_applicable("main.early", NOT_ENDED())


def _losses(window: Window, book: FactBook) -> None:
    epochs = window.recording.events(EpochEnded, end_s=window.end_s)
    if len(epochs) < EPOCHS:
        book.unknown(LOSS_FACTS, NO_EPOCHS())
        return
    lost = set(epochs[-1].not_finite).intersection(*(epoch.not_finite for epoch in epochs[-EPOCHS:]))
    if not lost:
        book.not_applicable(LOSS_FACTS, IS_FINITE())
        return
    book.known("loss.not_finite", tuple(sorted(lost)))
    notes = [note for note in window.recording.events(Noted, end_s=window.end_s) if note.what in LOSS_NOTES]
    newest = last(notes)
    message = newest.message if newest is not None and newest.what == "loss-not-finite" else None
    book.known("loss.since", _since(message), message or "", unless=NO_HOOK())


def _since(message: Message | None) -> str | None:
    if message is None:
        return None
    return f"{message.value('epoch')}/{message.value('iteration')}"


def _folder(window: Window, book: FactBook) -> None:
    reason = window.episode.reason
    key = reason.key if isinstance(reason, Message) else ""
    gone = {"unsaved.deleted": "deleted", "unsaved.replaced": "replaced"}.get(key)
    if gone is not None and window.all:
        book.known("results.gone", gone, reason)
        return
    samples = window.storage("results", window.all)
    seen = [sample for sample in samples if sample.identity is not None]
    errors = f"{book.value('exception.first') or ''} {reason if isinstance(reason, str) else ''}"
    is_in_error = MISSING.search(errors) is not None
    found = NO_FOLDER.search(errors)
    lost = found["saved"] or found["drawn"] if found is not None else None
    if not seen and not is_in_error:
        book.not_applicable("results.gone", NOT_MISSING())
    elif lost is not None and _is_newest(lost, seen, window.episode.start_s):
        book.known("results.gone", "deleted", lost)
    elif not seen:
        book.unknown("results.gone", NOT_READ())
    elif samples[-1].missing and seen[-1].path == samples[-1].path:
        if is_in_error or samples[-2].missing:  # one sample alone may be an automounter's delay
            book.known("results.gone", "deleted", samples[-1].path)
        else:
            book.unknown("results.gone", MISSED_ONCE())
    elif seen[-1].path == seen[0].path and not _is_in_use(window, seen):
        book.known("results.gone", "replaced", seen[-1].path)
    else:
        book.not_applicable("results.gone", FOLDER_THERE())


# No reading says otherwise: there was none, or the last one of this folder is older than the error.
def _is_newest(lost: str, seen: list[StorageSample], error_s: float) -> bool:
    return not seen or (seen[-1].path == lost and seen[-1].t_s < error_s)


# True for the first folder, and for one that replaced it and received a checkpoint.
def _is_in_use(window: Window, seen: list[StorageSample]) -> bool:
    changed = next((index for index, sample in enumerate(seen) if not is_same_folder(sample, seen[0])), None)
    if changed is None or is_same_folder(seen[-1], seen[0]):
        return True
    since = window.recording.events(Noted, ActionTaken, start_s=seen[changed - 1].t_s, end_s=window.end_s)
    return is_same_device(seen[-1], seen[0]) and any(is_saved(event) for event in since)
