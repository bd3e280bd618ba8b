"""All cases: each foreign start healthy and broken."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

from benchmarks.field.case import KILLED, NOT_NNUNET, RANKS, SHIM, TRAIN, Case, Place, beside, script
from holter.errors import BadInput

# Number of epochs: a few; longer than the first minute; until the benchmark ends it.
SHORT, LONG, FOR_EVER = ((("FIELD_EPOCHS", epochs),) for epochs in ("4", "11", "200"))
ONE_THREAD = (("OMP_NUM_THREADS", "1"),)
IMPORTS_NEITHER = r"heartbeat: no: so far the program used no nnunetv2, batchgenerators or DataLoader"
NO_HEARTBEAT, NO_LOG, NO_LOADER = r"heartbeat: no:", r"training log: no:", r"data loader: no:"
TORCH_LOADER, NNUNET_LOADER = r"data loader: PyTorch DataLoader workers", r"data loader: batchgenerators workers"
SEES_LOG = r"training log: yes"
WATCHES, CANNOT = r"It only watches", r"Holter can only tell you, and it saves no checkpoints"
NOT_AGAIN = r"Holter does not start it again: .*--resume-command"
NO_RESTART = r"Holter cannot start it again: .*--resume-command"
V1 = ("nnunet==1.7.1", "batchgenerators==0.25", "medpy", "tifffile", "dicom2nifti", "pydicom", "scikit-image==0.25.0")
VALIDATES = ("validation", "验证")
LIGHTNING = ("lightning==2.6.6", "lightning-utilities==0.15.3", "torchmetrics==1.9.0")
MONAI = ("monai==1.6.1",)
DEAD_WORKER = ("worker-killed", "main-exception")  # and the exception that PyTorch raises then
IS_STOPPED = (r"worker .*is stopped",)
MAIN_IS_STOPPED = (r"main process is stopped",)
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ACCELERATE = [
    sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no",
]  # fmt: skip


def plain(*words: str) -> Case:
    """Return a case with a Python script without torch."""
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


STANDS = r"the main thread has stood in wait_for_ever \(loop\.py:\d+\) for .*\(waiting for a lock\)"


def loop(*words: str, launcher: list[str] | None = None) -> Case:
    """Return a case with a training loop with PyTorch's DataLoader."""
    begin = [sys.executable] if launcher is None else launcher
    return replace(
        plain(),
        start="torch DataLoader",
        command=lambda _: [*begin, *script("loop.py", *words)[1:]],
        main="loop.py",
        sees=(r"heartbeat: yes", TORCH_LOADER, NO_LOG, WATCHES),
        variables=ONE_THREAD,
        is_seen=True,
    )


def torchrun(*words: str) -> Case:
    """Return the loop as two processes of a group."""
    return replace(loop("rank", *words, launcher=TORCHRUN), start="torchrun", forbidden=NOT_NNUNET)


def accelerate(*words: str) -> Case:
    """Return the loop with accelerate's launcher."""
    return replace(loop("accelerate", *words, launcher=ACCELERATE), start="accelerate launch", packages=("accelerate",))


def framework(name: str, packages: tuple[str, ...]) -> Case:
    """Return a training with a framework around PyTorch's DataLoader."""
    file = f"with_{name}.py"
    return replace(
        loop(),
        start=name,
        command=lambda _: script(file),
        main=file,
        packages=packages,
        forbidden=tuple(word for word in loop().forbidden if name != "lightning" or word not in VALIDATES),
        strikes_at=r"^epoch 1 ",  # importing a framework may take longer than the first minute
    )


def goes_on(case: Case, name: str, can: str) -> Case:
    """Return a case whose worker is stopped or killed under ``run --heal``: it is replaced, and the training ends."""
    return replace(
        case,
        name=name,
        strike=f"{case.strike}".replace("worker", "newest"),
        summary=f"{case.summary}, under run --heal: replaced",
        heal=True,
        heals=("replace-workers",),
        exit_codes=(0,),
        watch_s=240.0,  # until its end
        at_once=(NO_RESTART,),
        at_end=(r"replaced|workers were started",),
        says=tuple(pattern.replace("killed", "(killed|ended by SIGKILL)") for pattern in case.says),
        sees=tuple(can if pattern == WATCHES else pattern for pattern in case.sees),
    )


def _in_shell(_: Place) -> list[str]:
    return ["bash", "-c", f"echo ready && {shlex.join([beside('nnUNetv2_train'), *TRAIN])}"]


