"""Which options of ``holter study`` fit together. What would do nothing is refused, with the reason."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from holter.errors import BadInput
from holter.records import Text
from holter.sentences import NOTHING_STARTED, define

WATCH_OR_JSON = define("error.study-watch-json", "--watch is for status on a terminal; --json is read once.")
NOT_OF = define("error.study-not-of", "{option} is for holter study {action}.")
JSON_OF_RUN = define("error.study-json-of-run", "--json is for plan, status and finish.")
SUBMIT_ALONE = define("error.study-submit-alone", "--submit, --slurm-options and --chain need --slurm.")
USELESS = define("error.study-useless", "{option} would do nothing with {way}: {why}.")
ONE_WAY = define("error.study-one-way", "{option} and {other} exclude each other: one of them starts the trainings.")
GPUS_OF_RAY = define("error.study-ray-gpus", "Ray gives each task its GPU")
GPUS_OF_SLURM = define("error.study-slurm-gpus", "Slurm gives each task its GPU")
TASKS_ALONE = define(
    "error.study-slurm-failures",
    "the tasks of an array do not know how the others end; if one fails, the others continue",
)
NO_QUEUE = define("error.study-slurm-queue", "nothing of the study runs after the script was sent")
NO_LIMIT = define("error.study-chain-slots", "Slurm limits only the tasks of an array, and a chain is none")
STARTS_OF_SLURM = define("error.study-slurm-spacing", "Slurm decides when a task starts")
TWO_FILES = define("error.study-file-two", "A study is one file, or data sets, not both: {words}.")
FILE_SAYS = define("error.study-file-says", "{file} says what to train; {option} would change only a part of it.")

OF_FINISH = ("report", "force", "do")
OF_RUN = (
    "gpus",
    "slots",
    "retry",
    "slurm",
    "submit",
    "slurm-options",
    "chain",
    "keep-going",
    "max-failures",
    "spacing",
    "notify",
    "metrics",
    "ray",
    "service",
)
# Where the order of the trainings shows.
WITH_ORDER = ("plan", "run")  # fmt: skip
# What a scheduler does itself. --keep-going is not among them: an array always goes on.
NOT_WITH_SLURM: Mapping[str, tuple[Text, str]] = {
    "gpus": (GPUS_OF_SLURM(), 'holter study run 4 --slurm --slurm-options "--gres=gpu:1"'),
    "max-failures": (TASKS_ALONE(), "holter study run 4 --slurm --slots 2"),
    "spacing": (STARTS_OF_SLURM(), "holter study run 4 --slurm --slots 2"),
    "service": (NO_QUEUE(), "holter study run 4 --slurm --submit"),
}
OF_QUEUE = ("notify", "metrics")
WHICH = ("configurations", "folds", "trainer", "plans", "priority")


def check(
    action: str,
    datasets: Sequence[str],
    is_given: Callable[[str], bool],
    is_typed: Callable[[str], bool],
    file: str | None,
) -> None:
    """Refuse options of ``holter study`` that do not fit together.

    ``is_given``: by an option's name without dashes, whether it is set, wherever; ``is_typed``: on the command line.
    ``file``: the study file, if one was named instead of data sets.

    Raises:  BadInput.
    """
    if is_given("watch") and (is_given("json") or action != "status"):
        raise BadInput(WATCH_OR_JSON(), next_step="holter study status 4")
    if action == "run" and is_given("json"):
        raise _refused(JSON_OF_RUN(), "holter study status 4 --json")
    for name in OF_RUN:  # a file may set them for the run to come
        if action != "run" and is_typed(name):
            raise _refused(NOT_OF(option=f"--{name}", action="run"), f"holter study {action} 4")
    if action not in WITH_ORDER and is_given("priority"):
        raise _refused(NOT_OF(option="--priority", action="run"), f"holter study {action} 4")
    if file is not None and len(datasets) > 1:
        raise _refused(TWO_FILES(words=tuple(datasets)), f"holter study {action} {shlex.quote(str(file))}")
    for name in OF_FINISH:
        if action != "finish" and is_given(name):
            raise _refused(NOT_OF(option=f"--{name}", action="finish"), "holter study finish 4 --report study.html")
    if action == "run":
        _check_ray(is_given)
        _check_ways(is_given, is_typed)
    for name in WHICH:
        if file is not None and is_typed(name):
            raise _refused(FILE_SAYS(file=file, option=f"--{name}"), f"holter study {action} {shlex.quote(str(file))}")


def _check_ray(is_given: Callable[[str], bool]) -> None:
    if is_given("ray") and is_given("slurm"):
        raise _refused(ONE_WAY(option="--ray", other="--slurm"), "holter study run 4 --ray auto")
    if is_given("ray") and is_given("gpus"):
        raise _refused(
            USELESS(option="--gpus", way="--ray", why=GPUS_OF_RAY()), "holter study run 4 --ray auto --slots 2"
        )


def _check_ways(is_given: Callable[[str], bool], is_typed: Callable[[str], bool]) -> None:
    for name in OF_QUEUE:  # a settings file may set them for other commands
        if is_given("slurm") and is_typed(name):
            raise _refused(USELESS(option=f"--{name}", way="--slurm", why=NO_QUEUE()), "holter study run 4 --slurm")
    if is_given("chain") and is_given("slots"):
        raise _refused(USELESS(option="--slots", way="--chain", why=NO_LIMIT()), "holter study run 4 --slurm --chain 3")
    if any(map(is_typed, ("submit", "slurm-options", "chain"))) and not is_given("slurm"):
        raise _refused(SUBMIT_ALONE(), "holter study run 4 --slurm --submit")
    for name, (why, step) in NOT_WITH_SLURM.items():
        if is_given("slurm") and is_given(name):
            raise _refused(USELESS(option=f"--{name}", way="--slurm", why=why), step)


def _refused(what: Text, next_step: str) -> BadInput:
    return BadInput(what, safe=NOTHING_STARTED(), next_step=next_step)
