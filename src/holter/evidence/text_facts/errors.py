"""Messages of PyTorch, its DataLoader, NCCL, numpy, Triton and CUDA; with those of endings and nnU-Net, in order.

Collected from their sources: torch/utils/data/dataloader.py, torch/utils/data/_utils/{worker,pin_memory}.py,
torch/_utils.py, torch/csrc/DataLoader.cpp, torch/multiprocessing, torch/csrc/distributed/c10d,
torch/distributed/elastic, aten/src/ATen/MapAllocator.cpp, triton/runtime/build.py, nnunetv2, batchgenerators.
"""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value
from holter.evidence.text_facts.endings import DEATH, ENDS, PROCESSES
from holter.evidence.text_facts.known import Known, known, number, word
from holter.evidence.text_facts.nnunet import NNUNET

SIGNALS = {
    "hangup": 1, "illegal instruction": 4, "aborted": 6, "bus error": 7, "floating point exception": 8, "killed": 9,
    "segmentation fault": 11, "terminated": 15, "unknown signal": 0,
}  # fmt: skip

WORKER = {"episode.kind": "death", "worker.role": "train-worker"}


def _signal(match: re.Match[str]) -> Value | None:
    return SIGNALS.get(match[1].strip(" .").lower()) or None


def _role(match: re.Match[str]) -> Value:
    return "train-worker" if "DataLoader worker" in match[0] else "main"


# The same call fails without file descriptors, and a bus error has a message of its own.
def _is_of_another_kind(match: re.Match[str]) -> bool:
    around = match.string[max(0, match.start() - 200) : match.end() + 200].lower()
    if (
        "bus error" in around
        or "too many open files" in around
        or "ancdata" in around
        or "cannot allocate memory" in around
    ):
        return True
    # shm_open takes a descriptor and no space; older torch gives no reason.
    return "unable to open shared memory object" in around and re.search(r"in read-write mode ?[:：]", around) is None


# People put other things for the number.
_WORKER = r"DataLoader worker \(pid\(?s?\)?[ :]*[\w, ?*<>-]+\)"
LOADER: tuple[Known, ...] = (
    known(
        rf"{_WORKER} is killed by signal: (Bus error)",
        {**WORKER, "worker.exit_signal": 7, "shm.trouble": "no-room"},
    ),
    known(
        rf"{_WORKER} is killed by signal: ([A-Za-z ]+)",
        {**WORKER, "worker.exit_signal": _signal},
    ),
    known(rf"{_WORKER} exited unexpectedly", {**WORKER, "worker.ending": "exited"}),
    known(rf"{_WORKER} is killed\b", WORKER),
    known(
        r"unexpected bus error encountered in (?:DataLoader )?worker",
        {**WORKER, "worker.exit_signal": 7, "shm.trouble": "no-room"},
    ),
    known(r"Caught \w+ in (?:DataLoader worker|pin memory thread|replica)", {**DEATH, "exception.role": _role}),
    known(r"(?:DataLoader|Pin memory thread) (?:timed out after|exited unexpectedly)", {"episode.kind": "stall"}),
    known(
        r"(?:unable to (?:open|write to|allocate|resize|mmap)[^\n]{0,60}(?:shared memory"
        r"|/torch_\d)|insufficient shared memory|shared memory \(shm\)"
        r"|/dev/shm[^\n]{0,40}(?:no space|full)|共享内存(?:不足|不够|太小))",
        {"shm.trouble": lambda match: None if _is_of_another_kind(match) else "no-room"},
    ),
    known(
        r"(?:unable to (?:write to|allocate|resize)[^\n]{0,60}(?:shared memory|/torch_\d|<filename not specified>)"
        r"[^\n]*No space left"
        r"|No space left on device[^\n]{0,80}/dev/shm|/dev/shm[^\n]{0,80}No space left"
        r"|shm\w*\.(?:h|cc):\d+ NCCL WARN [^\n]{0,60}(?:posix_fallocate|ftruncate)[^\n]{0,40}No space left"
        r"|Error while creating shared memory segment /dev/shm/nccl)",
        {"shm.trouble": "no-room", "shm.no_space": True},
    ),
    known(
        r"received 0 items of ancdata|Too many open files"
        r"|unable to open shared memory object [^\n]*in read-write mode(?! ?[:：])",
        {**DEATH, "exception.kind": "descriptors"},
    ),
)


