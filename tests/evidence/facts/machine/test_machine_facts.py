"""Facts about the machine around the training, from ticks and events as the recorder writes them."""

from __future__ import annotations

import msgspec

from holter.evidence import Evidence, collect
from holter.evidence.words import CASE_IN_HAND
from holter.records import (
    ActionTaken,
    Beat,
    Environment,
    Episode,
    Event,
    ExceptionSeen,
    Frame,
    HostSample,
    KernelMessage,
    LogLine,
    Noted,
    OtherTraining,
    PhaseChanged,
    ProcessBorn,
    ProcessEnded,
    ProcessSample,
    StackDump,
    StorageSample,
    ThreadStack,
    Tick,
)
from holter.reports.catalogue import phrase
from holter.tape import Recording


def seen(
    *events: Event,
    ticks: tuple[Tick, ...] = (),
    kind: str = "slow-down",
    alarm_s: float = 100.0,
    stacks: tuple[StackDump, ...] = (),
    **environment: object,
) -> Evidence:
    """Facts of an episode that began twenty seconds before its alarm."""
    told = (*ticks, Tick(t_s=alarm_s, events=tuple(sorted(events, key=lambda event: event.t_s))))
    made = Recording(
        all_ticks=tuple(sorted(told, key=lambda tick: tick.t_s)),
        all_stacks=stacks,
        environment=Environment(wall_start="", **environment) if environment else None,  # type: ignore[arg-type]
    )
    return collect(made, Episode(kind=kind, start_s=alarm_s - 20, alarm_s=alarm_s, pid=1))  # type: ignore[arg-type]


def value(evidence: Evidence, name: str) -> object:
    return evidence.fact(name).value


def host(t_s: float, busy: float, ours: float, **more: object) -> Tick:
    process = ProcessSample(t_s=t_s, pid=1, role="main", cpu_ratio=ours, started_s=5.0)
    return Tick(
        t_s=t_s,
        host=HostSample(t_s=t_s, cpu_count=4, cpu_busy_ratio=busy, **more),  # type: ignore[arg-type]
        processes=(process,),
    )


# --- others on the machine ---------------------------------------------------------------------------------------


def test_what_others_use_before_and_during() -> None:
    ticks = tuple(host(float(t_s), 1.0 if t_s >= 80 else 0.5, 1.0) for t_s in range(50, 100))
    found = seen(ticks=ticks)
    assert (value(found, "host.others_cpu_ratio"), value(found, "host.others_usual_ratio")) == (0.75, 0.25)
    assert phrase(found.fact("host.others_cpu_ratio").detail or "", "en") == "3.0 of 4 CPUs"


def test_a_moment_is_no_neighbour() -> None:
    found = seen(ticks=(host(90.0, 1.0, 0.0), host(91.0, 1.0, 0.0)))
    assert found.fact("host.others_cpu_ratio").status == "unknown"


def test_the_busiest_during_the_episode_are_named() -> None:
    quiet = host(40.0, 0.2, 0.1, others_busiest=("sshd 0.2",))
    loud = host(90.0, 1.0, 0.1, others_busiest=("matlab 3.1",))
    assert value(seen(ticks=(quiet, loud)), "host.others") == ("matlab 3.1",)
    assert value(seen(ticks=(quiet,)), "host.others") == ("sshd 0.2",)
    assert seen(ticks=(host(90.0, 1.0, 0.1),)).fact("host.others").status == "unknown"


def race(*others: OtherTraining) -> Evidence:
    return seen(ticks=(host(90.0, 0.5, 0.1, other_trainings=others),), kind="death")


def test_a_training_on_the_same_data_is_a_race_only_if_it_began_at_the_same_time() -> None:
    assert value(race(OtherTraining(pid=7, started_s=9.0, same_data=True)), "unpack.raced") is True
    assert value(race(OtherTraining(pid=7, started_s=-4000.0, same_data=True)), "unpack.raced") is False
    assert value(race(OtherTraining(pid=7, started_s=9.0, same_data=False)), "unpack.raced") is False
    assert value(race(), "unpack.raced") is False
    assert race(OtherTraining(pid=7, started_s=9.0)).fact("unpack.raced").status == "unknown"
    assert value(race(OtherTraining(pid=7), OtherTraining(pid=8)), "trainings.others") == 2


