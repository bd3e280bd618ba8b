"""The last line of a command: the verdict and the next command."""

from __future__ import annotations

import msgspec

from holter.evidence.scope import was_training_seen
from holter.history.standing import standing
from holter.records import Diagnosis, Environment, Message
from holter.remedies.next_checks import next_checks
from holter.reports.cause_words import best
from holter.reports.outcome import sentences as say
from holter.reports.outcome.next_command import first_command
from holter.reports.outcome.record import Outcome
from holter.reports.quiet import quiet_message
from holter.tape import Recording


def verdict_of_run(ran: Outcome, recording: Recording) -> Message:
    nothing_left = ran.state == "nothing-trained" and recording.damage
    if not ran.fates and (ran.state in ("finished", "cut") or nothing_left):
        return say.VERDICT(what=quiet_message(recording), command=ran.next_command)
    fate = next((fate for fate in ("open", "over", "healed") if fate in ran.fates), None)
    said = say.SAID[_state(ran, recording)](
        cause=ran.cause, fate=None if fate is None else say.FINISHED_WITH[fate](cause=ran.cause)
    )
    return say.VERDICT(what=said, command=ran.next_command)


def _state(ran: Outcome, recording: Recording) -> str:
    # As the headline's: where a damaged or broken tape ends is no word on the training.
    if ran.state == "cut":
        return "damaged" if recording.damage else "cut" if recording.finished else "broken-off"
    if ran.state == "troubled" and ran.trouble is None:
        return "left"
    if ran.state != "running":
        return ran.state
    if standing(recording) is not None:
        return "stands"
    return "running" if was_training_seen(recording) else "unseen"


def verdict_of_case(diagnoses: tuple[Diagnosis, ...], recording: Recording) -> Message:
    """Return the verdict on a target that is not a recorded run: a log, a running process, or stated facts."""
    if not diagnoses:
        return say.VERDICT(what=quiet_message(recording))
    verdict = best(diagnoses[0])
    if verdict is not None:
        sure = Message(key=f"verdict.{verdict.verdict}")
        command = first_command(diagnoses[0]) or _look(diagnoses[0], recording.environment)
        return say.VERDICT(what=say.NAMED(cause=verdict.cause, sure=sure), command=command)
    return say.VERDICT(what=say.UNNAMED(), command=_look(diagnoses[0], recording.environment))


def _look(diagnosis: Diagnosis, environment: Environment | None) -> str | None:
    return next((check.command for check in next_checks(diagnosis, environment)), None)


def after_report(ran: Outcome, recording: Recording) -> Message:
    """Return the verdict for a command that has just written the report.

    It never recommends ``holter report`` as the next command, but the page on the cause instead, or the recording.
    """
    if ran.next_command is not None and ran.next_command.startswith("holter report"):
        look = ran.next_command.replace("holter report", "holter top", 1)
        ran = msgspec.structs.replace(ran, next_command=f"holter explain {ran.cause}" if ran.cause else look)
    return verdict_of_run(ran, recording)
