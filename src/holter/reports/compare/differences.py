"""Compare the measures of several runs: which is slower, what differs, and whether they can be compared. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from holter.records import Message
from holter.records.text import Record
from holter.reports.compare.measures import Facts, Measures
from holter.sentences import define, define_all

# With fewer epochs a difference may be chance.
FEW_EPOCHS = 5
# Epochs are of one length if their steps differ by less (the last ones of a tape may be missing).
SAME_STEPS = 0.1
# Facts of which a different value makes another training.
SAME_TRAINING = ("dataset", "configuration", "patch_size", "batch_size", "trainer", "plans", "spacing", "device")
MOST_EQUAL = 0.005

Metric = Literal["epoch", "step"]

define_all(
    {
        "compare.fact.dataset": "data set",
        "compare.fact.configuration": "configuration",
        "compare.fact.fold": "fold",
        "compare.fact.trainer": "trainer",
        "compare.fact.plans": "plans",
        "compare.fact.patch_size": "patch size",
        "compare.fact.batch_size": "batch size",
        "compare.fact.spacing": "spacing",
        "compare.fact.device": "device",
        "compare.fact.loader": "data loader",
        "compare.fact.command": "command",
        "compare.fact.hostname": "host",
        "compare.fact.os": "system",
        "compare.fact.kernel": "kernel",
        "compare.fact.container": "container",
        "compare.fact.virtual-machine": "virtual machine",
        "compare.fact.cpu": "CPU",
        "compare.fact.cpus": "CPU cores",
        "compare.fact.memory": "memory",
        "compare.fact.gpu": "GPU",
        "compare.fact.driver": "GPU driver",
        "compare.fact.gpu-memory": "GPU memory",
        "compare.fact.gpu-kind": "virtual GPU",
    }
)
SLOWER = {
    "epoch": define(
        "compare.slower-epoch",
        "{name} is {by:percent} % slower than {first}: the median epoch is {here:seconds}, not {there:seconds}.",
    ),
    "step": define(
        "compare.slower-step",
        "{name} is {by:percent} % slower than {first}: a training step takes {here:seconds}, not {there:seconds}.",
    ),
}
FASTER = {
    "epoch": define(
        "compare.faster-epoch",
        "{name} needs {by:percent} % less time than {first}: the median epoch is {here:seconds}, not {there:seconds}.",
    ),
    "step": define(
        "compare.faster-step",
        "{name} needs {by:percent} % less time than {first}: a step takes {here:seconds}, not {there:seconds}.",
    ),
}
UNSURE = define("compare.unsure", "Too few epochs to say. As measured: {verdict}")
EQUAL = define("compare.equal", "{name} is as fast as {first}.")
ALLOWED = define("compare.allowed", "Allowed: {most:percent} % slower.")
TOO_SLOW = define("compare.too-slow", "Allowed: {most:percent} % slower. Too slow.")
NO_TIMES = define("compare.no-times", "{name}: no complete epoch and no step is on the tape.")
NOTHING_COMMON = define(
    "compare.nothing-common", "{name} and {first} have no time in common: one has only epochs, the other only steps."
)
OTHER_TRAINING = define("compare.other-training", "Not the same training: {what} is {here}, and {there} in {first}.")
OTHER_EPOCHS = define(
    "compare.other-epochs",
    "The epochs have {here} and {there} steps, so the time of a step is compared.",
)
FEW = define(
    "compare.few",
    "{name}: only {count} epochs count; a difference of some percent may be chance.",
    one="{name}: only {count} epoch counts; a difference of some percent may be chance.",
)
DAMAGED = define(
    "compare.damaged", "{name}: the recording is damaged or cut; the numbers are of what can be read of it."
)
WARM_UP = define("compare.warm-up", "{name}: only the first epoch is complete, with warm-up and cold files.")


class Verdict(Record, frozen=True, kw_only=True):
    """One run compared with the first one."""

    name: str
    metric: Metric | None = None  # None: no time in common
    ratio: float | None = None  # time of this run / time of the first
    is_too_slow: bool = False
    is_unsure: bool = False  # one of the two has too few epochs
    message: Message
    allowed: Message | None = None


class Difference(Record, frozen=True, kw_only=True):
    """A fact that is not the same in all runs; None where it is unknown."""

    group: str  # training, machine, versions, settings
    name: str
    values: tuple[str | None, ...]


class Comparison(Record, frozen=True, kw_only=True):
    """All runs, compared with the first one."""

    runs: tuple[Measures, ...]
    verdicts: tuple[Verdict, ...]
    warnings: tuple[Message, ...] = ()
    differences: tuple[Difference, ...] = ()
    equal: int = 0  # facts that are the same in all runs

    @property
    def exit_code(self) -> int:
        """1: a run is slower than allowed. 2: a run cannot be compared, or what is allowed not be judged. 0: else."""
        if any(verdict.metric is None or (verdict.allowed and verdict.is_unsure) for verdict in self.verdicts):
            return 2
        return int(any(verdict.is_too_slow for verdict in self.verdicts))

    @property
    def slowest(self) -> str | None:
        """The name of the slowest run, if its difference is more than chance; None if no times can be compared.

        Runs with too few epochs are left out.
        """
        ratios = {
            self.runs[0].name: 1.0,
            **{
                verdict.name: verdict.ratio
                for verdict in self.verdicts
                if verdict.ratio is not None and not verdict.is_unsure
            },
        }
        return (
            max(ratios, key=ratios.__getitem__) if max(ratios.values()) - min(ratios.values()) >= MOST_EQUAL else None
        )


def compare(runs: Sequence[Measures], most_slower: float | None = None) -> Comparison:
    """Compare every run with the first one; ``most_slower``: the share (0.05 is 5 %) by which it may be slower."""
    first, *others = runs
    warnings = [DAMAGED(name=run.name) for run in runs if run.is_damaged]
    warnings += [warning for run in runs for warning in _weak(run)]
    for other in others:
        warnings += _other_training(first, other)
    differences = [
        difference
        for group in ("training", "machine", "versions", "settings")
        for difference in _differences(group, [getattr(run, group) for run in runs])
    ]
    different = [difference for difference in differences if len(set(difference.values)) > 1]
    return Comparison(
        runs=tuple(runs),
        verdicts=tuple(_verdict(first, other, most_slower) for other in others),
        warnings=tuple(dict.fromkeys(warnings)),
        differences=tuple(different),
        equal=len(differences) - len(different),
    )


def _verdict(first: Measures, other: Measures, most_slower: float | None) -> Verdict:
    for run in (first, other):
        if run.epoch_s is None and run.step_s is None:
            return Verdict(name=other.name, message=NO_TIMES(name=run.name))
    metric = _metric(first, other)
    here, there = (other.epoch_s, first.epoch_s) if metric == "epoch" else (other.step_s, first.step_s)
    if here is None or there is None or there <= 0:
        return Verdict(name=other.name, message=NOTHING_COMMON(name=other.name, first=first.name))
    ratio = here / there
    by = abs(ratio - 1.0)
    sentence = (SLOWER if ratio > 1 else FASTER)[metric]
    message = sentence(by=by, name=other.name, first=first.name, here=here, there=there)
    if by < MOST_EQUAL:
        message = EQUAL(name=other.name, first=first.name)
    is_unsure = bool(_weak(first) or _weak(other))
    is_too_slow = not is_unsure and most_slower is not None and ratio > 1.0 + most_slower
    allowed = None if most_slower is None else (TOO_SLOW if is_too_slow else ALLOWED)(most=most_slower)
    return Verdict(
        name=other.name,
        metric=metric,
        ratio=round(ratio, 4),
        is_too_slow=is_too_slow,
        is_unsure=is_unsure,
        message=UNSURE(verdict=message) if is_unsure else message,
        allowed=allowed,
    )


def _metric(first: Measures, other: Measures) -> Metric:
    has_steps = first.step_s is not None and other.step_s is not None
    if first.epoch_s is None or other.epoch_s is None:
        return "step" if has_steps else "epoch"
    return "step" if has_steps and not _same_steps(first, other) else "epoch"


def _same_steps(first: Measures, other: Measures) -> bool:
    here, there = other.steps_per_epoch, first.steps_per_epoch
    return here is None or there is None or abs(here - there) <= SAME_STEPS * max(here, there)


def _weak(run: Measures) -> list[Message]:
    if run.epoch_s is None:
        return []
    if run.has_warm_up:
        return [WARM_UP(name=run.name)]
    return [FEW(name=run.name, count=run.epochs)] if run.epochs < FEW_EPOCHS else []


def _other_training(first: Measures, other: Measures) -> list[Message]:
    here, there = dict(other.training), dict(first.training)
    warnings = [
        OTHER_TRAINING(what=Message(key=f"compare.fact.{name}"), here=here[name], there=there[name], first=first.name)
        for name in SAME_TRAINING
        if name in here and name in there and here[name] != there[name]
    ]
    if not _same_steps(first, other) and other.steps_per_epoch is not None and first.steps_per_epoch is not None:
        warnings.append(OTHER_EPOCHS(here=other.steps_per_epoch, there=first.steps_per_epoch))
    return warnings


def _differences(group: str, facts: Sequence[Facts]) -> list[Difference]:
    by_run = [dict(of_run) for of_run in facts]
    names = dict.fromkeys(name for of_run in facts for name, _ in of_run)
    return [Difference(group=group, name=name, values=tuple(of_run.get(name) for of_run in by_run)) for name in names]
