"""The training log and the console, read as nnU-Net writes them."""

from __future__ import annotations

import datetime
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.probes.training.console import begun_files, console_files
from holter.probes.training.file_tail import BYTES_PER_READ, MAX_LINE_BYTES, FileTail
from holter.probes.training.trainlog import TrainLogProbe
from holter.records import EpochEnded, Event, ExceptionSeen, LogLine, Noted, PhaseChanged
from holter.reports.catalogue import phrase
from holter.texts.training_command import parse_training_command
from holter.texts.training_log import LogParser, numbers
from holter.texts.training_log.budget import EXCEPTIONS_PER_MINUTE, LINES_PER_MINUTE
from needs import require

LOGS = Path(__file__).parent / "logs"
NEW = "training_log_2026_3_1_09_03_25.txt"  # nnunetv2 2.8.1, numpy 2
OLD = "with_unpacking_2026_3_1_09_03_25.txt"  # a version that unpacks, numpy 1


def wall(hour: int, minute: int, second: float) -> float:
    start = datetime.datetime(2026, 3, 1, hour, minute, int(second)).timestamp()
    return start + second % 1


ZERO = wall(9, 0, 0)
LATER_S = 3600.0
TRACEBACK = ("Traceback (most recent call last):", '  File "/x/a.py", line 1, in f', "ValueError: x")


def lines_of(name: str) -> list[str]:
    return (LOGS / name).read_text().splitlines()


def parse(lines: list[str], *, history: bool = True, now_s: float = LATER_S) -> list[Event]:
    parser = LogParser(ZERO)
    return parser.feed(lines, now_s, history=history) + parser.idle(now_s) + parser.idle(now_s + 10)


def log_folder(command: list[str], environ: dict[str, str]) -> Path | None:
    parsed = parse_training_command(command)
    return parsed.fold_folder(environ) if parsed is not None else None


def of(kind: type, events: list[Event] | tuple[Event, ...]) -> list:
    return [event for event in events if isinstance(event, kind)]


def test_epochs_carry_every_number_that_the_log_tells() -> None:
    first, second = of(EpochEnded, parse(lines_of(NEW)))
    assert (first.epoch, first.duration_s, first.train_loss, first.val_loss) == (0, 175.18, -0.1781, -0.4424)
    assert (first.pseudo_dice, first.learning_rate) == ((0.888, 0.0), 0.01)
    assert first.wall == "2026-03-01 09:06:26.000040"
    assert first.t_s == pytest.approx(wall(9, 6, 26) - ZERO, abs=0.001)
    assert (second.epoch, second.train_loss, second.learning_rate) == (1, -0.5918, 0.00999)


def test_what_is_no_number_is_left_out_and_a_lost_loss_is_told() -> None:
    events = parse(lines_of(NEW))
    second = of(EpochEnded, events)[1]
    assert (second.val_loss, second.pseudo_dice) == (None, None)
    (lost,) = [line for line in of(LogLine, events) if line.text == "val_loss is nan in epoch 1"]
    assert lost.level == "warning" and lost.message is not None
    assert phrase(lost.message, "en") == lost.text
    assert phrase(lost.message, "zh") == "第 1 轮的 val_loss 是 nan"
    for event in events:  # the tape is JSON, which knows no NaN
        assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event


def test_numpy_scalars_are_numbers() -> None:
    assert numbers("[np.float32(1e-05), 0., -inf, tensor(0.5)]") == (1e-05, 0.0, -math.inf, 0.5)


def test_phases_follow_the_sentences_of_a_whole_run() -> None:
    phases = [(event.phase, event.epoch) for event in of(PhaseChanged, parse(lines_of(NEW)))]
    train = [("train", 0), ("checkpoint", 0), ("train", 1), ("checkpoint", 1)]
    assert phases == [*train, ("final-validation", None), ("shutdown", None)]


def test_a_version_that_unpacks_enters_the_unpack_phase() -> None:
    events = parse(lines_of(OLD))
    assert [event.phase for event in of(PhaseChanged, events)][:3] == ["unpack", "startup", "train"]
    assert len(of(EpochEnded, events)) == 2


def test_sentences_worth_keeping_are_kept_and_plans_are_not() -> None:
    texts = [event.text for event in of(LogLine, parse(lines_of(NEW)))]
    assert "Using torch.compile..." in texts
    assert "This split has 208 training and 52 validation cases." in texts
    assert "predicting hippocampus_019" in texts
    assert not [text for text in texts if "plans_name" in text or "shape" in text]


