"""Messages of PyTorch, its DataLoader, NCCL, numpy, Triton, CUDA and nnU-Net.

Collected from their sources: torch/utils/data/dataloader.py, torch/utils/data/_utils/{worker,pin_memory}.py,
torch/_utils.py, torch/csrc/DataLoader.cpp, torch/multiprocessing, torch/csrc/distributed/c10d,
torch/distributed/elastic,
aten/src/ATen/MapAllocator.cpp, triton/runtime/build.py, nnunetv2, batchgenerators.
"""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value
from holter.evidence.text_facts.known import Known, known, number, word
from holter.evidence.text_facts.trials import is_trial

SIGNALS = {
    "hangup": 1, "illegal instruction": 4, "aborted": 6, "bus error": 7, "floating point exception": 8, "killed": 9,
    "segmentation fault": 11, "terminated": 15, "unknown signal": 0,
}  # fmt: skip
SIGNAL_NAMES: dict[str, int] = {
    "HUP": 1,
    "ILL": 4,
    "ABRT": 6,
    "BUS": 7,
    "FPE": 8,
    "KILL": 9,
    "SEGV": 11,
    "TERM": 15,
    "XCPU": 24,
}
WORKER = {"episode.kind": "death", "worker.role": "train-worker"}
RAISED = {"episode.kind": "death"}


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
    return "unable to open shared memory object" in around and "in read-write mode:" not in around


LOADER: tuple[Known, ...] = (
    known(
        r"DataLoader worker \(pid\(?s?\)? [\d, ]+\) is killed by signal: (Bus error)",
        {**WORKER, "worker.exit_signal": 7, "shm.trouble": "no-room"},
    ),
    known(
        r"DataLoader worker \(pid\(?s?\)? [\d, ]+\) is killed by signal: ([A-Za-z ]+)",
        {**WORKER, "worker.exit_signal": _signal},
    ),
    known(r"DataLoader worker \(pid\(?s?\)? [\d, ]+\) exited unexpectedly", {**WORKER, "worker.ending": "exited"}),
    known(
        r"unexpected bus error encountered in (?:DataLoader )?worker",
        {**WORKER, "worker.exit_signal": 7, "shm.trouble": "no-room"},
    ),
    known(r"Caught \w+ in (?:DataLoader worker|pin memory thread|replica)", {**RAISED, "exception.role": _role}),
    known(r"(?:DataLoader|Pin memory thread) (?:timed out after|exited unexpectedly)", {"episode.kind": "stall"}),
    known(
        (
            r"(?:unable to (?:open|write to|allocate|resize|mmap)[^\n]{0,60}(?:shared memory"
            r"|/torch_\d)|insufficient shared memory|shared memory \(shm\)"
            r"|/dev/shm[^\n]{0,40}(?:no space|full)|共享内存(?:不足|不够|太小))"
        ),
        {"shm.trouble": lambda match: None if _is_of_another_kind(match) else "no-room"},
    ),
    known(
        r"(?:unable to (?:write to|allocate|resize)[^\n]{0,60}(?:shared memory|/torch_\d|<filename not specified>)"
        r"[^\n]*No space left"
        r"|No space left on device[^\n]{0,80}/dev/shm|/dev/shm[^\n]{0,80}No space left)",
        {"shm.trouble": "no-room", "shm.no_space": True},
    ),
    known(
        r"received 0 items of ancdata|Too many open files"
        r"|unable to open shared memory object [^\n]*in read-write mode(?!:)",
        {**RAISED, "exception.kind": "descriptors"},
    ),
)

