"""The text for a recording without episodes.

It says "nothing wrong" only if a training was seen, and if its end is known.
"""

from __future__ import annotations

from holter.evidence.scope import BY_DATALOADER, was_training_seen
from holter.history.standing import standing
from holter.records import ActionTaken, ContractSettled, Message, Noted, ProcessEnded, Value
from holter.reports.catalogue import Lang, phrase
from holter.reports.when import is_text
from holter.sentences import define
from holter.tape import Recording
from holter.texts.recording import FROM_OUTPUTS

STANDS = define("quiet.stands", "No alarm was raised in {span:duration}, but at the end the main process stood still.")
NOT_OVER = define(
    "quiet.not-over",
    "Nothing wrong was seen in {span:duration}[[ ({unseen})]]; the recording ends before the training.",
)
END_UNSEEN = define(
    "quiet.end-unseen",
    "Nothing wrong was seen in {span:duration}[[ ({unseen})]]; how the training ended could not be seen.",
)
NOTHING_WRONG = define("quiet.nothing-wrong", "Nothing wrong was seen in {span:duration}[[ ({unseen})]].")
LOSSES_UNSEEN = define("quiet.losses-unseen", "losses were not looked at")
REPLACED = define(
    "quiet.replaced",
    "Data workers were replaced {count} times; nothing else was wrong in {span:duration}[[ ({unseen})]].",
    one="Data workers were replaced once; nothing else was wrong in {span:duration}[[ ({unseen})]].",
)
OUTPUTS_FINE = define(
    "quiet.outputs",
    "Nothing wrong in what was read. It contains no training, so a training may still have a problem. Give the "
    "training's log, too, or a sentence on what happens (holter diagnose STORY.txt OUTPUT.txt), or answer at most "
    "eight questions: holter ask",
)
NO_TRAINING = define("quiet.no-training", "No training was seen: {why}.")
TOO_SHORT = define("quiet.too-short", "the recording is {span:duration} long and holds no step, epoch or log sentence")
DAMAGED = define("quiet.damaged", "The recording is damaged or cut; what can be read of it shows no training.")
QUIET_SO_FAR = define(
    "quiet.so-far", "Nothing wrong was seen in what can be read of the recording, {span:duration}[[ ({unseen})]]."
)
NO_STEP = define("quiet.no-step", "{heartbeat}; {log}")
NO_TRAINER = define("quiet.no-trainer", "no step of an nnU-Net v2 trainer; {log}")


def is_of_outputs(recording: Recording) -> bool:
    """Return whether only outputs of commands were read: they show the machine, not a training."""
    return any(note.what == FROM_OUTPUTS for note in recording.events(Noted))


def quiet(recording: Recording, lang: Lang) -> str:
    """Return the text for a recording without any episode."""
    return phrase(quiet_message(recording), lang)


def quiet_message(recording: Recording) -> Message:
    """Return the text of ``quiet`` as a Message, for rendering later."""
    if is_of_outputs(recording):
        return OUTPUTS_FINE()
    if is_text(recording):
        return Message(key="headline.quiet-text")
    if not was_training_seen(recording):
        return no_training_in(recording)
    if standing(recording) is not None and not _has_ended_well(recording):
        return STANDS(span=recording.duration_s)
    said: dict[str, Value | None] = {"span": recording.duration_s, "unseen": _unseen(recording)}
    if recording.damage:
        return QUIET_SO_FAR(**said)
    ends = [event for event in recording.events(ProcessEnded) if event.role == "main"]
    if not ends:
        return NOT_OVER(**said)
    known_ends = [event for event in ends if event.exit_code is not None or event.exit_signal is not None]
    if ends[-1].pid not in {event.pid for event in known_ends}:
        return END_UNSEEN(**said)
    replaced = times_replaced(recording)
    if replaced:
        return REPLACED(count=replaced, **said)
    return NOTHING_WRONG(**said)


def _unseen(recording: Recording) -> Message | None:
    # A loss that is not finite, or a checkpoint that was not written, would not have been noticed.
    by_dataloader = any(note.what == BY_DATALOADER for note in recording.events(Noted))
    return LOSSES_UNSEEN() if by_dataloader else None


def _has_ended_well(recording: Recording) -> bool:
    return any(event.role == "main" and event.exit_code == 0 for event in recording.events(ProcessEnded))


def times_replaced(recording: Recording) -> int:
    """Return how often data workers were replaced; where that took less time than an alarm, it is no episode."""
    return sum(taken.action == "replace-workers" and taken.state == "done" for taken in recording.events(ActionTaken))


def no_training_in(recording: Recording) -> Message:
    """Return the message that no training was seen, with its reason."""
    return DAMAGED() if recording.damage else no_training(recording.contract(), recording.duration_s)


def no_training(contract: ContractSettled | None, span_s: float) -> Message:
    """Return the message that no training was seen, with the contract's reason."""
    if contract is None:
        return NO_TRAINING(why=TOO_SHORT(span=span_s))
    heartbeat, log = contract.ability("heartbeat"), contract.ability("log")
    if heartbeat.can and log.why_not is not None:
        return NO_TRAINING(why=NO_TRAINER(log=log.why_not))
    if heartbeat.why_not is None or log.why_not is None:
        return NO_TRAINING(why=TOO_SHORT(span=span_s))
    return NO_TRAINING(why=NO_STEP(heartbeat=heartbeat.why_not, log=log.why_not))