def test_the_worker_that_read_a_torn_file_is_the_cause_and_the_rest_are_echoes() -> None:
    exceptions = of(ExceptionSeen, parse(lines_of("console_torn_file.txt")))
    assert [(e.role, e.error, e.echo) for e in exceptions] == [
        ("train-worker", "RuntimeError", False),
        ("main", "RuntimeError", True),
        ("main", "RuntimeError", True),
    ]
    assert exceptions[0].case == "hippocampus_033"
    assert exceptions[0].traceback.count("\n") > 5


def test_a_line_of_holters_own_comes_after_a_traceback_and_is_no_part_of_it() -> None:
    """Both write into one file; the line is told when the training has ended, and then nothing follows."""
    told = LogParser(ZERO).feed([*TRACEBACK, "holter: Ended: main (PID 7) ended: exit code 1"], 5.0)
    assert [(error.error, error.message) for error in of(ExceptionSeen, told)] == [("ValueError", "x")]


def test_a_line_of_holters_own_behind_a_progress_bar_is_not_the_trainings() -> None:
    bar = " 44%|████▍     | 12/27 [00:10<00:12,  1.21it/s]"
    assert parse([f"{bar}holter: Ended: main raised OSError: [Errno 28] No space left on device"]) == []
    (warned,) = of(LogLine, parse(["UserWarning: lr is small holter: Stalled: an error"]))
    assert warned.text == "UserWarning: lr is small"


@pytest.mark.parametrize(
    "line", ["E1128 21:12:23.191000 29765 torch/x.py:1002] failed", "2026-11-28 21:12:23,4 - root"]
)
def test_a_loggers_line_below_an_error_is_not_the_rest_of_its_message(line) -> None:
    """torchrun tells of the rank that has failed right below its traceback."""
    assert [error.message for error in of(ExceptionSeen, parse([*TRACEBACK, line]))] == ["x"]


TORCHRUN = r"""W1128 21:12:23.191000 29765 torch/distributed/elastic/multiprocessing/api.py:897] Sending process 29767 closing signal SIGTERM
E1128 21:12:23.300000 29765 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: -9) local_rank: 1 (pid: 29768) of binary: /env/bin/python
Traceback (most recent call last):
  File "/env/bin/torchrun", line 8, in <module>
    sys.exit(main())
  File "/env/lib/torch/distributed/launcher/api.py", line 264, in launch_agent
    raise ChildFailedError(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
=======================================================
train.py FAILED
-------------------------------------------------------
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 29768)
  traceback : Signal 9 (SIGKILL) received by PID 29768
"""  # noqa: E501


def test_what_torchrun_says_of_a_rank_that_was_killed_is_an_echo() -> None:
    events = parse(TORCHRUN.splitlines())
    assert [(error.error.rpartition(".")[2], error.echo) for error in of(ExceptionSeen, events)] == [
        ("ChildFailedError", True)
    ]
    assert not [line for line in of(LogLine, events) if "closing signal" in line.text]


def test_a_headline_that_comes_without_its_traceback_is_told_once() -> None:
    console = lines_of("console_torn_file.txt")
    headline = console[-2:]
    assert len(of(ExceptionSeen, parse(headline))) == 1
    assert of(ExceptionSeen, parse(headline))[0].role == "train-worker"
    assert len(of(ExceptionSeen, parse(console))) == len(of(ExceptionSeen, parse(console[:-2])))


def test_a_failed_compilation_is_told_apart_from_the_workers_it_takes_with_it() -> None:
    events = parse(lines_of("console_compile_failed.txt"))
    echo, cause = of(ExceptionSeen, events)
    assert (echo.echo, echo.error) == (True, "RuntimeError")
    assert (cause.echo, cause.error, cause.role) == (False, "BackendCompilerFailed", "main")
    assert "CalledProcessError" in cause.message
    assert "direct cause" in cause.traceback
    assert [line.text for line in of(LogLine, events) if line.level == "error"][-1] == "Killed"


