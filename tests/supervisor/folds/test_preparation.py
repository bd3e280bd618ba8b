"""Folds that start together wait for the one that prepares their data: real processes, real signals, real files."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.linux.place import here
from holter.probes.process.process_files import started
from holter.probes.training.preprocessed import Splits, Unpacking
from holter.probes.training.starting import starting_trainings
from holter.records import Message
from holter.reports.catalogue import phrase
from holter.supervisor.folds import lock as lock_module
from holter.supervisor.folds import preparation as preparation_module
from holter.supervisor.folds import torn_files
from holter.supervisor.folds import turn as turn_module
from holter.supervisor.folds.patience import Asked, Patience
from holter.supervisor.folds.preparation import Preparation, who_else
from holter.supervisor.folds.turn import Turn
from holter.texts.training_command import parse_training_command
from needs import imported, needs

HOST = socket.gethostname()
LOCK = "holter-splits.lock"
CASES = f"nnUNetPlans_{CONFIGURATION}"
TRAINING = parse_training_command(("nnUNetv2_train", DATASET_NAME, CONFIGURATION, "1"))

HOLD = """
import sys
from pathlib import Path
from holter.supervisor.folds.lock import Lock
lock = Lock(Path(sys.argv[1]), {"fold": sys.argv[2]})
print("held", flush=True)
sys.stdin.read()
lock.close()
print("free", flush=True)
sys.stdin.close()
import time; time.sleep(60)
"""


ORPHAN = """
import subprocess, sys
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
print(subprocess.Popen(sys.argv[1:], start_new_session=True, **quiet).pid)
"""


class Heard:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[str] = []

    def say(self, told: Message) -> None:
        self.said.append(phrase(told, "en"))
        assert "…" not in self.said[-1] and "…" not in phrase(told, "zh")

    def show(self, told: Message) -> None:
        self.shown.append(phrase(told, "en"))


class Scene:
    """A preprocessed data set of its own, without a split."""

    def __init__(self, folder: Path, brain: Prepared) -> None:
        self.folder = folder
        self.data = folder / "preprocessed" / DATASET_NAME
        ignored = shutil.ignore_patterns("splits_final.json", "gt_segmentations")
        shutil.copytree(brain.preprocessed / DATASET_NAME, self.data, copy_function=os.link, ignore=ignored)
        for name in ("results", "tmp", "cwd"):
            (folder / name).mkdir()
        self.variables = {
            **os.environ,
            **brain.environment(),
            "HOLTER_LOADER": "stock",  # what is tried here has nothing to do with the choice of a loader
            "nnUNet_preprocessed": str(folder / "preprocessed"),
            "nnUNet_results": str(folder / "results"),
            "TMPDIR": str(folder / "tmp"),
        }
        self.heard = Heard()
        self.processes: list[subprocess.Popen[str]] = []
        self.orphans: list[int] = []  # each leads a group of its own

    def hold(self, fold: str = "0", name: str = LOCK) -> subprocess.Popen[str]:
        """Somebody who prepares: a process that has the lock until its input is closed, and lives on."""
        holder = self.start(sys.executable, "-c", HOLD, str(self.data / name), fold)
        assert holder.stdout.readline() == "held\n"
        return holder

    def start(self, *command: str, **options) -> subprocess.Popen[str]:
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": self.folder / "cwd", **options}
        process = subprocess.Popen(command, env=self.variables, text=True, **options)
        self.processes.append(process)
        return process

    def orphan(self, *command: str) -> int:
        """A process that is not below this one; its PID."""
        made = subprocess.run(
            [sys.executable, "-c", ORPHAN, *command], env=self.variables, stdout=subprocess.PIPE, text=True, check=True
        )
        self.orphans.append(int(made.stdout))
        return self.orphans[-1]

    def train(self, fold: str, **options) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "holter", "train", DATASET_NAME, CONFIGURATION, fold, "-device", "cpu")
        # Signals that a wrapper of the tests ignores are ignored by what it starts, too.
        usual = lambda: [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)]  # noqa: E731
        errors = (self.folder / f"stderr-{fold}").open("w")
        return self.start(*command, stderr=errors, preexec_fn=usual, **options)

    def told(self, fold: str = "1") -> str:
        return (self.folder / f"stderr-{fold}").read_text()

    def turn(self) -> Turn:
        return Turn("1", self.data / LOCK, Splits(self.data), self.heard, Patience())

    def write_splits(self, text: str = '[{"train": ["brain_000"], "val": ["brain_001"]}]') -> None:
        (self.data / "splits_final.json").write_text(text)

    def left_behind(self) -> list[Path]:
        found = [
            *self.data.glob("*.lock*"),
            *(path for n in ("results", "cwd") for path in (self.folder / n).iterdir()),
        ]
        return [*found, *(self.folder / "tmp").glob("holter*")]


@pytest.fixture
def scene(tmp_path: Path, brain: Prepared) -> Iterator[Scene]:
    made = Scene(tmp_path, brain)
    yield made
    for process in made.processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
            process.kill()
        process.wait()
    for pid in made.orphans:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def until(look: Callable[[], bool], within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def give_free(holder: subprocess.Popen[str]) -> None:
    holder.stdin.close()
    assert holder.stdout.readline() == "free\n"


def waiting(turn: Turn) -> threading.Thread:
    thread = threading.Thread(target=turn.wait, daemon=True)
    thread.start()
    return thread


def waits_for(pid: int, fold: str = "0", own: str = "1") -> str:
    return f"fold {own} waits for fold {fold} (PID {pid} on {HOST}), which writes splits_final.json"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGTERM, 75),  # of a scheduler: come back later
        (signal.SIGUSR1, 75),
    ],
)
def test_a_signal_ends_the_wait_at_once_and_nothing_is_left_behind(scene, number, code):
    holder = scene.hold()
    fold = scene.train("1")
    until(lambda: waits_for(holder.pid) in scene.told())
    assert list(scene.folder.rglob("holter.lock"))
    began = time.monotonic()
    fold.send_signal(number)
    assert fold.wait(20) == code
    assert time.monotonic() - began < 5
    assert scene.told().splitlines()[1:] == ["holter: ended before the training was started"]
    give_free(holder)
    assert scene.left_behind() == []


def test_a_dead_holder_is_taken_over(scene):
    holder = scene.hold()
    turn = scene.turn()
    thread = waiting(turn)
    until(lambda: scene.heard.said == [waits_for(holder.pid)])
    holder.kill()
    holder.wait()
    thread.join(20)
    assert turn.lock is not None and json.loads((scene.data / LOCK).read_text())["fold"] == "1"
    assert re.fullmatch(
        rf"fold 0 \(PID {holder.pid} on {HOST}\) has made no splits_final.json and is no longer waited for: "
        r"fold 1 goes on after [\d.]+ s and makes it",
        scene.heard.said[-1],
    )
    turn.lock.close()


def test_the_wait_ends_with_the_last_byte_of_the_split_although_the_lock_is_held(scene):
    holder = scene.hold()
    turn = scene.turn()
    thread = waiting(turn)
    until(lambda: scene.heard.said == [waits_for(holder.pid)])
    scene.write_splits('[{"train": ["brain_000"]')
    time.sleep(2.5)
    assert thread.is_alive()
    scene.write_splits()
    thread.join(10)
    assert turn.lock is None
    assert "fold 1 goes on after" in scene.heard.said[-1] and "splits_final.json is there" in scene.heard.said[-1]


def test_nobody_waits_where_nothing_is_to_be_made(scene):
    scene.write_splits()
    scene.hold()
    preparation = Preparation(TRAINING, scene.variables, scene.heard)
    preparation.wait(Patience())
    preparation.close()
    assert scene.heard.said == scene.heard.shown == []
    assert [file.name for file in scene.data.glob("*.lock*")] == [LOCK]


@pytest.mark.long
def test_a_stopped_holder_is_told_once_each_time(scene):
    holder = scene.hold()
    thread = waiting(scene.turn())
    until(lambda: len(scene.heard.said) == 1)
    for times in (1, 2):
        holder.send_signal(signal.SIGSTOP)
        until(lambda: len(scene.heard.said) == 1 + times)  # noqa: B023
        assert scene.heard.said[-1] == (
            f"fold 0 (PID {holder.pid} on {HOST}) is stopped (state T), and fold 1 waits for it; "
            f"to let it go on: kill -CONT {holder.pid}"
        )
        time.sleep(2.5)
        assert len(scene.heard.said) == 1 + times
        holder.send_signal(signal.SIGCONT)
        time.sleep(2.5)
    scene.write_splits()
    thread.join(10)
    assert not thread.is_alive()


def test_a_holder_that_makes_nothing_for_long_is_told_with_a_way_out(scene, monkeypatch):
    monkeypatch.setattr(turn_module, "STUCK_S", 3.0)
    holder = scene.hold()
    turns = [Turn(str(n), scene.data / LOCK, Splits(scene.data), Heard(), Patience()) for n in (1, 2)]
    threads = [waiting(turn) for turn in turns]
    until(lambda: all(len(turn._announce.said) == 2 for turn in turns))
    told = (
        rf"fold 0 \(PID {holder.pid} on {HOST}\) has made no splits_final.json for [\d.]+ s, and fold 1 waits for it; "
        rf"to go on without fold 0: rm {re.escape(str(scene.data / LOCK))}"
    )
    assert re.fullmatch(told, turns[0]._announce.said[1])
    time.sleep(2.5)
    assert all(len(turn._announce.said) == 2 for turn in turns), "once"
    (scene.data / LOCK).unlink()
    until(lambda: any(turn.lock is not None for turn in turns), 10)
    (first,) = [turn for turn in turns if turn.lock is not None]
    (other,) = [turn for turn in turns if turn is not first]
    until(lambda: other._announce.said[-1] == waits_for(os.getpid(), first._fold, other._fold))
    assert "is no longer waited for" in first._announce.said[-1]
    scene.write_splits()
    first.lock.close()
    for thread in threads:
        thread.join(20)


def test_the_end_of_a_fold_does_not_wait_for_a_share_that_hangs(scene, monkeypatch):
    monkeypatch.setattr(preparation_module, "RELEASED_WITHIN_S", 1.0)
    preparation = Preparation(TRAINING, scene.variables, scene.heard)
    preparation.wait(Patience())
    (lock,) = preparation._locks
    answers = threading.Event()
    monkeypatch.setattr(lock_module, "is_held", lambda _: not answers.wait(30))
    began = time.monotonic()
    preparation.close()
    assert time.monotonic() - began < 5
    answers.set()
    until(lambda: not lock.path.exists())


def test_the_training_of_a_holter_that_was_killed_is_waited_for_as_long_as_it_makes_something(scene, monkeypatch):
    monkeypatch.setattr(turn_module, "ORPHANED_S", 4.0)
    training = scene.start("sleep", "60")
    gone = scene.start("true")
    gone.wait()
    about = {"host": here(), "pid": gone.pid, "started": 1, "fold": "0", "token": "x"}
    about |= {"training": training.pid, "training_started": started(training.pid)}
    (scene.data / LOCK).write_text(json.dumps(about))
    thread = waiting(scene.turn())
    until(lambda: scene.heard.said == [waits_for(gone.pid)])
    time.sleep(2)
    assert thread.is_alive()
    thread.join(20)
    assert "is no longer waited for" in scene.heard.said[-1]
    assert (scene.data / LOCK).exists()  # it is still held


@pytest.mark.long
def test_a_holder_of_another_host_is_waited_for_while_it_keeps_its_lock_fresh(scene, monkeypatch):
    for module in (turn_module, lock_module):
        monkeypatch.setattr(module, "STALE_S", 5.0)
    file = scene.data / LOCK
    file.write_text(json.dumps({"host": "node7 boot", "pid": 4711, "started": 1, "fold": "0", "token": "x"}))
    turn = scene.turn()
    thread = waiting(turn)
    for _ in range(4):
        time.sleep(2)
        os.utime(file)
    assert thread.is_alive()
    assert scene.heard.said == ["fold 1 waits for fold 0 (PID 4711 on node7), which writes splits_final.json"]
    thread.join(30)
    assert turn.lock is not None
    turn.lock.close()


def test_a_trainer_that_makes_no_split_keeps_nobody_waiting(scene, monkeypatch):
    monkeypatch.setattr(turn_module, "FREE_S", 3.0)
    holder = scene.hold()
    turn = scene.turn()
    thread = waiting(turn)
    until(lambda: len(scene.heard.said) == 1)
    give_free(holder)  # at work, and Holter lives
    thread.join(20)
    assert turn.lock is None and not thread.is_alive()
    assert "trains without splits_final.json: fold 1 goes on after" in scene.heard.said[-1]


def test_of_many_that_start_at_once_one_makes_it_and_the_others_wait_for_that_one(scene):
    turns = [Turn(str(n), scene.data / LOCK, Splits(scene.data), Heard(), Patience()) for n in range(5)]
    threads = [waiting(turn) for turn in turns]
    until(lambda: sum(turn._announce.said != [] for turn in turns) == 4)
    (first,) = [turn for turn in turns if turn.lock is not None]
    assert all(
        turn._announce.said == [waits_for(os.getpid(), first._fold, turn._fold)] for turn in turns if turn != first
    )
    scene.write_splits()
    first.lock.close()
    for thread in threads:
        thread.join(20)
    assert [*scene.data.glob("*.lock*")] == []


# --- unpacking --------------------------------------------------------------------------------------------------


def test_cases_are_waited_for_until_they_are_whole_and_have_settled(scene, monkeypatch):
    numpy = imported("numpy")
    monkeypatch.setattr(turn_module, "SETTLED_S", 3.0)
    cases = scene.folder / "packed"
    cases.mkdir()
    for name in ("a", "b"):
        numpy.savez(cases / f"{name}.npz", data=numpy.zeros(9), seg=numpy.zeros(9))
    name = "holter-unpack-packed.lock"
    holder = scene.hold(name=name)
    turn = Turn("1", scene.data / name, Unpacking(cases), scene.heard, Patience())
    thread = waiting(turn)
    whom = f"fold 0 (PID {holder.pid} on {HOST})"
    until(lambda: scene.heard.said == [f"fold 1 waits for {whom}, which unpacks the data; cases left: 2"])
    for case in ("a", "b"):
        numpy.save(cases / f"{case}.npy", numpy.zeros(9))
        numpy.save(cases / f"{case}_seg.npy", numpy.zeros(9))
        time.sleep(1.5)
        assert thread.is_alive()
    assert scene.heard.shown[-1].endswith("cases left to unpack: 1")
    thread.join(20)
    assert "the data are unpacked" in scene.heard.said[-1]


def packed(scene: Scene) -> Path:
    numpy = imported("numpy")
    cases = scene.folder / "packed"
    cases.mkdir()
    numpy.savez(cases / "a.npz", data=numpy.zeros(999), seg=numpy.zeros(999))
    numpy.save(cases / "a.npy", numpy.zeros(999))
    numpy.save(cases / "a_seg.npy", numpy.zeros(999))
    (cases / "a_seg.npy").write_bytes((cases / "a_seg.npy").read_bytes()[:500])
    return cases


@pytest.mark.parametrize("is_old", [True, False])
@pytest.mark.long
def test_what_a_killed_training_has_left_half_written_is_removed_when_nobody_writes_it(scene, monkeypatch, is_old):
    monkeypatch.setattr(torn_files, "UNWRITTEN_S", 4.0)
    cases = packed(scene)
    torn = cases / "a_seg.npy"
    turn = Turn("1", scene.data / "holter-unpack-packed.lock", Unpacking(cases), scene.heard, Patience())
    if is_old:
        os.utime(torn, (time.time() - 100,) * 2)
    began = time.monotonic()
    thread = waiting(turn)
    if not is_old:
        for _ in range(3):  # by somebody on another host, say
            time.sleep(1.5)
            with torn.open("ab") as file:
                file.write(b"more")
        assert torn.exists()
    thread.join(20)
    assert time.monotonic() - began < (3 if is_old else 20)
    assert turn.lock is not None
    assert scene.heard.said[-1] == (
        f"fold 1 has removed a half-written file that nobody writes any more, {torn}: nnU-Net unpacks it again"
    )
    assert sorted(file.name for file in cases.iterdir()) == ["a.npy", "a.npz"]
    turn.lock.close()


def test_a_torn_split_is_nobodys_to_remove(scene):
    """It may have been one of the user's own; nnU-Net says that it cannot be read."""
    scene.write_splits("[")
    turn = scene.turn()
    turn.wait()
    assert turn.lock is not None
    turn.lock.close()
    assert (scene.data / "splits_final.json").read_text() == "["