def _plainly_in_shell(_: Place) -> list[str]:
    return ["bash", "-c", shlex.join([beside("nnUNetv2_train"), *TRAIN])]


SHELL = Case(
    name="",
    start="bash -c",
    command=_in_shell,
    main="nnUNetv2_train",
    summary="",
    variables=FOR_EVER,
    forbidden=RANKS,
    heal=True,
    heals=("replace-workers", "end-group"),  # of a dead training: its workers do not end by themselves
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
    sees=(r"heartbeat: no: the command sets PYTHONPATH itself", WATCHES),
    takes_c=True,
)
NAMESPACE = replace(
    LOST,
    start="PID namespace",
    command=lambda _: ["unshare", "-pf", "--mount-proc", sys.executable, beside("nnUNetv2_train"), *TRAIN],
    sees=(r"heartbeat: no: the training runs in a PID namespace of its own", WATCHES),
    needs_root=True,
)
# v1's own training loop and the loader of its batchgenerators, with a network of one layer on random numbers.
FIRST = replace(
    LAUNCHER,
    start="nnU-Net v1, one layer",
    command=lambda place: script("first_version.py", str(place.folder / "out")),
    main="first_version.py",
    variables=ONE_THREAD,
    forbidden=(*RANKS, "nnUNetv2"),
    sees=(r"batchgenerators loader", WATCHES),
    packages=V1,
    light=True,
)


def raises(case: Case, name: str) -> Case:
    """Return the case with an exception in the training."""
    return replace(
        case,
        name=name,
        summary="an uncaught exception",
        breaks=True,
        exit_codes=(1,),
        causes=("main-exception",),
        says=(r"ended with a Python error",),
    )


def main_killed(case: Case, name: str, exit_codes: tuple[int, ...] = KILLED) -> Case:
    """Return the case with the training killed."""
    return replace(
        case,
        name=name,
        summary="the main process is killed",
        strike="kill-main",
        exit_codes=exit_codes,
        causes=("external-kill",),
        says=(r"ended the training with a signal",),
    )


def worker_killed(case: Case, name: str, causes: tuple[str, ...] = ("worker-killed",)) -> Case:
    """Return the case with a worker killed."""
    return replace(
        case,
        name=name,
        summary="a worker is killed",
        strike="kill-worker",
        exit_codes=(),
        causes=causes,
        says=(r"worker .*was killed",),
    )


def frozen(case: Case, name: str, whom: str = "worker", says: tuple[str, ...] = IS_STOPPED) -> Case:
    """Return the case with a process stopped (SIGSTOP)."""
    return replace(
        case,
        name=name,
        summary=f"a {whom} is stopped",
        strike=f"freeze-{whom}",
        exit_codes=(),
        causes=("frozen-worker",),
        says=says,
    )


def attached(case: Case, sees: tuple[str, ...]) -> Case:
    """Return the case started without Holter and observed by ``attach``."""
    summary = f"{case.summary}; observed by attach"
    return replace(case, name=f"{case.name}-attached", summary=summary, attach=True, exit_codes=(), sees=sees)


def healed(case: Case, can: str = CANNOT) -> Case:
    """Return the case under ``run --heal``: Holter says at once and at the end that it cannot restart it."""
    return replace(
        case,
        name=f"{case.name}-healed",
        summary=f"{case.summary}, under run --heal",
        heal=True,
        at_once=(NO_RESTART,),
        at_end=(NOT_AGAIN,) if case.ends else (),
        sees=tuple(can if pattern == WATCHES else pattern for pattern in case.sees),
    )


