"""Limits of a process, losses that are no numbers, a folder that is gone, an end before the last epoch."""

from __future__ import annotations

import pytest

from holter.evidence import Evidence, collect
from holter.records import (
    Beat,
    Environment,
    Episode,
    EpochEnded,
    Event,
    ExceptionSeen,
    HostSample,
    Noted,
    ProcessEnded,
    ProcessSample,
    StorageSample,
    Tick,
)
from holter.reports.catalogue import phrase
from holter.sentences import define
from holter.tape import Recording

SINCE = define("test.since", "since epoch {epoch}, iteration {iteration}")


def facts(
    *events: Event,
    kind: str = "death",
    main: dict | None = None,
    storage: tuple[StorageSample, ...] = (),
    memory_bytes: int | None = None,
    **more: object,
) -> Evidence:
    ticks = [
        Tick(
            t_s=float(t_s),
            host=HostSample(t_s=t_s, memory_total_bytes=memory_bytes),
            processes=(ProcessSample(t_s=t_s, pid=1, role="main", state="R", **(main or {})),),
            beats=(Beat(t_s=t_s, pid=1, phase="train", epoch=7, progress_total=9),),
            storage=tuple(sample for sample in storage if sample.t_s == t_s),
            events=tuple(event for event in events if t_s <= event.t_s < t_s + 1),
        )
        for t_s in range(40, 101)
    ]
    recording = Recording(all_ticks=tuple(ticks), environment=Environment(wall_start="", num_epochs=1000))
    return collect(recording, Episode(kind=kind, start_s=60.0, alarm_s=80.0, pid=1, **more))  # type: ignore[arg-type]


def ended(**how: object) -> ProcessEnded:
    return ProcessEnded(t_s=60.0, pid=1, role="main", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signal", "limits", "reached", "near"),
    [
        (24, {"cpu_time_limit_s": 60, "cpu_s_total": 60.1}, "cpu-time", True),
        (9, {"cpu_time_limit_s": 60, "cpu_s_total": 60.1}, "cpu-time", True),
        (9, {"cpu_time_limit_s": 600, "cpu_s_total": 60.1}, None, None),
        (9, {}, None, None),
        (24, {}, "cpu-time", False),
        (24, {"cpu_time_limit_s": 6000, "cpu_s_total": 60.1}, "cpu-time", False),
        (25, {"file_size_limit_bytes": 1000}, "file-size", True),
        (25, {}, "file-size", False),
        (11, {"cpu_time_limit_s": 60, "cpu_s_total": 60.1}, None, None),
    ],
)
def test_the_limit_that_ended_a_process(signal, limits, reached, near):
    found = facts(ended(exit_signal=signal), main=limits)
    assert (found.fact("limit.reached").value, found.fact("limit.near").value) == (reached, near)


def test_a_batch_system_sends_the_signal_of_a_cpu_limit_too():
    detail = facts(ended(exit_signal=24)).fact("limit.reached").detail
    assert phrase(detail, "en") == "SIGXCPU was sent; no CPU limit of the process was seen"


def raised(error: str, message: str, **more: object) -> ExceptionSeen:
    return ExceptionSeen(t_s=60.0, pid=1, role="main", error=error, message=message, **more)  # type: ignore[arg-type]


LARGE = raised("OSError", "[Errno 27] File too large")
CUT = raised("RuntimeError", "unexpected pos 2 vs 1")
READ = {"fd_limit": 1024}  # the limits were read


@pytest.mark.parametrize("checkpoint", [None, 2000, 500])
@pytest.mark.parametrize("error", [LARGE, CUT], ids=["errno", "torch"])
def test_a_limit_of_files_is_near_where_a_checkpoint_is_not_much_smaller(error, checkpoint):
    written = (StorageSample(t_s=50.0, label="results", path="/r", checkpoint_bytes=checkpoint),)
    found = facts(error, main={"file_size_limit_bytes": 4096}, storage=written)
    assert found.fact("limit.reached").value == "file-size"
    assert found.fact("limit.near").value is (checkpoint == 2000)


def test_a_file_that_is_too_large_without_a_limit_is_too_large_for_its_file_system():
    assert facts(LARGE, main=READ).fact("limit.reached").status == "not-applicable"
    unread = facts(LARGE)
    assert (unread.fact("limit.reached").value, unread.fact("limit.near").value) == ("file-size", False)
    assert facts(CUT, main=READ).fact("limit.reached").value is None


@pytest.mark.parametrize(
    ("asked", "resident", "reached", "near"),
    [
        ("Unable to allocate 3. GiB", 2 << 30, "address-space", True),
        ("Unable to allocate 3. MiB", 2 << 30, "address-space", True),
        ("Unable to allocate 3. MiB", 100 << 20, "address-space", False),
        ("", 2 << 30, "address-space", False),
        ("Unable to allocate 900. TiB", 2 << 30, None, None),
    ],
)
def test_a_limit_of_memory_explains_what_was_asked_of_it(asked, resident, reached, near):
    limits = {"address_space_limit_bytes": 4 << 30, "rss_bytes": resident}
    found = facts(raised("MemoryError", asked), main=limits, memory_bytes=64 << 30)
    assert (found.fact("limit.reached").value, found.fact("limit.near").value) == (reached, near)
    assert facts(raised("MemoryError", asked), main=READ).fact("limit.reached").value is None


