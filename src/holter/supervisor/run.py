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

from holter.causes.steps import NAMES
from holter.errors import AlreadyRecorded, CommandNotFound
from holter.probes.training.console import console_files
from holter.probes.training.file_tail import Mark, mark
from holter.records import Tick
from holter.sentences import NOTHING_STARTED, Sentence, define
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
from holter.supervisor.recording.whose_tape import is_recorded
from holter.supervisor.registry_process import entry_writer
from holter.supervisor.result import RunResult
from holter.supervisor.run_activity import RunActivity
from holter.supervisor.signals import SignalRelay
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
    terms = Terms(heal=heal, attached=False, resume=resume_command(command, resume, _current_folder(cwd)))
    recording = _Recording(command, tape, listener or Listener(), variables, terms, force=force)
    scratch = recording.scratch
    if on_tape is not None:
        on_tape(recording.writer.path)
    marks = _console_marks(quiet_output)
    with SignalRelay() as relay:
        launch = Launch(variables, scratch.folder, cwd, quiet_output, relay, heal=heal, keep_fds=keep_fds)
        child, earlier_s = recording.start(launch)
        collect_in_background()
        try:
            recorder = recording.recorder(child, marks)
        except Exception as error:  # noqa: BLE001 - the training already runs and must not be affected
            result = recording.without_holter(launch, child, NOT_RECORDED, error, recording.close)
        else:
            control = Control(scratch.folder)
            continuation = Continuation(command, terms.resume, earlier_s, from_scratch=from_scratch)
            loop = RunLoop(
                child,
                launch,
                recorder,
                recording.healer(control, recorder, main_limit_s, main_heal=main_heal),
                continuation,
                CheckpointGuard(recorder, control, continuation),
                recording.clock,
                each_tick,
                end_orphans=end_orphans,
                inherited=keep_fds,
                stopper=SchedulerSignals(control) if requeue else None,
                on_tick=on_tick,
            )
            result = recording.follow(loop, launch, recorder, is_demo=each_tick is not None)
        # Signals are still blocked: they must not change the exit code.
        scratch.close(keep=bool(result.orphans or result.goes_on))
    return result


class _Recording:
    """What one run needs from its first process to its last, and its steps."""

    def __init__(
        self,
        command: tuple[str, ...],
        tape: Path | DefaultTape,
        listener: Listener,
        variables: dict[str, str],
        terms: Terms,
        *,
        force: bool,
    ) -> None:
        self._command, self._listener, self._variables, self._terms = command, listener, variables, terms
        self.scratch = new_scratch()
        try:
            self.writer = open_tape(tape, force=force, say=listener.note)
        except BaseException:
            self.scratch.close()
            raise
        self.clock = RunClock()

    def start(self, launch: Launch) -> tuple[subprocess.Popen[bytes], float | None]:
        """Start the first process; return it, and the time of the newest checkpoint before it."""
        try:
            earlier_s = newest_checkpoint_s(self._command, self._variables)
            return launch.start(self._command), earlier_s
        except BaseException:
            self.scratch.close()
            self.writer.close(0.0)
            self.writer.path.unlink(missing_ok=True)
            raise

    def recorder(self, child: subprocess.Popen[bytes], marks: tuple[Mark, ...]) -> Recorder:
        """Return the recorder of the processes that begin with ``child``."""
        return Recorder(
            root_pid=child.pid,
            command=self._command,
            attached=False,
            clock=self.clock,
            scratch=self.scratch,
            writer=self.writer,
            listener=self._listener,
            variables=self._variables,
            terms=self._terms,
            marks=marks,
            registrar=Registrar(entry_writer(self._variables), self.writer.path, self._command, attached=False),
        )

    def healer(self, control: Control, recorder: Recorder, main_limit_s: float | None, *, main_heal: bool) -> Healer:
        """Return what decides when to act."""
        return Healer(
            control,
            recorder.act,
            act=self._terms.heal,
            can_continue=self._terms.resume.command is not None,
            is_own=self._terms.resume.is_given,
            main_limit_s=main_limit_s,
            main_heal=main_heal,
            activity=RunActivity(self.scratch.folder),
            settings=tuple((name, self._variables[name]) for name in NAMES if name in self._variables),
        )

    def follow(self, loop: RunLoop, launch: Launch, recorder: Recorder, *, is_demo: bool) -> RunResult:
        """Watch the training to its end, also after an error of Holter's own."""
        try:
            return loop.run()
        except BaseException as error:
            if is_demo:  # its own step failed: end its training too
                loop.end()
                self.scratch.close()
                raise
            if not isinstance(error, Exception):
                raise  # the training goes on without Holter
            return self.without_holter(launch, loop.child, NO_LONGER_RECORDED, error, recorder.finish)

    def without_holter(
        self,
        launch: Launch,
        child: subprocess.Popen[bytes],
        what: Sentence,
        error: Exception,
        close: Callable[[], object],
    ) -> RunResult:
        """Report an error of Holter's own, wait for the training without recording it, and ``close`` the tape."""
        self._listener.note(what(error=f"{type(error).__name__}: {error}"))
        while child.poll() is None:
            launch.relay.wait(time.monotonic() + TICK_S, child.send_signal)
        with contextlib.suppress(Exception):
            close()
        return RunResult(returncode=child.returncode, tape=self.writer.path, tape_is_there=self.writer.is_there)

    def close(self) -> None:
        """Close a tape that no recorder writes."""
        self.writer.close(self.clock.t_s())


def _current_folder(cwd: Path | None) -> str | None:
    try:
        return str(Path.cwd() if cwd is None else cwd.absolute())
    except OSError:  # it was deleted
        return None


def _console_marks(quiet_output: Path | None) -> tuple[Mark, ...]:
    # Ends of the files that the training's output goes to: earlier content belongs to other runs.
    files = (*console_files(os.getpid()), *((quiet_output,) if quiet_output is not None else ()))
    return tuple(end for path in files if (end := mark(path)) is not None)


def _check(command: tuple[str, ...], variables: Mapping[str, str]) -> None:
    if not command:
        raise CommandNotFound(NO_COMMAND(), next_step="holter run -- nnUNetv2_train 4 3d_fullres 0")
    if shutil.which(command[0], path=variables.get("PATH")) is None:
        raise _not_found(command)
    # A job script or a tmux that was started below an earlier run inherits the variable, also on other machines.
    outer = variables.get("HOLTER_SCRATCH")
    if outer and is_recorded(Path(outer)):
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