def test_a_race_is_one_with_the_process_that_trains_and_not_with_a_launcher_that_started_long_before() -> None:
    others = (OtherTraining(pid=7, started_s=9.0, same_data=True),)
    launcher, rank = (ProcessSample(t_s=90.0, pid=p, role="main", started_s=s) for p, s in ((1, -4000.0), (2, 5.0)))
    beats = tuple(Beat(t_s=90.0, pid=pid, role="main", progress_total=done) for pid, done in ((1, 0), (2, 30)))
    tick = msgspec.structs.replace(
        host(90.0, 0.5, 0.1, other_trainings=others), processes=(launcher, rank), beats=beats
    )
    assert value(seen(ticks=(tick,), kind="death"), "unpack.raced") is True


# --- reading -----------------------------------------------------------------------------------------------------


def stack(pid: int, *frames: tuple[str, str]) -> StackDump:
    thread = ThreadStack(name="MainThread", frames=tuple(Frame(file=file, function=name) for file, name in frames))
    return StackDump(t_s=100.0, pid=pid, role="train-worker", rung="py-spy", threads=(thread,))


READING = (("/v/blosc2/ndarray.py", "__getitem__"), ("/v/acvl_utils/x.py", "crop_and_pad_nd"))
TRANSFORMING = (("/v/torch/functional.py", "f"), ("/v/batchgeneratorsv2/transforms/spatial/spatial.py", "apply"))
WAITING = (("/usr/lib/python3/multiprocessing/queues.py", "put"),)


def test_the_share_of_reading_counts_working_workers_only() -> None:
    stacks = (stack(1, *READING), stack(2, *READING), stack(3, *READING), stack(4, *TRANSFORMING), stack(5, *WAITING))
    assert value(seen(stacks=stacks), "reading.share") == 0.75
    assert seen(stacks=stacks[3:]).fact("reading.share").status == "unknown"


def test_the_median_case_is_read_off_the_plans() -> None:
    found = seen(plans=(("median_image_size", "512 x 1684 x 512"),))
    assert value(found, "plan.median_voxels") == 512 * 1684 * 512
    assert seen(plans=(("median_image_size", "many"),)).fact("plan.median_voxels").status == "unknown"


def reads(at: dict[int, int]) -> tuple[Tick, ...]:
    return tuple(
        Tick(t_s=float(t_s), processes=(ProcessSample(t_s=float(t_s), pid=2, read_bytes_total=count),))
        for t_s, count in at.items()
    )


def test_reading_from_storage_is_compared_between_the_ends_of_the_recording() -> None:
    cold = reads({0: 0, 20: 900_000_000, 50: 990_000_000, 90: 1_000_000_000})
    assert value(seen(ticks=cold), "cache.reads_late_ratio") == 0.0111
    steady = reads({0: 0, 30: 300_000_000, 60: 600_000_000, 90: 900_000_000})
    assert value(seen(ticks=steady), "cache.reads_late_ratio") == 1.0
    assert seen(ticks=reads({0: 0, 90: 1000})).fact("cache.reads_late_ratio").status == "not-applicable"
    assert seen(ticks=reads({0: 0, 9: 10**9})).fact("cache.reads_late_ratio").status == "unknown"


def test_a_windows_drive_is_one_only_in_wsl() -> None:
    storage = StorageSample(t_s=95.0, label="preprocessed", path="/mnt/c/d", fs_type="9p", mount_point="/mnt/c")
    tick = Tick(t_s=95.0, storage=(storage,))
    assert value(seen(ticks=(tick,), virtual_machine="wsl"), "storage.windows_drive") is True
    assert seen(ticks=(tick,), virtual_machine="kvm").fact("storage.windows_drive").status == "not-applicable"
    assert seen(ticks=(tick,)).fact("storage.windows_drive").status == "unknown"


