"""How a training ended, from the exit code of the command, which may be a wrapper around it."""

from __future__ import annotations

import signal

import msgspec

from holter.records import ProcessEnded

# A shell adds the number of the signal that ended its command.
SHELL_SIGNALS = 128


def of_training(pid: int, code: int, t_s: float, *, early: bool) -> ProcessEnded:
    """Return the record of how a main process ended.

    ``code``: as in ``Popen.returncode``: negative for a signal. ``early``: it ended with exit code 0 before its last
    planned epoch. ``t_s``: when, in seconds of the recording.
    """
    return ProcessEnded(
        t_s=t_s,
        pid=pid,
        role="main",
        exit_code=code if code >= 0 else None,
        exit_signal=-code if code < 0 else None,
        source="wait",
        early=early,
    )


def of_wrapper(pid: int, code: int, t_s: float, main: ProcessEnded | None, *, early: bool) -> ProcessEnded:
    """Return the end of the started command if it is a shell or launcher around the training.

    If nothing else showed how the training ended, its end is returned instead, with the command's exit code.

    ``main``: how the training ended, as far as it was seen; None while it lives. Others: as in ``of_training``.
    """
    is_known = main is not None and (main.exit_code is not None or main.exit_signal is not None)
    if main is None or (is_known and not (early and main.exit_code == 0)):
        # A wrapper may end normally and leave its training running, but not hide that the training failed.
        return msgspec.structs.replace(of_training(pid, code, t_s, early=early and main is not None), role="other")
    return of_training(main.pid, _without_shell(code), t_s, early=early)


def _without_shell(code: int) -> int:
    # The negative signal number for a shell's exit code: -9 for 137.
    return SHELL_SIGNALS - code if SHELL_SIGNALS < code < SHELL_SIGNALS + signal.NSIG else code