RANKS: tuple[Known, ...] = (
    known(
        r"Watchdog caught collective operation timeout: WorkNCCL\([^)]*OpType=(\w+)"
        r"|caught collective operation timeout",
        {**DEATH, "exception.kind": "nccl-timeout", "ddp.timed_out": word(1), "scope.ranks": True},
    ),
    known(
        r"Some NCCL operations have failed or timed out|Timed out waiting \d+ms for (?:recv|send) operation"
        r"|NCCL (?:watchdog )?timeout|集合通信超时",
        {**DEATH, "exception.kind": "nccl-timeout", "scope.ranks": True},
    ),
)

COMPILING: tuple[Known, ...] = (
    known(
        r"Failed to find C compiler|No working C compiler|(?:unable to execute|command) ['\"]?(?:gcc|cc|g\+\+|cl)['\"]?"
        r"[^\n]{0,30}(?:not found|failed|No such file)|Compiler: cl is not found"
        r"|(?:gcc|cl)(?:\.exe)?: (?:command )?not found",
        {**DEATH, "exception.kind": "compile", "compile.missing": "compiler"},
    ),
    known(
        r"fatal error: [^\s:]*\b(?:Python|pyconfig)\.h"
        # What the compiler prints above it.
        r"|In file included from \S*\b(?:Python|pyconfig)\.h:\d[^\n]*\n\s*from /tmp/\S+\.c(?:pp)?:\d",
        {"exception.kind": "compile", "compile.missing": "python-headers"},
    ),
    # A compiler that does not know the language of what triton and inductor write.
    known(
        r"/tmp/\S+\.c(?:pp)?:\d+:\d+: (?:fatal )?error: [^\n]*C99 mode",
        {"exception.kind": "compile", "compile.missing": "old-compiler"},
    ),
    known(r"/tmp/\S+\.c(?:pp)?:\d+:\d+: (?:fatal )?error: ", {"exception.kind": "compile"}),
    known(r"cannot find -lcuda|cannot find -lcudart", {"exception.kind": "compile", "compile.missing": "linker"}),
    known(
        r"Cannot find a working triton|No module named ['\"]?triton|triton (?:is )?not (?:found|available|installed)",
        {"exception.kind": "compile", "compile.missing": "triton"},
    ),
    known(
        r"PTXAS error|ptxas[^\n]{0,40}(?:fatal|not found|failed)",
        {"exception.kind": "compile", "compile.missing": "ptxas"},
    ),
)


