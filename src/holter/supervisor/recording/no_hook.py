"""Why the hook of a process reports nothing, from what the process shows of itself and of Holter's folder."""

from __future__ import annotations

import os
from pathlib import Path

from holter.linux.procfs import read_text
from holter.probes.machine.environment import process_command, process_environ
from holter.probes.process.process_files import effective_uid, namespace_pids
from holter.probes.process.python_options import option_letters
from holter.records import Message
from holter.sentences import define

# Options of the Python interpreter.
IGNORES_PATH = {"E", "I"}
SKIPS_SITE = "S"
ROOT = 0

ATTACHED = define("contract.attached", "the training was started without Holter")
OTHER_NAMESPACE = define("contract.other-namespace", "the training runs in a PID namespace of its own")
CLEARED = define("contract.environment-cleared", "the command clears the environment variables that Holter had set")
UNREADABLE = define("contract.environment-unreadable", "its environment variables may not be read")
FOLDER_UNSEEN = define("contract.folder-unseen", "the training does not see Holter's folder {folder} (a container?)")
PATH_LOST = define("contract.pythonpath-lost", "the command sets PYTHONPATH itself, without Holter's entry")
PATH_IGNORED = define("contract.pythonpath-ignored", "Python was started with {option}, which ignores PYTHONPATH")
SITE_SKIPPED = define(
    "contract.site-skipped", "Python was started with -S, which skips sitecustomize, where Holter's hook is loaded"
)
HOOK_FAILED = define("contract.hook-failed", "Holter's hook failed: {why}")
OTHER_USER = define(
    "contract.other-user", "the training runs as another user (UID {uid}), who may not write into Holter's folder"
)
FOLDER_FULL = define("contract.folder-full", "the disk of Holter's folder {folder} is full")
NOTHING_IMPORTED = define(
    "contract.nothing-imported", "so far the program used no nnunetv2, batchgenerators or DataLoader"
)


def why_no_hook(pid: int, inject: str, *, failed: str | None, attached: bool) -> Message:
    """Return why there is no heartbeat of this living process.

    ``inject``: the folder that the hook is loaded from, as written in PYTHONPATH. ``failed``: the error that the hook
    has reported. ``attached``: the training was started without Holter.
    """
    variables = process_environ(pid)
    if len(namespace_pids(pid)) > len(namespace_pids("self")):
        return OTHER_NAMESPACE()
    scratch = variables.get("HOLTER_SCRATCH")
    if not scratch:
        is_readable = bool(variables) or read_text(f"/proc/{pid}/environ") is not None
        return ATTACHED() if attached else CLEARED() if is_readable else UNREADABLE()
    hidden = next((folder for folder in (inject, scratch) if _is_hidden(folder, pid)), None)
    if hidden is not None:
        return FOLDER_UNSEEN(folder=hidden)
    if inject not in variables.get("PYTHONPATH", ""):
        return PATH_LOST()
    options = set(option_letters(process_command(pid)))
    if options & IGNORES_PATH:
        return PATH_IGNORED(option=f"-{min(options & IGNORES_PATH)}")
    if SKIPS_SITE in options:
        return SITE_SKIPPED()
    return _why_not_written(pid, Path(scratch)) or (NOTHING_IMPORTED() if failed is None else HOOK_FAILED(why=failed))


def _is_hidden(folder: str, pid: int) -> bool:
    # The folder exists here but not for the process, for example in a container.
    root = Path(f"/proc/{pid}/root")
    try:
        return root.exists() and Path(folder).exists() and not (root / folder.lstrip("/")).exists()
    except OSError:  # no permission
        return False


def _why_not_written(pid: int, scratch: Path) -> Message | None:
    # A hook that cannot write its page cannot report that either.
    uid = effective_uid(pid)
    try:
        if uid not in (None, ROOT, scratch.stat().st_uid):
            return OTHER_USER(uid=uid)
        if os.statvfs(scratch).f_bavail == 0:
            return FOLDER_FULL(folder=str(scratch))
    except OSError:
        return None
    return None