def test_a_want_of_pinned_memory_is_told_from_a_want_of_gpu_memory() -> None:
    where = 'File "pin_memory.py", line 20, in pin_memory'
    pinned = ExceptionSeen(t_s=100.0, error="RuntimeError", message="CUDA error: out of memory", traceback=where)
    other = ExceptionSeen(t_s=100.0, error="RuntimeError", message="CUDA out of memory", traceback="in forward")
    assert value(seen(pinned, kind="death"), "exception.pinned_memory") is True
    assert value(seen(other, kind="death"), "exception.pinned_memory") is False


def test_a_case_in_hand_is_named_without_inventing_the_name_of_its_file() -> None:
    torn = ExceptionSeen(t_s=100.0, error="BadZipFile", message="File is not a zip file", case="brain_003")
    file = seen(torn, kind="death").fact("exception.file")
    assert (file.value, file.words) == ("brain_003 (case in hand)", CASE_IN_HAND(case="brain_003"))


# --- what is over, and what only seems so ---------------------------------------------------------------------------


def phase(t_s: float, name: str, epoch: int | None = None) -> PhaseChanged:
    return PhaseChanged(t_s=t_s, phase=name, epoch=epoch)  # type: ignore[arg-type]


def test_only_what_follows_the_final_validation_is_the_end() -> None:
    between = (phase(1.0, "train", 9), phase(30.0, "shutdown"))
    assert value(seen(*between), "finish.done") is False
    over = seen(*between, phase(31.0, "final-validation"), phase(38.0, "shutdown"))
    assert (value(over, "finish.done"), value(over, "finish.age_s")) == (True, 62.0)
    said = seen(phase(1.0, "train", 9), LogLine(t_s=40.0, text="Mean Validation Dice:  0.8"))
    assert value(said, "finish.age_s") == 60.0
    again = seen(*between, phase(31.0, "final-validation"), phase(38.0, "shutdown"), phase(50.0, "startup"))
    assert value(again, "finish.done") is False


def test_the_console_is_silent_until_it_speaks_again() -> None:
    silent = Noted(t_s=50.0, what="console-silent", text="7 lines of the training log in 40 s, none of them in o.txt")
    again = Noted(t_s=60.0, what="console-speaks-again", text="o.txt")
    assert value(seen(silent), "output.hidden") is True
    assert value(seen(silent, again), "output.hidden") is False
    assert value(seen(console="null"), "output.hidden") is True
    assert seen(console="terminal").fact("output.hidden").status == "unknown"


def test_python_holds_back_what_goes_to_a_file_unless_told_not_to() -> None:
    assert value(seen(console="file"), "output.buffered") is True
    assert value(seen(console="terminal"), "output.buffered") is False
    assert value(seen(console="pipe", variables=(("PYTHONUNBUFFERED", "1"),)), "output.buffered") is False
    assert value(seen(console="pipe", command=("python", "-u", "train.py")), "output.buffered") is False


def test_an_optional_step_of_the_main_thread_is_named() -> None:
    main = ProcessSample(t_s=99.0, pid=1, role="main", state="S")
    frames = (
        Frame(file="/usr/lib/python3/subprocess.py", function="wait", line=1),
        Frame(file="/v/nnunetv2/nnUNetTrainer.py", function="plot_network_architecture", line=570),
    )
    thread = ThreadStack(name="MainThread", thread_id=1, frames=frames)
    dump = StackDump(t_s=100.0, pid=1, role="main", rung="py-spy", threads=(thread,))
    tick = Tick(t_s=99.0, processes=(main,))
    found = seen(ticks=(tick,), stacks=(dump,), kind="stall")
    assert value(found, "main.extra_step") == "plot_network_architecture (nnUNetTrainer.py:570)"
    plain = StackDump(
        t_s=100.0, pid=1, role="main", rung="py-spy", threads=(ThreadStack(name="MainThread", frames=frames[:1]),)
    )
    assert seen(ticks=(tick,), stacks=(plain,)).fact("main.extra_step").status == "not-applicable"


