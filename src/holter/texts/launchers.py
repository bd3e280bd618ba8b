"""The words before a training command: programs that start the command behind them, with its words unchanged.

An option at the end of the line reaches nnU-Net only through these. Others do something else with it: GNU parallel
takes ``--c`` for one more fold and begins the others again, ``ssh`` and ``docker exec`` start a second training beside
one that still runs, ``echo`` and ``xargs`` start none.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from holter.patterns import later

_ASSIGNMENT = later(r"[A-Za-z_]\w*=")
# With a version, but no script such as python_run.py.
_PYTHON = later(r"(?:python|pypy)[\d.]*[\w-]*$")
_ANY = "*"


class _Launcher(NamedTuple):
    """How a program is followed by the command that it starts."""

    with_value: str = ""  # options that take the next word
    words: str = ""  # before the command: this word, or any (*)
    needs: str = ""  # without this option it is not transparent


_TORCHRUN = _Launcher(
    "--nnodes --nproc-per-node --rdzv-backend --rdzv-endpoint --rdzv-id --rdzv-conf --max-restarts --monitor-interval "
    "--start-method --role --log-dir -r --redirects -t --tee --node-rank --master-addr --master-port --local-addr "
    "--local-ranks-filter"
)
_ACCELERATE = (
    "--config-file --num-processes --num-machines --mixed-precision --gpu-ids --main-process-port --main-process-ip "
    "--machine-rank --dynamo-backend --num-cpu-threads-per-process"
)
_CONDA = _Launcher("-n --name -p --prefix --cwd -e --env", "run")
_PROJECT = _Launcher(
    "-p --python --with --with-requirements -e --environment --directory --project -C --env-file --extra --group "
    "--manifest-path",
    "run",
)
_CONTAINER = _Launcher(
    "-B --bind -H --home --env --env-file --pwd --cwd -W --workdir -o --overlay -S --scratch", "exec *"
)
_MPI = _Launcher("-n -np --np -c -H --host --hostfile -x --map-by --bind-to --mca -machinefile -f")
_SRUN = _Launcher(
    "-A --account --acctg-freq -b --begin -B --extra-node-info --bcast -c --cpus-per-task --cpus-per-gpu --cpu-bind "
    "--cpu-freq -C --constraint --comment --container --cores-per-socket -d --dependency -D --chdir --deadline "
    "--delay-boot -e --error --epilog --export -F --nodefile -G --gpus --gpus-per-node --gpus-per-socket "
    "--gpus-per-task --gpu-bind --gpu-freq --gres --gres-flags --hint -i --input -J --job-name --jobid -L --licenses "
    "-m --distribution -M --clusters --mail-type --mail-user --mem --mem-bind --mem-per-cpu --mem-per-gpu --mincpus "
    "--mpi -n --ntasks --ntasks-per-core --ntasks-per-gpu --ntasks-per-node --ntasks-per-socket -N --nodes --network "
    "-o --output --open-mode -p --partition --priority --profile --prolog -q --qos -r --relative --reservation "
    "--signal -S --core-spec --switches -t --time --time-min --tmp -T --threads --threads-per-core --uid -w "
    "--nodelist -W --wait --wckey -x --exclude"
)
_LAUNCHERS: dict[str, _Launcher] = {
    "env": _Launcher("-u --unset -C --chdir"),
    **dict.fromkeys(("nohup", "setsid", "catchsegv", "unbuffer", "dumb-init", "tini", "prlimit"), _Launcher()),
    "nice": _Launcher("-n --adjustment"),
    "ionice": _Launcher("-c --class -n --classdata"),
    "time": _Launcher("-f --format -o --output"),
    "stdbuf": _Launcher("-i --input -o --output -e --error"),
    "timeout": _Launcher("-k --kill-after -s --signal", _ANY),
    "taskset": _Launcher(words=_ANY),
    "chrt": _Launcher("-T --sched-runtime -P --sched-period -D --sched-deadline", _ANY),
    "flock": _Launcher("-w --wait --timeout -E --conflict-exit-code", _ANY),
    "numactl": _Launcher("-N --cpunodebind -m --membind -C --physcpubind -i --interleave -p --preferred"),
    "unshare": _Launcher("-R --root -w --wd -S --setuid -G --setgid"),
    "strace": _Launcher("-o --output -e --trace -s --string-limit -E --env -u --user -a -b -I -O -P -S -X"),
    "cgexec": _Launcher("-g"),
    "sudo": _Launcher("-u --user -g --group -D --chdir -C --close-from -h --host -p --prompt -r --role -t --type"),
    "systemd-run": _Launcher("-p --property -E --setenv -u --unit --slice --nice --uid --gid", needs="--scope"),
    "xvfb-run": _Launcher("-e --error-file -f --auth-file -n --server-num -p --xauth-protocol -s --server-args -w"),
    "py-spy": _Launcher("-o --output -d --duration -r --rate -f --format", "record"),
    "pyenv": _Launcher("", "exec"),
    **dict.fromkeys(("conda", "mamba", "micromamba"), _CONDA),
    **dict.fromkeys(("uv", "poetry", "pixi", "pipenv", "pdm", "hatch", "rye"), _PROJECT),
    **dict.fromkeys(("singularity", "apptainer"), _CONTAINER),
    **dict.fromkeys(("mpirun", "mpiexec"), _MPI),
    **dict.fromkeys(("torchrun", "torch.distributed.run", "torch.distributed.launch"), _TORCHRUN),
    "accelerate": _Launcher(_ACCELERATE, "launch"),
    "accelerate.commands.launch": _Launcher(_ACCELERATE),
    "cProfile": _Launcher("-o --outfile -s --sort"),
    "srun": _SRUN,
}
_OF_PYTHON = _Launcher("-X -W --check-hash-based-pycs")


def program_place(words: Sequence[str], *, behind_python: bool = False) -> int:
    """Return the place of the first word that is neither an assignment nor part of a transparent launcher.

    ``behind_python``: a Python interpreter is a launcher too, of the module or file behind it.
    """
    place, launcher, to_skip = 0, _Launcher(), list[str]()
    began = 0
    while place < len(words):
        word = words[place]
        if word.startswith("-") and place > 0:
            place += 2 if _takes_value(word, launcher) else 1
        elif to_skip:
            if to_skip.pop(0) not in (_ANY, word):
                return began
            place += 1
        elif (named := _launcher(word, behind_python=behind_python)) is not None:
            if named.needs and named.needs not in words[place:]:
                return place
            began, launcher, to_skip = place, named, shlex.split(named.words)
            place += 1
        elif _ASSIGNMENT.match(word):
            place += 1
        else:
            return place
    return began if to_skip else len(words)


def stranger(front: Sequence[str]) -> str | None:
    """Return the program among the words before a training of which it is unknown what it does with these words."""
    place = program_place(front, behind_python=True)
    return PurePath(front[place]).name if place < len(front) else None


def assigned(words: Sequence[str]) -> dict[str, str]:
    """Return the variables that a command sets before its program: ``NAME=value …``, ``env NAME=value …``."""
    pairs = (word.partition("=") for word in words[: program_place(words)] if _ASSIGNMENT.match(word))
    return {name: value for name, _, value in pairs}


def _launcher(word: str, *, behind_python: bool) -> _Launcher | None:
    name = PurePath(word).name
    if behind_python and _PYTHON.match(name):
        return _OF_PYTHON
    return _LAUNCHERS.get(name)


def _takes_value(option: str, launcher: _Launcher) -> bool:
    # Both torchrun and accelerate take long options with - or _.
    name = option.replace("_", "-") if option.startswith("--") else option
    return name in launcher.with_value.split()
