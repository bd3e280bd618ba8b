"""``holter study run --slurm``: one array script for all trainings that can start now; sent only when asked."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from holter.errors import CannotDoHere
from holter.sentences import NOTHING_STARTED, define
from holter.study.records import Job
from holter.study.settings_file import passed_on
from holter.study.slots import MOST_WORKERS
from holter.texts.training_command import NNUNET_PATHS

# Before the time limit: the epoch that runs is saved, at most one is repeated.
SAVE_BEFORE_S = 900
SUBMIT_WITHIN_S = 60.0
NO_SBATCH = define("error.study-no-sbatch", "There is no sbatch on this machine.")
WITHOUT_SUBMIT = define("next.study-without-submit", "Without --submit the script is printed, to be sent elsewhere.")
SBATCH_REFUSED = define("error.study-sbatch-refused", "sbatch refused the script: {why}")
WAS_IT_TAKEN = define("next.study-was-it-taken", "squeue --me shows whether it was taken.")
CHECK_OPTIONS = define("next.study-check-options", '--slurm-options "--partition=gpu --gres=gpu:1 --time=24:00:00"')

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name=holter-study
#SBATCH --array=0-{last}{most}
#SBATCH --requeue --open-mode=append
#SBATCH --signal=B:USR1@{before}
#SBATCH --output={output}
{options}
# Exit codes of holter train: 0 done; 75 saved before the time limit: put back into the queue, continued from its
# checkpoint; 76 Holter gave up healing: not put back, look first (holter study status); others as of the training.
{exports}
workers=${{SLURM_CPUS_PER_TASK:-0}}; [ "$workers" -gt {workers} ] && workers={workers}
[ "$workers" -gt 0 ] && export nnUNet_n_proc_DA="${{nnUNet_n_proc_DA:-$workers}}"
cd {folder} || exit 2
case "$SLURM_ARRAY_TASK_ID" in
{cases}
esac
echo "holter study: $*"
trap 'passed=1; [ -n "$pid" ] && kill -USR1 $pid' USR1    # bash gets the signal and passes it on
# Ten seconds that save hours: a disk that does not answer, a GPU that is gone. If only this look fails (2), it trains.
# Many tasks that start at once read Python from a cold disk: only a second no-go counts. Time left is no matter here.
look=("$1" "$2" -f "$3")
for ((at = 4; at < $#; at++)); do
  next=$((at + 1))
  case "${{!at}}" in -tr | -p) look+=("${{!at}}" "${{!next}}") ;; -device) look+=(--device "${{!next}}") ;; esac
done
check() {{ SLURM_JOB_END_TIME= {holter} doctor "${{look[@]}}" --prolog; [ $? -eq 1 ]; }}
check && check && exit 1
{holter} train "$@" & pid=$!
wait $pid; code=$?
# 128 + SIGUSR1: only the wait was interrupted; without a new signal it is the exit code.
while [ $code -eq 138 ] && [ -n "$passed" ]; do passed=; wait $pid; code=$?; done
[ $code -eq 75 ] && scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
exit $code
"""


def script_of(
    jobs: Sequence[Job],
    out: Path,
    environ: Mapping[str, str],
    *,
    extra: tuple[str, ...] = (),
    most: int | None = None,
    options: str = "",
    variables: Sequence[str] = (),
) -> str:
    """Return the array script, one task a job.

    ``most``: how many may run at a time (``%N``). ``variables``: names of ``environ`` that the tasks get, too.
    """
    cases = [f"  {number}) set -- {shlex.join(job.arguments(extra))} ;;" for number, job in enumerate(jobs)]
    exports = [f"export {name}={shlex.quote(str(Path(environ[name]).absolute()))}" for name in NNUNET_PATHS]
    exports += [f"export {name}={shlex.quote(environ[name])}" for name in variables]
    # On the cluster the file may be missing.
    exports += [
        f"[ -e {(file := shlex.quote(path))} ] && export {name}={file}" for name, path in passed_on(environ).items()
    ]
    return SCRIPT.format(
        last=len(jobs) - 1,
        most=f"%{most}" if most else "",
        before=SAVE_BEFORE_S,
        workers=MOST_WORKERS,
        output=_quoted(out / "slurm-%A_%a.out"),
        options="\n".join(f"#SBATCH {option}" for option in _options(options)),
        exports="\n".join(exports),
        folder=shlex.quote(str(out)),
        cases="\n".join(cases),
        holter=shlex.join((sys.executable, "-m", "holter")),
    )


def submit(script: str, environ: Mapping[str, str], *, after: str | None = None) -> str:
    """Send an array script with ``sbatch``; return the number of its Slurm job.

    ``after``: the number of another Slurm job; this one starts when that one has succeeded.
    Raises:  CannotDoHere if there is no ``sbatch``, or it refuses or does not answer.
    """
    program = shutil.which("sbatch", path=environ.get("PATH"))
    if program is None:
        raise CannotDoHere(NO_SBATCH(), safe=NOTHING_STARTED(), next_step=WITHOUT_SUBMIT())
    command = [program, "--parsable", *([f"--dependency=afterok:{after}"] if after else [])]
    try:
        done = subprocess.run(
            command,
            input=script,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=SUBMIT_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotDoHere(SBATCH_REFUSED(why=str(error)), next_step=WAS_IT_TAKEN()) from error
    if done.returncode:
        raise CannotDoHere(
            SBATCH_REFUSED(why=done.stderr.strip() or str(done.returncode)),
            safe=NOTHING_STARTED(),
            next_step=CHECK_OPTIONS(),
        )
    return done.stdout.strip().partition(";")[0]


def _options(options: str) -> list[str]:
    # One a line; ``-p gpu`` stays together.
    lines: list[str] = []
    for word in shlex.split(options):
        if word.startswith("-") or not lines:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines


def _quoted(path: Path) -> str:
    # In quotes, as sbatch reads a name with blanks.
    return f'"{os.fspath(path)}"' if " " in os.fspath(path) else os.fspath(path)