def test_an_exception_of_an_export_worker_is_one_exception() -> None:
    text = """multiprocessing.pool.RemoteTraceback:
\"\"\"
Traceback (most recent call last):
  File "/x/multiprocessing/pool.py", line 125, in worker
    result = (True, func(*args, **kwds))
MemoryError
\"\"\"

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/nnUNetTrainer.py", line 1391, in perform_actual_validation
    _ = [r.get() for r in results]
MemoryError"""
    (exception,) = of(ExceptionSeen, parse(text.splitlines()))
    assert (exception.role, exception.error, exception.echo) == ("export-worker", "MemoryError", False)


def test_a_rank_in_front_of_a_traceback_is_no_obstacle() -> None:
    text = """[rank1]: Traceback (most recent call last):
[rank1]:   File "/x/a.py", line 1, in f
[rank1]: torch.distributed.DistBackendError: NCCL error"""
    (exception,) = of(ExceptionSeen, parse(text.splitlines()))
    assert (exception.error, exception.message) == ("DistBackendError", "NCCL error")


def test_a_flood_of_warnings_is_bounded_and_counted_and_hides_no_error() -> None:
    parser = LogParser(ZERO)
    flood = [f"UserWarning: number {number}" for number in range(1000)]
    events = parser.feed([*flood, "CUDA error: an illegal memory access was encountered"], 10.0)
    assert len([line for line in of(LogLine, events) if line.level == "warning"]) == LINES_PER_MINUTE["warning"]
    assert of(LogLine, events)[-1].level == "error"
    later = parser.feed(["UserWarning: again"], 80.0)
    not_kept = of(LogLine, later)[0]
    assert not_kept.text == f"({1000 - LINES_PER_MINUTE['warning']} lines not kept)"
    assert not_kept.message is not None and phrase(not_kept.message, "zh") == "（有 970 行没有保留）"


def test_a_flood_of_exceptions_keeps_the_first_ones() -> None:
    flood = [line for number in range(500) for line in (f"Process Process-{number}:", *TRACEBACK)]
    events = of(ExceptionSeen, parse(flood))
    assert len(events) == EXCEPTIONS_PER_MINUTE
    assert events[0].traceback.startswith("Process Process-0:")


def test_a_clock_that_is_set_back_moves_no_line_into_the_past() -> None:
    parser = LogParser(ZERO)
    parser.feed(["2026-03-01 09:10:00: Epoch 3 "], 600.0)
    (phase,) = parser.feed(["2026-03-01 08:10:00: Epoch 4 "], 610.0)
    assert phase.t_s == 610.0
    (ahead,) = parser.feed(["2026-03-01 11:10:00: Epoch 5 "], 620.0)
    assert ahead.t_s == 620.0


@pytest.mark.slow
@settings(max_examples=40)
@given(cut=st.integers(min_value=1, max_value=2000), piece=st.integers(min_value=1, max_value=400))
def test_wherever_writing_is_interrupted_the_same_events_come(
    tmp_path_factory: pytest.TempPathFactory, cut: int, piece: int
) -> None:
    content = (LOGS / NEW).read_bytes()
    file = tmp_path_factory.mktemp("cut") / NEW
    tail, parser, events = FileTail(file), LogParser(ZERO), []
    for end in [*range(cut, len(content), piece), len(content)]:
        file.write_bytes(content[:end])
        events += parser.feed(tail.read_lines(), LATER_S, history=True)
    whole = LogParser(ZERO).feed(content.decode().splitlines(), LATER_S, history=True)
    assert repr(events) == repr(whole)


def test_windows_line_ends_and_broken_characters_do_not_disturb(tmp_path: Path) -> None:
    content = (LOGS / NEW).read_bytes().replace(b"\n", b"\r\n").replace(b"Isensee", b"Is\xff\xfensee")
    (tmp_path / NEW).write_bytes(content)
    events = TrainLogProbe(tmp_path, wall_zero=ZERO, wait_s=5).read(LATER_S).events
    assert [event.epoch for event in of(EpochEnded, events)] == [0, 1]


def test_what_was_written_before_the_recording_lies_in_negative_time(tmp_path: Path) -> None:
    shutil.copy(LOGS / NEW, tmp_path)
    probe = TrainLogProbe(tmp_path, wall_zero=wall(9, 7, 0), wait_s=5)
    events = probe.read(1.0).events
    before, after = of(EpochEnded, events)
    assert before.t_s == pytest.approx(-34, abs=0.1)
    assert after.t_s == 1.0  # a stamp in the future of this clock
    assert of(PhaseChanged, events)[0] == PhaseChanged(t_s=wall(9, 3, 25) - wall(9, 7, 0), phase="startup")
    assert not probe.read(2.0).events


