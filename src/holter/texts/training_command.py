"""Parse an nnU-Net training command: data set, configuration, fold, trainer, plans, folders.

``nnUNetv2_train_pretrained`` fine-tunes a network of nnssl. It is in nnU-Net's repository, newer than 2.8.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from holter.sentences import define

NNUNET_PATHS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
USUAL_TRAINER = "nnUNetTrainer"
_FINE_TUNER = "PretrainedTrainer"  # the usual one of nnUNetv2_train_pretrained
USUAL_PLANS = "nnUNetPlans"

SEVERAL_DATASETS = define("error.several-datasets", "Several data sets have the number {number}: {names}.")

# Options of both commands that take a value; argparse accepts any unambiguous prefix of them.
_NNUNET_OPTIONS = ("-tr", "-p", "-pretrained_weights", "-num_gpus", "-device", "-overwrite_ckpt_path")
# Further options of the shortened training.
_SHORTENED_OPTIONS = (
    "--epochs", "--iterations", "--val-iterations", "--save-every", "--seed", "--train-step-delay-file",
)  # fmt: skip
_HOLTER_OPTIONS = ("--loader",)
_VALUE_OPTIONS = _NNUNET_OPTIONS + _SHORTENED_OPTIONS + _HOLTER_OPTIONS
_PRETRAINED = "pretrained"  # part of the name of command, module and file
_MODULES = (
    "nnunetv2.run.run_training",
    "nnunetv2.run.run_training_from_pretrained",
    "holter.trainer.shortened",
    "holter.trainer.entry",
)
_SCRIPTS = (
    ("nnunetv2", "run", "run_training.py"),
    ("nnunetv2", "run", "run_training_from_pretrained.py"),
    ("holter", "trainer", "shortened.py"),
    ("holter", "trainer", "entry.py"),
)
_COMMANDS = ("nnUNetv2_train", "nnUNetv2_train_pretrained")
_DATASET_ROOTS = ("nnUNet_results", "nnUNet_preprocessed", "nnUNet_raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCommand:
    """The arguments of one call of ``nnUNetv2_train`` or ``nnUNetv2_train_pretrained``, defaults filled in."""

    dataset: str  # as given: an ID or a name
    configuration: str
    fold: str
    trainer: str = USUAL_TRAINER
    plans: str = USUAL_PLANS
    validation_only: bool = False
    continued: bool = False
    from_scratch: bool = False  # with the plans of a pretrained network, without its weights

    def dataset_name(self, environ: Mapping[str, str]) -> str | None:
        """``DatasetNNN_Name``; an ID is looked up in nnU-Net's folders; None if it is not unique there."""
        if self.dataset.startswith("Dataset"):
            return self.dataset
        names = self.datasets_of_number(environ)
        return names[0] if len(names) == 1 else None

    def datasets_of_number(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Return every ``DatasetNNN_Name`` in nnU-Net's folders with this number; () if the name is no number."""
        names: set[str] = set()
        for root in _DATASET_ROOTS if self.dataset.isdecimal() else ():
            if environ.get(root):
                names |= _folders_starting(Path(environ[root]), f"Dataset{int(self.dataset):03d}")
        return tuple(sorted(names))

    def model_folder(self, environ: Mapping[str, str]) -> Path | None:
        """``.../DatasetNNN_Name/Trainer__Plans__configuration``, whether it exists or not; None if unknown."""
        name, results = self.dataset_name(environ), environ.get("nnUNet_results")
        if name is None or not results:
            return None
        plans = f"{self.plans}__from_scratch" if self.from_scratch else self.plans
        return Path(results) / name / f"{self.trainer}__{plans}__{self.configuration}"

    def fold_folder(self, environ: Mapping[str, str]) -> Path | None:
        """Folder of the training log; None if unknown."""
        model = self.model_folder(environ)
        return model / f"fold_{self.fold}" if model is not None else None


def parse_training_command(cmdline: Sequence[str]) -> TrainingCommand | None:
    """Return the training in a command line, at any place in it; None if there is none."""
    arguments = _arguments(cmdline)
    if arguments is None:
        return None
    positional: list[str] = []
    options: dict[str, str] = {}
    flags: set[str] = set()
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            positional.append(argument)
            continue
        name, equals, value = argument.partition("=")
        option = _value_option(name)
        if option is None:
            flags.add(argument)
        else:
            options[option] = value if equals else next(rest, "")
    if len(positional) < 3:
        return None
    is_fine_tuning = _PRETRAINED in cmdline[len(cmdline) - len(arguments) - 1]
    return TrainingCommand(
        dataset=positional[0],
        configuration=positional[1],
        fold=positional[2],
        trainer=options.get("-tr") or (_FINE_TUNER if is_fine_tuning else USUAL_TRAINER),
        plans=options.get("-p") or USUAL_PLANS,
        validation_only="--val" in flags,
        continued="--c" in flags,
        from_scratch=is_fine_tuning and "--from_scratch" in flags,
    )


def model_options(trainer: str, plans: str) -> tuple[str, ...]:
    """Return nnU-Net's options for this trainer and these plans; the usual ones need none."""
    named = () if trainer == USUAL_TRAINER else ("-tr", trainer)
    return named if plans == USUAL_PLANS else (*named, "-p", plans)


def words_before_training(cmdline: Sequence[str]) -> Sequence[str]:
    """Return what stands before the call of nnU-Net's training in a command line; everything if there is no call."""
    arguments = _arguments(cmdline)
    if arguments is None:
        return cmdline
    end = len(cmdline) - len(arguments) - 1
    return cmdline[: end - 1 if cmdline[end] == "train" else end]


def _arguments(cmdline: Sequence[str]) -> Sequence[str] | None:
    # The words after the call of one of the commands, of its module, its file, or of ``holter train``.
    for index, word in enumerate(cmdline):
        path = PurePath(word)
        previous = cmdline[index - 1] if index else ""
        if (
            path.name.removesuffix(".exe") in _COMMANDS
            or path.parts[-3:] in _SCRIPTS
            or (word in _MODULES and previous == "-m")
            or (word == "train" and PurePath(previous).name == "holter")
        ):
            return cmdline[index + 1 :]
    return None


def _value_option(name: str) -> str | None:
    # The option that takes a value, exact or by an unambiguous prefix.
    if name in _VALUE_OPTIONS:
        return name
    matches = [option for option in _VALUE_OPTIONS if len(name) > 2 and option.startswith(name)]
    return matches[0] if len(matches) == 1 and name != "--val" else None


def _folders_starting(root: Path, beginning: str) -> set[str]:
    # nnU-Net accepts any folder with this prefix; the underscore keeps Dataset0041 from matching.
    try:
        return {entry.name for entry in root.iterdir() if entry.name.startswith(beginning + "_")}
    except OSError:
        return set()