def test_a_lock_of_one_that_was_killed_after_all_was_made_is_cleared_away(scene):
    holder = scene.hold()
    scene.write_splits()
    holder.kill()
    holder.wait()
    scene.turn().wait()
    assert [*scene.data.glob("*.lock*")] == []
    assert scene.heard.said == []


# --- read-only, other trainings, other commands -----------------------------------------------------------------


@pytest.mark.root
@needs("root")
def test_where_nothing_can_be_written_nothing_is_said_and_nobody_waits(scene):
    folder = scene.folder / "preprocessed"
    if subprocess.run(["mount", "--bind", str(folder), str(folder)], check=False).returncode:
        pytest.skip("this container may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        preparation = Preparation(TRAINING, scene.variables, scene.heard)
        preparation.wait(Patience())
        preparation.close()
        assert scene.heard.said == scene.heard.shown == []
    finally:
        subprocess.run(["umount", str(folder)], check=True)


IDLE = "import time; time.sleep(120)"


def stranger(scene: Scene, *words: str, program: str = IDLE) -> int:
    """A training that nobody of us has started."""
    command = (sys.executable, "-c", program, "nnUNetv2_train", "801", CONFIGURATION, *words)
    return scene.orphan(*command)


def log_of(scene: Scene, fold: str, text: str) -> Path:
    folder = scene.folder / "results" / DATASET_NAME / f"nnUNetTrainer__nnUNetPlans__{CONFIGURATION}" / f"fold_{fold}"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "training_log_2026_11_28_17_15_00.txt"
    log.write_text(text)
    return log


def test_a_training_without_holter_is_waited_for_until_its_first_epoch(scene):
    other = stranger(scene, "0")
    turn = scene.turn()
    thread = waiting(turn)
    until(lambda: len(scene.heard.said) == 1)
    whom = re.escape(f"fold 0 (PID {other} on {HOST})")
    expected = rf"fold 1 waits for {whom}, which starts on the same data without holter train: [45] min \d+ s at most"
    assert re.fullmatch(expected, scene.heard.said[0])
    log_of(scene, "0", "2026-11-28 17:15:01: Using splits from existing split file\n")
    time.sleep(2)
    assert thread.is_alive()
    log_of(scene, "0", "2026-11-28 17:15:09: \n2026-11-28 17:15:09: Epoch 0 \n")
    thread.join(20)
    assert turn.lock is not None
    turn.lock.close()


@pytest.mark.parametrize(
    "case", ["ended", "other data", "workers", "fold all", "validates", "of holter train", "old log", "ours"]
)
def test_who_is_no_training_that_starts_on_the_same_data(scene, case):
    if case == "ended":
        os.kill(stranger(scene, "0"), signal.SIGKILL)
    elif case == "other data":
        scene.variables["nnUNet_preprocessed"] = str(scene.folder)
        stranger(scene, "0")
    elif case == "workers":  # they count once, with their parent
        stranger(scene, "0", program="import os, time; os.fork(); os.fork(); time.sleep(120)")
    elif case == "fold all":
        stranger(scene, "all")
    elif case == "validates":
        stranger(scene, "0", "--val")
    elif case == "of holter train":
        script = f"{sys.executable} -c '{IDLE}' nnUNetv2_train 801 {CONFIGURATION} 0; true"
        scene.orphan("sh", "-c", script, "holter", "train", "801", CONFIGURATION, "0")
    elif case == "old log":  # of the training before
        os.utime(log_of(scene, "0", "2026: Epoch 7 \n"), (1.0, 1.0))
        stranger(scene, "0")
    elif case == "ours":
        scene.start(sys.executable, "-c", IDLE, "nnUNetv2_train", "801", CONFIGURATION, "0")
    time.sleep(1)
    assert len(starting_trainings(scene.data, "splits")) == {"workers": 1, "old log": 1}.get(case, 0)


def test_holter_run_only_says_it_and_delays_nobody(scene):
    holder = scene.hold()
    command = (sys.executable, "-c", "print('ran')", "nnUNetv2_train", "801", CONFIGURATION, "1")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "holter", "run", "-o", "t.holter", "--", *command],
        env=scene.variables,
        cwd=scene.folder / "cwd",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert time.monotonic() - began < 20
    assert (
        f"holter: fold 0 (PID {holder.pid} on {HOST}) starts on the same data, and splits_final.json is not there yet: "
        "one may read it while the other writes it (holter train waits)\n"
    ) in done.stderr
    assert [file.name for file in scene.data.glob("*.lock*")] == [LOCK]
    scene.write_splits()
    assert who_else(TRAINING, scene.variables) is None


