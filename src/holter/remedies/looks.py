"""What to look at next: commands that tell the facts which would settle a diagnosis. They only look.

Asked for are facts that the leading causes want to know and nobody saw, first of all those that separate the first two.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from holter.causes import MODULES
from holter.causes.weigh import Rule
from holter.records import Diagnosis, Environment, Verdict

# Of so many leading causes the open questions count; the first ones more.
LEADING = 4
# Nobody runs more commands than this at once.
MAX_LOOKS = 5
# A fact that one of the first two asks for and the other does not, or reads the other way, tells them apart.
SEPARATES = 2.0
# A fact that decides a cause, one way or the other.
DECIDES = 2.0
# What stands for a training whose PID nobody knows; the oldest process of that name is the training itself.
PID = "$(pgrep -of nnUNetv2_train)"


class Look(NamedTuple):
    """One command, and the facts that it tells. Its sentence is in the catalogue under ``look.ID``."""

    id: str
    command: str
    facts: tuple[str, ...]  # a name, or the beginning of some that ends with a dot
    is_live: bool = False  # only while the training is there


class NextLook(NamedTuple):
    """A look that this diagnosis asks for."""

    id: str
    command: str
    facts: tuple[str, ...]


LOOKS: tuple[Look, ...] = (
    Look(
        "vgpu-licence",
        "nvidia-smi -q | grep -iE -A2 'Virtualization Mode|vGPU Software'",
        ("gpu.virtualization", "gpu.licence_stage", "gpu.licence_text", "gpu.licence_worsened"),
    ),
    Look("gpu-processes", "nvidia-smi", ("gpu.present", "gpu.foreign_processes", "gpu.zombie_bytes", "gpu.shared")),
    Look(
        "gpu-clocks",
        "nvidia-smi -q -d PERFORMANCE,CLOCK,POWER,TEMPERATURE,UTILIZATION",
        (
            "gpu.clock_reasons", "gpu.clock_ratio", "gpu.power_ratio", "gpu.temperature_c", "gpu.throttled",
            "gpu.utilization_ratio", "gpu.pcie",
        ),
    ),
    Look("gpu-kernel-log", "dmesg -T | grep -iE 'xid|nvrm'", ("gpu.kernel_errors",)),
    Look(
        "stacks",
        "py-spy dump --pid {pid}",
        ("main.waits_on", "main.where", "results_loop.waits_on", "queue.ready", "queue.worker"),
        is_live=True,
    ),
    Look(
        "processes",
        "ps -o pid,stat,wchan:24,pcpu,rss,lstart,args --pid {pid} --ppid {pid}",
        ("workers.", "main.state", "main.cpu_ratio", "main.alive", "activity.present", "export.workers",
         "export.replaced"),
        is_live=True,
    ),
    Look(
        "live",
        "holter diagnose {pid}",
        ("progress.", "step.", "wait.", "storage.latency_s", "storage.times_usual", "cpu.run_busy_ratio"),
        is_live=True,
    ),
    Look("oom", "dmesg -T | grep -iE 'oom|killed process'", ("oom.", "worker.exit_signal", "worker.ending")),
    Look(
        "memory-limit",
        "cat /sys/fs/cgroup$(cut -d: -f3- /proc/{self}/cgroup | tail -1)/memory.events; free -h",
        ("memory.", "swap."),
    ),
    Look(
        "how-it-ended",
        "sacct -X -o JobID,State,ExitCode,Elapsed,ReqMem,MaxRSS; journalctl --since -1d | grep -iE 'oom|killed'",
        ("main.exit_signal", "main.ending"),
    ),
    Look(
        "first-exception",
        "grep -n -m1 -A40 -E 'Traceback|Exception in background worker' CONSOLE_OUTPUT",
        ("exception.", "echo.says", "worker.subject", "worker.fatal_frame"),
    ),
    Look("shared-memory", "df -h /dev/shm", ("shm.",)),
    Look("room", "df -h {results} {preprocessed}; df -i {results}", ("disk.", "save.")),
    Look(
        "storage",
        "findmnt -T {preprocessed}; cat /proc/pressure/io",
        ("storage.fs_type", "storage.mount", "storage.pending_s", "storage.usual_latency_s", "pressure.io"),
    ),
    Look("storage-kernel-log", "dmesg -T | grep -iE 'nfs|i/o error|blk_update'", ("storage.kernel_errors",)),
    Look("cpus", "nproc; nproc --all", ("cpu.effective", "cpu.visible", "cpu.allocated_ratio", "cpu.workers_per_cpu")),
    Look(
        "cpu-quota",
        "cd /sys/fs/cgroup$(cut -d: -f3- /proc/{self}/cgroup | tail -1) && cat cpu.max cpu.stat",
        ("cpu.quota", "cpu.throttled_ratio"),
    ),
    Look("cpu-load", "top -b -n 1 | head -25", ("cpu.host_busy_ratio", "pressure.cpu")),
    Look(
        "versions",
        "python -c \"import torch; print(torch.__version__, torch.version.cuda, torch.backends.cudnn.version())\"; "
        "pip list | grep -iE 'nnunet|batchgen|threadpoolctl|blosc2|triton'",
        ("software.torch", "software.cuda", "software.cudnn", "software.nnunetv2", "software.batchgenerators",
         "software.batchgeneratorsv2", "software.threadpoolctl", "software.blosc2"),
    ),
    Look("driver", "nvidia-smi --query-gpu=name,driver_version --format=csv", ("software.driver",)),
    Look("settings", "env | grep -E 'nnUNet|OMP|MKL|SLURM_CPUS'", ("setting.",)),
    Look("machine", "systemd-detect-virt; uname -sr; cat /proc/1/cgroup | head -3", ("system.",)),
    Look("epochs", "holter diagnose {results}", ("epochs.",)),
)  # fmt: skip
RULES: dict[str, tuple[Rule, ...]] = {module.CAUSE: module.RULES for module in MODULES}


def next_looks(diagnosis: Diagnosis, environment: Environment | None = None) -> tuple[NextLook, ...]:
    """The commands that would settle most, best first; nothing where nothing is open."""
    if not diagnosis.verdicts or diagnosis.verdicts[0].verdict == "confirmed":
        return ()
    worth: dict[str, float] = {}
    asked: dict[str, list[str]] = {}
    for fact, value in sorted(open_facts(diagnosis).items(), key=lambda one: (-one[1], one[0])):
        look = look_for(fact)
        if look is None or _is_out_of_place(look, diagnosis):
            continue
        worth[look.id] = worth.get(look.id, 0.0) + value
        asked.setdefault(look.id, []).append(fact)
    by_id = {look.id: look for look in LOOKS}
    best = sorted(worth, key=lambda name: -worth[name])[:MAX_LOOKS]
    values = _values(diagnosis, environment)
    return tuple(NextLook(name, _filled(by_id[name].command, values), tuple(asked[name])) for name in best)


def _is_out_of_place(look: Look, diagnosis: Diagnosis) -> bool:
    """A process that is gone cannot be looked into, and an exception that is known need not be searched for."""
    known = {fact.name for fact in diagnosis.facts if fact.status == "known"}
    found = look.id == "first-exception" and "exception.first" in known
    return found or (look.is_live and diagnosis.episode.kind == "death")


def open_facts(diagnosis: Diagnosis) -> dict[str, float]:
    """Unknown facts that the leading causes ask for, by how much they would settle."""
    leading = [verdict for verdict in diagnosis.verdicts if verdict.verdict != "excluded"]
    nobody_leads = not any(verdict.supports for verdict in leading[:LEADING])
    if not nobody_leads:
        leading = leading[:LEADING]
    found: dict[str, float] = {}
    for place, verdict in enumerate(leading):
        unknown = {finding.fact for finding in verdict.unknown}
        for rule in RULES.get(verdict.cause, ()):
            if rule.fact in unknown:
                share = 1.0 if nobody_leads else 1.0 / (place + 1)
                found[rule.fact] = found.get(rule.fact, 0.0) + _weight(rule) * share
    for fact in () if nobody_leads else separating(leading):
        if fact in found:
            found[fact] *= SEPARATES
    return found


def separating(leading: Sequence[Verdict]) -> set[str]:
    """Facts that the first two causes do not read alike."""
    rules = [{(rule.fact, rule.speaks) for rule in RULES.get(one.cause, ())} for one in leading[:2]]
    return {fact for fact, _ in rules[0] ^ rules[1]} if len(rules) == 2 else set()


def look_for(fact: str) -> Look | None:
    """The look that tells a fact."""
    for look in LOOKS:
        if any(fact == name or (name.endswith(".") and fact.startswith(name)) for name in look.facts):
            return look
    return None


def _weight(rule: Rule) -> float:
    decides = rule.group is not None or rule.otherwise is not None or rule.fatal
    return rule.weight * (DECIDES if decides else 1.0)


def _values(diagnosis: Diagnosis, environment: Environment | None) -> dict[str, str]:
    pid = environment.main_pid if environment is not None else None
    preprocessed = environment.preprocessed_folder if environment is not None else None
    results = environment.output_folder if environment is not None else None
    is_there = pid is not None and diagnosis.episode.kind != "death"
    return {
        "pid": str(pid) if is_there else PID,
        "self": str(pid) if is_there else "self",
        "preprocessed": shlex.quote(preprocessed) if preprocessed else '"$nnUNet_preprocessed"',
        "results": shlex.quote(results) if results else '"$nnUNet_results"',
    }


def _filled(command: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        command = command.replace(f"{{{name}}}", value)
    return command
