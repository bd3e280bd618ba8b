"""``holter study run … --service``: a service file of systemd for this user, so that a study survives a reboot.

It is printed, and installed by the user.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from holter.errors import BadInput
from holter.linux.mounts import mount_of, parse_mountinfo
from holter.linux.procfs import read_text
from holter.probes.machine.environment import looks_secret
from holter.reports.catalogue import Lang, phrase
from holter.sentences import NOTHING_STARTED, define
from holter.study import settings_file
from holter.study.trainings import absolute
from holter.supervisor.state_folder import named_folders

# Trainings that are asked to stop save an epoch first.
STOP_WITHIN_S = 900
# Of the environment in which the command was typed; a service starts with almost nothing.
PREFIXES = ("nnUNet_", "HOLTER_", "OMP_", "MKL_", "PYTORCH_")
# An address to which anybody who knows it can send; it may also be in the command itself.
SECRET = ("HOLTER_NOTIFY",)
NAMES = (
    "PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "XDG_STATE_HOME", "TMPDIR",
    "VIRTUAL_ENV", "CONDA_PREFIX",
)  # fmt: skip
LINE_BREAK = define("error.study-service-line", "{name} has a line break: no service file can hold it.")
WITHOUT_IT = define("next.study-service-line", "unset {name}, or start the study without --service")

INSTALL = define("study-service.install", "{name}.service: put it into ~/.config/systemd/user/, then")
LINGER = define("study-service.linger", "so that it also runs while you are not logged in, and after a reboot")
LEFT_OUT = define("study-service.left-out", "Left out, because they look like secrets: {names}")
RESTARTS = define(
    "study-service.restarts",
    "A study that was killed starts again and goes on with its trainings, which run on. After these exit codes it does "
    "not: 0 all is done, 1 something must be looked at, 75 it was asked to stop.",
)
WAITS = define(
    "study-service.waits",
    "After a reboot it waits for its disks: on an empty folder all folds would seem to be missing.",
)
WAITING = define("study-service.waiting", "waits until a disk is mounted on {disk}")
NOT_THERE = define(
    "study-service.not-there", "Not there now, so the service does not wait for their disk after a reboot: {names}"
)

NAME = "holter-study"
UNIT = """\
# {install}
#   systemctl --user daemon-reload
#   systemctl --user enable --now {name}
#   loginctl enable-linger    # {linger}
#   journalctl --user -u {name} -f{left_out}
[Unit]
Description=holter study

[Service]
WorkingDirectory={folder}
{variables}
{waits}ExecStart={command}
# {restarts}
Restart=on-abnormal
RestartSec=30
SuccessExitStatus=75
KillMode=process
TimeoutStopSec={stop}

[Install]
WantedBy=default.target
"""
# RequiresMountsFor= would not help: the manager of a user's services knows a disk only once it is mounted.
# Some disks are mounted when somebody looks into their folder (automounts, submounts of NFS, DFS): ls does.
WAIT_FOR = """\
ExecStartPre=/bin/sh -c 'until ls "$$0/" >/dev/null 2>&1; mountpoint -q "$$0"; do \
[ "$$said" ] || echo "holter: {waiting}"; said=1; sleep 5; done' {disk}
"""
# That folder is also looked for before the wait, when it may be missing ("-" in front of it); after the wait it is not.
WAITED = """ExecStartPre=/bin/sh -c 'test -d "$$0"' {folder}\n"""


def unit_of(words: Sequence[str], folder: Path, environ: Mapping[str, str], lang: Lang, out: Path = Path()) -> str:
    """Return the service file that runs ``holter`` with these words in a folder; its comments are in a language.

    ``out``: the folder for output. Before the study begins, the service waits for the disks of its folders.
    Raises:  BadInput for a word or variable that such a file cannot hold.
    """
    chosen = {name: value for name, value in environ.items() if name in NAMES or name.startswith(PREFIXES)}
    secret = sorted(
        name for name, value in chosen.items() if name in SECRET or (name not in NAMES and looks_secret(name, value))
    )
    kept = {name: value for name, value in chosen.items() if name not in secret} | absolute(environ)
    kept["HOLTER_LANG"] = lang  # a service has no locale
    for name, value in {**kept, "holter": " ".join(words), "pwd": str(folder)}.items():
        if "\n" in value:
            raise BadInput(LINE_BREAK(name=name), safe=NOTHING_STARTED(), next_step=WITHOUT_IT(name=name))
    nnunet = absolute(environ)
    disks = disks_of(words, folder, environ, out)
    gone = [name for name, place in nnunet.items() if not Path(place).exists()]
    return UNIT.format(
        name=NAME,
        install=phrase(INSTALL(name=NAME), lang),
        linger=phrase(LINGER(), lang),
        restarts=phrase(RESTARTS(), lang),
        left_out=f"\n# {phrase(LEFT_OUT(names=tuple(secret)), lang)}" if secret else "",
        folder=("-" if disks else "") + str(folder).replace("%", "%%"),
        waits=_waits(disks, folder, gone, lang),
        variables="\n".join(f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(kept.items())),
        # A dollar begins a variable in a command line alone.
        command=" ".join(_quoted(word).replace("$", "$$") for word in (sys.executable, "-m", "holter", *words)),
        stop=STOP_WITHIN_S,
    )


def disks_of(
    words: Sequence[str], folder: Path, environ: Mapping[str, str], out: Path, proc: Path = Path("/proc")
) -> list[str]:
    """Return where the disks of everything that the study needs are mounted, the root aside.

    A container, or a shell with mounts of its own, sees others than a service does: those of the first process.
    """
    # A word may be a study file; one that is no path is in the folder itself.
    named = (*words, environ.get(settings_file.VARIABLE, ""), *absolute(environ).values())
    places = [folder / out, named_folders(environ)[0], Path(sys.prefix), Path(sys.base_prefix)]
    places += [folder / word for word in named]
    mounts = parse_mountinfo(read_text(proc / "1" / "mountinfo") or read_text(proc / "self" / "mountinfo"))
    # A folder that the study will make is on its parent's disk.
    found = (mount_of(os.path.realpath(place), mounts) for place in places)
    return sorted({mount.mount_point for mount in found if mount is not None} - {"/"})


def _waits(disks: Sequence[str], folder: Path, gone: Sequence[str], lang: Lang) -> str:
    lines = f"# {phrase(NOT_THERE(names=tuple(gone)), lang)}\n" if gone else ""
    if disks:
        waiting = phrase(WAITING(disk="$$0"), lang)
        lines += f"# {phrase(WAITS(), lang)}\nTimeoutStartSec=infinity\n"
        lines += "".join(WAIT_FOR.format(waiting=waiting, disk=_quoted(disk).replace("$", "$$")) for disk in disks)
        lines += WAITED.format(folder=_quoted(str(folder)).replace("$", "$$"))
    return lines


def _quoted(word: str) -> str:
    # As systemd reads it: quotes and backslashes are escaped, a percent sign begins a specifier.
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
