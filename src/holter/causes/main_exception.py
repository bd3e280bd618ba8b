"""The training's own process raised an exception that nobody caught.

What happens:  an error in the main process (CUDA, torch.compile, the loss) ends the run. Its daemon
               workers are ended with it, and the sentence about background workers that follows is only an echo.
How we know:   the first exception in time belongs to the main process and is not an echo. If its message says what
               failed (a checkpoint that cannot be read, page-locked memory, a GPU that is not there, a PyTorch for the
               CPU alone, folders that are not set, a command line that was not accepted), the finding says it.
Looks like:    ram-oom-train-worker, fd-exhaustion and windows-spawn-commit (the exception says that memory or
               descriptors have run out: special cases of this one); worker-exception (the first exception is a
               worker's); disk-full-or-quota, shm-too-small and gpu-shared-or-zombie (the exception says that there is
               no room: special cases of this one); gpu-out-of-memory (batches that cannot be page-locked fail in the
               same words, but not because of the network).
What helps:    read the first traceback, not the last; fix what it names; continue with --c [ADVICE]. Not from a
               checkpoint that cannot be read: set it aside, and nnU-Net takes the next one (checkpoint_best.pth);
               Holter keeps checkpoint_latest.previous.pth too [CONSENT]. "Weights only load failed": the file may be
               whole, nnunetv2 is older than this PyTorch: a newer nnunetv2, or PyTorch before 2.6 [CONSENT].
Source:        MIC-DKFZ/nnUNet issues 2203, 2457; tests/tapes/main_exception.
"""

from __future__ import annotations

from holter.causes.lacking import by_exception
from holter.causes.offers import (
    CONTINUE,
    FEWER_WORKERS,
    MORE_MEMORY,
    Offer,
    all_of,
    any_of,
    is_one_of,
    may_be_nnunet,
    no,
    of_kind,
)
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, UNCOMPILED
from holter.causes.weigh import against, at_least, is_true, needs, one_of, supports, symptom
from holter.evidence.error_kinds import BEFORE_STEPS, is_special

CAUSE = "main-exception"

SENTENCES = describe(
    CAUSE,
    title="Error in the training itself",
    meaning="The training's own process ended with a Python error.",
    variants={
        "meaning.arguments": "The training did not accept its command line.",
        "meaning.checkpoint-broken": "A checkpoint is damaged and cannot be read.",
        "meaning.checkpoint-refused": "PyTorch refuses the checkpoint: this nnunetv2 is too old for this PyTorch.",
        "meaning.pinned-memory": "A batch could not be page-locked in main memory.",
        "meaning.cpu-torch": "The training asked for a GPU, but this torch is a CPU build.",
        "meaning.gpu-number": "The training asked for a GPU number that is not there.",
        "meaning.no-paths": "The folders of nnU-Net are not set.",
        "meaning.dataset-unknown": "nnU-Net finds no data set of this number.",
        "meaning.dataset-ambiguous": "Two data sets have the same number.",
        "meaning.no-configuration": "The plans have no configuration of this name.",
        "meaning.no-trainer": "nnU-Net finds no trainer of this name.",
        "meaning.no-plans": "The plans, or dataset.json, are not in the preprocessed folder.",
        "meaning.not-preprocessed": "The preprocessed cases of this configuration are not there.",
        "meaning.no-pretrained": "The file with pretrained weights is not there.",
        "meaning.unfinished": "The validation was asked for before the training was finished.",
    },
    findings={
        "arguments": "the exception is about a command line that was not accepted; nothing was trained",
        "checkpoint-broken": "the exception is about a damaged checkpoint",
        "checkpoint-refused": "PyTorch 2.6 and newer do not load such a checkpoint by default",
        "exception-in-main": "it was raised in the main process",
        "exception-not-in-main": "it was not raised in the main process",
        "cpu-torch": "this torch is a CPU build ({detail})",
        "gpu-number": "the exception is about a GPU that is not there",
        "no-paths": "nnUNet_raw, nnUNet_preprocessed or nnUNet_results is not set",
        "dataset-unknown": "no folder in nnUNet_raw, nnUNet_preprocessed and nnUNet_results begins with this number",
        "dataset-ambiguous": "folders of two names in nnUNet_raw, nnUNet_preprocessed and nnUNet_results begin with it",
        "no-configuration": "the exception names the configurations that the plans have",
        "no-trainer": "no class of this name is below nnunetv2/training/nnUNetTrainer",
        "no-plans": "the exception is about a missing JSON file that is read before training",
        "not-preprocessed": "the exception is about the folder of cases that training reads, which is missing or empty",
        "no-pretrained": "the exception is about the file after -pretrained_weights",
        "unfinished": "--val needs checkpoint_final.pth, which is written after the last epoch",
        "pinned-memory": "the exception is about pinning a batch (page-locked memory)",
    },
    remedies={
        "correct-command": "Correct the command: the options of nnU-Net go to nnU-Net, those of Holter to Holter.",
        "set-checkpoint-aside": (
            "Set the checkpoint that could not be read aside. With --c nnU-Net takes "
            "checkpoint_final.pth, else checkpoint_latest.pth, else checkpoint_best.pth; "
            "under Holter there is checkpoint_latest.previous.pth too."
        ),
        "checkpoint-versions": "Use a newer nnunetv2, or PyTorch before 2.6; the checkpoint itself may be intact.",
        "look-at-both-memories": "See which is full: main memory, its limit for locked pages, or the GPU's memory.",
        "gpu-torch": "Install a torch with CUDA (pytorch.org/get-started/locally), or train with -device cpu.",
        "see-gpus": "Compare CUDA_VISIBLE_DEVICES and -num_gpus with the GPUs of this machine.",
        "set-paths": "Set nnUNet_raw, nnUNet_preprocessed and nnUNet_results where the training is started.",
        "see-datasets": "See which data sets these folders hold, and whether the variables name the right folders.",
        "prepare-dataset": "If it is new: nnUNetv2_plan_and_preprocess first, with the same variables.",
        "one-name": "Keep one of the two names for the number, or give the full name (Dataset…_…) instead of it.",
        "see-configurations": "Choose one of them; nnU-Net plans 3d_lowres and cascades only if images need them.",
        "find-trainer": "Check the name after -tr, and that its file belongs to the nnunetv2 that trains.",
        "see-plans": "See which plans are there: another name is chosen with -p, missing ones are made by planning.",
        "preprocess-configuration": "Preprocess this configuration: nnUNetv2_preprocess -d NUMBER -c CONFIGURATION.",
        "see-weights": "Check the path after -pretrained_weights.",
        "train-first": "Finish the training first: the same command with --c instead of --val.",
        "read-first-traceback": "Read the first traceback, not the last: the message about workers is an echo.",
        "read-traceback": "Read the traceback: its last line says what failed, the frames above it where.",
    },
)
ERROR_TEXTS = ("RuntimeError: Given groups=1, weight of size [32, 1, 3, 3, 3]",)

