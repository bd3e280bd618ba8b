"""Messages of the kernel, shells, schedulers, containers, storage and the NVIDIA driver."""

from __future__ import annotations

import re
from collections.abc import Callable

from holter.evidence.fact_book import Value
from holter.evidence.facts.gpu.health import xid_kind
from holter.evidence.text_facts.endings import DEATH
from holter.evidence.text_facts.known import Known, known, word, words
from holter.evidence.text_facts.negation import is_elsewhere
from holter.sizes import GIB

KERNEL: tuple[Known, ...] = (
    known(
        r"Out of memory: Kill(?:ed)? process|oom-kill:constraint|invoked oom-killer|oom_reaper: reaped"
        r"|Memory cgroup out of memory|oom[-_ ]kill event|OOMKilled(?!\"?\s*[:=]\s*false)"
        r"|OUT_OF_MEMORY|Exceeded job memory limit"
        r"|oom[-_ ]killer|\bOOM[-_ ]kill(?:ed|s)?\b(?! ?[:=]? ?0\b)|被 ?OOM|killed by (?:the )?OOM"
        r"|out[- ]of[- ]memory(?:"
        r" \(OOM\))?[- ]kill\b"
        r"|killed by (?:the )?(?:OS|system|kernel)\b[^\n]{0,40}(?:memory|RAM)\b",
        {**DEATH, "oom.kills": 1},
    ),
    known(
        r"^.*(?:mce: \[Hardware Error\]|Machine check|EDAC [^\n]*\b(?:CE|UE)\b|Uncorrected error).*$",
        {"hardware.kernel_errors": words()},
    ),
    known(
        r"^.*(?:blk_update_request: I/O error|I/O error, dev |EXT4-fs error"
        r"|XFS \([^)]*\): [^\n]*error|nfs: server \S+ not responding|Buffer I/O error"
        r"|Stale file handle).*$",
        {"storage.kernel_errors": words()},
    ),
    # memtester
    known(r"^.*FAILURE: (?:0x[0-9a-f]+ != 0x|possible bad address).*$", {"hardware.kernel_errors": words()}),
    known(r"blocked for more than \d+ seconds", {"episode.kind": "stall", "main.state": "D"}),
    known(
        r"^.*NVRM: Xid.*$",
        {"gpu.kernel_errors": words(), "gpu.xid_kind": lambda match: xid_kind(match[0])},
    ),
    known(
        r"Xid(?: error)?s? ?[:(]? ?(\d{2,3})\b",
        {"gpu.xid_kind": lambda match: xid_kind(f"NVRM: Xid (PCI:0000:00:00): {match[1]}, ")},
    ),
)

DISK: tuple[Known, ...] = (
    known(
        r"No space left on device|磁盘(?:空间)?(?:已满|不足|满了)|disk (?:is )?full|设备上没有空间",
        {"disk.error": lambda match: None if _is_about_shared_memory(match) else "full"},
    ),
    known(r"Disk quota exceeded|超出磁盘限额|超出配额|quota exceeded", {"disk.error": "quota"}),
    known(r"Read-only file system|只读文件系统|Remounting filesystem read-only", {"disk.error": "read-only"}),
)


def _is_about_shared_memory(match: re.Match[str]) -> bool:
    around = match.string[max(0, match.start() - 200) : match.end() + 200]
    return re.search(r"/dev/shm|/torch_\d|shared memory|<filename not specified>|共享内存", around) is not None


SCHEDULERS: tuple[Known, ...] = (
    known(
        r"DUE TO TIME LIMIT|\bTIMEOUT\b[^\n]{0,40}(?:0:0|0:15)|job[^\n]{0,40}time limit",
        {**DEATH, "main.exit_signal": 15, "main.time_limit": True},
    ),
    # A cluster ends jobs whose GPU does nothing.
    known(
        r"(?:\bidle\b|\binactiv\w*|low (?:GPU )?util\w*)(?:(?!\bnot?\b|n't|\bnever\b)[^\n.]){0,60}"
        r"\b(?:killed|terminated|reaped|evicted|cancell?ed)\b"
        r"|\b(?:killed|terminated|reaped|evicted|cancell?ed) by (?:the |an? )?(?:[\w-]+ ){0,2}(?:[\w-]*reaper|policy)\b"
        r"|(?:空闲|利用率(?:过|太)?低)(?:(?!没|未|不)[^\n。]){0,20}被(?:系统|集群|管理员|自动)?(?:杀|终止|回收|取消|停止)",
        DEATH,
    ),
    known(
        r"DUE TO (?:PREEMPTION|JOB REQUEUE)|CANCELLED (?:AT|by)(?![^\n]*NODE FAIL)|was preempted|Evicted\b"
        r"|spot instance",
        {**DEATH, "main.exit_signal": 15},
    ),
    # Nobody sent a signal: the machine is gone.
    known(r"DUE TO NODE FAILURE", {**DEATH, "main.node_failed": True}),
    known(r"SIGHUP|closing signal SIGHUP|nohup", {"main.exit_signal": lambda match: 1 if _hangup(match) else None}),
)


def _hangup(match: re.Match[str]) -> bool:
    return re.search(r"SIGHUP|signal: 1\b|death signal", match.string) is not None


