"""The folders that a training reads and writes, each read by a child: any of them may hang."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from holter.doctor.collect.jobs import Jobs, both, merged, trouble_of
from holter.doctor.collect.order import Order
from holter.doctor.collect.question import Question
from holter.doctor.records import Folder
from holter.linux.mounts import Mount, mount_of, parse_mountinfo
from holter.linux.procfs import read_text
from holter.probes.child.background_command import BackgroundCommand
from holter.probes.storage.storage import is_rotational


def folders_of(question: Question, order: Order) -> dict[str, Path]:
    """Return the folders that are known, by label."""
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


def probe(jobs: Jobs, path: Path, label: str, order: Order) -> BackgroundCommand:
    """Start to read a folder."""
    seconds = order.limits.reads_s if label == "preprocessed" else 0.0
    command = [sys.executable, "-m", "holter.doctor.collect.disk_child", str(path), f"{seconds}"]
    return jobs.start(command, order.limits.folder_s, order.environ)


def folder_of(label: str, path: Path, job: BackgroundCommand, order: Order) -> Folder:
    """Return what the child has read."""
    outcome = job.outcome()
    facts = merged(outcome.text if outcome is not None else "")
    mount = _mount(facts.pop("real_path", None) or str(path), order)
    problem = facts.pop("problem", None) or trouble_of(outcome)
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
