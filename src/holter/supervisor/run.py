"""``holter run``: start a training command and record it from outside, as if we were not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from holter.errors import AlreadyRecorded, CommandNotFound
from holter.records import Tick
from holter.remedies.steps import NAMES
from holter.supervisor.clock import RunClock
from holter.supervisor.continuation import Continuation
from holter.supervisor.control import Control
from holter.supervisor.generations import Generations
from holter.supervisor.guard import Guard
from holter.supervisor.healer import Healer
from holter.supervisor.launch import Launch
from holter.supervisor.recorder import Listener, Recorder
from holter.supervisor.restart import continue_command, newest_checkpoint_s
from holter.supervisor.result import RunResult
from holter.supervisor.scratch import new_scratch
from holter.supervisor.signals import SignalRelay
from holter.supervisor.stopper import Stopper
from holter.supervisor.tape_place import DefaultTape, open_tape
from holter.supervisor.timing import TICK_S


def run(
    command: tuple[str, ...],
    tape: Path | DefaultTape,
    *,
    listener: Listener | None = None,
    force: bool = False,
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    each_tick: Callable[[Recorder, Tick], None] | None = None,
    quiet_output: Path | None = None,
    end_orphans: bool = False,
    heal: bool = False,
    from_scratch: bool = False,
    requeue: bool = False,
    keep_fds: tuple[int, ...] = (),
    on_tick: Callable[[Tick], None] | None = None,
) -> RunResult:
    """Run ``command`` and record it on ``tape``; the result says which file that is.

    ``each_tick`` is called after every tick (the demo injects its fault there). ``quiet_output``: write the
    command's output to this file instead of passing it through. ``end_orphans``: end workers that a killed main
    process left behind (only the demo does so unasked). ``heal``: replace workers, save checkpoints safely, and
    restart what has died or hangs; else it is only said what would be done. ``from_scratch``: a restart that finds
    no usable checkpoint may begin again at epoch 0. ``requeue``: SIGUSR1 and SIGTERM save and end the training, with
    the exit code that tells a scheduler to start it again; else they are passed on. ``keep_fds``: descriptors that
    the training inherits (a lock that must last as long as any of its processes). ``on_tick``: sees every tick, and
    does not raise.

    Raises:  CommandNotFound, AlreadyRecorded, TapeExists, FolderNotWritable; nothing was started then.
    """
    variables = dict(os.environ if variables is None else variables)
    _check(command, variables)
    listener = listener or Listener()
    scratch = new_scratch()
    try:
        writer = open_tape(tape, force=force, say=listener.note)
    except BaseException:
        scratch.close()
        raise
    clock = RunClock()
    earlier_s = newest_checkpoint_s(command, variables)
    with SignalRelay() as relay:
        launch = Launch(variables, scratch.folder, cwd, quiet_output, relay, heal=heal, keep_fds=keep_fds)
        try:
            child = launch.start(command)
        except BaseException:
            scratch.close()
            writer.close(0.0)
            writer.path.unlink(missing_ok=True)
            raise
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
            return _unrecorded(child, relay, writer.path)
        control = Control(scratch.folder)
        healer = Healer(
            control,
            recorder.act,
            act=heal,
            can_continue=continue_command(command) is not None,
            settings=tuple((name, variables[name]) for name in NAMES if name in variables),
        )
        continuation = Continuation(command, earlier_s, from_scratch=from_scratch)
        generations = Generations(
            launch,
            recorder,
            healer,
            continuation,
            Guard(recorder, control, continuation),
            clock,
            each_tick,
            end_orphans=end_orphans,
            stopper=Stopper(control) if requeue else None,
            on_tick=on_tick,
        )
        try:
            result = generations.run(child)
        except BaseException:
            if each_tick is None:
                raise  # the training goes on without us
            generations.end()  # the demo's own step failed: its training must not outlive it
            scratch.close()
            raise
    scratch.close(keep=bool(result.orphans))
    return msgspec.structs.replace(result, tape=writer.path)


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


def _unrecorded(child: subprocess.Popen[bytes], relay: SignalRelay, tape: Path) -> RunResult:
    while child.poll() is None:
        relay.wait(time.monotonic() + TICK_S, child.send_signal)
    return RunResult(returncode=child.returncode, episodes=(), diagnoses=(), orphans=(), tape=tape)
