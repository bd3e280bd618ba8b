"""Read the outputs of Slurm (sacct, scontrol show job, seff) and of docker inspect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from holter.evidence.text_facts.readouts.values import Fact
from holter.patterns import later

STATES = {
    "OUT_OF_MEMORY": (("oom.kills", 1), ("episode.kind", "death")),
    "TIMEOUT": (("main.time_limit", True), ("main.exit_signal", 15), ("episode.kind", "death")),
    "DEADLINE": (("main.time_limit", True), ("main.exit_signal", 15), ("episode.kind", "death")),
    "PREEMPTED": (("main.exit_signal", 15), ("episode.kind", "death")),
    "NODE_FAIL": (("main.node_failed", True), ("episode.kind", "death")),  # nobody sent a signal
    "BOOT_FAIL": (("main.node_failed", True), ("episode.kind", "death")),
    "CANCELLED": (("main.exit_signal", 15), ("episode.kind", "death")),
    "SUSPENDED": (("frozen.processes", ("the job",)), ("episode.kind", "stall")),
}  # fmt: skip
STATE = later(
    r"(?:^|[\s|,])(OUT_OF_ME\w*|TIMEOUT|DEADLINE|PREEMPTED|NODE_FAIL|BOOT_FAIL|CANCELLED|FAILED|COMPLETED|COMPLETING|RUNNING"
    r"|PENDING|REQUEUED|SUSPENDED|RESIZING|REVOKED)(?:\+|\b)"
)
# "0:15": exit code and signal; a time of day or a length has three parts or leading zeros of two digits.
CODE = later(r"(?:^|[\s|,])(\d{1,3}):(\d{1,2})(?=[\s|,]|$)")
# Shells add this to the number of a signal.
SIGNALLED = 128
SIGNALS = range(1, 32)


def slurm(text: str) -> Iterator[Fact]:
    """Read the state of a Slurm job (sacct, also with -P, scontrol, seff); of several jobs that of the last one."""
    job = re.search(r"\bJobState=(\w+)", text) or re.search(r"^[ \t]*State: (\w+) \(exit code [^)\n]*\)", text, re.M)
    seff = job is not None and job[0].lstrip().startswith("State:")
    state, quote = (job[1], job[0]) if job is not None else _last_of_table(text)
    state = "OUT_OF_MEMORY" if state.startswith("OUT_OF_ME") else state
    for name, value in STATES.get(state, ()):
        yield name, value, quote
    code = re.search(r"\bExitCode=(\d+):(\d+)", text) or CODE.search(quote) or re.search(r"exit code (\d+)()\)", quote)
    if state == "FAILED" and code is not None:
        signal = int(code[2] or 0) or int(code[1]) - SIGNALLED
        yield "episode.kind", "death", quote
        if signal in SIGNALS:
            yield "main.exit_signal", signal, f"{quote} {code[0].strip()}"
    cpus = re.search(r"\bNumCPUs=(\d+)", text)
    if cpus is not None:
        yield "setting.slurm_cpus", int(cpus[1]), cpus[0]
    if seff:
        cores = re.search(r"^[ \t]*Cores(?: per node)?: (\d+)[ \t]*$", text, re.M)
        if cores is not None:
            yield "setting.slurm_cpus", int(cores[1]), cores[0]
        memory = re.search(r"^[ \t]*Memory Efficiency: (\d+(?:\.\d+)?)% of .*$", text, re.M)
        if memory is not None and state == "OUT_OF_MEMORY":  # a job that ended well may fill its memory
            yield "memory.used_ratio", round(float(memory[1]) / 100, 3), memory[0]
    allocated = re.search(r"\bCPUs/Task=(\d+)", text)
    if allocated is not None and int(allocated[1]) > 0 and re.search(r"\bNumTasks=1\b", text):
        yield "cpu.effective", int(allocated[1]), allocated[0]


# Steps of a job ("77.batch") tell what the job ended of, where its own row does not.
def _last_of_table(text: str) -> tuple[str, str]:
    has_head = re.search(r"^[ \t]*JobID\w*[\s|,]", text, re.M) is not None
    rows = [
        (match[1], state[1], " ".join(match[0].split()))
        for match in re.finditer(r"^[ \t]*(\d+(?:_\d+)?)(?:\+\d+)?(?:\.\w+)?[ \t|,].*$", text, re.M)
        if (state := STATE.search(match[0])) is not None and (has_head or CODE.search(match[0]) is not None)
    ]
    if not rows:
        return "", ""
    of_last = [(state, line) for job, state, line in rows if job == rows[-1][0]]
    ended = [row for row in of_last if row[0].startswith("OUT_OF_ME")] or [row for row in of_last if row[0] in STATES]
    return (ended or of_last)[0]


# A row of a container with the status Exited and its exit code.
_EXITED = later(r"^[0-9a-f]{12}\s.*\bExited \((\d+)\) [^\n]*ago\b", re.M)


# A row of ``docker stats``: of the memory that the container may use.
_STATS = later(r"^[0-9a-f]{12}\s+\S+\s+[\d.]+%\s+[\d.]+[KMGT]?i?B / [\d.]+[KMGT]?i?B\s+(?P<percent>[\d.]+)%.*$", re.M)
_PAUSED = later(r"^[0-9a-f]{12}\s.*\(Paused\).*$", re.M)


def containers(text: str) -> Iterator[Fact]:
    """Read ``docker stats``, and the first container of ``docker ps -a`` that is paused or ended by a signal."""
    used = _STATS.search(text)
    if used is not None:
        yield "system.container", "docker", used[0]
        yield "memory.used_ratio", round(float(used["percent"]) / 100, 3), used[0]
    paused = _PAUSED.search(text)
    if paused is not None:
        yield from _frozen(paused[0])
    for match in _EXITED.finditer(text):
        if int(match[1]) - SIGNALLED in SIGNALS:
            yield "system.container", "docker", match[0]
            yield "main.exit_signal", int(match[1]) - SIGNALLED, match[0]
            yield "episode.kind", "death", match[0]
        return  # the newest stands first


def _frozen(quote: str) -> Iterator[Fact]:
    yield "system.container", "docker", quote
    yield "frozen.processes", ("the container",), quote
    yield "episode.kind", "stall", quote


# Kubernetes: the limits of the first container, and how it ended.
_POD = later(r"^[ \t]+Limits:\s*\n((?:[ \t]+\S+:[ \t]+\S+[ \t]*\n)+)", re.M)


def pod(text: str) -> Iterator[Fact]:
    """Read ``kubectl describe pod``."""
    limits = _POD.search(text)
    if limits is None or re.search(r"^Namespace:\s", text, re.M) is None:
        return
    yield "system.container", "kubernetes", limits[0]
    cpus = re.search(r"^[ \t]+cpu:[ \t]+(\d+(?:\.\d+)?)(m?)[ \t]*$", limits[1], re.M)
    if cpus is not None:
        yield "cpu.quota", float(cpus[1]) / (1000 if cpus[2] else 1), cpus[0].strip()
    code = re.search(r"^[ \t]+Exit Code:[ \t]+(\d+)[ \t]*$", text, re.M)
    if code is not None and int(code[1]) - SIGNALLED in SIGNALS:
        yield "main.exit_signal", int(code[1]) - SIGNALLED, code[0].strip()
        yield "episode.kind", "death", code[0].strip()


def docker(text: str) -> Iterator[Fact]:
    """Read ``docker inspect``: size of shared memory, limits, and how the container ended."""
    size = re.search(r'"ShmSize":\s*(\d+)', text)
    if size is not None:
        yield "system.container", "docker", size[0]
        # With the host's IPC, its /dev/shm is used, whatever this number says.
        if re.search(r'"IpcMode":\s*"host"', text) is None:
            yield "shm.total_bytes", float(size[1]), size[0]
    if re.search(r'"OOMKilled":\s*true', text):
        yield "oom.kills", 1, '"OOMKilled": true'
        yield "episode.kind", "death", '"OOMKilled": true'
    paused = re.search(r'"Paused":\s*true', text)
    if paused is not None:
        yield from _frozen(paused[0])
    code = re.search(r'"ExitCode":\s*(\d+)', text)
    if code is not None and int(code[1]) - SIGNALLED in SIGNALS:
        yield "main.exit_signal", int(code[1]) - SIGNALLED, code[0]
        yield "episode.kind", "death", code[0]
    processes = re.search(r'"PidsLimit":\s*([1-9]\d*)', text)
    if processes is not None:
        yield "limit.processes", int(processes[1]), processes[0]
    cpus = re.search(r'"NanoCpus":\s*([1-9]\d+)', text)
    if cpus is not None:
        yield "cpu.quota", float(cpus[1]) / 1e9, cpus[0]
    quota, period = re.search(r'"CpuQuota":\s*([1-9]\d+)', text), re.search(r'"CpuPeriod":\s*([1-9]\d+)', text)
    if quota is not None:
        yield "cpu.quota", int(quota[1]) / (int(period[1]) if period is not None else 100_000), quota[0]


# The end of a training log, and below it what ``date`` prints in the C locale or others.
_STAMP = later(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d+: ", re.M)
_DATE = later(
    r"^[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) +(?P<day>\d+) (?P<time>\d\d:\d\d:\d\d)(?: [AP]M)?"
    r" \S+ (?P<year>\d{4})\s*$",
    re.M,
)
# A log that was written to this recently goes on.
GOES_ON_S = 600.0


def log_and_date(text: str) -> Iterator[Fact]:
    """Read ``tail … training_log_….txt; date``: whether the log still grows."""
    stamps, now = _STAMP.findall(text), [*_DATE.finditer(text)]
    if not stamps or not now:
        return
    said = now[-1]
    try:
        shown = datetime.strptime(f"{said['month']} {said['day']} {said['time']} {said['year']}", "%b %d %H:%M:%S %Y")
        age_s = (shown - datetime.fromisoformat(max(stamps))).total_seconds()
    except ValueError:
        return
    if age_s >= 0:
        yield "log.age_s", age_s, f"{max(stamps)}; {said[0].strip()}"
        if age_s <= GOES_ON_S:
            yield "progress.resumed", True, f"{max(stamps)}; {said[0].strip()}"