PROCESSES: tuple[Known, ...] = (
    # torch.multiprocessing.spawn and torch.distributed.elastic.
    known(
        r"process \d+ terminated with (?:signal )?SIG(\w+)|terminated by signal SIG(\w+)",
        {**RAISED, "main.exit_signal": lambda match: SIGNAL_NAMES.get(match[1] or match[2])},
    ),
    known(
        r"(?:exit ?code|exitcode|return(?:ed)?(?: non-zero)?(?: exit)?(?: status| code)?|退出(?:代码|码)(?:为)?)[ :=]*"
        r"-(\d{1,2})\b",
        {**RAISED, "main.exit_signal": number()},
    ),
    known(
        (
            r"(?:exit(?:ed)?(?: with)? ?code|exitcode|exit status|return code|退出(?:代码"
            r"|码)(?:为)?)[ :=]*1(?P<code>2[89]|3\d|4[0-3])\b"
        ),
        {**RAISED, "main.exit_signal": lambda match: int("1" + match["code"]) - 128},
    ),
    known(
        r"died with <Signals\.SIG(\w+)|Signal \d+ \(SIG(\w+)\)|interrupted by signal \d+: SIG(\w+)",
        {**RAISED, "main.exit_signal": lambda match: SIGNAL_NAMES.get(match[1] or match[2] or match[3])},
    ),
    known(r"got signal: (\d+)|Received (\d+) death signal", {**RAISED, "main.exit_signal": lambda m: _small(m)}),
    known(r"0xC0000005|-1073741819", {**RAISED, "main.exit_signal": 11, "system.os": "windows"}),
)


def _small(match: re.Match[str]) -> Value | None:
    number_ = int(match[1] or match[2] or 0)
    return number_ if 0 < number_ < 65 else None


RANKS: tuple[Known, ...] = (
    known(
        (
            r"Watchdog caught collective operation timeout: WorkNCCL\([^)]*OpType=(\w+)"
            r"|caught collective operation timeout"
        ),
        {**RAISED, "exception.kind": "nccl-timeout", "ddp.timed_out": word(1), "scope.ranks": True},
    ),
    known(
        r"Some NCCL operations have failed or timed out|Timed out waiting \d+ms for (?:recv|send) operation"
        r"|NCCL (?:watchdog )?timeout|集合通信超时",
        {**RAISED, "exception.kind": "nccl-timeout", "scope.ranks": True},
    ),
)

COMPILING: tuple[Known, ...] = (
    known(
        r"Failed to find C compiler|No working C compiler|(?:unable to execute|command) ['\"]?(?:gcc|cc|g\+\+|cl)['\"]?"
        r"[^\n]{0,30}(?:not found|failed|No such file)|Compiler: cl is not found"
        r"|(?:gcc|cl)(?:\.exe)?: (?:command )?not found",
        {**RAISED, "exception.kind": "compile", "compile.missing": "compiler"},
    ),
    known(
        r"fatal error: [^\s:]*\b(?:Python|pyconfig)\.h",
        {"exception.kind": "compile", "compile.missing": "python-headers"},
    ),
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


# A setting that somebody says to help was not made when the trouble was there.
_CURES = re.compile(
    r"\b(?:fix\w*|help(?:s|ed)|solv\w+|faster|speeds? up|reduc\w+|restor\w+|works? (?:when|if|with))\b"
    r"|解决|变快|恢复|正常了",
    re.IGNORECASE,
)


def _is_a_cure(match: re.Match[str]) -> bool:
    end = match.string.find("\n", match.end())
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : len(match.string) if end < 0 else end]
    return _CURES.search(line) is not None


# "With num_workers=0 it works": a trial, and not how it was when it failed.
def _unless_tried(match: re.Match[str]) -> Value | None:
    value = number()(match)
    return None if value == 0 and is_trial(match) else value


