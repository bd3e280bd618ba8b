"""Records of the document that ``holter diagnose --json`` prints; docs/diagnosis.schema.json is made from them.

The order of the fields is the order of the keys. A field that is ``UNSET`` is left out; None is printed as ``null``.
``description`` is what the schema says about a field.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from holter.history.fates import Fate
from holter.history.goodput import LossKind
from holter.history.recovery import MeasureName, RecoveryVerdict
from holter.history.stock_outcome import StockOutcome
from holter.records import AbilityName, ActionSource, ActionState, EpisodeKind, Phase, Safety, TargetKind, VerdictName
from holter.reports.outcome import State

# Increased when a reader of the old document would misread the new one; new keys alone do not count.
SCHEMA: Literal[1] = 1

Sentence = Annotated[str, Meta(description="A sentence in the chosen language.")]


class JsonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Base of these records: immutable; unlike on the tape, None is written out."""


class ReadFact(JsonRecord, frozen=True, kw_only=True):
    """One fact that was read of what a person gave."""

    fact: str
    value: bool | float | str | list[str]
    words: Annotated[str, Meta(description="The words that it came from; empty if it is stated without words.")]
    piece: Annotated[str, Meta(description="The file, or standard input, that holds these words.")]


class Target(JsonRecord, frozen=True, kw_only=True):
    """The target of the diagnosis, and what was read of it."""

    kind: TargetKind
    name: str
    notes: Annotated[list[str], Meta(description="Sentences in the chosen language.")]
    facts: Annotated[
        list[ReadFact] | UnsetType,
        Meta(description="Facts read of texts, outputs of commands and evidence files; absent if there are none."),
    ] = UNSET


class Headline(JsonRecord, frozen=True, kw_only=True):
    """The first sentence about an episode."""

    text: Sentence
    cause: Annotated[
        str | None,
        Meta(description="The cause that the sentence names; null if no cause is likely or confirmed."),
    ]


class Link(JsonRecord, frozen=True, kw_only=True):
    """The waiter waits for the target."""

    waiter: str
    target: str
    how: Annotated[str, Meta(description="How this is known: a stack frame, a state, a queue reading.")]


class Finding(JsonRecord, frozen=True, kw_only=True):
    """What one fact says for or against a cause."""

    fact: Annotated[str, Meta(description="Name from the vocabulary of evidence; the same in every language.")]
    text: Sentence


class Remedy(JsonRecord, frozen=True, kw_only=True):
    """What helps against a cause."""

    id: str
    safety: Annotated[
        Safety,
        Meta(
            description="SAFE: the result of the training is provably unchanged. CONSENT: it changes the run; the user "
            "decides. ADVICE: outside the run."
        ),
    ]
    text: Sentence
    command: Annotated[str | None, Meta(description="Run it as it is; null if there is none.")]


class Verdict(JsonRecord, frozen=True, kw_only=True):
    """The result of one cause for one episode."""

    cause: Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    verdict: VerdictName
    score: Annotated[float, Meta(ge=0, le=1, description="For ranking within one episode only.")]
    supports: list[Finding]
    against: list[Finding]
    unknown: Annotated[
        list[Finding], Meta(description="Facts that could not be read and would decide for or against the cause.")
    ]
    remedies: list[Remedy]


class NextCheck(JsonRecord, frozen=True, kw_only=True):
    """A command to run next; it changes nothing."""

    id: str
    text: Annotated[str, Meta(description="The question that the command answers, in the chosen language.")]
    command: str
    facts: Annotated[list[str], Meta(description="The facts that the command makes known.")]


