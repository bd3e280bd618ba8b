"""``holter run``: start a training command and record it from outside, without changing its behaviour."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from holter.causes.steps import NAMES
from holter.errors import AlreadyRecorded, CommandNotFound
from holter.probes.training.console import console_files
from holter.probes.training.file_tail import Mark, mark
from holter.records import Tick
from holter.sentences import NOTHING_STARTED, define
from holter.supervisor.healing.checkpoint_before_restart import CheckpointGuard
from holter.supervisor.healing.continuation import Continuation, newest_checkpoint_s
from holter.supervisor.healing.control import Control
from holter.supervisor.healing.healer import Healer
from holter.supervisor.healing.run_loop import RunLoop
from holter.supervisor.healing.scheduler_signals import SchedulerSignals
from holter.supervisor.launch import Launch
from holter.supervisor.leftovers import collect_in_background
from holter.supervisor.recording.abilities import Terms
from holter.supervisor.recording.clock import TICK_S, RunClock
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.recording.registrar import Registrar
from holter.supervisor.recording.scratch import new_scratch
from holter.supervisor.recording.tape_place import DefaultTape, open_tape
from holter.supervisor.result import RunResult
from holter.supervisor.signals import SignalRelay
from holter.supervisor.state_folder import state_folders
from holter.texts.resume_command import resume_command

NO_COMMAND = define("error.no-command", "There is no command to run.")
NOT_ON_PATH = define("error.not-on-path", "There is no command {command} on the PATH.")
NOT_EXECUTABLE = define("error.not-executable", "{command} is not executable.")
IS_FOLDER = define("error.command-is-folder", "{command} is a folder, not a command.")
NO_SUCH_COMMAND = define("error.no-such-command", "There is no file {command}.")
CHECK_COMMAND = define("next.check-command", "Check the path, and the folder that you are in.")
ACTIVATE = define("next.activate", "Activate the environment that nnU-Net is installed in, then try again.")
RUNS_ALREADY = define("error.runs-already", "This is already running under holter run.")
OUTER_GOES_ON = define("safe.outer-goes-on", "The outer recording goes on.")
ONCE = define("next.once", "Use holter run once, around the outermost command.")
NOT_RECORDED = define("run.not-recorded", "this run cannot be recorded ({error}); the training goes on")
NO_LONGER_RECORDED = define(
    "run.no-longer-recorded", "recording and healing have ended by an error of Holter's ({error}); the training goes on"
)


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
    resume: str | None = None,
    main_limit_s: float | None = None,
    main_heal: bool = True,
    on_tick: Callable[[Tick], None] | None = None,
    on_tape: Callable[[Path], None] | None = None,
) -> RunResult:
    """Run ``command`` and record it on ``tape``; the result has the path of the tape.

    ``listener``: receives alarms, causes and actions. ``force``: replace an existing tape. ``variables``: the
    environment of the command; None: that of this process. ``cwd``: the folder in which the command runs.
    ``each_tick``: called after every tick (the demo injects its fault there). ``quiet_output``: write the command's
    output to this file instead of passing it through. ``end_orphans``: kill workers that a killed main process left
    behind (only the demo does so by default). ``heal``: replace workers, save checkpoints safely, and restart a crashed
    or stalled training; otherwise these actions are only proposed. ``from_scratch``: a restart without a usable
    checkpoint may start at epoch 0. ``requeue``: SIGUSR1 and SIGTERM save and end the training, with the exit code that
    makes a scheduler start it again; otherwise they are passed on. ``keep_fds``: descriptors that the training inherits
    (a lock that must last as long as any of its processes). ``resume``: the user's own command that continues the
    training, if it is not nnU-Net's ``--c``. ``main_limit_s``: restart after this time without progress, even if it
    computes. ``main_heal``: False: never restart because of a stalled main process. ``on_tick``: called with every
    tick; must not raise. ``on_tape``: called with the path of the tape before the command is started.

    Raises:  CommandNotFound, AlreadyRecorded, TapeExists, FolderNotWritable; then nothing was started.
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
    if on_tape is not None:
        on_tape(writer.path)
    clock = RunClock()
    terms = Terms(heal=heal, attached=False, resume=resume_command(command, resume))
    marks = _console_marks(quiet_output)
    with SignalRelay() as relay:
        launch = Launch(variables, scratch.folder, cwd, quiet_output, relay, heal=heal, keep_fds=keep_fds)
        try:
            earlier_s = newest_checkpoint_s(command, variables)
            child = launch.start(command)
        except BaseException:
            scratch.close()
            writer.close(0.0)
            writer.path.unlink(missing_ok=True)
            raise
        collect_in_background()
        try:
            recorder = Recorder(
                root_pid=child.pid,
                command=command,
                attached=False,
                clock=clock,
                scratch=scratch,
                writer=writer,
                listener=listener,
                variables=variables,
                terms=terms,
                marks=marks,
                registrar=Registrar(state_folders(variables), writer.path, command, attached=False),
            )
        except Exception as error:  # noqa: BLE001 - the training already runs and must not be affected
            listener.note(NOT_RECORDED(error=f"{type(error).__name__}: {error}"))
            result = _unrecorded(child, relay, writer.path)
            writer.close(clock.t_s())
            scratch.close()
            return msgspec.structs.replace(result, tape_is_there=writer.is_there)
        control = Control(scratch.folder)
        healer = Healer(
            control,
            recorder.act,
            act=heal,
            can_continue=terms.resume.command is not None,
            is_own=terms.resume.is_given,
            main_limit_s=main_limit_s,
            main_heal=main_heal,
            settings=tuple((name, variables[name]) for name in NAMES if name in variables),
        )
        continuation = Continuation(command, terms.resume, earlier_s, from_scratch=from_scratch)
        loop = RunLoop(
            child,
            launch,
            recorder,
            healer,
            continuation,
            CheckpointGuard(recorder, control, continuation),
            clock,
            each_tick,
            end_orphans=end_orphans,
            inherited=keep_fds,
            stopper=SchedulerSignals(control) if requeue else None,
            on_tick=on_tick,
        )
        try:
            result = loop.run()
        except BaseException as error:
            if each_tick is not None:
                loop.end()  # the demo's own step failed: end its training too
                scratch.close()
                raise
            if not isinstance(error, Exception):
                raise  # the training goes on without Holter
            listener.note(NO_LONGER_RECORDED(error=f"{type(error).__name__}: {error}"))
            result = _unrecorded(loop.child, relay, writer.path)
            with contextlib.suppress(Exception):
                recorder.finish()
            result = msgspec.structs.replace(result, tape_is_there=writer.is_there)
        scratch.close(keep=bool(result.orphans))  # signals are still blocked: they must not change the exit code
    return result