# Kinds that no other cause explains and that name what failed: they change the wording, not the certainty.
NAMED_KINDS = (
    "checkpoint-broken", "checkpoint-refused", "pinned-memory", "cpu-torch", "gpu-number", "no-paths", *BEFORE_STEPS,
)  # fmt: skip

RULES = (
    needs("exception.role", one_of("main"), "exception-in-main", otherwise="exception-not-in-main", weight=2.0),
    supports("exception.first", is_true, "first-exception"),
    *(supports("exception.kind", one_of(kind), kind, weight=0.0) for kind in NAMED_KINDS),
    symptom("fine-without-pinning", weight=1.0),
    against("episode.kind", one_of("slow-down", "creep", "unsaved"), "still-running", fatal=True),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=2.0),
    against("disk.error", is_true, "disk-explains", weight=2.0),
    against("shm.trouble", is_true, "shm-explains", weight=2.0),
    against("gpu.shared", one_of("memory"), "others-explain", weight=2.0),
    against("exception.truncated_file", is_true, "file-is-truncated", weight=2.0),
    against("results.gone", one_of("deleted", "replaced"), "results-are-gone", weight=2.0),
    against("limit.reached", is_true, "limit-reached", weight=2.0),
    against("memory.refused", is_true, "memory-was-refused", weight=2.0),
    against("exception.kind", is_special, "its-kind-explains", weight=2.0),
    against("oom.kills", at_least(1), "oom-counted", weight=1.5),
    against("exception.assertion", is_true, "assertion-printed", weight=1.5),
)

# Continuing, or starting again with the same command, would fail in the same way.
FAILS_AGAIN = (
    "checkpoint-broken", "checkpoint-refused", "no-configuration", "no-trainer", "no-pretrained", "unfinished",
    "arguments", "cpu-torch",
)  # fmt: skip
DATASETS = 'ls "$nnUNet_raw" "$nnUNet_preprocessed" "$nnUNet_results"'


IS_REPEATED = no(is_one_of("echo.says", None))
OFFERS = (
    Offer("correct-command", "ADVICE", "nnUNetv2_train -h; holter train -h", of_kind("arguments"), of_nnunet=True),
    Offer("set-checkpoint-aside", "CONSENT", None, of_kind("checkpoint-broken"), of_nnunet=True, of_training=True),
    Offer("checkpoint-versions", "CONSENT", None, of_kind("checkpoint-refused"), of_nnunet=True, of_training=True),
    Offer("look-at-both-memories", "SAFE", "free -h; ulimit -l; nvidia-smi", of_kind("pinned-memory")),
    FEWER_WORKERS._replace(only_if=of_kind("pinned-memory")),
    MORE_MEMORY._replace(only_if=of_kind("pinned-memory")),
    Offer("gpu-torch", "CONSENT", None, of_kind("cpu-torch")),
    Offer("see-gpus", "SAFE", "nvidia-smi -L; echo $CUDA_VISIBLE_DEVICES", of_kind("gpu-number")),
    Offer("set-paths", "ADVICE", None, of_kind("no-paths"), of_nnunet=True),
    Offer("see-datasets", "SAFE", DATASETS, of_kind("dataset-unknown", "dataset-ambiguous"), of_nnunet=True),
    Offer("prepare-dataset", "ADVICE", None, of_kind("dataset-unknown", "no-plans"), of_nnunet=True),
    Offer("one-name", "ADVICE", None, of_kind("dataset-ambiguous"), of_nnunet=True),
    Offer("see-configurations", "ADVICE", None, of_kind("no-configuration"), of_nnunet=True),
    Offer("find-trainer", "ADVICE", None, of_kind("no-trainer"), of_nnunet=True),
    Offer("see-plans", "SAFE", 'find "$nnUNet_preprocessed" -maxdepth 2 -name "*.json"', of_kind("no-plans")),
    Offer("preprocess-configuration", "ADVICE", None, of_kind("not-preprocessed"), of_nnunet=True),
    Offer("see-weights", "ADVICE", None, of_kind("no-pretrained")),
    Offer("train-first", "ADVICE", None, of_kind("unfinished")),
    Offer("read-first-traceback", "ADVICE", None, IS_REPEATED),
    Offer("read-traceback", "ADVICE", None, no(any_of(IS_REPEATED, of_kind(*BEFORE_STEPS)))),
    CONTINUE._replace(only_if=all_of(may_be_nnunet, no(of_kind(*FAILS_AGAIN)))),
)
LADDER = (AGAIN, UNCOMPILED)
LADDER_BY_FACTS = by_exception
