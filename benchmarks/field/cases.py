"""All cases: each foreign start healthy and broken."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

from benchmarks.field.case import NOT_NNUNET, RANKS, SHIM, TRAIN, Case, Place, beside, script
from holter.errors import BadInput

# A few epochs; longer than the first minute; until it is ended.
SHORT, LONG, FOR_EVER = ((("FIELD_EPOCHS", epochs),) for epochs in ("4", "11", "200"))
ONE_THREAD = (("OMP_NUM_THREADS", "1"),)
IMPORTS_NEITHER = r"heartbeat \(the program has imported neither nnunetv2 nor batchgenerators so far\)"
NO_HEARTBEAT, NO_LOG, NO_LOADER = r"not: .*heartbeat \(", r"not: .*training log \(", r"not: .*data loader \("
TORCH_LOADER, NNUNET_LOADER = r"sees .*PyTorch DataLoader workers", r"sees heartbeat, batchgenerators workers"
SEES_LOG = r"sees [^;]*training log"
WATCHES, CANNOT = r"It only watches", r"Can do nothing about trouble here"
NOT_AGAIN = r"Holter does not start it again: .*--resume-command"
NO_RESTART = r"Holter cannot start it again: .*--resume-command"
V1 = ("nnunet==1.7.1", "batchgenerators==0.25", "medpy", "tifffile", "dicom2nifti", "pydicom", "scikit-image==0.25.0")
DEAD_WORKER = ("worker-killed", "main-exception")  # and what PyTorch raises then
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "1"]
ACCELERATE = [
    sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no",
]  # fmt: skip


def plain(*words: str) -> Case:
    """A Python script without torch."""
    return Case(
        name="",
        start="plain script",
        command=lambda _: script("plain.py", *words),
        main="plain.py",
        summary="",
        forbidden=(*NOT_NNUNET, *RANKS),
        sees=(IMPORTS_NEITHER, NO_LOG, NO_LOADER, WATCHES),
        is_seen=False,
        light=True,
    )


def loop(*words: str, launcher: list[str] | None = None) -> Case:
    """A training loop with PyTorch's DataLoader."""
    begin = [sys.executable] if launcher is None else launcher
    return replace(
        plain(),
        start="torch DataLoader",
        command=lambda _: [*begin, *script("loop.py", *words)[1:]],
        main="loop.py",
        sees=(NO_HEARTBEAT, TORCH_LOADER, NO_LOG, WATCHES),
        variables=ONE_THREAD,
    )


def torchrun(*words: str) -> Case:
    """The same as one process of a group."""
    return replace(loop("rank", *words, launcher=TORCHRUN), start="torchrun", forbidden=NOT_NNUNET)


def accelerate(*words: str) -> Case:
    """The same with accelerate's launcher."""
    return replace(loop("accelerate", *words, launcher=ACCELERATE), start="accelerate launch", packages=("accelerate",))


def _in_shell(_: Place) -> list[str]:
    return ["bash", "-c", f"echo ready && {shlex.join([beside('nnUNetv2_train'), *TRAIN])}"]


SHELL = Case(
    name="",
    start="bash -c",
    command=_in_shell,
    main="nnUNetv2_train",
    summary="",
    variables=FOR_EVER,
    forbidden=RANKS,
    heal=True,
    heals=("replace-workers", "end-group"),  # of a training that has died: its workers do not end by themselves
    sees=(NNUNET_LOADER, SEES_LOG, r"Can replace workers"),
    at_once=(r"Holter cannot start it again: the command is a shell script.*--resume-command",),
)
LAUNCHER = replace(
    SHELL,
    start="own launcher",
    command=lambda _: script("launcher.py"),
    main="launcher.py",
    heal=False,
    heals=(),
    sees=(NNUNET_LOADER, SEES_LOG, WATCHES),
    at_once=(),
)
LOST = replace(
    LAUNCHER,
    start="lost hook",
    command=lambda _: ["env", f"PYTHONPATH={SHIM}", beside("nnUNetv2_train"), *TRAIN],
    main="nnUNetv2_train",
    sees=(r"heartbeat \(the command sets PYTHONPATH anew", WATCHES),
    takes_c=True,
)
NAMESPACE = replace(
    LOST,
    start="PID namespace",
    command=lambda _: ["unshare", "-pf", "--mount-proc", sys.executable, beside("nnUNetv2_train"), *TRAIN],
    sees=(r"heartbeat \(the training runs in a PID namespace of its own", WATCHES),
    needs_root=True,
)
FIRST = replace(
    LAUNCHER,
    start="nnU-Net v1",
    command=lambda place: script("first_version.py", str(place.folder / "out")),
    main="first_version.py",
    variables=ONE_THREAD,
    forbidden=(*RANKS, "nnUNetv2"),
    sees=(r"batchgenerators loader", WATCHES),
    packages=V1,
    is_seen=False,
    light=True,
)

