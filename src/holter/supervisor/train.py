"""``holter train``: nnU-Net training with supervision and healing. Given again, the command continues the training."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from holter.errors import AlreadyTraining, BadInput, FolderNotWritable, MissingExtra, NoUsableCheckpoint
from holter.hook.checkpoints.select import candidates, prepare_to_continue, set_aside, verify
from holter.probes.training.remarks import problems
from holter.records import Message
from holter.sentences import NOTHING_STARTED, define, joined
from holter.supervisor.folds.fold_lock import FoldLock
from holter.supervisor.folds.lock import IsHeld
from holter.texts.results_folder import SUMMARIES, is_done
from holter.texts.resume_command import printed, resume_command
from holter.texts.training_command import NNUNET_PATHS, SEVERAL_DATASETS, TrainingCommand, parse_training_command

ENTRY = ("-m", "holter.trainer.entry")
CHOICE = "holter_loader.json"  # as holter.trainer.auto.choice.FILE
CONTINUES = define("train.continues", "continues from {file}, epoch {epoch}")
CONTINUES_UNCOUNTED = define("train.continues-uncounted", "continues from {file}")
NOT_USED = define("train.checkpoint-not-used", "{file} is not used: {problem}")
KEPT_AS = define("train.checkpoint-kept-as", "{file} is kept as {new}")
NOTHING_LEFT = define(
    "train.nothing-left", "{folder} has its final checkpoint and its final validation: nothing is left to train"
)
THREE_WORDS = define("error.three-words", "Data set, configuration and fold are needed.")
PATHS_NOT_SET = define("error.paths-not-set", "{names} not set: nnU-Net does not know where its folders are.")
NO_NNUNET = define("error.no-nnunet", "nnU-Net is not installed for {python}.")
INSTALL_THERE = define(
    "next.install-there",
    "Install Holter into the environment of nnU-Net, or: holter run --heal -- nnUNetv2_train …",
)
NO_DATASET = define("error.no-dataset", "There is no data set {dataset} in nnU-Net's folders.")
NONE_USABLE = define("error.no-usable-checkpoint", "No usable checkpoint in {folder}.")
NONE_BECAUSE = define("error.no-usable-checkpoint-because", "No usable checkpoint in {folder} ({problems}).")
NEITHER_STARTED_NOR_OVERWRITTEN = define("safe.neither-started-nor-overwritten", "Nothing was started or overwritten.")
FROM_SCRATCH = define("next.from-scratch", "{command} begins again at epoch 0.")
FROM_BEGINNING = define("next.from-beginning", "{command} begins at epoch 0.")


class NothingLeft(Exception):
    """The fold is trained and validated. ``what``: the message about it. ``returncode``: of this Holter."""

    def __init__(self, what: Message) -> None:
        super().__init__(what.key)
        self.what, self.returncode = what, 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The command to start, and the reasons for it."""

    command: tuple[str, ...]
    folder: Path  # the fold's folder
    continues: Message | None = None  # the checkpoint to continue from, as a message
    notes: tuple[Message, ...] = ()


def check_paths(variables: Mapping[str, str]) -> None:
    """Check that nnU-Net's three folders are named by the environment.

    Raises:  BadInput.
    """
    missing = [name for name in NNUNET_PATHS if not variables.get(name)]
    if missing:
        raise BadInput(
            PATHS_NOT_SET(names=tuple(missing)),
            safe=NOTHING_STARTED(),
            next_step="\n".join(f"export {name}=/path/to/{name}" for name in missing),
        )


def read_arguments(arguments: tuple[str, ...], variables: Mapping[str, str]) -> tuple[TrainingCommand, Path]:
    """Return the training that these arguments of ``nnUNetv2_train`` mean, and the folder of its fold.

    Raises:  BadInput, MissingExtra.
    """
    training = parse_training_command(("nnUNetv2_train", *arguments))
    if training is None:
        raise BadInput(
            THREE_WORDS(),
            safe=NOTHING_STARTED(),
            next_step="holter train 4 3d_fullres 0",
        )
    check_paths(variables)
    if importlib.util.find_spec("nnunetv2") is None:
        raise MissingExtra(
            NO_NNUNET(python=sys.executable),
            safe=NOTHING_STARTED(),
            next_step=INSTALL_THERE(),
        )
    folder = training.fold_folder(variables)
    if folder is None:
        raise _which_dataset(arguments, training, variables)
    return training, folder