def test_a_restart_is_seen_and_the_old_log_is_read_to_its_end(tmp_path: Path) -> None:
    content = (LOGS / NEW).read_text()
    first, second = tmp_path / NEW, tmp_path / "training_log_2026_3_1_10_00_00.txt"
    probe = TrainLogProbe(tmp_path, wall_zero=ZERO, wait_s=5)
    assert not probe.read(0.0).events
    first.write_text(content[: content.index("Epoch time: 165.98")])
    assert len(of(EpochEnded, probe.read(LATER_S).events)) == 1
    first.write_text(content)
    second.write_text("2026-03-01 10:00:01: Epoch 2 \n")
    events = probe.read(LATER_S + 2).events
    assert [event.epoch for event in of(EpochEnded, events)] == [1]
    assert [event.what for event in of(Noted, events)] == ["new-training-log"]
    assert of(PhaseChanged, events)[-2:] == [
        PhaseChanged(t_s=LATER_S, phase="startup"),
        PhaseChanged(t_s=LATER_S + 1, phase="train", epoch=2),
    ]


def test_a_log_that_is_removed_brings_back_no_older_one(tmp_path: Path) -> None:
    shutil.copy(LOGS / NEW, tmp_path / "training_log_2026_2_1_09_03_25.txt")
    shutil.copy(LOGS / NEW, tmp_path)
    probe = TrainLogProbe(tmp_path, wall_zero=ZERO, wait_s=5)
    probe.read(LATER_S)
    (tmp_path / NEW).unlink()
    assert not probe.read(LATER_S + 1).events
    (tmp_path / NEW).write_text("2026-03-01 10:00:00: Epoch 7 \n")
    assert of(PhaseChanged, probe.read(LATER_S + 2).events)[0].epoch == 7


def test_logs_of_earlier_runs_are_left_alone(tmp_path: Path) -> None:
    shutil.copy(LOGS / NEW, tmp_path)
    probe = TrainLogProbe(wall_zero=ZERO, wait_s=5)
    probe.follow(tmp_path, not_before_wall=wall(9, 30, 0))
    assert not probe.read(LATER_S).events
    (tmp_path / "training_log_2026_3_1_09_30_01.txt").write_text("2026-03-01 09:30:02: Epoch 0 \n")
    assert [event.phase for event in of(PhaseChanged, probe.read(LATER_S).events)] == ["startup", "train"]


def test_truncation_and_rotation_begin_anew(tmp_path: Path) -> None:
    file = tmp_path / "console.txt"
    tail = FileTail(file)
    assert tail.read_lines() == []
    file.write_text("one\ntwo\nthr")
    assert tail.read_lines() == ["one", "two"]
    file.write_text("new\n")  # shorter
    assert tail.read_lines() == ["new"]
    other = tmp_path / "other.txt"
    other.write_text("longer than before\n")
    other.replace(file)  # another inode
    assert tail.read_lines() == ["longer than before"]


def test_a_line_without_end_is_cut_and_reading_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "console.txt"
    file.write_bytes(b"x" * (3 * MAX_LINE_BYTES) + b"\nnext\n 10%|#\r 20%|##\r 30%|###\n")
    tail = FileTail(file, bytes_per_read=MAX_LINE_BYTES)
    lines = [line for _ in range(8) for line in tail.read_lines()]
    assert max(len(line) for line in lines) <= MAX_LINE_BYTES
    assert lines[-2:] == ["next", " 30%|###"]


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert FileTail(tmp_path / "pipe").read_lines() == []


def test_a_big_log_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    file = tmp_path / "console.txt"
    with file.open("w") as stream:
        for _ in range(200_000):
            stream.write("an ordinary line of some length that says nothing at all\n")
    tail = FileTail(file)
    sizes = []
    while not tail.caught_up:
        sizes.append(sum(len(line) + 1 for line in tail.read_lines()))
    assert sum(sizes) == file.stat().st_size
    assert max(sizes) <= BYTES_PER_READ + 100


