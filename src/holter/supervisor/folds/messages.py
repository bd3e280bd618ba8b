"""Messages about folds that start together: which fold is waited for, its progress, and why the wait ends."""

from __future__ import annotations

from holter.probes.training.preprocessed import Job, Kind
from holter.probes.training.starting import Starting
from holter.records import Message
from holter.sentences import Sentence, define
from holter.supervisor.folds.lock_state import About, host_of

WAITS: dict[Kind, Sentence] = {
    "splits": define(
        "prepare.waits.splits",
        "fold {own} waits for fold {fold} (PID {pid} on {host}), which writes splits_final.json",
    ),
    "unpack": define(
        "prepare.waits.unpack",
        "fold {own} waits for fold {fold} (PID {pid} on {host}), which unpacks the data; cases left: {left}",
    ),
}
STILL: dict[Kind, Sentence] = {
    "splits": define(
        "prepare.still.splits",
        "fold {own} has waited {age:duration} for fold {fold} (PID {pid} on {host}): no splits_final.json yet",
    ),
    "unpack": define(
        "prepare.still.unpack",
        "fold {own} has waited {age:duration} for fold {fold} (PID {pid} on {host}): cases left to unpack: {left}",
    ),
}
GOES_ON: dict[Kind, Sentence] = {
    "splits": define("prepare.goes-on.splits", "fold {own} goes on after {age:duration}: splits_final.json is there"),
    "unpack": define("prepare.goes-on.unpack", "fold {own} goes on after {age:duration}: the data are unpacked"),
}
TAKES_OVER: dict[Kind, Sentence] = {
    "splits": define(
        "prepare.takes-over.splits",
        "fold {fold} (PID {pid} on {host}) has made no splits_final.json and is no longer waited for: "
        "fold {own} goes on after {age:duration} and makes it",
    ),
    "unpack": define(
        "prepare.takes-over.unpack",
        "fold {fold} (PID {pid} on {host}) has left {count} cases packed and is no longer waited for: "
        "fold {own} goes on after {age:duration} and unpacks them",
        one="fold {fold} (PID {pid} on {host}) has left {count} case packed and is no longer waited for: "
        "fold {own} goes on after {age:duration} and unpacks it",
    ),
}
WITHOUT: dict[Kind, Sentence] = {
    "splits": define(
        "prepare.without.splits",
        "fold {fold} (PID {pid} on {host}) trains without splits_final.json: fold {own} goes on after {age:duration}",
    ),
    "unpack": define(
        "prepare.without.unpack",
        "fold {fold} (PID {pid} on {host}) trains without unpacking the data: fold {own} goes on after {age:duration}",
    ),
}
STUCK: dict[Kind, Sentence] = {
    "splits": define(
        "prepare.stuck.splits",
        "fold {fold} (PID {pid} on {host}) has made no splits_final.json for {idle:duration}, and fold {own} waits for "
        "it; to go on without fold {fold}: rm {lock}",
    ),
    "unpack": define(
        "prepare.stuck.unpack",
        "fold {fold} (PID {pid} on {host}) has unpacked no case for {idle:duration}, and fold {own} waits for it; "
        "to go on without fold {fold}: rm {lock}",
    ),
}
STOPPED = define(
    "prepare.stopped",
    "fold {fold} (PID {pid} on {host}) is stopped (state T), and fold {own} waits for it; to let it go on: "
    "kill -CONT {stopped}",
)
TORN = define(
    "prepare.torn",
    "fold {own} waits until nobody has written to {count} half-written files for {most:duration}, such as {file}",
    one="fold {own} waits until nobody has written to a half-written file for {most:duration}: {file}",
)
REMOVED = define(
    "prepare.removed",
    "fold {own} has removed {count} half-written files that nobody writes any more, such as {file}: "
    "nnU-Net unpacks them again",
    one="fold {own} has removed a half-written file that nobody writes any more, {file}: nnU-Net unpacks it again",
)
STARTS = define(
    "prepare.starts",
    "fold {own} waits for fold {fold} (PID {pid} on {host}), which starts on the same data without holter train: "
    "{most:duration} at most",
)
BESIDE: dict[Kind, Sentence] = {
    "splits": define(
        "prepare.beside.splits",
        "fold {fold} (PID {pid} on {host}) starts on the same data, and splits_final.json is not there yet: "
        "one may read it while the other writes it (holter train waits)",
    ),
    "unpack": define(
        "prepare.beside.unpack",
        "fold {fold} (PID {pid} on {host}) starts on the same data, and {count} cases are not unpacked yet: "
        "one may read them while the other writes them (holter train waits)",
        one="fold {fold} (PID {pid} on {host}) starts on the same data, and {count} case is not unpacked yet: "
        "one may read it while the other writes it (holter train waits)",
    ),
}
RANDOM_SPLIT = define(
    "prepare.random-split",
    "fold {fold} is not in the split, which has {count} folds, counted from 0: nnU-Net trains with a random 80:20 "
    "split of all cases instead",
)
NOTHING_STARTED = define("prepare.nothing-started", "ended before the training was started")

UNKNOWN = "?"


def holder_blanks(about: About) -> dict[str, str | int]:
    """Return the values for messages that name the holder of a lock: fold, PID and host, "?" for unknown ones."""
    pid, fold = about.get("pid"), about.get("fold")
    return {
        "fold": fold if isinstance(fold, str) else UNKNOWN,
        "pid": pid if isinstance(pid, int) else UNKNOWN,
        "host": host_of(about) if "host" in about else UNKNOWN,
    }


def training_blanks(starting: Starting, host: str) -> dict[str, str | int]:
    """Return the values for messages that name a training which Holter did not start: fold, PID and host."""
    return {"fold": starting.training.fold, "pid": starting.pid, "host": host}


def beside(job: Job, others: dict[str, str | int], left: int) -> Message:
    """Return a warning for a command that does not wait: another training is writing files that this one may read.

    ``others``: fold, PID and host of that training. ``left``: the number of parts of the job that are not done.
    """
    return BESIDE[job.kind](**others, count=left)
