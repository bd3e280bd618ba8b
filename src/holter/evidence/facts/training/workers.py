"""Facts about data workers: number, state, and the case and file that each is working on."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import NO_PROCESS_TREE, NO_WORKERS
from holter.evidence.window import Window, last, mean_cpu, ready_to_run
from holter.evidence.words import CASE_IN_HAND, WORKING_CPU_RATIO, is_in_freezer, process_of, waits_for_storage
from holter.records import DATA_WORKERS, WORKERS, Beat, ProcessSample
from holter.sentences import define

# Workers that together use this share of all CPUs are working, however little each of them gets.
CROWDED_CPU_PART = 0.5
# A worker in one read for this long is blocked, whatever its state letter.
SLOW_READ_S = 3.0
SEEN_IN_TREE = ("workers.count", "workers.stopped", "workers.stopped_pids", "workers.blocked", "workers.working")
NO_FILES = ("pipe:", "socket:", "anon", "/dev")
READS = ("read", "pread64", "readv", "preadv", "preadv2")
NO_HEARTBEAT = define("why.heartbeat.none-of-workers", "no heartbeat of the workers")
NO_CASE = define("why.workers.no-case", "no stuck worker with a known case")
NO_MOUNT = define("why.workers.no-mount", "the mount of the file was not found")


def collect(window: Window, book: FactBook) -> None:
    """State numbers and states of the workers, and the case and file of stuck ones."""
    workers = window.processes(*DATA_WORKERS)
    all_workers = window.processes(*WORKERS)
    if not window.processes():
        book.unknown(SEEN_IN_TREE, NO_PROCESS_TREE())
        return
    beats = {beat.pid: beat for beat in window.beats(*WORKERS)}
    main = window.main()
    paused = main is not None and main.state in ("T", "t")
    stopped = [process for process in all_workers if process.state in ("T", "t") and not paused]
    # A dead mount under the results blocks the main process itself.
    suspects = [
        process for process in (all_workers if main is None else (*all_workers, main)) if not is_in_freezer(process)
    ]
    blocked = [process for process in suspects if is_blocked(process, window)]
    working = _working(workers, window)
    book.known("workers.count", len(workers))
    book.known("workers.stopped", tuple(map(process_of, stopped)))
    # What a debugger holds (state t) cannot be continued by a signal.
    book.known("workers.stopped_pids", tuple(str(process.pid) for process in stopped if process.state == "T"))
    book.known("workers.blocked", tuple(map(process_of, blocked)))
    book.known("workers.working", len(working))
    cpu = [mean_cpu(window.now, worker.pid) for worker in workers]
    book.known("workers.cpu_ratio", sum(value or 0.0 for value in cpu) if cpu else None, unless=NO_WORKERS())
    each = [value for value in cpu if value is not None]
    book.known("workers.cpu_each", sum(each) / len(each) if each else None, unless=NO_WORKERS())
    _delivering(workers, beats, book)
    _in_hand(stopped or blocked, beats, book)
    _blocked_file(blocked, beats, window, book)


# Workers that compute: most of a core each, or their share if all together use most CPUs, or ready to run.
def _working(workers: tuple[ProcessSample, ...], window: Window) -> list[ProcessSample]:
    used = {worker.pid: mean_cpu(window.now, worker.pid) or 0.0 for worker in workers}
    cpus = last(tick.cgroup.effective_cpus for tick in window.all if tick.cgroup)
    crowded = cpus is not None and sum(used.values()) >= CROWDED_CPU_PART * cpus
    limit = min(WORKING_CPU_RATIO, sum(used.values()) / len(used) / 2) if crowded and used else WORKING_CPU_RATIO
    ready = ready_to_run(window.now)
    return [worker for worker in workers if used[worker.pid] >= limit or worker.pid in ready]


def is_blocked(process: ProcessSample, window: Window) -> bool:
    """Return whether a read of the process gets no answer.

    State D, or a read call or storage wait channel, in more than half of the samples, with little CPU use.
    """
    readings = [sample for tick in window.now for sample in tick.processes if sample.pid == process.pid]
    reading = [
        sample for sample in readings if sample.state == "D" or sample.syscall in READS or waits_for_storage(sample)
    ]
    if not readings or process.state in ("T", "t", "Z") or len(reading) * 2 <= len(readings):
        return False
    idle = (mean_cpu(window.now, process.pid) or 0.0) < WORKING_CPU_RATIO
    pipe = all((sample.syscall_file or "").startswith(NO_FILES) for sample in reading)
    return idle and not (pipe and process.state == "S" and not waits_for_storage(process))


def _delivering(workers: tuple[ProcessSample, ...], beats: dict[int, Beat], book: FactBook) -> None:
    known = [beats[worker.pid] for worker in workers if worker.pid in beats]
    if not known:
        book.unknown("workers.delivering", NO_HEARTBEAT())
        return
    book.known("workers.delivering", sum(beat.wait_began_s is None and beat.case is None for beat in known))


def _in_hand(stuck: list[ProcessSample], beats: dict[int, Beat], book: FactBook) -> None:
    cases = [beats[process.pid].case for process in stuck if process.pid in beats]
    book.known(
        "workers.case",
        next((case for case in cases if case), None),
        unless=NO_CASE(),
    )


def _blocked_file(blocked: list[ProcessSample], beats: dict[int, Beat], window: Window, book: FactBook) -> None:
    pids = {process.pid for process in blocked}
    files = [
        (sample.syscall_file, sample.syscall_mount)
        for tick in window.now
        for sample in tick.processes
        if sample.pid in pids and sample.syscall_file and not sample.syscall_file.startswith(NO_FILES)
    ]
    if files:
        book.known("workers.blocked_file", files[-1][0])
        book.known("workers.blocked_mount", files[-1][1], unless=NO_MOUNT())
        return
    storage = window.storage("preprocessed", window.all)
    cases = [beats[process.pid].case for process in blocked if process.pid in beats and beats[process.pid].case]
    if blocked and cases and storage:
        # A page fault on a mapped file shows no descriptor; the worker's heartbeat names the case.
        book.known("workers.blocked_file", f"{cases[0]} (case in hand)", words=CASE_IN_HAND(case=cases[0]))
        mount = storage[-1]
        book.known("workers.blocked_mount", f"{mount.fs_type} {mount.mount_point}" if mount.fs_type else None)