def test_the_console_adds_exceptions_and_repeats_no_epoch(tmp_path: Path) -> None:
    console = tmp_path / "console.txt"
    console.write_text((LOGS / NEW).read_text() + (LOGS / "console_torn_file.txt").read_text())
    alone = TrainLogProbe(wall_zero=ZERO, console=(console,), wait_s=5)
    assert len(of(EpochEnded, alone.read(LATER_S).events)) == 2
    folder = tmp_path / "fold_0"
    folder.mkdir()
    shutil.copy(LOGS / NEW, folder)
    both = TrainLogProbe(folder, wall_zero=ZERO, console=(console,), wait_s=5)
    events = both.read(LATER_S).events
    assert len(of(EpochEnded, events)) == 2
    assert len(of(ExceptionSeen, events + both.read(LATER_S + 5).events)) == 3
    alone.follow(folder)
    assert not of(EpochEnded, alone.read(LATER_S + 1).events)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process with both output streams in one file, like ``command > console.txt 2>&1``."""
    console = tmp_path / "console.txt"
    with console.open("w") as stream:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=stream, stderr=stream)
    yield child.pid, console
    child.kill()
    child.wait()


RAISES = (
    "print('Traceback (most recent call last):'); print('ValueError: new', flush=True); import time; time.sleep(60)"
)


@pytest.mark.parametrize(("redirection", "told"), [(">", ["new"]), (">>", [])])
def test_a_console_that_the_command_itself_begins_is_read_from_its_first_line(
    redirection: str, told: list[str], tmp_path: Path
) -> None:
    """The training is found a second after its start; with ``>>`` what stands there may be of a run before."""
    log = tmp_path / "log"
    log.write_text("Traceback (most recent call last):\nValueError: of last week\n")
    began_wall = time.time()
    with subprocess.Popen(["sh", "-c", f'exec "$0" -c "{RAISES}" {redirection} {log} 2>&1', sys.executable]) as process:
        while "new" not in log.read_text():
            time.sleep(0.02)
        probe = TrainLogProbe(tmp_path / "none", wall_zero=began_wall, not_before_wall=began_wall, wait_s=10)
        of_run = begun_files(process.pid, began_wall)
        probe.follow_console(*console_files(process.pid), of_run=of_run)
        events = [*probe.read(1.0).events, *probe.read(2.0).events, *probe.read(3.0).events]
        process.kill()
    assert [error.message for error in of(ExceptionSeen, events)] == told


def test_the_console_file_of_a_process_is_found_once(sleeper: tuple[int, Path]) -> None:
    pid, console = sleeper
    assert console_files(pid) == (console,)
    assert console_files(os.getpid() + 10**7) == ()


@pytest.mark.slow
def test_a_file_system_that_does_not_answer_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holter.probes.training.trainlog.HANGING_READ_S", 0.3)
    mount = tmp_path / "mount"
    mount.mkdir()
    with slow_mount(mount, seconds=1.5):
        probe = TrainLogProbe(mount, wall_zero=ZERO, wait_s=0.05)
        began = time.monotonic()
        notes: list[str] = []
        epochs = 0
        while time.monotonic() - began < 12 and "log-answers-again" not in notes:
            asked = time.monotonic()
            events = probe.read(LATER_S).events
            assert time.monotonic() - asked < 0.5
            notes += [event.what for event in of(Noted, events)]
            epochs += len(of(EpochEnded, events))
            time.sleep(0.1)
    assert notes[:2] == ["log-does-not-answer", "log-answers-again"]
    assert epochs == 2


class slow_mount:  # noqa: N801 - reads like a function
    """A real file system in user space whose folder listing takes a while."""

    PROGRAM = """
import sys, time, errno, stat, mfusepy
content = open(sys.argv[2], "rb").read()
name = "/" + sys.argv[3]
class Slow(mfusepy.Operations):
    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path == name:
            return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": len(content)}
        raise mfusepy.FuseOSError(errno.ENOENT)
    def readdir(self, path, fh):
        time.sleep(float(sys.argv[4]))
        return [".", "..", name[1:]]
    def read(self, path, size, offset, fh):
        return content[offset:offset + size]