class Episode(JsonRecord, frozen=True, kw_only=True):
    """A problem of the run, from its start to its end."""

    headline: Headline | UnsetType = UNSET
    kind: EpisodeKind
    phase: Phase
    start_s: Annotated[float, Meta(description="When the problem started, as far as known.")]
    alarm_s: Annotated[float, Meta(description="When it was noticed.")]
    end_s: Annotated[float | None, Meta(description="When it was over; null if it is not over.")]
    start_wall: Annotated[str | UnsetType, Meta(description="start_s by the clock of the machine, ISO 8601.")] = UNSET
    end_wall: Annotated[str | UnsetType, Meta(description="end_s by the clock of the machine, ISO 8601.")] = UNSET
    fate: Annotated[
        Fate | UnsetType,
        Meta(description="healed by Holter, over by itself, or open: not over, or ended together with the training."),
    ] = UNSET
    detector: str
    subject: str
    reason: Annotated[str, Meta(description="The numbers that raised the alarm, in a sentence.")]
    wait_chain: list[Link]
    diagnosis: Annotated[list[Verdict], Meta(description="Verdicts, best first.")]
    later: Annotated[
        list[str] | UnsetType,
        Meta(description="What became known after the verdict, as sentences; it is no evidence for the verdict."),
    ] = UNSET
    next_looks: Annotated[
        list[NextCheck] | UnsetType,
        Meta(description="What to check next, best first. Empty if the cause is confirmed."),
    ] = UNSET


class Ability(JsonRecord, frozen=True, kw_only=True):
    """One thing that Holter could see of the run or do to it."""

    name: Annotated[AbilityName, Meta(description="The last three are actions, the others are things to see.")]
    can: bool
    what: Annotated[str | None, Meta(description="Which data loader, GPU or command.")]
    why_not: Annotated[str | None, Meta(description="A sentence in the chosen language; null if it can.")]


class Notice(JsonRecord, frozen=True, kw_only=True):
    """A problem that does not stop the training; no alarm."""

    t_s: float
    what: Annotated[
        str,
        Meta(
            description="lost-worker, main-stands, main-goes-on, log-gone, scratch-gone, no-training-yet, "
            "training-left, not-started-again; the same in every language."
        ),
    ]
    text: Sentence
    pids: list[int]


class Action(JsonRecord, frozen=True, kw_only=True):
    """What was done to the run, or would be done with --heal."""

    t_s: float
    action: Annotated[
        str,
        Meta(
            description="replace-workers, save-checkpoint, set-aside-checkpoint, keep-checkpoint, export-again, "
            "announce-restart, restart, end-group, wait, leave-alone, stop."
        ),
    ]
    state: ActionState
    cause: Annotated[str | None, Meta(description="The diagnosis behind it.")]
    text: Annotated[str, Meta(description="Before, after and why; a sentence in the chosen language.")]
    settings: Annotated[dict[str, str], Meta(description="Environment variables of the training that were changed.")]
    generation: Annotated[
        int, Meta(description="The affected training process, counted from 0 over restarts; of a restart: the new one.")
    ]
    source: ActionSource


class Loss(JsonRecord, frozen=True, kw_only=True):
    """Time lost in one way to one cause."""

    kind: Annotated[
        LossKind,
        Meta(
            description="standstill: no progress in an episode. restart: from the end of a process to the first step "
            "of the next. repeated: epochs that were trained twice. slow: time beyond the usual for the same steps."
        ),
    ]
    cause: str | None
    seconds: float
    times: Annotated[int, Meta(description="Number of incidents.")]


class Saved(JsonRecord, frozen=True, kw_only=True):
    """A successful heal, and what stock nnU-Net would have done without it."""

    t_s: float
    action: str
    cause: str | None
    stock: Annotated[
        StockOutcome, Meta(description="How long stock nnU-Net would have hung is unknown and not estimated.")
    ]


class Goodput(JsonRecord, frozen=True, kw_only=True):
    """Every second of the run, counted once.

    Training, validation, startup, checkpoint, other and lost add up to wall_s.
    """

    wall_s: float
    training_s: Annotated[float, Meta(description="Training steps of epochs that counted in the end.")]
    validation_s: Annotated[float, Meta(description="Validation within epochs, and the final validation.")]
    startup_s: Annotated[float, Meta(description="Start of the first process; the start of later ones is lost.")]
    checkpoint_s: Annotated[float, Meta(description="End of epochs: checkpoints and progress pictures.")]
    other_s: float
    lost_s: float
    goodput_ratio: Annotated[
        float | None,
        Meta(description="(training_s + validation_s) / wall_s; null if no phase of the training is known."),
    ]
    lost_ratio: Annotated[float | None, Meta(description="lost_s / wall_s.")]
    losses: list[Loss]
    repeated_epochs: Annotated[int, Meta(description="Epochs that were trained a second time, even in part.")]
    restarts: int
    saved: Annotated[list[Saved], Meta(description="Successful heals, oldest first.")]


