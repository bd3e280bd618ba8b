"""Gather a ``Survey`` within a time limit: children run in parallel, each with a deadline; the data come last."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from holter.doctor.collect import files as preprocessed
from holter.doctor.collect.folders import folder_of, folders_of, probe
from holter.doctor.collect.jobs import SILENT, Jobs, both, has_begun, merged, trouble_of, wait
from holter.doctor.collect.machine import machine, neighbours
from holter.doctor.collect.order import Order
from holter.doctor.collect.question import Question
from holter.doctor.records import GpuText, Software, Survey
from holter.errors import BadInput, CannotDoHere, TooBusyHere
from holter.probes.child.background_command import BackgroundCommand
from holter.probes.gpu.gpu import read_gpus
from holter.probes.machine.cgroup import CgroupProbe
from holter.probes.machine.environment import capture
from holter.probes.machine.host import HostProbe
from holter.records import CgroupSample, GpuSample, HostSample, Message
from holter.reports.catalogue import phrase
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define

NO_ANSWER = define("error.folders-silent", "nnU-Net's folders did not answer: {trouble}.")
NOT_BEGUN = define(
    "error.look-not-begun",
    "A process that was to look at nnU-Net's folders had not begun after {within:duration}: this machine is very busy, "
    "or the disk with Python is slow.",
)
LATER = define("next.look-later", "{command}  # later")
IMPORTING_TORCH = define("doctor.importing-torch", "importing torch: {trouble}")
NOT_LOOKED_AT = define("why.not-looked-at", "not looked at: --prolog must be quick")
LIST_MAY_HANG = define("next.look-may-hang", "{command}  # it may hang")

SOFTWARE_S = 40.0  # torch on a cold network file system takes this long
SOFTWARE_CHILD = Path(__file__).with_name("software_child.py")
ENDING_S = 6.0  # reserved at the end for children that must be killed
HOST_SPAN_S = 1.0  # a share of CPU time needs two reads
LEAST_FOR_FILES_S = 3.0

Tell = Callable[[str, int, int], None]  # stage, done, of how many
LEAST_S = 2.0  # for folders and GPUs


def gather(order: Order, tell: Tell = lambda _stage, _done, _total: None) -> Survey:
    """Return everything that can be found out within the time.

    Raises:  BadInput if data set, plan or configuration does not exist; CannotDoHere if the storage does not answer;
    TooBusyHere if a process did not begin in time.
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
    paths = folders_of(question, order)
    folders = {label: probe(jobs, path, label, order) for label, path in paths.items()}
    host, cgroup, gpus = _samples(order)
    wait(folders.values())
    # A full look says what else it has found; a scheduler needs one answer, and no node is to be blamed for being busy.
    if order.limits.is_quick and not all(has_begun(job.outcome()) for job in folders.values()):
        raise _too_busy(limits.folder_s)
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
        folders=tuple(folder_of(label, path, folders[label], order) for label, path in paths.items()),
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
    child does not answer; TooBusyHere if it has not even begun.
    """
    if order.asked.dataset is None:
        return Question(asked=order.asked)
    asked = json.dumps(msgspec.to_builtins(order.asked))
    job = jobs.start(
        [sys.executable, "-m", "holter.doctor.collect.question", asked], order.limits.question_s, order.environ
    )
    wait([job])
    outcome = job.outcome()
    if not has_begun(outcome):
        raise _too_busy(order.limits.question_s)
    if outcome is None or not outcome.text.strip():
        raise CannotDoHere(
            NO_ANSWER(trouble=trouble_of(outcome) or SILENT()),
            safe=NOTHING_STARTED_OR_CHANGED(),
            next_step=LIST_MAY_HANG(command=f"ls {order.environ.get('nnUNet_preprocessed', '$nnUNet_preprocessed')}"),
        )
    question = msgspec.convert(json.loads(outcome.text), type=Question)
    if question.error is not None:
        raise BadInput(question.error[0], safe=question.error[1], next_step=question.error[2])
    return question


def _too_busy(within_s: float) -> TooBusyHere:
    return TooBusyHere(
        NOT_BEGUN(within=within_s), safe=NOTHING_STARTED_OR_CHANGED(), next_step=LATER(command="holter doctor")
    )


def _samples(order: Order) -> tuple[HostSample | None, CgroupSample | None, tuple[GpuSample, ...]]:
    # Machine, group and GPUs, read by the recorder's probes.
    host = HostProbe(order.proc, order.sys, order.shm)
    host.read(0.0)
    began = time.monotonic()
    gpus = read_gpus(order.environ, order.limits.gpu_s)
    time.sleep(max(0.0, HOST_SPAN_S - (time.monotonic() - began)))
    hosts = [sample for sample in host.read(HOST_SPAN_S).samples if isinstance(sample, HostSample)]
    cgroups = [
        sample
        for sample in CgroupProbe(os.getpid(), order.proc, order.sys / "fs/cgroup").read(0.0).samples
        if isinstance(sample, CgroupSample)
    ]
    return hosts[0] if hosts else None, cgroups[0] if cgroups else None, gpus


def _texts(gpu: GpuSample) -> tuple[GpuText, ...]:
    said = {"note": gpu.note, **{gap.field: gap.why for gap in gpu.gaps}}
    return tuple(
        GpuText(index=gpu.index, field=field, why=why) for field, why in said.items() if isinstance(why, Message)
    )


def _in_english(gpu: GpuSample) -> GpuSample:
    # A survey is saved as JSON, with sentences in English.
    unread = tuple(f"{gap.field}: {phrase(gap.why, 'en')}" for gap in gpu.gaps)
    return msgspec.structs.replace(gpu, note=phrase(gpu.note, "en") if gpu.note else gpu.note, unread=unread)


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
    trouble = trouble_of(outcome)
    if trouble is not None and "torch_cuda" not in facts and "torch_error" not in facts and facts:
        trouble = IMPORTING_TORCH(trouble=trouble)
        if outcome is not None and not outcome.is_late:  # a slow disk or busy cores break no installation
            facts["torch_error"] = trouble
    known = {name: value for name, value in facts.items() if name in Software.__struct_fields__}
    texts = {"unread": trouble, **{name: known.get(name) for name in ("torch_error", "cuda_error")}}
    return msgspec.convert(
        {**known, **{field: value for name, text in texts.items() for field, value in both(name, text).items()}},
        Software,
    )
