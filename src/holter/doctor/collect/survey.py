"""Gather a ``Survey`` within a time limit: children run in parallel, each with a deadline; the data come last."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from holter.doctor.collect import files as preprocessed
from holter.doctor.collect.jobs import Jobs, merged, wait
from holter.doctor.collect.machine import machine, neighbours
from holter.doctor.collect.question import Question
from holter.doctor.collect.wording import both
from holter.doctor.records import Asked, Folder, GpuText, Software, Survey
from holter.errors import BadInput, CannotDoHere
from holter.linux.mounts import Mount, mount_of, parse_mountinfo
from holter.linux.procfs import read_text
from holter.probes.child.background_command import BackgroundCommand, Outcome
from holter.probes.gpu.gpu import GpuProbe
from holter.probes.machine.cgroup import CgroupProbe
from holter.probes.machine.environment import capture
from holter.probes.machine.host import HostProbe
from holter.probes.storage.storage import is_rotational
from holter.records import CgroupSample, GpuSample, HostSample, Message
from holter.reports.catalogue import phrase
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define

NO_PYTHON = define("error.no-python", "{option} is not a Python that can be run.")
NO_ANSWER = define("error.folders-silent", "nnU-Net's folders did not answer: {trouble}.")
SILENT = define("why.no-answer", "no answer")
IMPORTING_TORCH = define("doctor.importing-torch", "importing torch: {trouble}")
NOT_LOOKED_AT = define("why.not-looked-at", "not looked at: --prolog must be quick")
LIST_MAY_HANG = define("next.look-may-hang", "{command}  # it may hang")

BUDGET_S = 60.0
QUESTION_S = 10.0
SOFTWARE_S = 40.0  # torch on a cold network file system takes this long
SOFTWARE_CHILD = Path(__file__).with_name("software_child.py")
READS_S = 4.0
FOLDER_S = 12.0
GPU_S = 12.0
ENDING_S = 6.0  # reserved at the end for children that must be killed
HOST_SPAN_S = 1.0  # a share of CPU time needs two reads
LEAST_FOR_FILES_S = 3.0

Tell = Callable[[str, int, int], None]  # stage, done, of how many


class Limits(NamedTuple):
    """The seconds that each part may take, and which parts are done.

    The question comes first, then folders and GPUs together, then files.
    """

    question_s: float = QUESTION_S
    folder_s: float = FOLDER_S
    gpu_s: float = GPU_S
    reads_s: float = READS_S  # of a folder's speed
    whole_s: float = float("inf")  # until folders and GPUs must have answered
    software: bool = True  # imports torch
    files: bool = True


# Less than ten seconds together, also where nothing answers.
QUICK = Limits(question_s=6.0, folder_s=6.0, gpu_s=6.0, reads_s=0.0, whole_s=8.5, software=False, files=False)
LEAST_S = 2.0


class Order(NamedTuple):
    """What to examine, and the roots to read from."""

    asked: Asked
    python: str
    environ: Mapping[str, str]
    budget_s: float = BUDGET_S
    proc: Path = Path("/proc")
    root: Path = Path("/")
    sys: Path = Path("/sys")
    shm: Path = Path("/dev/shm")
    limits: Limits = Limits()


def training_python(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the training's interpreter: the given one, else that of the active environment, else Holter's own.

    Raises:  BadInput if it cannot be run.
    """
    if option is not None:
        inside = Path(option) / "bin" / "python" if Path(option).is_dir() else Path(option)
        path = str(inside.absolute()) if inside.exists() else shutil.which(option, path=environ.get("PATH", ""))
        if path is None or not os.access(path, os.X_OK):
            raise BadInput(NO_PYTHON(option=option), next_step="holter doctor --python /path/to/bin/python")
        return path
    command = shutil.which("nnUNetv2_train", path=environ.get("PATH", ""))
    beside = Path(command).parent / "python" if command else None
    if beside is not None and beside.exists():
        return str(beside)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        inside = Path(environ.get(name) or "/nowhere") / "bin" / "python"
        if inside.exists():
            return str(inside)
    return sys.executable


def gather(order: Order, tell: Tell = lambda _stage, _done, _total: None) -> Survey:
    """Return everything that can be found out within the time.

    Raises:  BadInput if data set, plan or configuration does not exist; CannotDoHere if the storage does not answer.
    """
    with Jobs() as jobs:
        return _gather(jobs, order, tell)