mfusepy.FUSE(Slow(), sys.argv[1], foreground=True, nothreads=False)
"""

    def __init__(self, mount: Path, *, seconds: float) -> None:
        self.mount, self.seconds = mount, seconds

    def __enter__(self) -> None:
        require("fuse3", "dev-fuse")
        self.child = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, str(self.mount), str(LOGS / NEW), NEW, str(self.seconds)],
            stderr=subprocess.DEVNULL,
        )
        for _ in range(100):
            if os.path.ismount(self.mount):
                return
            time.sleep(0.05)
        self.__exit__()
        pytest.skip("cannot mount here")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["fusermount3", "-u", "-z", str(self.mount)], check=False, capture_output=True)
        self.child.kill()
        self.child.wait()


ENVIRON = {"nnUNet_results": "/results", "nnUNet_preprocessed": "/none", "nnUNet_raw": "/none"}
NAMED = "Dataset004_Hippocampus"


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        (f"nnUNetv2_train {NAMED} 3d_fullres 0", "nnUNetTrainer__nnUNetPlans__3d_fullres/fold_0"),
        (f"/v/bin/python /v/bin/nnUNetv2_train {NAMED} 2d all -tr X -p Y --npz", "X__Y__2d/fold_all"),
        (f"python -m nnunetv2.run.run_training -p Y {NAMED} 2d 3 -device cpu", "nnUNetTrainer__Y__2d/fold_3"),
        (f"python /s/nnunetv2/run/run_training.py {NAMED} 2d 3 -tr=X --c", "X__nnUNetPlans__2d/fold_3"),
        (
            f"python -m holter.trainer.shortened --epochs 2 {NAMED} 2d 0 --val --c",
            "nnUNetTrainer__nnUNetPlans__2d/fold_0",
        ),
        (f"holter run -- nnUNetv2_train {NAMED} 2d 1 -num 1", "nnUNetTrainer__nnUNetPlans__2d/fold_1"),
    ],
)
def test_the_log_folder_follows_from_the_command(command: str, folder: str) -> None:
    assert log_folder(command.split(), ENVIRON) == Path("/results") / NAMED / folder


def test_a_data_set_number_is_looked_up_in_the_folders(tmp_path: Path) -> None:
    (tmp_path / NAMED).mkdir()
    (tmp_path / "Dataset0041_Other").mkdir()
    environ = {"nnUNet_results": "/results", "nnUNet_preprocessed": str(tmp_path)}
    found = log_folder(["nnUNetv2_train", "4", "3d_fullres", "0"], environ)
    assert found == Path("/results") / NAMED / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0"
    assert log_folder(["nnUNetv2_train", "5", "3d_fullres", "0"], environ) is None
    assert log_folder(["python", "train.py", "4", "3d_fullres", "0"], environ) is None
    assert log_folder(["nnUNetv2_train", "-h"], environ) is None


def test_a_command_line_that_argparse_refuses_is_an_error_with_its_reason() -> None:
    refused = [
        "unrecognized arguments: -o",
        "the following arguments are required: fold",
        "argument -device: invalid choice: 'gpu' (choose from 'cpu', 'cuda')",
        "argument -tr: expected one argument",
    ]
    for said in refused:
        usage = ["usage: nnUNetv2_train [-h] [-tr TR]", "                      dataset_name_or_id", ""]
        (seen,) = of(ExceptionSeen, parse([*usage, f"nnUNetv2_train: error: {said}"]))
        assert (seen.role, seen.error, seen.message, seen.echo) == ("main", "ArgumentError", said, False)
    others = ["srun: error: node7: task 0: Killed", "gcc: error: unrecognized command-line option '-m'", "x: error: no"]
    assert of(ExceptionSeen, parse(others)) == []


def test_decisive_lines_of_gpus_are_kept_though_they_name_no_error() -> None:
    lines = [
        "/pytorch/aten/src/ATen/native/cuda/ScatterGatherKernel.cu:144: operator(): block: [1,0,0], thread: [2,0,0] "
        'Assertion `idx_dim >= 0 && idx_dim < index_size && "index out of bounds"` failed.',
        "[rank1]:[E1105 ProcessGroupNCCL.cpp:616] [Rank 1] Watchdog caught collective operation timeout: "
        "WorkNCCL(SeqNum=42, OpType=ALLGATHER, NumelIn=1, Timeout(ms)=600000) ran for 600013 milliseconds",
        "Prediction on device was unsuccessful, probably due to a lack of memory. Moving results arrays to CPU",
    ]
    events = LogParser(0.0, source="console").feed(lines, 5.0)
    assert [(line.text, line.level) for line in of(LogLine, events)] == [(line, "error") for line in lines]
