"""What was unusual about an episode of unknown cause: at most five sentences, the most unusual first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from holter.records import Diagnosis, Fact, Subject, Text
from holter.sentences import Sentence, define

MOST_FINDINGS = 5
# A measurement is never more unusual than an error, however far from the usual it is.
MOST_MEASURED = 20.0

FactValue = bool | int | float | str | tuple[str, ...] | None


class _Sign(NamedTuple):
    """A fact, its sentence, and how unusual a value is: 0 as usual, numbers by their distance, errors above 10."""

    fact: str
    weigh: Callable[[FactValue], float]
    words: Sentence
    repeats: tuple[str, ...] = ()  # kinds of episodes that say it already


def _above(limit: float) -> Callable[[FactValue], float]:
    return lambda value: min(_number(value) / limit, MOST_MEASURED) if _number(value) >= limit else 0.0


def _from(limit: float, weight: float) -> Callable[[FactValue], float]:
    return lambda value: weight if _number(value) >= limit else 0.0


def _below(limit: float) -> Callable[[FactValue], float]:
    return lambda value: 1.0 + limit - _number(value) if _is_number(value) and _number(value) <= limit else 0.0


def _is(wanted: FactValue, weight: float) -> Callable[[FactValue], float]:
    return lambda value: weight if value == wanted and type(value) is type(wanted) else 0.0


def _any(weight: float) -> Callable[[FactValue], float]:
    return lambda value: weight if value else 0.0


def _is_number(value: FactValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: FactValue) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


# Errors first, then what stands in one place, then measurements by how far they are from the usual.
SIGNS: tuple[_Sign, ...] = (
    _Sign("exception.first", _any(40), define("unusual.exception", "The first error: {value}."), ("death",)),
    _Sign(
        "oom.kills", _any(36),
        define(
            "unusual.oom", "Memory ran out: the kernel ended {count} processes.",
            one="Memory ran out: the kernel ended a process.",
        ),
    ),
    _Sign("worker.ending", _any(35), define("unusual.worker-ended", "A worker ended: {value}."), ("death",)),
    _Sign("export.ending", _any(34), define("unusual.export-ended", "An export worker ended: {value}."), ("death",)),
    _Sign("gpu.trouble", _any(33), define("unusual.gpu-trouble", "The GPU or its driver fails: {detail}.")),
    _Sign("gpu.kernel_errors", _any(32), define("unusual.xid", "The kernel reported errors of the GPU: {value}.")),
    _Sign("storage.kernel_errors", _any(31), define("unusual.io", "The kernel reported errors of storage: {value}.")),
    _Sign("disk.full", _is(True, 30), define("unusual.disk-full", "A disk of the run was full[[: {detail}]].")),
    _Sign("disk.read_only", _is(True, 30), define("unusual.ro", "A disk of the run was read-only[[: {detail}]].")),
    _Sign("shm.used_ratio", _from(0.9, 29), define("unusual.shm", "/dev/shm was {value:percent} % full.")),
    _Sign("memory.refused", _is(True, 29), define("unusual.refused", "Memory was refused although enough was free.")),
    _Sign("workers.stopped", _any(28), define("unusual.stopped", "Stopped by a signal (state T): {value}.")),
    _Sign("frozen.processes", _any(28), define("unusual.frozen", "Frozen by a control group: {value}.")),
    _Sign("workers.blocked", _any(27), define("unusual.blocked", "Waits for storage (state D): {value}.")),
    _Sign("gpu.foreign_processes", _any(26), define("unusual.foreign", "Others compute on this GPU: {value}.")),
    _Sign(
        "gpu.throttled", _is(True, 25), define("unusual.throttled", "The GPU's clock was held down[[: {detail}]].")
    ),
    _Sign("main.stands_at", _any(24), define("unusual.main-stands", "The main process stays in {value}."), ("stall",)),
    _Sign("workers.stand_at", _any(24), define("unusual.workers-stand", "All workers stay in {value}."), ("stall",)),
    _Sign(
        "storage.pending_s", _above(2), define("unusual.pending", "A small read had no answer for {value:duration}.")
    ),
    _Sign(
        "storage.times_usual", _above(4),
        define("unusual.slow-reads", "A small read took {value:.1f} times as long as before."),
    ),
    _Sign(
        "cpu.throttled_ratio", _above(0.2),
        define("unusual.quota", "A CPU quota held the run back in {value:percent} % of its periods."),
    ),
    _Sign(
        "host.others_cpu_ratio", _above(0.4),
        define("unusual.others", "Other processes used {value:percent} % of the machine's CPUs."),
    ),
    _Sign(
        "cpu.queue_ratio", _above(0.4),
        define(
            "unusual.cpu-queue",
            "In {value:percent} % of the time in which the run wanted a CPU, it got none[[ ({detail})]].",
        ),
    ),
    _Sign("memory.used_ratio", _above(0.92), define("unusual.memory", "{value:percent} % of the memory was in use.")),
    _Sign("fds.used_ratio", _above(0.85), define("unusual.files", "{value:percent} % of the open files were in use.")),
    _Sign("swap.in_bytes_per_s", _above(4e6), define("unusual.swap", "{value:bytes} a second were read from swap.")),
    _Sign(
        "step.times_usual", _above(1.8),
        define("unusual.steps", "A step took {value:.1f} times as long as before[[ ({detail})]]."), ("slow-down",),
    ),
    _Sign(
        "wait.ratio", _above(0.4), define("unusual.wait", "{value:percent} % of a step was waiting for its batch.")
    ),
    _Sign(
        "gpu.clock_ratio", _below(0.6), define("unusual.clock", "The GPU ran at {value:percent} % of its top clock.")
    ),
    _Sign("queue.ready", _is("empty", 1.6), define("unusual.no-batch", "No batch was ready for the training.")),
    _Sign(
        "queue.ready", _is("full", 1.6),
        define("unusual.batches", "Batches were ready, and the training did not take them[[ ({detail})]]."),
        ("death", "diverged"),
    ),
    _Sign(
        "main.waits_on", _is("batch-queue", 1.5),
        define("unusual.waits-batch", "The main thread waits for a batch[[ ({detail})]]."),
    ),
    _Sign(
        "main.waits_on", _is("native-call", 1.5),
        define("unusual.waits-native", "The main thread is in {detail}."), ("death", "diverged"),
    ),
    _Sign(
        "activity.present", _is(False, 1.4), define("unusual.idle", "No process of the run was working[[ ({detail})]].")
    ),
    _Sign(
        "progress.age_s", _above(8),
        define("unusual.progress", "Nothing was finished for {value:duration}."), ("stall",),
    ),
)  # fmt: skip


def unusual(diagnosis: Diagnosis) -> tuple[Text, ...]:
    """Return what was unusual, as sentences; empty if nothing that is known was."""
    facts = {fact.name: fact for fact in diagnosis.facts if fact.status == "known"}
    found: list[tuple[float, Text]] = []
    for sign in SIGNS:
        fact = facts.get(sign.fact)
        if fact is None or diagnosis.episode.kind in sign.repeats:
            continue
        weight = sign.weigh(fact.value)
        if weight > 0:
            count = fact.value if isinstance(fact.value, int) else None
            found.append((weight, sign.words(value=_shown(fact), count=count, detail=fact.detail or None)))
    found.sort(key=lambda weighed: -weighed[0])
    return tuple(sentence for _, sentence in found[:MOST_FINDINGS])


def _shown(fact: Fact) -> Text | int | float | tuple[Subject | str, ...] | None:
    if fact.words is not None and not isinstance(fact.words, tuple):
        return fact.words
    if isinstance(fact.value, str):
        return fact.value.splitlines()[0].rstrip(".") if fact.value else None
    if isinstance(fact.value, tuple):
        return fact.actors
    return None if isinstance(fact.value, bool) else fact.value