CASES: tuple[Case, ...] = (
    replace(plain(), name="script-sleeps", summary="sleeps 75 s in the middle, then ends"),
    replace(
        plain("imports"),
        name="script-imports",
        summary="has batchgenerators, sleeps 215 s, then ends",
        sees=(r"heartbeat: yes", NO_LOG, NO_LOADER, WATCHES),
        quick=False,
    ),
    raises(plain("raise"), "script-raises"),
    healed(raises(plain("raise"), "script-raises")),
    replace(
        plain("3"),
        name="script-exits-3",
        summary="ends with exit code 3",
        breaks=True,
        exit_codes=(3,),
        says=(r"exit code 3.*[Nn]o cause",),
        settles=False,
    ),
    replace(loop(), name="loader-trains", summary="trains and ends"),
    replace(loop("epochs"), name="loader-epochs", summary="trains several epochs, each with new workers, and ends"),
    worker_killed(loop(), "loader-killed", DEAD_WORKER),
    attached(worker_killed(loop(), "loader-killed", DEAD_WORKER), (NO_HEARTBEAT, TORCH_LOADER)),
    goes_on(frozen(loop(), ""), "loader-frozen-healed", r"Can replace workers"),
    replace(
        loop("lock"),
        name="loader-locked",
        summary="the loop waits for a lock forever, and a notice says where after ten minutes",
        breaks=True,
        exit_codes=(),
        says=(STANDS,),
        until=STANDS,
        watch_s=450.0,
        quick=False,
    ),
    *(
        case
        for name, packages in (("lightning", LIGHTNING), ("monai", MONAI))
        for case in (
            replace(framework(name, packages), name=f"{name}-trains", summary="trains and ends"),
            replace(
                frozen(framework(name, packages), f"{name}-frozen"), strike="freeze-newest", heals=("replace-workers",)
            ),
            replace(worker_killed(framework(name, packages), f"{name}-killed", DEAD_WORKER), strike="kill-newest"),
            goes_on(frozen(framework(name, packages), ""), f"{name}-frozen-healed", r"Can replace workers"),
            goes_on(worker_killed(framework(name, packages), ""), f"{name}-killed-healed", r"Can replace workers"),
        )
    ),
    replace(torchrun(), name="torchrun-trains", summary="trains and ends"),
    raises(torchrun("raise"), "torchrun-raises"),
    replace(
        frozen(torchrun(), "torchrun-frozen", "rank", says=MAIN_IS_STOPPED),
        causes=("main-stopped", "ddp-collective-timeout"),
    ),
    replace(accelerate(), name="accelerate-trains", summary="trains and ends"),
    raises(accelerate("raise"), "accelerate-raises"),
    main_killed(accelerate(), "accelerate-killed", exit_codes=(1,)),  # the launcher's own code
    replace(frozen(accelerate(), "accelerate-frozen"), heals=("replace-workers",)),
    replace(SHELL, name="shell-trains", summary="trains and ends, under run --heal", variables=SHORT, quick=False),
    replace(
        main_killed(SHELL, "shell-killed"),
        summary="the main process is killed, under run --heal",
        at_end=(NOT_AGAIN,),
    ),
    replace(
        main_killed(SHELL, "shell-plain-killed", exit_codes=()),
        summary="one plain command, beside an earlier training's checkpoints, is killed, under run --heal",
        command=_plainly_in_shell,
        older=True,
        at_once=(),
        takes_c=True,
        heals=(*SHELL.heals, "restart"),
        strikes_at=r"Epoch 1\s*$",  # nnU-Net has saved its best checkpoint by then
        at_end=(r"the training goes on after its restart: epoch 1\b",),
        until=r"goes on after its restart|giving up|does not start it again",
        watch_s=120.0,
    ),
    replace(LAUNCHER, name="launcher-trains", summary="trains and ends", variables=SHORT),
    replace(worker_killed(LAUNCHER, "launcher-killed"), quick=False),
    replace(frozen(LAUNCHER, "launcher-frozen"), heals=("replace-workers",)),
    replace(
        attached(
            main_killed(LAUNCHER, "launcher-killed"),
            (r"heartbeat: no: the training was started without Holter", WATCHES),
        ),
        quick=False,
    ),
    replace(
        healed(main_killed(LAUNCHER, "launcher-killed"), can=r"Can replace workers"), heals=SHELL.heals, quick=False
    ),
    replace(LOST, name="hook-lost-trains", summary="trains and ends", variables=LONG, quick=False),
    worker_killed(LOST, "hook-lost-killed"),
    replace(
        frozen(LOST, "hook-lost-stopped", "main", says=MAIN_IS_STOPPED),
        causes=("main-stopped",),
        quick=False,
    ),
    replace(NAMESPACE, name="namespace-trains", summary="trains and ends", variables=LONG, quick=False),
    worker_killed(NAMESPACE, "namespace-killed"),
    replace(FIRST, name="v1-trains", summary="trains and ends", quick=False),
    worker_killed(FIRST, "v1-killed"),
    replace(frozen(FIRST, "v1-frozen"), heals=("replace-workers",), quick=False),
)
STARTS = tuple(dict.fromkeys(case.start for case in CASES))


def find(name: str) -> Case:
    """Return the case of that name.

    Raises:  BadInput.
    """
    for case in CASES:
        if case.name == name:
            return case
    raise BadInput(f"there is no case {name!r}", next_step="python -m benchmarks.field --list")
