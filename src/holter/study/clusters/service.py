"""``holter study run … --service``: a service file of systemd for this user, so that a study survives a reboot.

It is printed, and installed by the user.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from holter.errors import BadInput
from holter.probes.machine.environment import looks_secret
from holter.sentences import NOTHING_STARTED, define
from holter.study.trainings import absolute

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

UNIT = """\
# {name}.service: put it into ~/.config/systemd/user/, then
#   systemctl --user daemon-reload
#   systemctl --user enable --now {name}
#   loginctl enable-linger    # so that it also runs while you are not logged in, and after a reboot
#   journalctl --user -u {name} -f{left_out}
[Unit]
Description=holter study

[Service]
WorkingDirectory={folder}
{variables}
ExecStart={command}
# A study that was killed starts again and goes on with its trainings, which run on; after exit codes it does not:
# 0 all is done, 1 something must be looked at, 75 it was asked to stop.
Restart=on-abnormal
RestartSec=30
SuccessExitStatus=75
KillMode=process
TimeoutStopSec={stop}

[Install]
WantedBy=default.target
"""
LEFT_OUT = "\n# Left out, because they look like secrets: {names}"


def unit_of(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Return the service file that runs ``holter`` with these words in a folder.

    Raises:  BadInput for a word or variable that such a file cannot hold.
    """
    chosen = {name: value for name, value in environ.items() if name in NAMES or name.startswith(PREFIXES)}
    secret = sorted(
        name for name, value in chosen.items() if name in SECRET or (name not in NAMES and looks_secret(name, value))
    )
    kept = {name: value for name, value in chosen.items() if name not in secret} | absolute(environ)
    for name, value in {**kept, "holter": " ".join(words), "pwd": str(folder)}.items():
        if "\n" in value:
            raise BadInput(LINE_BREAK(name=name), safe=NOTHING_STARTED(), next_step=WITHOUT_IT(name=name))
    return UNIT.format(
        name="holter-study",
        left_out=LEFT_OUT.format(names=", ".join(secret)) if secret else "",
        folder=str(folder).replace("%", "%%"),
        variables="\n".join(f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(kept.items())),
        # A dollar begins a variable in a command line alone.
        command=" ".join(_quoted(word).replace("$", "$$") for word in (sys.executable, "-m", "holter", *words)),
        stop=STOP_WITHIN_S,
    )


def _quoted(word: str) -> str:
    # As systemd reads it: quotes and backslashes are escaped, a percent sign begins a specifier.
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