def _console_marks(quiet_output: Path | None) -> tuple[Mark, ...]:
    # Ends of the files that the training's output goes to: earlier content belongs to other runs.
    files = (*console_files(os.getpid()), *((quiet_output,) if quiet_output is not None else ()))
    return tuple(end for path in files if (end := mark(path)) is not None)


def _check(command: tuple[str, ...], variables: Mapping[str, str]) -> None:
    if not command:
        raise CommandNotFound(NO_COMMAND(), next_step="holter run -- nnUNetv2_train 4 3d_fullres 0")
    if shutil.which(command[0], path=variables.get("PATH")) is None:
        raise _not_found(command)
    if variables.get("HOLTER_SCRATCH"):
        raise AlreadyRecorded(
            RUNS_ALREADY(),
            safe=OUTER_GOES_ON(),
            next_step=ONCE(),
        )


def _not_found(command: tuple[str, ...]) -> CommandNotFound:
    # A command with a folder in its name is not looked for on the PATH.
    path, quoted = Path(command[0]), shlex.quote(command[0])
    if os.sep not in command[0]:
        return CommandNotFound(NOT_ON_PATH(command=repr(command[0])), safe=NOTHING_STARTED(), next_step=ACTIVATE())
    if path.is_dir():
        return CommandNotFound(IS_FOLDER(command=command[0]), safe=NOTHING_STARTED(), next_step=CHECK_COMMAND())
    if path.exists():
        next_step = f"chmod +x {quoted}"
        return CommandNotFound(NOT_EXECUTABLE(command=command[0]), safe=NOTHING_STARTED(), next_step=next_step)
    return CommandNotFound(NO_SUCH_COMMAND(command=command[0]), safe=NOTHING_STARTED(), next_step=CHECK_COMMAND())


def _unrecorded(child: subprocess.Popen[bytes], relay: SignalRelay, tape: Path) -> RunResult:
    while child.poll() is None:
        relay.wait(time.monotonic() + TICK_S, child.send_signal)
    return RunResult(returncode=child.returncode, episodes=(), diagnoses=(), orphans=(), tape=tape)