def _which_dataset(arguments: tuple[str, ...], training: TrainingCommand, variables: Mapping[str, str]) -> BadInput:
    names = training.datasets_of_number(variables)
    if not names:
        return BadInput(
            NO_DATASET(dataset=training.dataset), safe=NOTHING_STARTED(), next_step='ls "$nnUNet_preprocessed"'
        )
    index = arguments.index(training.dataset)
    words = (*arguments[:index], names[0], *arguments[index + 1 :])
    return BadInput(
        SEVERAL_DATASETS(number=training.dataset, names=names),
        safe=NOTHING_STARTED(),
        next_step=f"holter train {shlex.join(words)}",
    )


def make_order(arguments: tuple[str, ...], training: TrainingCommand, folder: Path, *, from_scratch: bool) -> Order:
    """Decide where to start: at the newest verified checkpoint if there is one, never silently at epoch 0.

    Call it with the fold's lock held.

    Raises:  NoUsableCheckpoint.
    """
    command = (sys.executable, *ENTRY, *arguments)
    if training.validation_only:
        return Order(command=command, folder=folder)
    if from_scratch:
        return Order(command=tuple(word for word in command if word != "--c"), folder=folder, notes=_put_away(folder))
    if not training.continued and not candidates(folder):
        return Order(command=command, folder=folder, notes=_put_away(folder))
    prepared = prepare_to_continue(folder)
    unusable = problems((*prepared.problems, *prepared.unread))
    notes = tuple(NOT_USED(file=file.name, problem=problem) for file, problem in unusable)
    if prepared.used is None:
        raise NoUsableCheckpoint(
            NONE_BECAUSE(folder=str(folder), problems=joined(*notes)) if notes else NONE_USABLE(folder=str(folder)),
            safe=NEITHER_STARTED_NOR_OVERWRITTEN(),
            next_step=_from_the_beginning(command, folder),
        )
    epoch, name = verify(prepared.used, crc=False).current_epoch, prepared.used.name
    continues = CONTINUES_UNCOUNTED(file=name) if epoch is None else CONTINUES(file=name, epoch=epoch)
    return Order(
        command=resume_command(command).command or command,
        folder=folder,
        continues=continues,
        notes=notes,
    )


def _from_the_beginning(command: tuple[str, ...], folder: Path) -> Message:
    words = printed(command)  # without --c
    if candidates(folder):
        return FROM_SCRATCH(command=f"{words} --restart-from-scratch")
    return FROM_BEGINNING(command=words)


def lock_of(folder: Path, wait: Callable[[IsHeld], bool], *, unless_done: bool) -> FoldLock:
    """Lock a fold. ``unless_done``: refuse one that is trained and validated, also where it cannot be locked.

    Another Holter may have trained it since anybody looked, so the results are looked at with the lock held.

    Raises:  NothingLeft; AlreadyTraining; FolderNotWritable.
    """
    try:
        lock = FoldLock(folder, wait)
    except (AlreadyTraining, FolderNotWritable):
        if unless_done and is_done(folder):
            raise NothingLeft(NOTHING_LEFT(folder=str(folder))) from None
        raise
    if unless_done and is_done(folder):
        lock.close()
        raise NothingLeft(NOTHING_LEFT(folder=str(folder)))
    return lock


def forget_choice(folder: Path) -> None:
    """Remove the record of the data loader that was chosen for this fold, so that the next start measures again."""
    (folder / CHOICE).unlink(missing_ok=True)


def _put_away(folder: Path) -> tuple[Message, ...]:
    # The old checkpoints are renamed, so that nothing is overwritten; the old validation too, with which the fold would
    # count as done if the new training ended before its own.
    notes = []
    summaries = [folder / name for name in SUMMARIES if (folder / name).is_file()]
    for path in (*summaries, *candidates(folder)):
        new = set_aside(path, "before-restart")
        notes.append(KEPT_AS(file=str(path.relative_to(folder)), new=new.name))
    return tuple(notes)
