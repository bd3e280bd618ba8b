"""A study on two slots whose parts are killed at random until all its trainings are done."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.material import say
from benchmarks.study.ending import SCENE, kill_all, processes_with
from benchmarks.study.scene import Scene, epochs_begun, outcome_of
from holter.linux.procfs import read_text
from holter.probes.process.process_files import PF_FORKNOEXEC, parse_stat
from holter.probes.training.starting import is_holter_train
from holter.texts.training_command import parse_training_command

KINDS = ("study", "holter", "training", "group", "host", "disk-full")
POLL_S = 0.25
TELL_EVERY_S = 30.0
# Between two kills: long enough for an epoch or two, so that most kills meet a training and not a start.
BETWEEN_S = (8.0, 30.0)
FULL_FOR_S = 8.0
WHOLE_S = 3600.0
SIZE = "512m"


class Run:
    """What was seen while the study ran."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.hits: Counter[Path] = Counter()  # kills while this fold was trained
        self.resumed_s: list[float] = []  # from a new call of the study until it has said what runs
        self.twice = 0  # looks at which two trainings of one fold ran
        self.wall_s = 0.0
        self.calls = 0

    def see(self, found: Mapping[psutil.Process, tuple[Path, str]]) -> None:
        """Count a look at which two trainings of one fold ran."""
        mains: dict[Path, list[int]] = {}
        for process, (fold, role) in found.items():
            if role == "main":
                mains.setdefault(fold, []).append(process.pid)
        both = {fold: pids for fold, pids in mains.items() if len(pids) > 1}
        self.twice += bool(both)
        for fold, pids in both.items():
            say(f"at the same time train {fold}: PID {', '.join(map(str, pids))}")


class Telling:
    """Say now and then how far the study is."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._began_s, self._next_s = scene, time.monotonic(), 0.0

    def tell(self, run: Run | None = None) -> None:
        """Say it if it is time."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + TELL_EVERY_S
        kills = f", {run.kills.total()} kills" if run is not None else ""
        say(f"  {now_s - self._began_s:.0f} s: {self._scene.done()} of {self._scene.length.trainings} done{kills}")


def disturbed(scene: Scene, *, seed: int, mounted: bool, most_s: float) -> Run:
    """Run the study to its end, and kill. ``mounted``: the results are a disk of their own that may be filled."""
    draw, run, telling = random.Random(seed), Run(), Telling(scene)
    kinds = [kind for kind in KINDS if kind != "disk-full" or mounted]
    began_s = time.monotonic()
    next_s = began_s + draw.uniform(*BETWEEN_S)
    study: subprocess.Popen[bytes] | None = None
    try:
        while time.monotonic() - began_s < most_s:
            telling.tell(run)
            if study is None or study.poll() is not None:
                if study is not None and all(state == "done" for state in scene.states()):
                    break
                study = _call(scene, run)
            now_s = time.monotonic()
            found = trainings(scene)
            run.see(found)
            if run.kills.total() < scene.length.kills and now_s >= next_s and found:
                kind = draw.choice(kinds)
                _kill(kind, scene, study, found, draw, run)
                next_s = time.monotonic() + draw.uniform(*BETWEEN_S)
            time.sleep(POLL_S)
    finally:
        end(scene)
    run.wall_s = time.monotonic() - began_s
    return run


def _call(scene: Scene, run: Run) -> subprocess.Popen[bytes]:
    before = scene.said.stat().st_size if scene.said.exists() else 0
    began_s = time.monotonic()
    study = scene.run()
    run.calls += 1
    while study.poll() is None and time.monotonic() - began_s < 60.0:
        with scene.said.open("rb") as file:
            file.seek(before)
            said = file.read()
        if b" started " in said or b" runs already" in said:
            run.resumed_s.append(time.monotonic() - began_s)
            break
        time.sleep(0.05)
    return study


def _kill(
    kind: str,
    scene: Scene,
    study: subprocess.Popen[bytes],
    found: dict[psutil.Process, tuple[Path, str]],
    draw: random.Random,
    run: Run,
) -> None:
    roles = {"holter": "holter", "training": "main", "group": "holter"}
    victims = [process for process, (_, role) in found.items() if role == roles.get(kind)]
    if kind in roles and not victims:
        return
    run.kills[kind] += 1
    say(f"kill {run.kills.total()}: {kind}")
    if kind == "study":
        study.kill()
    elif kind == "host":
        run.hits.update({fold for fold, _ in found.values()})
        end(scene)
    elif kind == "disk-full":
        run.hits.update({fold for fold, _ in found.values()})
        _fill(scene.results)
    else:
        victim = draw.choice(victims)
        run.hits[found[victim][0]] += 1
        for process in _session(victim) if kind == "group" else [victim]:
            with contextlib.suppress(psutil.Error):
                process.kill()


def trainings(scene: Scene) -> dict[psutil.Process, tuple[Path, str]]:
    """Return the processes of the scene that are ``holter train`` or the main process of a training, by fold."""
    found: dict[psutil.Process, tuple[Path, str]] = {}
    for process in belonging(scene):
        stat = parse_stat(read_text(f"/proc/{process.pid}/stat"))
        # A data worker is a fork of its main process, with the same command line, also once that has ended.
        if stat is None or stat.flags & PF_FORKNOEXEC:
            continue
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            training = parse_training_command(words)
            folder = training.fold_folder(scene.environ) if training is not None else None
            if folder is not None:
                role = "holter" if is_holter_train(words) else "main"
                found[process] = (folder, role)
    return found


def belonging(scene: Scene) -> Sequence[psutil.Process]:
    """Return all processes of the scene that live."""
    return processes_with(SCENE, str(scene.folder))


def end(scene: Scene) -> None:
    """Kill everything that belongs to the scene."""
    kill_all(SCENE, str(scene.folder))


def _session(process: psutil.Process) -> list[psutil.Process]:
    leader = os.getsid(process.pid)
    found = []
    for other in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(other.pid) == leader:
                found.append(other)
    return found


def _fill(folder: Path) -> None:
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
    time.sleep(FULL_FOR_S)
    filler.unlink()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk there, if this user may; yield whether it is one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "holter-study", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def undisturbed(scene: Scene) -> None:
    """Run the study to its end."""
    study, telling = scene.run(), Telling(scene)
    until_s = time.monotonic() + WHOLE_S
    try:
        while study.poll() is None and time.monotonic() < until_s:
            telling.tell()
            time.sleep(POLL_S)
    finally:
        end(scene)


def repeated_too_often(scene: Scene, run: Run) -> int:
    """Return the epochs that were repeated beyond one for each kill that met their training."""
    extra = 0
    for fold in scene.folds():
        begun = epochs_begun(fold)
        extra += max(0, len(begun) - len(set(begun)) - run.hits[fold])
    return extra


def different(scene: Scene, reference: Scene) -> int:
    """Return the folds whose ``summary.json`` differs from that of the undisturbed training of the same fold."""
    wanted = {fold.name: outcome_of(fold) for fold in reference.folds()}
    return sum(outcome_of(fold) is None or outcome_of(fold) != wanted[fold.name] for fold in scene.folds())
