"""Memory that was refused while it was free, files of nnU-Net that end too early, caches that others take away."""

from __future__ import annotations

import pytest

from holter.causes import diagnose
from holter.evidence import Evidence, collect
from holter.evidence.facts.training.refusal import asked_bytes
from holter.records import (
    CgroupSample,
    Environment,
    Episode,
    Event,
    ExceptionSeen,
    HostSample,
    Noted,
    ProcessEnded,
    ProcessSample,
    Subject,
    Tick,
)
from holter.tape import Recording

GB = 10**9
TORCH = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8192000 bytes. Error code 12"
NUMPY = "Unable to allocate 186. GiB for an array with shape (1, 500, 500) and data type float32"
LOADS = """  File "x/nnunetv2/run/run_training.py", line 50, in get_trainer_from_args
    {call}
    ^^^^^^^^
  File "x/batchgenerators/utilities/file_and_folder_operations.py", line 104, in load_json
    a = json.load(f)
  File "x/json/decoder.py", line 353, in raw_decode
"""


def run(
    *events: Event, free: int = 20 * GB, of_group: int | None = None, limit: int | None = None
) -> tuple[Recording, Episode]:
    group = None
    if of_group is not None:
        group = CgroupSample(t_s=60.0, memory_limit_bytes=32 * GB, memory_used_bytes=32 * GB - of_group)
    ticks = [
        Tick(
            t_s=float(t_s),
            processes=(
                ProcessSample(
                    t_s=t_s, pid=1, role="main", state="R", rss_bytes=3 * GB, address_space_limit_bytes=limit
                ),
            ),
            host=HostSample(t_s=t_s, memory_total_bytes=64 * GB, memory_available_bytes=free, oom_kill_total=0),
            cgroup=group,
            events=tuple(event for event in events if t_s <= event.t_s < t_s + 1),
        )
        for t_s in range(40, 80)
    ]
    environment = Environment(wall_start="", command=("nnUNetv2_train", "4", "3d_fullres", "0"))
    recording = Recording(all_ticks=tuple(ticks), environment=environment)
    return recording, Episode(
        kind="death", phase="train", start_s=60.0, alarm_s=61.0, pid=1, subject=Subject(role="main", pid=1)
    )


def facts(*events: Event, **more: int) -> Evidence:
    return collect(*run(*events, **more))


def raised(message: str, error: str = "RuntimeError", traceback: str = "") -> ExceptionSeen:
    return ExceptionSeen(t_s=60.0, pid=1, role="main", error=error, message=message, traceback=traceback, source="hook")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (TORCH, 8192000),
        (NUMPY, 186 * 2**30),
        ("unable to mmap 512000 bytes from file </torch_1>: Cannot allocate memory (12)", 512000),
        ("std::bad_alloc", None),
        ("CUDA out of memory. Tried to allocate ...", None),
    ],
)
def test_what_an_allocation_asked_for(text, asked):
    assert asked_bytes(text) == asked


@pytest.mark.parametrize(
    ("message", "more", "refused"),
    [
        (TORCH, {}, True),
        (TORCH, {"free": 9_000_000}, False),
        (TORCH, {"of_group": 5_000_000}, False),
        (NUMPY, {}, False),
        ("std::bad_alloc", {}, True),
        ("std::bad_alloc", {"free": GB}, False),
    ],
)
def test_memory_is_refused_only_where_several_times_as_much_was_free(message, more, refused):
    assert facts(raised(message), **more).fact("memory.refused").value is refused


def test_what_was_asked_for_is_a_fact_where_the_error_says_it():
    assert facts(raised(TORCH)).fact("memory.asked_bytes").value == 8192000
    assert facts(raised("std::bad_alloc")).fact("memory.asked_bytes").status == "unknown"
    first = diagnose(*run(raised("", "MemoryError"))).verdicts[0]
    assert (first.cause, first.verdict) == ("memory-refused", "possible"), "bytearray(10**11) says no more"


def test_refused_memory_is_no_want_of_memory_and_a_limit_explains_it():
    first = diagnose(*run(raised(TORCH))).verdicts[0]
    assert (first.cause, first.verdict) == ("memory-refused", "confirmed")
    first = diagnose(*run(raised(TORCH), limit=8 * GB)).verdicts[0]
    assert (first.cause, first.verdict) == ("process-limit", "confirmed")
    first = diagnose(*run(raised(TORCH), limit=100 * GB)).verdicts[0]
    assert first.cause == "memory-refused", "a limit above the memory of the machine is none"
    first = diagnose(*run(raised(NUMPY))).verdicts[0]
    assert first.cause == "ram-oom-train-worker"


@pytest.mark.parametrize(
    ("call", "file"),
    [
        ("plans = load_json(plans_file)", "plans"),
        ('dataset_json = load_json(join(folder, "dataset.json"))', "dataset.json"),
        ("splits = load_json(splits_file)", "splits_final.json"),
        ("mine = load_json(config)", None),
    ],
)
def test_a_json_file_that_cannot_be_read_is_named_where_it_is_known(call, file):
    error = raised("Expecting value: line 41 column 9 (char 796)", "JSONDecodeError", LOADS.format(call=call))
    found = facts(error)
    assert found.fact("exception.truncated_file").value is True
    assert found.fact("exception.file").value == file


def test_json_of_the_users_own_is_nobodys_torn_file():
    error = raised(
        "Expecting value: line 1 column 1 (char 0)", "JSONDecodeError", '  File "mine.py", line 3, in main\n'
    )
    assert facts(error).fact("exception.truncated_file").value is False


@pytest.mark.parametrize(
    ("what", "read_only"), [("read-only-data", True), ("read-only-data-copied", False), (None, None)]
)
def test_read_only_data_explains_a_crash_only_where_it_was_handed_on(what, read_only):
    crash = ProcessEnded(t_s=60.0, pid=7, role="train-worker", worker_index=0, exit_signal=11)
    evidence = run(crash, *([Noted(t_s=50.0, what=what)] if what else ()))
    assert collect(*evidence).fact("data.read_only").value is read_only
    names = [verdict.cause for verdict in diagnose(*evidence).verdicts if verdict.verdict == "confirmed"]
    assert names == (["read-only-data"] if read_only else [])
    assert diagnose(*evidence).verdicts[0].cause == ("read-only-data" if read_only else "worker-killed")