# --- workers of each epoch, hardware ----------------------------------------------------------------------------------


def epochs(*events: Event) -> Evidence:
    starts = [phase(10.0 * number, "train", number) for number in range(6)]
    beats = tuple(
        Tick(
            t_s=t_s,
            processes=(ProcessSample(t_s=t_s, pid=1, role="main"),),
            beats=(Beat(t_s=t_s, pid=1, phase="train", progressed_s=t_s - 0.5),),
        )
        for number in range(6)
        for t_s in (10.0 * number + 7.0, 10.0 * number + 9.0)
    )
    return seen(*starts, *events, ticks=beats)


def test_workers_born_in_every_epoch_are_counted_and_healed_ones_are_not() -> None:
    born = [ProcessBorn(t_s=10.0 * number + 1, pid=50 + number, role="train-worker") for number in range(6)]
    assert value(epochs(*born), "workers.reborn_ratio") == 1.0
    assert value(epochs(*born), "epochs.edge_ratio") == 0.65
    assert value(epochs(born[0]), "workers.reborn_ratio") == 0.0
    healed = ActionTaken(t_s=20.5, action="replace-workers", state="begun")
    assert value(epochs(born[2], healed), "workers.reborn_ratio") == 0.0
    assert seen(phase(1.0, "train", 0), *born).fact("workers.reborn_ratio").status == "unknown"


def test_hardware_errors_and_crashes_are_gathered_over_the_whole_recording() -> None:
    tick = Tick(t_s=1.0, processes=(ProcessSample(t_s=1.0, pid=1, role="main"),))
    found = seen(
        KernelMessage(t_s=5.0, what="mce", text="mce: [Hardware Error]: CPU 3: Machine Check"),
        ProcessEnded(t_s=10.0, pid=3, role="train-worker", exit_signal=11),
        ProcessEnded(t_s=10.1, pid=3, role="train-worker", exit_signal=11, source="pidfd"),
        ProcessEnded(t_s=60.0, pid=4, role="train-worker", exit_signal=7),
        ProcessEnded(t_s=61.0, pid=5, role="train-worker", exit_signal=15),
        ticks=(tick,),
        kind="death",
    )
    assert value(found, "hardware.kernel_errors") == ("mce: [Hardware Error]: CPU 3: Machine Check",)
    assert value(found, "hardware.crash_signals") == ("SIGBUS", "SIGSEGV")
    unread = seen(Noted(t_s=0.0, what="kernel-log-unreadable", text="/dev/kmsg"), ticks=(tick,))
    assert unread.fact("hardware.kernel_errors").status == "unknown"


def test_what_holter_only_says_explains_no_new_workers() -> None:
    born = [ProcessBorn(t_s=10.0 * number + 1, pid=50 + number, role="train-worker") for number in range(6)]
    said = [ActionTaken(t_s=event.t_s - 1, action="announce-restart", state="begun") for event in born]
    assert value(epochs(*born, *said), "workers.reborn_ratio") == 1.0


def test_an_export_worker_whose_end_two_sources_report_is_named_once() -> None:
    ends = [
        ProcessEnded(t_s=t_s, pid=7, role="export-worker", exit_signal=9, source=source)
        for t_s, source in ((10.0, "hook"), (11.0, "pidfd"))
    ]
    ticks = tuple(
        Tick(t_s=float(t_s), processes=(ProcessSample(t_s=float(t_s), pid=8, role="export-worker"),))
        for t_s in range(60, 100)
    )
    found = seen(*ends, ticks=ticks, kind="death").fact("export.replaced")
    assert found.value == 1
    assert phrase(found.detail, "en").count("PID 7") == 1