GPU: tuple[Known, ...] = (
    known(
        r"GPU is lost|fallen off the bus|Unable to determine the device handle"
        r"|uncorrectable ECC|掉卡|GPU (?:has )?lost",
        {"gpu.trouble": "lost"},
    ),
    known(r"Driver/library version mismatch", {"gpu.trouble": "mismatch"}),
    # The driver does not answer any more.
    known(
        r"nvidia-smi\b[^\n.]{0,80}\b(?:hangs?|freezes?|frozen?|stuck|(?:does|do|did)(?:n't| not) (?:respond"
        r"|return|refresh)"
        r"|(?:can(?:not|'t)?|could) (?:no longer )?(?:not )?(?:see the GPU|run any ?more|be run)|no longer"
        r" (?:shows?|responds?))"
        r"|nvidia-smi[^\n，。]{0,12}(?:卡住|卡死|没(?:有)?反应|打不开)",
        {"gpu.trouble": "hung", "episode.kind": "stall"},
    ),
    known(
        r"couldn't communicate with the NVIDIA driver|Found no NVIDIA driver|驱动(?:程序)?版本(?:过低|太旧|不匹配)",
        {"gpu.driver_fits": False},
    ),
    known(r"Failed to initialize NVML: Unknown Error", {"gpu.trouble": "forbidden"}),
    known(
        r"no kernel image is available|is not compatible with the current PyTorch installation",
        {"gpu.capability_fits": False},
    ),
    known(
        r"driver\b[^\n.]{0,24}\btoo old\b|driver version is insufficient|forward compatibility was attempted",
        {"gpu.driver_fits": False},
    ),
    known(r"License Status\s*:\s*((?:Unl|L)icensed(?: \([^)\n]*\))?)", {"gpu.licence_text": word()}),
    known(r"\bUnlicensed \((?:Un)?restricted\)", {"gpu.licence_text": word(0)}),
    known(
        r"HW (?:Thermal )?Slowdown\s*:\s*Active|SW Thermal Slowdown\s*:\s*Active|thermal thrott?l|过热降频|温度过高",
        {"gpu.throttled": True},
    ),
    known(r"\bMIG (?:\d+g\.\d+gb|device)|MIG Mode[^\n]*Enabled|MIG-GPU-", {"gpu.mig": True}),
    known(r"\b\dg\.(\d+)gb\b", {"gpu.mig": True, "gpu.slice_bytes": lambda match: float(match[1]) * GIB}),
)


def _unless_elsewhere(kind: str) -> Callable[[re.Match[str]], Value | None]:
    return lambda match: None if is_elsewhere(match) else kind


# Chinese stands beside a name without a blank.
_NO_LETTER = r"(?<![a-z0-9_])"
PLACES: tuple[Known, ...] = (
    known(r"\bWSL ?2?\b|microsoft-standard-WSL", {"system.virtual_machine": "wsl"}),
    known(
        r"WinError|\bWindows (?:10|11|Server)|\bWin(?:dows)? ?1[01]\b|页面文件太小|paging file|[A-Z]:\\\\?\w",
        {"system.os": "windows"},
    ),
    known(r"\bdocker\b|容器|--shm-size|nvidia-docker", {"system.container": "docker"}),
    known(r"kubernetes|\bk8s\b|kubectl|\bpod\b", {"system.container": "kubernetes"}),
    known(r"singularity|apptainer", {"system.container": "apptainer"}),
    known(rf"{_NO_LETTER}nfs4?(?![a-z0-9_])", {"storage.fs_type": _unless_elsewhere("nfs")}),
    known(
        rf"{_NO_LETTER}lustre(?![a-z0-9_])",
        {"storage.fs_type": _unless_elsewhere("lustre")},
    ),
    known(
        rf"{_NO_LETTER}(?:cifs|smb)(?![a-z0-9_])",
        {"storage.fs_type": _unless_elsewhere("cifs")},
    ),
    known(r"\bsshfs\b", {"storage.fs_type": _unless_elsewhere("fuse.sshfs")}),
    known(r"/mnt/[c-z]/", {"storage.windows_drive": lambda match: True if "wsl" in match.string.lower() else None}),
)


def _ranks(match: re.Match[str]) -> Value | None:
    ranks = int(match[1] or match[2])
    return ranks if ranks > 1 else None


VERSIONS: tuple[Known, ...] = (
    known(
        r"(?:pytorch|torch)(?: version)?\s*(?:==|=|:|is|为|版本)?\s*v?((?:1|2)\.\d{1,2}\.\d)(?:\+cu\d+)?\b",
        {"software.torch": word()},
    ),
    known(r"\btorch[- =:]*((?:1|2)\.\d{1,2}\.\d\+cu\d+)", {"software.torch": word()}),
    known(r"Driver Version:\s*([\d.]+)", {"software.driver": word()}),
    known(r"batchgenerators(?:==|-|\s+)(0\.\d+(?:\.\d+)?)", {"software.batchgenerators": word()}),
    known(r"nnunetv2(?:==|-|\s+)(2\.\d+(?:\.\d+)?)", {"software.nnunetv2": word()}),
    known(r"threadpoolctl(?:==|-|\s+)(\d+\.\d+(?:\.\d+)?)", {"software.threadpoolctl": word()}),
    known(r"world[_ ]size\s*[=:]\s*(\d+)|--?(?:nproc[-_]per[-_]node|num_gpus)[= ](\d+)", {"ddp.ranks": _ranks}),
)

MESSAGES = (*KERNEL, *DISK, *SCHEDULERS, *GPU, *PLACES, *VERSIONS)
# A line of the kernel log itself, found by its stamp.
OF_THE_KERNEL = (*KERNEL, *GPU, known(r"^.*\bsegfault at .*$", {**DEATH, "main.exit_signal": 11}))