def _gather(jobs: Jobs, order: Order, tell: Tell) -> Survey:
    began = time.monotonic()
    tell("question", 0, 0)
    question = ask(jobs, order)
    left_s = max(LEAST_S, order.limits.whole_s - (time.monotonic() - began))
    limits = order.limits._replace(folder_s=min(left_s, order.limits.folder_s), gpu_s=min(left_s, order.limits.gpu_s))
    order = order._replace(limits=limits)
    tell("machine", 0, 0)
    device = question.asked.device
    software = None
    if order.limits.software:
        software = jobs.start([order.python, str(SOFTWARE_CHILD), device], SOFTWARE_S, order.environ)
    folders = {label: _probe_folder(jobs, path, label, order) for label, path in _folders(question, order).items()}
    host, cgroup, gpus = _samples(order)
    wait(folders.values())
    files = None
    if question.preprocessed is not None and order.limits.files:
        files = _files(jobs, question, order, began, cgroup, tell)
    tell("software", 0, 0)
    wait([] if software is None else [software])
    return Survey(
        asked=question.asked,
        machine=machine(order.environ, order.proc),
        environment=capture(
            (str(Path(order.python).parent / "nnUNetv2_train"),),
            None,
            attached=False,
            environ=order.environ,
            proc=order.proc,
            root=order.root,
        ),
        host=host,
        cgroup=cgroup,
        gpus=tuple(map(_in_english, gpus)),
        gpu_texts=tuple(text for gpu in gpus for text in _texts(gpu)),
        software=_software(software) if software is not None else _unread(),
        folders=tuple(_folder(label, path, folders[label], order) for label, path in _folders(question, order).items()),
        plan=question.plan,
        files=files,
        fold=question.fold,
        neighbours=neighbours(order.proc),
        took_s=time.monotonic() - began,
    )


def ask(jobs: Jobs, order: Order) -> Question:
    """Return data set, plan and fold of the training ``order.asked``; without a data set, only ``asked`` is filled.

    A child process reads them from nnU-Net's folders within ``order.limits.question_s``, because any folder may hang.

    Raises:  BadInput if a folder, data set, plan or configuration does not exist or cannot be read; CannotDoHere if the
    child does not answer.
    """
    if order.asked.dataset is None:
        return Question(asked=order.asked)
    asked = json.dumps(msgspec.to_builtins(order.asked))
    job = jobs.start(
        [sys.executable, "-m", "holter.doctor.collect.question", asked], order.limits.question_s, order.environ
    )
    wait([job])
    outcome = job.outcome()
    if outcome is None or not outcome.text:
        raise CannotDoHere(
            NO_ANSWER(trouble=_trouble(outcome) or SILENT()),
            safe=NOTHING_STARTED_OR_CHANGED(),
            next_step=LIST_MAY_HANG(command=f"ls {order.environ.get('nnUNet_preprocessed', '$nnUNet_preprocessed')}"),
        )
    question = msgspec.convert(json.loads(outcome.text), type=Question)
    if question.error is not None:
        raise BadInput(question.error[0], safe=question.error[1], next_step=question.error[2])
    return question


def _folders(question: Question, order: Order) -> dict[str, Path]:
    # Folders that a training reads and writes, if they are known.
    environ = order.environ
    cache = environ.get("TORCHINDUCTOR_CACHE_DIR")
    paths = {
        "preprocessed": question.preprocessed or environ.get("nnUNet_preprocessed"),
        "results": (question.fold.folder if question.fold else None) or environ.get("nnUNet_results"),
        "tmp": environ.get("TMPDIR") or tempfile.gettempdir(),
        "compile-cache": cache if question.asked.device == "cuda" else None,
        "triton-cache": _triton_cache(environ) if question.asked.device == "cuda" else None,
    }
    return {label: Path(path).absolute() for label, path in paths.items() if path}


def _triton_cache(environ: Mapping[str, str]) -> str | None:
    if environ.get("TRITON_CACHE_DIR"):
        return environ["TRITON_CACHE_DIR"]
    home = environ.get("TRITON_HOME") or environ.get("HOME")
    return f"{home}/.triton" if home else None


