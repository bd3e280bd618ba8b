"""``holter study run --slurm``: one array script for all trainings that can start now; sent only when asked."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from holter.errors import BadInput, CannotDoHere
from holter.records import Text
from holter.sentences import NOTHING_STARTED, define
from holter.study.records import Job
from holter.study.settings_file import passed_on
from holter.study.slots import MOST_WORKERS
from holter.study.trainings import file_name
from holter.texts.training_command import NNUNET_PATHS

# Before the time limit: the epoch that runs is saved, at most one is repeated.
SAVE_BEFORE_S = 900
SUBMIT_WITHIN_S = 60.0
CHAIN_WITHIN_S = 600.0  # a call of sbatch for each job
CHAIN_FILE = "holter-study-chain.sh"
NO_SBATCH = define("error.study-no-sbatch", "There is no sbatch on this machine.")
WITHOUT_SUBMIT = define("next.study-without-submit", "Without --submit the script is printed, to be sent elsewhere.")
SBATCH_REFUSED = define("error.study-sbatch-refused", "sbatch refused the script: {why}")
NO_WORDS = define("error.study-slurm-words", "--slurm-options: {options} cannot be read ({error}).")
WAS_IT_TAKEN = define("next.study-was-it-taken", "squeue --me shows whether it was taken.")
SOME_SENT = define(
    "safe.study-some-sent", "Jobs that were sent before stay in the queue (squeue --me); no training has lost anything."
)
CHECK_OPTIONS = define("next.study-check-options", '--slurm-options "--partition=gpu --gres=gpu:1 --time=24:00:00"')

HEAD = """\
#!/bin/bash
#SBATCH --job-name=holter-study
#SBATCH --array=0-{last}{most}
#SBATCH --requeue --open-mode=append
#SBATCH --signal=B:USR1@{before}
#SBATCH --output={output}
{options}
# Exit codes of holter train: 0 done; 75 saved before the time limit: put back into the queue, continued from its
# checkpoint; 76 Holter gave up healing: not put back, look first (holter study status); others as of the training.
case "$SLURM_ARRAY_TASK_ID" in
{cases}
esac
"""
AGAIN = """\
[ $code -eq 75 ] && [ -z "$ended" ] && scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
"""
CHAIN_HEAD = """\
#!/bin/bash
#SBATCH --requeue --open-mode=append
#SBATCH --signal=B:USR1@{before}
#SBATCH --output={output}
{options}
# For time limits that are shorter than a training. Each training is {links} jobs of one name; Slurm starts them one
# after another (singleton), and each continues where the one before has saved. Sent by: bash {file}
send() {{
  for ((link = 0; link < {links}; link++)); do
    sbatch --job-name="$1" --dependency=singleton "$0" "${{@:2}}" || exit
  done
}}
if [ $# -eq 0 ]; then
{sends}
  exit
fi
# Exit codes of holter train: 0 done; 75 saved before the time limit: the next job continues; 76 Holter gave up
# healing: look first (holter study status). After 0, 76 and codes of the training, jobs of this name that still wait
# are cancelled.
fold=$1; shift
[ -e "$fold/checkpoint_final.pth" ] && [ -e "$fold/validation/summary.json" ] && exit 0
"""
CHAIN_END = """\
# 2: Holter could not start here.
case $code in 2 | 75) ;; *) scancel --user="$(id -un)" --name="$SLURM_JOB_NAME" --state=PENDING ;; esac
"""
BODY = """\
{exports}
workers=${{SLURM_CPUS_PER_TASK:-0}}; [ "$workers" -gt {workers} ] && workers={workers}
[ "$workers" -gt 0 ] && export nnUNet_n_proc_DA="${{nnUNet_n_proc_DA:-$workers}}"
cd {folder} || exit 2
echo "holter study: $*"
trap 'passed=1; [ -n "$pid" ] && kill -USR1 $pid' USR1    # bash gets the signal and passes it on
# scancel or preemption. If bash ended now, Slurm would kill the training before it has saved. Not put back by this
# script: what was cancelled must stay so, and what was preempted Slurm itself puts back.
trap 'passed=1 ended=1; [ -n "$pid" ] && kill -TERM $pid' TERM
# Ten seconds that save hours: a disk that does not answer, a GPU that is gone. If only this look fails (2), it trains.
# Many tasks that start at once read Python from a cold disk: only a second no-go counts. Time left is no matter here.
look=("$1" "$2" -f "$3")
for ((at = 4; at < $#; at++)); do
  next=$((at + 1))
  case "${{!at}}" in -tr | -p) look+=("${{!at}}" "${{!next}}") ;; -device) look+=(--device "${{!next}}") ;; esac