CASES: tuple[Case, ...] = (
    replace(plain(), name="script-sleeps", summary="sleeps 75 s in the middle, then ends"),
    replace(
        plain("imports"),
        name="script-imports",
        summary="has batchgenerators, sleeps 215 s, then ends",
        sees=(r"sees heartbeat", NO_LOG, NO_LOADER, WATCHES),
        quick=False,
    ),
    replace(
        plain("raise"),
        name="script-raises",
        summary="an uncaught exception",
        breaks=True,
        exit_code=1,
        causes=("main-exception",),
    ),
    replace(
        plain("raise"),
        name="script-raises-healed",
        summary="an uncaught exception, under run --heal",
        at_end=(NOT_AGAIN,),
        breaks=True,
        exit_code=1,
        heal=True,
        causes=("main-exception",),
        at_once=(NO_RESTART,),
        sees=(IMPORTS_NEITHER, NO_LOG, NO_LOADER, CANNOT),
    ),
    replace(
        plain("3"), name="script-exits-3", summary="ends with exit code 3", breaks=True, exit_code=3, settles=False
    ),
    replace(loop(), name="loader-trains", summary="trains and ends"),
    replace(loop(), name="loader-killed", summary="a worker is killed", strike="kill-worker", causes=DEAD_WORKER),
    replace(
        loop(),
        name="loader-killed-attached",
        summary="a worker is killed; looked at by attach",
        strike="kill-worker",
        causes=DEAD_WORKER,
        attach=True,
        sees=(NO_HEARTBEAT, TORCH_LOADER),
    ),
    replace(
        loop(),
        name="loader-frozen-healed",
        summary="a worker is stopped, under run --heal",
        strike="freeze-worker",
        causes=("frozen-worker",),
        heal=True,
        at_once=(NO_RESTART,),
        sees=(NO_HEARTBEAT, TORCH_LOADER, NO_LOG, CANNOT),
    ),
    replace(
        loop("lock"),
        name="loader-locked",
        summary="the loop waits for a lock for ever",
        breaks=True,
        exit_code=None,
        causes=("main-stands-still",),
    ),
    replace(torchrun(), name="torchrun-trains", summary="trains and ends"),
    replace(
        torchrun("raise"),
        name="torchrun-raises",
        summary="the process of the group raises",
        breaks=True,
        exit_code=1,
        causes=("main-exception",),
    ),
    replace(accelerate(), name="accelerate-trains", summary="trains and ends"),
    replace(
        accelerate("raise"),
        name="accelerate-raises",
        summary="the training raises",
        breaks=True,
        exit_code=1,
        causes=("main-exception",),
    ),
    replace(SHELL, name="shell-trains", summary="trains and ends, under run --heal", variables=SHORT, quick=False),
    replace(
        SHELL,
        name="shell-killed",
        summary="the main process is killed, under run --heal",
        at_end=(NOT_AGAIN,),
        strike="kill-main",
        causes=("external-kill",),
    ),
    replace(LAUNCHER, name="launcher-trains", summary="trains and ends", variables=SHORT),
    replace(
        LAUNCHER,
        name="launcher-killed",
        summary="a worker is killed",
        strike="kill-worker",
        causes=("worker-killed",),
        quick=False,
    ),
    replace(
        LAUNCHER,
        name="launcher-frozen",
        heals=("replace-workers",),
        summary="a worker is stopped",
        strike="freeze-worker",
        causes=("frozen-worker",),
    ),
    replace(
        LAUNCHER,
        name="launcher-killed-attached",
        summary="the main process is killed; looked at by attach",
        strike="kill-main",
        causes=("external-kill",),
        attach=True,
        sees=(r"heartbeat \(the training was started without Holter\)", WATCHES),
        quick=False,
    ),
    replace(
        LAUNCHER,
        name="launcher-killed-healed",
        heals=SHELL.heals,
        summary="the main process is killed, under run --heal",
        at_end=(NOT_AGAIN,),
        strike="kill-main",
        causes=("external-kill",),
        heal=True,
        at_once=(NO_RESTART,),
        sees=(NNUNET_LOADER, SEES_LOG, r"Can replace workers"),
        quick=False,
    ),
    replace(LOST, name="hook-lost-trains", summary="trains and ends", variables=LONG, quick=False),
    replace(
        LOST, name="hook-lost-killed", summary="a worker is killed", strike="kill-worker", causes=("worker-killed",)
    ),
    replace(
        LOST,
        name="hook-lost-stopped",
        summary="the main process is stopped",
        strike="freeze-main",
        causes=("main-stopped",),
        quick=False,
    ),
    replace(NAMESPACE, name="namespace-trains", summary="trains and ends", variables=LONG, quick=False),
    replace(
        NAMESPACE,
        name="namespace-killed",
        summary="a worker is killed",
        strike="kill-worker",
        causes=("worker-killed",),
    ),
    replace(FIRST, name="v1-trains", summary="trains and ends", quick=False),
    replace(FIRST, name="v1-killed", summary="a worker is killed", strike="kill-worker", causes=("worker-killed",)),
    replace(
        FIRST,
        name="v1-frozen",
        summary="a worker is stopped",
        strike="freeze-worker",
        causes=("frozen-worker",),
        quick=False,
    ),
)
STARTS = tuple(dict.fromkeys(case.start for case in CASES))


def find(name: str) -> Case:
    """The case of that name.

    Raises:  BadInput.
    """
    for case in CASES:
        if case.name == name:
            return case
    raise BadInput(f"there is no case {name!r}", next_step="python -m benchmarks.field --list")