FILES: tuple[Known, ...] = (
    known(
        r"Ran out of input|mmap length is greater than file size|unexpected end of (?:file"
        r"|data)|\bBadZipFile\b|UnpicklingError|pickle data was truncated|file (?:is|was"
        r"|seems) (?:truncated|corrupt(?:ed)?)|File is not a zip file|文件(?:已)?损坏"
        r"|blosc2_schunk_open",
        {**DEATH, "exception.truncated_file": True, "exception.first": lambda match: match[0]},
    ),
    known(r"\berrno ?28\b|\[Errno 28\]", {"disk.error": "full"}),
    # Without a reason: mostly a full disk, and never certain.
    known(
        r"(?:stream\s*writer|PyTorchFileWriter|inline_container(?![^\n]*StreamReader)|write_record)[^\n]{0,80}"
        r"(?:fail|cannot|unexpected)"
        r"|(?:fail|cannot)[^\n]{0,40}write a record|PyTorchFileWriter[\s\S]{0,120}cannot be opened",
        {**DEATH, "exception.kind": "no-space"},
    ),
    known(
        r"Stale file handle|stale (?:NFS )?(?:file )?handle|Transport endpoint is not connected",
        {**DEATH, "exception.kind": "remote-file-system"},
    ),
)
OTHERS: tuple[Known, ...] = (
    known(
        r"显存(?:不足|不够|溢出|爆)(?! ?[，,]? ?还是)|爆显存|CUDA OOM|GPU (?:ran )?out of memory"
        r"|\b(?:CUDA|GPU|video card)(?: memory)? (?:is|was|are|runs?|ran|running|goes|gets) out of memory"
        r"|\bOOM\b[^\n.]{0,60}(?:GPU|CUDA|VRAM)|(?:GPU|CUDA|VRAM)[^\n.]{0,60}\bOOM\b",
        {**DEATH, "exception.kind": "cuda-oom", "exception.cuda_oom": True},
    ),
    # As people write it; PyTorch's own sentence has capitals and is read by ``error_kind``.
    known(r"cuda out of memory", {**DEATH, "exception.kind": "cuda-oom", "exception.cuda_oom": True}, exact=True),
    known(r"suggested max number of worker in current system is (\d+)", {"cpu.effective": number()}),
    known(r"will create (\d+) worker processes in total", {"workers.count": number()}),
    known(r"background worker is 6 feet under", {**DEATH, "echo.says": "preprocessing", "scope.nnunet": True}),
    known(
        r"(?:打开的?文件(?:过|太)多|文件(?:句柄|描述符)[^\n]{0,10}(?:耗尽|不足|用完|超))|ulimit -n|sharing_strategy",
        {"exception.kind": "descriptors"},
    ),
    known(r"cannot re-initialize CUDA in forked subprocess", {**DEATH, "exception.role": "train-worker"}),
    known(
        r"(?:Address already in use|EADDRINUSE|端口(?:被)?占用)",
        {**DEATH, "exception.role": "main", "exception.first": lambda match: match[0]},
    ),
    known(
        r"Assertion `[^`]+` failed|t >= 0 && t < n_classes|index out of (?:range"
        r"|bounds)[^\n]{0,40}(?:assert|cuda)|device-side assert|标签(?:越界|超出|范围)",
        {**DEATH, "exception.kind": "cuda-assert"},
    ),
    known(
        r"stuck (?:at|in|on) (?:the )?[\"'`]?unpacking|unpacking dataset[\s\S]{0,80}(?:stuck|\bhang|卡)"
        r"|卡在[^\n]{0,10}unpack",
        {"episode.kind": "stall", "phase": "unpack"},
    ),
    known(
        r"(?:torch\.compile|compil\w+)[^\n]{0,80}(?:first (?:epoch|iteration|step)"
        r"|takes? (?:long|minutes))|first (?:iteration|step|epoch)[^\n]{0,60}compil",
        {"compile.started": True, "phase": "compile"},
    ),
    known(r"DLL load failed|找不到指定的模块|c10\.dll|WinError (?:126|127|1114)", {**DEATH, "system.os": "windows"}),
    known(r"state:? ?T \(stopped\)|\[\d\]\+ +Stopped", {"main.state": "T", "episode.kind": "stall"}),
    known(
        r"\b(?:one|an?|another|the|which|1) (?:of the )?(?:data |background )?workers?"
        r"(?: process)? (?:is |stays |was |stands )?in (?-i:state T\b|T state\b)",
        {"workers.stopped": ("worker",), "episode.kind": "stall"},
    ),
)
RAISED_BY_WORKER: tuple[Known, ...] = (
    known(
        r"(?:caught|raised) in (?:data|DataLoader|a)[ -]?(?:loader )?worker"
        r"|collate[^\n]{0,60}(?:equal size|got \d)|default_collate|_worker_loop|fetch\.py",
        {**DEATH, "exception.role": "train-worker"},
    ),
    known(
        r"torch\.compile[\s\S]{0,80}(?:not (?:yet )?supported|Windows)"
        r"|Windows not yet supported for torch\.compile|Dynamo is not supported",
        {**DEATH, "exception.kind": "compile", "compile.missing": "windows"},
    ),
    known(
        r"pin(?:ned)?[_ -]?memory[\s\S]{0,80}(?:out[- ]of[- ]memory|fails?)",
        {**DEATH, "exception.kind": "pinned-memory", "exception.pinned_memory": True, "exception.role": "main"},
    ),
)
MESSAGES = (*LOADER, *ENDS, *FILES, *OTHERS, *RAISED_BY_WORKER, *PROCESSES, *RANKS, *COMPILING, *NNUNET)