NNUNET: tuple[Known, ...] = (
    known(r"background workers are (?:no longer|not) alive", {**RAISED, "echo.says": "training", "scope.nnunet": True}),
    known(
        r"(?:train|val|average|avg|total)_loss ?:? ?(?:-?inf|nan)\b"
        r"|(?:(?<![a-z])loss(?:es)?|损失(?:值|函数)?) ?(?:一直|总|都|就|全)?"
        r"(?:is|are|=|:|goes? to|turn(?:s|ed)?(?: in)?to|turned|会?变成|变为|为|出现|是"
        r"|becom\w+|became|from becoming|being)?[ :]*(?:an? )?(?:(?:nan|-?inf)\b|(?:nan|inf)(?=[^a-z\W]))"
        r"|\bnan (?:train\w* )?loss(?:es)?\b|returned nan values in its \d+th output"
        r"|NaN or Inf found in input tensor|[Ll]oss is (?:nan|infinite), stopping",
        {"episode.kind": "diverged", "loss.not_finite": ("train_loss",)},
    ),
    known(r"nnU-?Net|nnUNet_|MIC-DKFZ", {"scope.nnunet": True}),
    known(r"n_proc_DA\s*[=:]?\s*(\d+)", {"setting.n_proc_da": _unless_tried}),
    known(r"num_workers(?:\s*(?:=|:|为|设为|设置为)\s*|\s+)(\d+)\b", {"workers.count": _unless_tried}),
    known(
        r"OMP_NUM_THREADS\s*[=:]\s*(\d+)",
        {"setting.omp_threads": lambda match: None if _is_a_cure(match) else number()(match)},
    ),
    known(r"OMP_PROC_BIND\s*[=:]\s*(\w+)", {"setting.pinning": word()}),
    known(r"\b(?:two|2) (?:[\w-]+ ){0,3}(?:GPUs|cards)|\bDDP\b|DataParallel|torchrun|多卡|双卡", {"scope.ranks": True}),
    known(r"(?:two|2) (?:[\w-]+ ){0,3}(?:GPUs|cards)|双卡|两张(?:显)?卡", {"ddp.ranks": 2}),
    known(
        r"100 ?%[^\n]{0,80}(?:without|no)[^\n]{0,40}(?:temperature|power|heat)",
        {"gpu.spinning": ("GPU",), "episode.kind": "stall"},
    ),
)
ENDS: tuple[Known, ...] = (
    known(
        r"(?<![\w-])Segmentation fault|段错误|\bSIGSEGV\b|\bsegfault",
        {
            **RAISED,
            "main.exit_signal": lambda match: None if _of_worker(match) else 11,
            "worker.exit_signal": lambda match: 11 if _of_worker(match) else None,
        },
    ),
    known(
        (
            r"double free or corruption|corrupted size vs|malloc\(\): |free\(\): invalid"
            r"|munmap_chunk|\bAborted\b[^\n]{0,20}core|已放弃|stack smashing detected"
        ),
        {**RAISED, "main.exit_signal": 6},
    ),
    known(r"(?:^|\s)Bus error|总线错误|\bSIGBUS\b", {**RAISED, "main.exit_signal": 7}),
    known(r"(?:^|[\s`'\"])Illegal instruction\b|\bSIGILL\b|非法指令", {**RAISED, "main.exit_signal": 4}),
    known(r"(?:^|\s)Floating point exception\b|\bSIGFPE\b|浮点数?例外", {**RAISED, "main.exit_signal": 8}),
    known(
        (
            r"^[ \t]*(?:\S+: line \d+: +\d+ )?Killed\s*(?:python|$)|\bgot killed\b|(?<!no )(?:process"
            r"|training|job|it) (?:was|is|gets|got|just) killed|直接 ?killed|(?:出现|报错?|总是|就) ?killed"
            r"|被 ?kill|(?<!没)(?<!没有)(?<!未)被(?:系统)?杀|(?<!was )(?<!no )\bkilled[，,]|已杀死|\bSIGKILL\b"
        ),
        {**RAISED, "main.exit_signal": lambda match: None if _of_worker(match) else 9},
    ),
    known(r"got signal: 1\b|\bSIGHUP\b|closing signal SIGHUP", {**RAISED, "main.exit_signal": 1}),
)


def _of_worker(match: re.Match[str]) -> bool:
    around = match.string[max(0, match.start() - 80) : match.end()]
    return re.search(r"worker", around, re.IGNORECASE) is not None


