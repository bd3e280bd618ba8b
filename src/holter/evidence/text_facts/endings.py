"""How a process ended, as shells, Python, launchers of ranks and people say it."""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value
from holter.evidence.text_facts.known import Known, known, number
from holter.patterns import later

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
DEATH = {"episode.kind": "death"}


def _small(match: re.Match[str]) -> Value | None:
    number_ = int(match[1] or match[2] or 0)
    return number_ if 0 < number_ < 65 else None


# "Unexpected segmentation fault encountered in worker", "segfault in the DataLoader".
_IN_WORKER = later(
    r"[^\n.]{0,24}\bin (?:an? |the |my |its |pytorch'?s? )*(?:data ?loader|(?:data ?loader |data )?worker)",
    re.IGNORECASE,
)
# torch.distributed.elastic raises it for a signal that the launcher got; who reports it may leave out which one.
_SESSION = later(
    r"\b(?:terminal|ssh|session|window|laptop|vs ?code|tmux|screen|nohup|connection)\b|终端|窗口|会话|断开|后台",
    re.IGNORECASE,
)


def _of_worker(match: re.Match[str]) -> bool:
    around = match.string[max(0, match.start() - 80) : match.end()]
    return (
        re.search(r"worker", around, re.IGNORECASE) is not None
        or _IN_WORKER.match(match.string, match.end()) is not None
    )


def _of_session(match: re.Match[str]) -> Value:
    return 1 if _SESSION.search(match.string) is not None else 15


PROCESSES: tuple[Known, ...] = (
    # torch.multiprocessing.spawn and torch.distributed.elastic.
    known(
        r"process \d+ terminated with (?:signal )?SIG(\w+)|terminated by signal SIG(\w+)",
        {**DEATH, "main.exit_signal": lambda match: SIGNAL_NAMES.get(match[1] or match[2])},
    ),
    known(
        r"(?:exit ?code|exitcode|return(?:ed)?(?: non-zero)?(?: exit)?(?: status| code)?|退出(?:代码|码)(?:为)?)[ :=]*"
        r"-(\d{1,2})\b",
        {**DEATH, "main.exit_signal": number()},
    ),
    known(
        r"(?:exit(?:ed)?(?: with)? ?code|exitcode|exit status|return code|退出(?:代码"
        r"|码)(?:为)?)[ :=]*1(?P<code>2[89]|3\d|4[0-3])\b",
        {**DEATH, "main.exit_signal": lambda match: int("1" + match["code"]) - 128},
    ),
    known(
        r"died with <Signals\.SIG(\w+)|Signal \d+ \(SIG(\w+)\)|interrupted by signal \d+: SIG(\w+)",
        {**DEATH, "main.exit_signal": lambda match: SIGNAL_NAMES.get(match[1] or match[2] or match[3])},
    ),
    known(
        r"got (?:signal|sigval) ?[:=] ?(\d+)|Received (\d+) death signal",
        {**DEATH, "main.exit_signal": _small},
    ),
    known(r"\bSignalException\b", {**DEATH, "main.exit_signal": _of_session}),
    known(r"0xC0000005|-1073741819", {**DEATH, "main.exit_signal": 11, "system.os": "windows"}),
)
ENDS: tuple[Known, ...] = (
    known(
        r"(?<![\w-])Segmentation fault|段错误|\bSIGSEGV\b|\bsegfault",
        {
            **DEATH,
            "main.exit_signal": lambda match: None if _of_worker(match) else 11,
            "worker.exit_signal": lambda match: 11 if _of_worker(match) else None,
        },
    ),
    known(
        r"double free or corruption|corrupted (?:size vs|double-linked list)|(?:malloc|realloc)\(\): "
        r"|free\(\): (?:invalid|corrupted|double|too many)"
        r"|munmap_chunk|\bAborted\b[^\n]{0,20}core|已放弃|stack smashing detected",
        {**DEATH, "main.exit_signal": 6},
    ),
    known(
        r"(?:^|\s)Bus error|总线错误|\bSIGBUS\b",
        {
            **DEATH,
            "main.exit_signal": lambda match: None if _of_worker(match) else 7,
            "worker.exit_signal": lambda match: 7 if _of_worker(match) else None,
        },
    ),
    known(r"(?:^|[\s`'\"])Illegal instruction\b|\bSIGILL\b|非法指令", {**DEATH, "main.exit_signal": 4}),
    known(r"(?:^|\s)Floating point exception\b|\bSIGFPE\b|浮点数?例外", {**DEATH, "main.exit_signal": 8}),
    known(
        r"^[ \t]*(?:\S+: line \d+: +\d+ )?Killed\s*(?:python|$)|\bgot killed\b|(?<!no )(?:process"
        r"|training|job|it) (?:was|is|gets|got|just) killed"
        r"|(?<!not )(?<!never )(?<!no process )(?<!no worker )(?<!nothing )(?<!none )\b(?:is|gets|got|was)"
        r" (?:always |then |suddenly |automatically )?killed\b"
        r"(?! by (?:signal|me\b|hand|the (?:user|scheduler)))|直接 ?killed|(?:出现|报错?|总是|就) ?killed"
        r"|被 ?kill|(?<!没)(?<!没有)(?<!未)被(?:系统)?杀|(?<!was )(?<!no )\bkilled[，,]|已杀死|\bSIGKILL\b",
        {**DEATH, "main.exit_signal": lambda match: None if _of_worker(match) else 9},
    ),
    # A shell says which signal in front of it; without that, an access to wrong memory is the usual one.
    known(
        r"核心已?转储|吐核|\bcore[- ]dump(?:ed)?\b(?! ?(?:is |are )?(?:size|limit|disabled|off))",
        {**DEATH, "main.exit_signal": lambda match: None if _of_worker(match) else 11},
    ),
    known(r"got (?:signal|sigval) ?[:=] ?1\b|\bSIGHUP\b|closing signal SIGHUP", {**DEATH, "main.exit_signal": 1}),
)