def test_holter_run_does_not_take_its_own_training_for_another(scene):
    command = (sys.executable, "-c", "import time; time.sleep(3)", "nnUNetv2_train", "801", CONFIGURATION, "1")
    done = subprocess.run(
        [sys.executable, "-c", OWN_WRAPPER, sys.executable, "-m", "holter", "run", "-o", "t.holter", "--", *command],
        env=scene.variables,
        cwd=scene.folder / "cwd",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "starts on the same data" not in done.stderr


# As conda run and its like: a Python above us with our words in its command line.
OWN_WRAPPER = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"


def test_holter_run_says_it_of_another_holter_run_too(scene):
    command = (sys.executable, "-m", "holter", "run", "-q", "--", sys.executable, "-c", IDLE, "nnUNetv2_train", "801")
    first = scene.orphan(*command, CONFIGURATION, "0")
    until(lambda: len(starting_trainings(scene.data, "splits")) == 1)
    told = phrase(who_else(TRAINING, scene.variables), "en")
    named = int(re.match(rf"fold 0 \(PID (\d+) on {HOST}\) starts on the same data", told)[1])
    assert "nnUNetv2_train" in Path(f"/proc/{named}/cmdline").read_text()
    os.kill(first, signal.SIGTERM)


# --- what is seen -----------------------------------------------------------------------------------------------


def test_on_a_terminal_a_line_counts_and_goes_away(scene):
    holder = scene.hold()
    words = [sys.executable, "-m", "holter", "train", DATASET_NAME, CONFIGURATION, "1", "-device", "cpu"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(scene.folder / "cwd")
        os.execve(sys.executable, words, scene.variables)
    shown = b""
    end_s = time.monotonic() + 60
    with contextlib.suppress(OSError):
        while shown.count(b"\r") < 8 and time.monotonic() < end_s:
            shown += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1000):
            shown += part
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGINT
    os.close(terminal)
    text = shown.decode()
    assert waits_for(holder.pid) + "\r\n" in text
    assert re.search(rf"\rholter: fold 1 has waited [\d.]+ s for fold 0 \(PID {holder.pid} ", text)
    assert text.split("\r\n")[-2].endswith("holter: ended before the training was started")


def test_in_a_file_a_line_comes_now_and_then(scene):
    holder = scene.hold()
    program = (
        "import sys; from holter.cli.running import waiting; waiting.LINE_EVERY_S = 2.5; "
        "sys.argv[0] = 'holter'; from holter.cli import main; main()"
    )
    errors = scene.folder / "stderr-1"
    words = ("train", DATASET_NAME, CONFIGURATION, "1", "-device", "cpu")
    fold = scene.start(sys.executable, "-c", program, *words, stderr=errors.open("w"))
    until(lambda: len(scene.told().splitlines()) == 3)
    fold.terminate()
    fold.wait(20)
    lines = scene.told().splitlines()
    assert lines[0] == f"holter: {waits_for(holder.pid)}"
    for line in lines[1:3]:
        assert re.fullmatch(r"holter: fold 1 has waited [\d.]+ s for fold 0 .*: no splits_final.json yet", line)


def test_a_wait_that_is_asked_to_end_says_so_where_it_is_safe():
    patience = Patience()
    with pytest.raises(Asked) as asked, patience:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)  # nothing is torn apart here
        patience.sleep(10)
    assert asked.value.returncode == 75
    with pytest.raises(Asked), Patience():
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.1)