def _probe_folder(jobs: Jobs, path: Path, label: str, order: Order) -> BackgroundCommand:
    seconds = order.limits.reads_s if label == "preprocessed" else 0.0
    command = [sys.executable, "-m", "holter.doctor.collect.disk_child", str(path), f"{seconds}"]
    return jobs.start(command, order.limits.folder_s, order.environ)


def _folder(label: str, path: Path, job: BackgroundCommand, order: Order) -> Folder:
    outcome = job.outcome()
    facts = merged(outcome.text if outcome is not None else "")
    mount = _mount(facts.pop("real_path", None) or str(path), order)
    problem = facts.pop("problem", None) or _trouble(outcome)
    return Folder(
        label=label,
        path=str(path),
        mount_point=mount.mount_point if mount else None,
        fs_type=mount.fs_type if mount else None,
        rotational=is_rotational(mount, order.sys) if mount else None,
        **cast("Any", both("problem", problem)),
        **{name: value for name, value in facts.items() if name in Folder.__struct_fields__},
    )


def _mount(path: str, order: Order) -> Mount | None:
    return mount_of(path, parse_mountinfo(read_text(order.proc / "self/mountinfo")))


def _samples(order: Order) -> tuple[HostSample | None, CgroupSample | None, tuple[GpuSample, ...]]:
    # Machine, group and GPUs, read by the recorder's probes.
    host = HostProbe(order.proc, order.sys, order.shm)
    host.read(0.0)
    began = time.monotonic()
    gpu = GpuProbe(environment=order.environ, patience_s=order.limits.gpu_s)
    try:
        gpus = [
            sample for sample in gpu.read_complete(0.0, order.limits.gpu_s).samples if isinstance(sample, GpuSample)
        ]
    finally:
        gpu.close()
    time.sleep(max(0.0, HOST_SPAN_S - (time.monotonic() - began)))
    hosts = [sample for sample in host.read(HOST_SPAN_S).samples if isinstance(sample, HostSample)]
    cgroups = [
        sample
        for sample in CgroupProbe(os.getpid(), order.proc, order.sys / "fs/cgroup").read(0.0).samples
        if isinstance(sample, CgroupSample)
    ]
    return hosts[0] if hosts else None, cgroups[0] if cgroups else None, tuple(gpus)


def _texts(gpu: GpuSample) -> tuple[GpuText, ...]:
    said = {"note": gpu.note, **{gap.field: gap.why for gap in gpu.gaps}}
    return tuple(
        GpuText(index=gpu.index, field=field, why=why) for field, why in said.items() if isinstance(why, Message)
    )


def _in_english(gpu: GpuSample) -> GpuSample:
    # A survey is saved as JSON, with sentences in English.
    unread = tuple(f"{gap.field}: {phrase(gap.why, 'en')}" for gap in gpu.gaps)
    return msgspec.structs.replace(gpu, note=phrase(gpu.note, "en") if gpu.note else gpu.note, unread=unread)


def _trouble(outcome: Outcome | None) -> Message | None:
    # How a command failed, or that it did not answer; None if it did.
    return SILENT() if outcome is None else outcome.trouble


def _files(jobs: Jobs, question: Question, order: Order, began: float, cgroup: CgroupSample | None, tell: Tell) -> Any:
    budget_s = max(LEAST_FOR_FILES_S, order.budget_s - ENDING_S - (time.monotonic() - began))
    cpus = cgroup.effective_cpus if cgroup is not None and cgroup.effective_cpus else 1
    return preprocessed.collect(
        jobs,
        order.python,
        Path(question.preprocessed or ""),
        question.plan,
        budget_s=budget_s,
        shares=int(cpus),
        progress=lambda done, total: tell("files", done, total),
    )


def _unread() -> Software:
    return msgspec.convert(dict(both("unread", NOT_LOOKED_AT())), Software)


def _software(job: BackgroundCommand) -> Software:
    outcome = job.outcome()
    facts = merged(outcome.text) if outcome else {}
    trouble = _trouble(outcome)
    if trouble is not None and "torch_cuda" not in facts and "torch_error" not in facts and facts:
        facts["torch_error"] = IMPORTING_TORCH(trouble=trouble)
    known = {name: value for name, value in facts.items() if name in Software.__struct_fields__}
    texts = {"unread": trouble, **{name: known.get(name) for name in ("torch_error", "cuda_error")}}
    return msgspec.convert(
        {**known, **{field: value for name, text in texts.items() for field, value in both(name, text).items()}},
        Software,
    )