done
check() {{ SLURM_JOB_END_TIME= {holter} doctor "${{look[@]}}" --prolog; [ $? -eq 1 ]; }}
check && check && exit 1
[ -n "$ended" ] && exit 143
{holter} train "$@" --unless-done & pid=$!
wait $pid; code=$?
# A signal interrupts only the wait.
while [ -n "$passed" ]; do passed=; wait $pid; code=$?; done
"""
EXIT = "exit $code\n"


class Batch(NamedTuple):
    """What the Slurm jobs of a study have in common."""

    out: Path  # folder for tapes and output
    environ: Mapping[str, str]
    extra: tuple[str, ...] = ()  # arguments for nnUNetv2_train
    options: str = ""  # for sbatch
    variables: Sequence[str] = ()  # names of ``environ`` that the trainings get, too


def script_of(jobs: Sequence[Job], batch: Batch, most: int | None = None) -> str:
    """Return the array script, one task a job; ``most``: how many may run at a time (``%N``)."""
    cases = [f"  {number}) set -- {shlex.join(job.arguments(batch.extra))} ;;" for number, job in enumerate(jobs)]
    head = HEAD.format(
        last=len(jobs) - 1,
        most=f"%{most}" if most else "",
        before=SAVE_BEFORE_S,
        output=_quoted(batch.out / "slurm-%A_%a.out"),
        options=_option_lines(batch.options),
        cases="\n".join(cases),
    )
    return head + _body(batch) + AGAIN + EXIT


def chain_of(jobs: Sequence[Job], links: int, batch: Batch) -> str:
    """Return a script that sends itself: ``links`` jobs for each training, which run one after another."""
    sends = [
        f"  send {shlex.join((name_of_chain(job), str(job.folder.absolute()), *job.arguments(batch.extra)))}"
        for job in jobs
    ]
    head = CHAIN_HEAD.format(
        before=SAVE_BEFORE_S,
        output=_quoted(batch.out / "slurm-%x-%j.out"),
        options=_option_lines(batch.options),
        links=links,
        file=CHAIN_FILE,
        sends="\n".join(sends),
    )
    return head + _body(batch) + CHAIN_END + EXIT


def name_of_chain(job: Job) -> str:
    """Return the name of a training's jobs. It is another one in another results folder, where others must not wait."""
    place = hashlib.sha256(os.fsencode(job.folder.absolute())).hexdigest()[:6]
    return f"holter-{file_name(job)}-{place}"


def submit_chain(script: str, out: Path, environ: Mapping[str, str]) -> None:
    """Write a script of ``chain_of`` into the folder ``out``, and let it send itself.

    Raises:  CannotDoHere as ``submit``; OSError.
    """
    _sbatch(environ)
    file = out / CHAIN_FILE
    file.write_text(script, encoding="utf-8")
    _sent(["bash", str(file)], None, environ, safe=SOME_SENT(), within_s=CHAIN_WITHIN_S)


def _body(batch: Batch) -> str:
    environ = batch.environ
    exports = [f"export {name}={shlex.quote(str(Path(environ[name]).absolute()))}" for name in NNUNET_PATHS]
    exports += [f"export {name}={shlex.quote(environ[name])}" for name in batch.variables]
    # On the cluster the file may be missing.
    exports += [
        f"[ -e {(file := shlex.quote(path))} ] && export {name}={file}" for name, path in passed_on(environ).items()
    ]
    return BODY.format(
        workers=MOST_WORKERS,
        exports="\n".join(exports),
        folder=shlex.quote(str(batch.out)),
        holter=shlex.join((sys.executable, "-m", "holter")),
    )


def submit(script: str, environ: Mapping[str, str], *, after: str | None = None) -> str:
    """Send an array script with ``sbatch``; return the number of its Slurm job.

    ``after``: the number of another Slurm job; this one starts when that one has succeeded, and else is removed.
    Raises:  CannotDoHere if there is no ``sbatch``, or it refuses or does not answer.
    """
    needs = [f"--dependency=afterok:{after}", "--kill-on-invalid-dep=yes"] if after else []
    command = [_sbatch(environ), "--parsable", *needs]
    return _sent(command, script, environ, safe=NOTHING_STARTED()).strip().partition(";")[0]


def _sbatch(environ: Mapping[str, str]) -> str:
    program = shutil.which("sbatch", path=environ.get("PATH"))
    if program is None:
        raise CannotDoHere(NO_SBATCH(), safe=NOTHING_STARTED(), next_step=WITHOUT_SUBMIT())
    return program


def _sent(
    command: Sequence[str],
    script: str | None,
    environ: Mapping[str, str],
    *,
    safe: Text,
    within_s: float = SUBMIT_WITHIN_S,
) -> str:
    # What the command says; ``safe``: what is so if it fails.
    try:
        done = subprocess.run(
            command,
            input=script or "",
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotDoHere(SBATCH_REFUSED(why=str(error)), next_step=WAS_IT_TAKEN()) from error
    if done.returncode:
        raise CannotDoHere(
            SBATCH_REFUSED(why=done.stderr.strip() or str(done.returncode)), safe=safe, next_step=CHECK_OPTIONS()
        )
    return done.stdout


def _option_lines(options: str) -> str:
    return "\n".join(f"#SBATCH {option}" for option in _options(options))


def _options(options: str) -> list[str]:
    # One a line; ``-p gpu`` stays together.
    lines: list[str] = []
    try:
        words = shlex.split(options)
    except ValueError as error:
        what = NO_WORDS(options=options, error=str(error))
        raise BadInput(what, safe=NOTHING_STARTED(), next_step=CHECK_OPTIONS()) from error
    for word in words:
        if word.startswith("-") or not lines:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines


def _quoted(path: Path) -> str:
    # In quotes, as sbatch reads a name with blanks.
    return f'"{os.fspath(path)}"' if " " in os.fspath(path) else os.fspath(path)