class Measure(JsonRecord, frozen=True, kw_only=True):
    """One curve after a heal, against its trend before."""

    name: MeasureName
    expected: Annotated[float, Meta(description="By the trend before.")]
    seen: float
    tolerance: float
    jump: bool


class Recovery(JsonRecord, frozen=True, kw_only=True):
    """Whether loss and pseudo Dice continue their trend after a successful heal."""

    t_s: Annotated[float, Meta(description="When the heal began.")]
    action: str
    verdict: RecoveryVerdict
    epochs_before: Annotated[int, Meta(description="Epochs used for the trend.")]
    epochs_after: Annotated[int, Meta(description="Epochs that were compared with it.")]
    measures: list[Measure]


class RunIdentity(JsonRecord, frozen=True, kw_only=True):
    """The training that was recorded; null for what is not known."""

    dataset: str | None
    configuration: str | None
    fold: str | None
    trainer: str | None
    host: str | None
    main_pid: int | None
    slurm_job: str | None
    command: str | None


class RunOutcome(JsonRecord, frozen=True, kw_only=True):
    """How the whole run went and ended."""

    text: Sentence
    state: State
    good: Annotated[bool, Meta(description="Nobody needs to look: it runs, or ended as planned or as asked.")]
    since_s: Annotated[float | None, Meta(description="When the state began, if it is a moment.")]
    trouble: Annotated[EpisodeKind | None, Meta(description="Kind of the worst episode that is not over.")]
    cause: Annotated[str | None, Meta(description="Its cause, if one is likely or confirmed.")]
    epochs_done: Annotated[int | None, Meta(description="Finished epochs; null if none was seen.")]
    epochs_planned: int | None
    epoch: Annotated[int | None, Meta(description="The last epoch that was worked on, counted from 0.")]
    stopped: Annotated[int, Meta(description="How often the training did not go on.")]
    healed: Annotated[int, Meta(description="How many of these stops Holter healed.")]
    over_by_itself: Annotated[int, Meta(description="How many of these stops were over without help.")]
    slowed: Annotated[int, Meta(description="How often it was slower than before.")]
    lost_s: float
    orphans: Annotated[list[int], Meta(description="PIDs of workers that a dead training left.")]
    identity: RunIdentity
    started: Annotated[str | None, Meta(description="By the clock of the machine, ISO 8601.")]
    ended: Annotated[str | None, Meta(description="null while it runs, or if its end was not seen.")]
    read: Annotated[str | None, Meta(description="The last reading of the recording.")]
    wall_s: float
    exit_code: Annotated[int | None, Meta(description="Of the training; 75 and 76 as Holter passes them on.")]
    exit_signal: int | None
    next_command: Annotated[str | None, Meta(description="What to type next.")]


class Document(JsonRecord, frozen=True, kw_only=True):
    """What ``holter diagnose --json`` prints. Times are seconds since the recording began."""

    schema: Annotated[
        Literal[1], Meta(description="Increased when a reader of the old document would misread the new one.")
    ]
    holter: Annotated[str, Meta(description="Version of Holter that made this document.")]
    tape: Annotated[str | UnsetType, Meta(description="The recording that it was made from.")] = UNSET
    target: Target | UnsetType = UNSET
    outcome: RunOutcome | UnsetType = UNSET
    contract: Annotated[
        list[Ability] | UnsetType,
        Meta(description="What Holter could see and do, as last checked; left out if that was not settled."),
    ] = UNSET
    episodes: list[Episode]
    notices: Annotated[
        list[Notice] | UnsetType, Meta(description="Problems that do not stop the training; no alarms.")
    ] = UNSET
    actions: Annotated[
        list[Action] | UnsetType,
        Meta(description="What was done to the run, or would be done with --heal, in the order of the reports."),
    ] = UNSET
    goodput: Goodput | UnsetType = UNSET
    recovery: Annotated[
        list[Recovery] | UnsetType,
        Meta(description="For each successful heal: do loss and pseudo Dice continue their trend?"),
    ] = UNSET
