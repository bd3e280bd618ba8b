"""Facts about processes that train together: which rank delays the others, and which operation NCCL gave up."""

from __future__ import annotations

from typing import NamedTuple

from holter.evidence.fact_book import FactBook
from holter.evidence.frames import collective, describe, main_thread
from holter.evidence.messages import messages_around, state_or_absent
from holter.evidence.reasons import NO_HEARTBEAT
from holter.evidence.window import Window
from holter.history.ranks import working
from holter.patterns import later
from holter.records import Beat, Message, Tick
from holter.sentences import define, joined

# Parts of a run in order: a rank in an earlier part delays those in a later one.
_ORDER = (
    "startup",
    "unpack",
    "compile",
    "train",
    "validate",
    "epoch-end",
    "checkpoint",
    "final-validation",
    "shutdown",
)
# While steps continue, a rank slows all down if it waits for its batches this share of the time and the others do not.
SLOW_WAIT, FAST_WAIT = 0.3, 0.1
# At any moment one rank waits for its batch and another does not; only if all ranks stopped does this show which one
# delays them.
STANDS_S = 5.0
ALONE = define("why.ddp.alone", "one process trains alone")
WENT_ON = define("why.ddp.went-on", "they were making progress until then")
NO_GPU_ON_BUS = define("why.system.no-gpu-on-bus", "no NVIDIA GPU is seen on the PCI bus")
IN_STATE = define("seen.ddp.in-state", "PID {pid} (state {state})")
WAITS_FOR = define("seen.ddp.waits-for", "PID {pid} (waits for {what})")
WAIT_FOR = {
    "train-batch": define("seen.ddp.train-batch", "a training batch"),
    "val-batch": define("seen.ddp.val-batch", "a validation batch"),
    "export-slot": define("seen.ddp.export-slot", "a free export worker"),
    "export-result": define("seen.ddp.export-result", "the result of an export"),
}
STILL_IN = define("seen.ddp.still-in", "PID {pid} (still in {phase})")
IN_FRAME = define("seen.ddp.in-frame", "PID {pid} (in {frame})")
WAITS = define("seen.ddp.waits", "PID {pid} (waits {share:percent} % of a step for its batch)")
_TIMED_OUT = later(r"collective operation timeout: Work\w+\((?:[^)]*?OpType=(\w+))?")


class Rank(NamedTuple):
    """A rank that the others wait for: the text for the value of the fact, and the sentence for people."""

    name: str
    text: Message


def collect(window: Window, book: FactBook) -> None:
    """State the number of ranks, the ranks that are behind, and the operation that timed out."""
    timeout = next((match for text in messages_around(window) if (match := _TIMED_OUT.search(text))), None)
    what = (timeout[1] or "a collective").lower() if timeout else None
    state_or_absent(window, book, "ddp.timed_out", what, timeout[0][:160] if timeout else "")
    if timeout and book.value("exception.kind") is None:  # the watchdog aborts the process without a Python exception
        book.known("exception.kind", "nccl-timeout", timeout[0][:160])
    environment = window.recording.environment
    if environment is not None:
        book.known("system.gpu_iommu", environment.gpu_iommu, unless=NO_GPU_ON_BUS())
    beats = working(window.beats())
    if not beats:
        book.unknown(("ddp.ranks", "ddp.behind", "ddp.steps"), NO_HEARTBEAT())
        return
    book.known("ddp.ranks", len(beats))
    book.known("ddp.steps", max(beat.steps_total for beat in beats))
    if len(beats) == 1:
        book.not_applicable("ddp.behind", ALONE())
    elif window.episode.kind == "slow-down":
        _state(book, _slower(window.during))
    elif any(_moves(beat) for beat in beats):
        book.not_applicable("ddp.behind", WENT_ON())
    else:
        states = {process.pid: process.state for process in window.processes("main")}
        _state(book, _behind(beats, states) or _elsewhere(beats, window))


# The value names the ranks in the same words in all languages; the detail is for people.
def _state(book: FactBook, ranks: list[Rank]) -> None:
    words = tuple(rank.text for rank in ranks)
    book.known("ddp.behind", tuple(rank.name for rank in ranks), joined(*words), words=words)


def _moves(beat: Beat) -> bool:
    return beat.progressed_s is not None and beat.t_s - beat.progressed_s < STANDS_S


# The ranks that stopped somewhere else than the others, which wait for them in a collective operation.
def _behind(beats: list[Beat], states: dict[int, str | None]) -> list[Rank]:
    stopped = [beat for beat in beats if states.get(beat.pid) in ("T", "t", "D")]
    if stopped and len(stopped) < len(beats):
        return [
            Rank(f"PID {beat.pid} (state {states[beat.pid]})", IN_STATE(pid=beat.pid, state=states[beat.pid]))
            for beat in stopped
        ]
    waiting = [beat for beat in beats if beat.waits_for != "none"]
    if waiting and len(waiting) < len(beats):
        return [
            Rank(
                f"PID {beat.pid} (waits for {beat.waits_for})", WAITS_FOR(pid=beat.pid, what=WAIT_FOR[beat.waits_for]())
            )
            for beat in waiting
        ]
    places = {beat.pid: (beat.epoch if beat.epoch is not None else -1, _order(beat)) for beat in beats}
    first, last = min(places.values()), max(places.values())
    if first == last:
        return []
    return [
        Rank(
            f"PID {beat.pid} (still in {beat.phase})", STILL_IN(pid=beat.pid, phase=Message(key=f"phase.{beat.phase}"))
        )
        for beat in beats
        if places[beat.pid] == first
    ]


# From the stacks: ranks that are in no collective operation while another one is.
def _elsewhere(beats: list[Beat], window: Window) -> list[Rank]:
    threads = {beat.pid: main_thread(dump) for beat in beats if (dump := window.stack(beat.pid)) is not None}
    inside = {pid: collective(thread.frames) for pid, thread in threads.items() if thread and thread.frames}
    if len(inside) < len(beats) or not any(inside.values()):
        return []
    where = {pid: describe(thread.frames[0]) for pid, thread in threads.items() if thread and thread.frames}
    outside = [pid for pid, frame in inside.items() if frame is None]
    return [Rank(f"PID {pid} (in {where[pid]})", IN_FRAME(pid=pid, frame=where[pid])) for pid in outside]


def _order(beat: Beat) -> int:
    return _ORDER.index(beat.phase) if beat.phase in _ORDER else -1


# Ranks that wait for batches while the others wait only for them.
def _slower(ticks: tuple[Tick, ...]) -> list[Rank]:
    shares: dict[int, float] = {}
    for pid in {beat.pid for tick in ticks for beat in working(tick.beats)}:
        seen = [beat for tick in ticks for beat in tick.beats if beat.pid == pid]
        waited = seen[-1].data_wait_s_total - seen[0].data_wait_s_total
        spent = waited + seen[-1].compute_s_total - seen[0].compute_s_total
        if spent > 0:
            shares[pid] = waited / spent
    slow = {pid: share for pid, share in shares.items() if share >= SLOW_WAIT}
    others = [share for pid, share in shares.items() if pid not in slow]
    if not slow or not others or max(others) > FAST_WAIT:
        return []
    return [
        Rank(f"PID {pid} (waits {share:.0%} of a step for its batch)", WAITS(pid=pid, share=share))
        for pid, share in sorted(slow.items())
    ]