FILES: tuple[Known, ...] = (
    known(
        (
            r"Ran out of input|mmap length is greater than file size|unexpected end of (?:file"
            r"|data)|\bBadZipFile\b|UnpicklingError|pickle data was truncated|file (?:is|was"
            r"|seems) (?:truncated|corrupt(?:ed)?)|File is not a zip file|文件(?:已)?损坏"
            r"|blosc2_schunk_open"
        ),
        {**RAISED, "exception.truncated_file": True, "exception.first": lambda match: match[0]},
    ),
    known(r"\berrno ?28\b|\[Errno 28\]", {"disk.error": "full"}),
    # Without a reason: mostly a full disk, and never certain.
    known(
        r"(?:stream\s*writer|PyTorchFileWriter|inline_container(?![^\n]*StreamReader)|write_record)[^\n]{0,80}"
        r"(?:fail|cannot|unexpected)"
        r"|(?:fail|cannot)[^\n]{0,40}write a record|PyTorchFileWriter[\s\S]{0,120}cannot be opened",
        {**RAISED, "exception.kind": "no-space"},
    ),
    known(
        r"Stale file handle|stale (?:NFS )?(?:file )?handle|Transport endpoint is not connected",
        {**RAISED, "exception.kind": "remote-file-system"},
    ),
)
OTHERS: tuple[Known, ...] = (
    known(
        r"显存(?:不足|不够|溢出|爆)|爆显存|CUDA OOM|GPU (?:ran )?out of memory|OOM[^\n]{0,20}(?:GPU|CUDA)",
        {**RAISED, "exception.kind": "cuda-oom", "exception.cuda_oom": True},
    ),
    # As people write it; PyTorch's own sentence has capitals and is read by ``error_kind``.
    known(r"cuda out of memory", {**RAISED, "exception.kind": "cuda-oom", "exception.cuda_oom": True}, exact=True),
    known(r"suggested max number of worker in current system is (\d+)", {"cpu.effective": number()}),
    known(r"will create (\d+) worker processes in total", {"workers.count": number()}),
    known(r"background worker is 6 feet under", {**RAISED, "echo.says": "preprocessing", "scope.nnunet": True}),
    known(
        r"(?:打开的?文件(?:过|太)多|文件(?:句柄|描述符)[^\n]{0,10}(?:耗尽|不足|用完|超))|ulimit -n|sharing_strategy",
        {"exception.kind": "descriptors"},
    ),
    known(r"cannot re-initialize CUDA in forked subprocess", {**RAISED, "exception.role": "train-worker"}),
    known(
        r"(?:Address already in use|EADDRINUSE|端口(?:被)?占用)",
        {**RAISED, "exception.role": "main", "exception.first": lambda match: match[0]},
    ),
    known(
        (
            r"Assertion `[^`]+` failed|t >= 0 && t < n_classes|index out of (?:range"
            r"|bounds)[^\n]{0,40}(?:assert|cuda)|device-side assert|标签(?:越界|超出|范围)"
        ),
        {**RAISED, "exception.kind": "cuda-assert"},
    ),
    known(
        r"stuck (?:at|in|on) (?:the )?[\"'`]?unpacking|unpacking dataset[\s\S]{0,80}(?:stuck|hang|卡)"
        r"|卡在[^\n]{0,10}unpack",
        {"episode.kind": "stall", "phase": "unpack"},
    ),
    known(
        (
            r"(?:torch\.compile|compil\w+)[^\n]{0,80}(?:first (?:epoch|iteration|step)"
            r"|takes? (?:long|minutes))|first (?:iteration|step|epoch)[^\n]{0,60}compil"
        ),
        {"compile.started": True, "phase": "compile"},
    ),
    known(r"DLL load failed|找不到指定的模块|c10\.dll|WinError (?:126|127|1114)", {**RAISED, "system.os": "windows"}),
    known(r"state:? ?T \(stopped\)|\[\d\]\+ +Stopped", {"main.state": "T", "episode.kind": "stall"}),
)
RAISED_BY_WORKER: tuple[Known, ...] = (
    known(
        (
            r"(?:caught|raised) in (?:data|DataLoader|a)[ -]?(?:loader )?worker"
            r"|collate[^\n]{0,60}(?:equal size|got \d)|default_collate|_worker_loop|fetch\.py"
        ),
        {**RAISED, "exception.role": "train-worker"},
    ),
    known(
        (
            r"torch\.compile[\s\S]{0,80}(?:not (?:yet )?supported|Windows)"
            r"|Windows not yet supported for torch\.compile|Dynamo is not supported"
        ),
        {**RAISED, "exception.kind": "compile", "compile.missing": "windows"},
    ),
    known(
        r"pin(?:ned)?[_ -]?memory[\s\S]{0,80}(?:out[- ]of[- ]memory|fails?)",
        {**RAISED, "exception.kind": "pinned-memory", "exception.pinned_memory": True, "exception.role": "main"},
    ),
)
MESSAGES = (*LOADER, *ENDS, *FILES, *OTHERS, *RAISED_BY_WORKER, *PROCESSES, *RANKS, *COMPILING, *NNUNET)