def epoch(t_s: float, number: int, *not_finite: str) -> EpochEnded:
    return EpochEnded(t_s=t_s, epoch=number, not_finite=not_finite)


def test_the_step_since_which_the_loss_is_no_number():
    since = Noted(t_s=45.0, what="loss-not-finite", message=SINCE(epoch=3, iteration=17))
    lost = (epoch(50.0, 3, "train loss"), epoch(60.0, 4, "train loss"))
    found = facts(since, *lost, kind="diverged")
    assert found.fact("loss.not_finite").value == ("train loss",)
    assert found.fact("loss.since").value == "3/17"
    assert facts(*lost, kind="diverged").fact("loss.since").status == "unknown", "no hook"


def test_a_loss_that_came_back_is_finite():
    found = facts(epoch(50.0, 3, "train loss"), epoch(60.0, 4), kind="slow-down")
    assert found.fact("loss.not_finite").status == "not-applicable"


def folder(t_s: float, identity: str | None, **how: object) -> StorageSample:
    known = {"missing": identity is None, "identity": identity, **how}
    return StorageSample(t_s=t_s, label="results", path="/r/fold_0", **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("later", "gone"),
    [
        ([None, None], "deleted"),
        ([None], None),  # an automounter that said so once
        ([None, "2:7"], None),
        (["2:9"], "replaced"),
        (["3:7"], "replaced"),
        (["2:7"], None),
    ],
)
def test_what_became_of_the_results_folder(later, gone):
    samples = [folder(50.0, "2:7"), *(folder(60.0 + 10 * n, device) for n, device in enumerate(later))]
    assert facts(kind="unsaved", storage=tuple(samples)).fact("results.gone").value == gone


def test_one_look_is_enough_where_an_error_says_the_same():
    gone = ExceptionSeen(t_s=60.0, pid=1, role="main", error="FileNotFoundError", message="[Errno 2] No such file")
    samples = (folder(50.0, "2:7"), folder(60.0, None))
    assert facts(gone, storage=samples).fact("results.gone").value == "deleted"


@pytest.mark.parametrize(
    ("missing", "gone"),
    [
        ("Parent directory /r/fold_0 does not exist.", "deleted"),
        ("[Errno 2] No such file or directory: '/r/fold_0/progress.png'", "deleted"),
        ("[Errno 2] No such file or directory: '/p/case_1.b2nd'", None),
        ("[Errno 30] Read-only file system: '/r/fold_0/progress.png'", None),
    ],
)
def test_before_the_first_reading_an_error_of_writing_is_enough(missing, gone):
    raised = ExceptionSeen(t_s=60.0, pid=1, role="main", error="FileNotFoundError", message=missing)
    assert facts(raised, kind="death").fact("results.gone").value == gone


@pytest.mark.parametrize(
    ("read_s", "missing", "gone"),
    [
        (50.0, "Parent directory /r/fold_0", "deleted"),
        (50.0, "No such file or directory: '/r/fold_0/progress.png'", "deleted"),
        (50.0, "Parent directory /r/fold_01", None),
        (50.0, "/r/fold_0/validation", None),
        (50.0, "[Errno 30] Read-only file system: '/r/fold_0/progress.png'", None),
        (70.0, "Parent directory /r/fold_0", None),  # it is there: the error was about a moment
    ],
)
def test_an_error_that_names_the_folder_is_newer_than_the_last_reading(read_s, missing, gone):
    raised = ExceptionSeen(t_s=60.0, pid=1, role="main", error="RuntimeError", message=f"{missing} does not exist.")
    found = facts(raised, kind="death", storage=(folder(50.0, "2:7"), folder(read_s, "2:7")))
    assert found.fact("results.gone").value == gone


@pytest.mark.parametrize(("device", "gone"), [("2", None), ("3", "replaced")])
def test_a_folder_that_was_made_again_and_took_a_checkpoint_is_there(device, gone):
    saved = Noted(t_s=65.0, what="checkpoint", text="/r/fold_0/checkpoint_latest.pth in 0.10 s")
    samples = (folder(50.0, "2:7"), folder(60.0, None), folder(70.0, f"{device}:9"))
    assert facts(saved, storage=samples).fact("results.gone").value == gone


def test_a_file_system_that_makes_up_inode_numbers_replaces_nothing():
    samples = tuple(folder(t_s, identity, fs_type="fuse.sshfs") for t_s, identity in ((50.0, "2:7"), (70.0, "2:9")))
    assert facts(storage=samples).fact("results.gone").value is None


def test_an_end_before_the_last_epoch():
    found = facts(ended(exit_code=0, early=True)).fact("main.early")
    assert found.value is True
    assert dict(found.detail.values) == {"epoch": 7, "epochs": 1000}
    assert facts(ended(exit_code=0)).fact("main.early").status == "not-applicable"
