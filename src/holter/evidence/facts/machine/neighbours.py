"""Facts about other processes on the machine: their CPU use, and other trainings among them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from holter.evidence.fact_book import FactBook
from holter.evidence.messages import messages_around, state_or_absent
from holter.evidence.window import Window, last
from holter.history.ranks import main_process
from holter.patterns import later
from holter.records import OtherTraining, Tick
from holter.sentences import define

# Fewer samples show only a moment.
ENOUGH_READINGS = 3
# Unpacking and creating splits take minutes at most; a training that started earlier has finished both.
RACE_S = 300.0
# nnU-Net checks each existing .npy before unpacking, and writes it again if it cannot read it.
REWRITES = later(r"Error when checking .*fixing")

CORES = define("seen.host.others", "{cores:.1f} of {cpus:cpus}")
RACED = define("seen.unpack.raced", "{count} on the same data")
OTHERS_NOT_READ = define("why.host.others-not-read", "the other processes were not read")
TOO_SHORT = define("why.host.too-short", "the CPU use of the machine and of the run was not recorded long enough")
NOT_SEARCHED = define("why.trainings.not-searched", "other trainings on this machine were not looked for")
NO_PERMISSION = define("why.unpack.no-permission", "no permission to read the settings of the other training")


def collect(window: Window, book: FactBook) -> None:
    """State CPU use and names of other processes, and whether another training started on the same data."""
    cpus = last(tick.host.cpu_count for tick in window.all if tick.host)
    for name, ticks in (("host.others_cpu_ratio", window.during), ("host.others_usual_ratio", window.before)):
        cores = _others_cores(ticks)
        if cpus and len(cores) >= ENOUGH_READINGS:
            book.known(name, median(cores) / cpus, CORES(cores=median(cores), cpus=cpus))
        else:
            book.unknown(name, TOO_SHORT())
    seen = [tick.host for tick in window.all if tick.host and tick.host.others_busiest is not None]
    recent = [host for host in seen if host.t_s >= window.episode.start_s]
    busiest = next((host.others_busiest for host in reversed(recent or seen[-1:]) if host.others_busiest), ())
    book.known("host.others", busiest if seen else None, unless=OTHERS_NOT_READ())
    _trainings(window, book)
    rewritten = sum(bool(REWRITES.match(text)) for text in messages_around(window))
    state_or_absent(window, book, "unpack.rewritten", rewritten or None)


# Busy CPUs of the machine minus those of the run, one value per sample.
def _others_cores(ticks: Iterable[Tick]) -> list[float]:
    cores = []
    for tick in ticks:
        host = tick.host
        if host and host.cpu_busy_ratio is not None and host.cpu_count and tick.processes:
            own_cores = sum(process.cpu_ratio or 0.0 for process in tick.processes)
            cores.append(max(0.0, host.cpu_busy_ratio * host.cpu_count - own_cores))
    return cores


def _trainings(window: Window, book: FactBook) -> None:
    readings = [trainings for tick in window.all if tick.host and (trainings := tick.host.other_trainings) is not None]
    if not readings:
        book.unknown(("trainings.others", "unpack.raced"), NOT_SEARCHED())
        return
    book.known("trainings.others", max(len(reading) for reading in readings[-3:]))
    others = {training.pid: training for reading in readings for training in reading}
    mains = (main_process(tick.processes, tick.beats) for tick in window.all)
    ours_s = last(main.started_s if main else None for main in mains)
    near = [training for training in others.values() if _starts_near(training, ours_s)]
    if any(training.same_data for training in near):
        book.known("unpack.raced", True, RACED(count=sum(bool(training.same_data) for training in near)))
    elif any(training.same_data is None for training in near):
        book.unknown("unpack.raced", NO_PERMISSION())
    else:
        book.known("unpack.raced", False)


def _starts_near(other: OtherTraining, ours_s: float | None) -> bool:
    return ours_s is None or other.started_s is None or abs(other.started_s - ours_s) <= RACE_S
