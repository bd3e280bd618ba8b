"""``holter run``: start a training command and record it from outside, as if we were not there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

import holter.hook
from holter.errors import AlreadyRecorded, CommandNotFound
from holter.records import Diagnosis, Episode, Noted, ProcessEnded, Tick
from holter.supervisor.clock import RunClock
from holter.supervisor.recorder import Listener, Recorder
from holter.supervisor.scratch import new_scratch
from holter.supervisor.signals import SignalRelay
from holter.tape import TapeWriter

TICK_S = 1.0
# After the training ended: late lines of its log, exit codes of workers, endings of orphans.
LINGER_S = 2.5
# A killed process gives back its memory before it is gone.
GONE_WITHIN_S = 5.0


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    returncode: int  # as Popen gives it: negative is a signal
    episodes: tuple[Episode, ...]
    diagnoses: tuple[Diagnosis, ...]
    orphans: tuple[int, ...]  # processes of the training that are still there


def run(
    command: tuple[str, ...],
    tape: Path,
    *,
    listener: Listener | None = None,
    force: bool = False,
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    each_tick: Callable[[Recorder, Tick], None] | None = None,
    quiet_output: Path | None = None,
    end_orphans: bool = False,
) -> RunResult:
    """Run ``command`` and record it on ``tape``.

    ``each_tick`` is called after every tick (the demo injects its fault there). ``quiet_output``: write the
    command's output to this file instead of passing it through. ``end_orphans``: end workers that a killed main
    process left behind (only the demo does so unasked).

    Raises:  CommandNotFound, AlreadyRecorded, TapeExists, FolderNotWritable; nothing was started then.
    """
    variables = dict(os.environ if variables is None else variables)
    _check(command, variables)
    scratch = new_scratch()
    try:
        writer = TapeWriter(tape, force=force)
    except BaseException:
        scratch.close()
        raise
    clock = RunClock()
    with SignalRelay() as relay:
        try:
            child = _start(command, _with_hook(variables, scratch.folder), cwd, quiet_output, relay)
        except BaseException:
            scratch.close()
            writer.close(0.0)
            tape.unlink(missing_ok=True)
            raise
        listener = listener or Listener()
        try:
            recorder = Recorder(
                root_pid=child.pid,
                command=command,
                attached=False,
                clock=clock,
                scratch=scratch.folder,
                writer=writer,
                listener=listener,
                variables=variables,
            )
        except Exception as error:  # noqa: BLE001 - the training runs already and is not to suffer
            listener.note(f"this run cannot be recorded ({type(error).__name__}: {error}); the training goes on")
            return _unrecorded(child, relay)
        try:
            result = _watch(child, recorder, clock, relay, each_tick, end_orphans)
        except BaseException:
            if each_tick is None:
                raise  # the training goes on without us
            _end_tree(child, recorder)  # the demo's own step failed: its training must not outlive it
            scratch.close()
            raise
    scratch.close(keep=bool(result.orphans))
    return result


def _check(command: tuple[str, ...], variables: Mapping[str, str]) -> None:
    if not command:
        raise CommandNotFound("There is no command to run.", next_step="holter run -- nnUNetv2_train 4 3d_fullres 0")
    if shutil.which(command[0], path=variables.get("PATH")) is None:
        raise CommandNotFound(
            f"There is no command {command[0]!r} on the PATH.",
            safe="Nothing was started.",
            next_step="Activate the environment that nnU-Net is installed in, then try again.",
        )
    if variables.get("HOLTER_SCRATCH"):
        raise AlreadyRecorded(
            "This is already running under holter run.",
            safe="The outer recording goes on.",
            next_step="Use holter run once, around the outermost command.",
        )


def _with_hook(variables: Mapping[str, str], scratch: Path) -> dict[str, str]:
    inject = Path(holter.hook.__file__).parent / "inject"
    path = [str(inject), *filter(None, [variables.get("PYTHONPATH")])]
    return {
        **variables,
        "HOLTER_SCRATCH": str(scratch),
        "HOLTER_GENERATION": "0",
        "PYTHONPATH": os.pathsep.join(path),
    }


def _start(
    command: tuple[str, ...], variables: Mapping[str, str], cwd: Path | None, output: Path | None, relay: SignalRelay
) -> subprocess.Popen[bytes]:
    sink = output.open("ab") if output is not None else None
    try:
        return subprocess.Popen(
            command,
            env=dict(variables),
            cwd=cwd,
            stdout=sink,
            stderr=subprocess.STDOUT if sink is not None else None,
            preexec_fn=relay.restore_in_child,  # we are single-threaded here
        )
    except OSError as error:
        raise CommandNotFound(f"Cannot start {command[0]}: {error.strerror}.", safe="Nothing was started.") from error
    finally:
        if sink is not None:
            sink.close()


def _watch(
    child: subprocess.Popen[bytes],
    recorder: Recorder,
    clock: RunClock,
    relay: SignalRelay,
    each_tick: Callable[[Recorder, Tick], None] | None,
    end_orphans: bool,
) -> RunResult:
    next_s = time.monotonic()
    ended_s: float | None = None
    while ended_s is None or clock.t_s() < ended_s + LINGER_S:
        tick = recorder.safe_tick()
        if each_tick is not None:
            each_tick(recorder, tick)
        next_s = max(next_s + TICK_S, time.monotonic())  # a late tick is not made up for
        while relay.wait(next_s, child.send_signal) and child.poll() is None:
            pass
        if ended_s is None and child.poll() is not None:
            ended_s = clock.t_s()
            recorder.add(_ended(child, recorder, ended_s))
    orphans = recorder.sources.look_for_workers(clock.t_s())
    if orphans:
        recorder.add(Noted(t_s=clock.t_s(), what="orphans-left", text=" ".join(map(str, orphans))))
        if end_orphans:
            _kill(orphans)
            until_s = clock.t_s() + GONE_WITHIN_S
            while recorder.sources.look_for_workers(clock.t_s()) and clock.t_s() < until_s:
                time.sleep(0.05)
        recorder.safe_tick()
    recorder.finish()
    return RunResult(
        returncode=child.returncode,
        episodes=recorder.episodes,
        diagnoses=tuple(recorder.diagnoses.values()),
        orphans=() if end_orphans else orphans,
    )


def _unrecorded(child: subprocess.Popen[bytes], relay: SignalRelay) -> RunResult:
    while child.poll() is None:
        relay.wait(time.monotonic() + TICK_S, child.send_signal)
    return RunResult(returncode=child.returncode, episodes=(), diagnoses=(), orphans=())


def _end_tree(child: subprocess.Popen[bytes], recorder: Recorder) -> None:
    child.kill()
    child.wait()
    _kill(tuple(recorder.sources.living - {child.pid}))
    recorder.finish()


def _kill(pids: tuple[int, ...]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ended(child: subprocess.Popen[bytes], recorder: Recorder, t_s: float) -> ProcessEnded:
    code = child.returncode
    main_pid = recorder.sources.process.main_pid
    return ProcessEnded(
        t_s=t_s,
        pid=child.pid,
        role="main" if main_pid in (None, child.pid) else "other",
        exit_code=code if code >= 0 else None,
        exit_signal=-code if code < 0 else None,
        source="wait",
    )
