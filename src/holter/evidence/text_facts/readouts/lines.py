"""Recognise lines that commands print (tables, lists, settings), to remove them from a text that somebody pasted.

The person's own words and the error messages remain.
"""

from __future__ import annotations

import re

from holter.patterns import later
from holter.texts.prefixes import bare_line

# Commands that only look.
ASKED = (
    r"cat /(?:sys|proc)|cat \S*(?:cpu|memory)\.|nproc|df|free|top|ps|uptime|lsblk|mount|findmnt|iostat|vmstat|mpstat"
    r"|sar|pidstat|ulimit|nvidia-smi|dmesg|journalctl|sacct|scontrol|seff|squeue|docker (?:inspect|ps)"
    r"|pip (?:list|freeze|show)|conda list|env|printenv|uname|lscpu|systemd-detect-virt|date|py-spy"
)
# A job of Slurm, its task of an array, its part of a heterogeneous job, and its step.
JOB = r"\d+(?:_(?:\d+|\[\S+\]))?(?:\+\d+)?(?:\.\w+)?"
STATE_NAMES = (
    "COMPLETED|RUNNING|FAILED|CANCELLED|TIMEOUT|OUT_OF_ME|NODE_FAIL|PREEMPTED|BOOT_FAIL|DEADLINE|REQUEUED|REVOKED"
    "|RESIZING|SUSPENDED|PENDING|COMPLETING"
)
# Rows of tables, which have one shape and name hundreds of things that are no part of the trouble.
_ROWS = (
    r"(?:Filesystem|文件系统)\s.*|\S+(?: \S+)?\s+(?:[a-z][\w.]*\s+)?(?:[\d.,]+[KMGTPE]?i?|-)"
    r"(?:\s+[\d.,KMGTPEi-]+){2}\s+(?:\d+%|-)\s+/.*",  # df
    r"\s+total\s+used\s+free.*|(?:Mem|Swap|内存|交换)[:：]\s+\d.*|-/\+ buffers/cache:.*",  # free
    r"top - \d.*|(?:Tasks|任务)[:：]\s+\d.*|Threads:\s+\d.*|%?Cpu\(s\):.*|[KMG]iB (?:Mem|Swap)\s*:.*",  # top
    r"\s*%?Cpu\d+\s*:.*",  # top -1
    r"\s*\d\d:\d\d:\d\d up .*load average:.*",  # uptime
    r"\s*\d+ \S+\s+(?:rt|-?\d+)\s+-?\d+\s+[\d.]+[gtmp]?\s+[\d.]+[gtmp]?\s+[\d.]+[gtmp]?\s+[A-Z]\s.*",  # top, a process
    r"(?=.*\bPID\b)(?=.*\b(?:COMMAND|Command|CMD|STAT|ARGS)\b)[\sA-Z%+:/▽△-]*(?:Command)?"
    r"|\s*进程号[\sA-Z%+:/]*",  # ps, top and htop, their head
    r"\S+\s+\d+\s+[\d.]+\s+[\d.]+\s+\d+\s+\d+\s+\S+\s+[A-Za-z<+]+\s.*",  # ps aux
    r"\S+\s+\d+\s+\d+\s+\d+\s+\S+\s+\S+\s+[\d:-]+\s.*",  # ps -ef
    r"\s*\d+\s+[RSDTZItX][sl<N+LEW]*\s+\S+\s+.*",  # ps -o pid,stat,…
    r"-*procs-* -.*|\s*r\s+b\s+(?:swpd|交换).*|(?:\s*-?\d+){8,}\s*",  # vmstat
    r"(?:\d\d:\d\d:\d\d(?: [AP]M)?|Average:)\s+(?:(?:CPU|UID|PID|all|\d+)\b|proc/s|kb|tps|runq|IFACE|DEV).*",
    # sysstat
    r"Linux \d\S* \(.*|avg-cpu:.*|Device\S*\s.*(?:/s|%util).*|\S+(?:\s+[\d.]+){5,}\s*|\s*(?:\s[\d.]+){6}\s*",  # iostat
    r"NAME\s.*|[\s│├└─|`-]*\w+\s+\d+:\d+\s+\d\s.*",  # lsblk
    r"\S+ on /\S* type \S+ \(.*",  # mount
    r"\S+ /\S* [a-z][\w.]* r[wo]\b\S* \d \d|\d+ \d+ \d+:\d+ /\S* /\S* r[wo]\b.*",  # /proc/mounts, mountinfo
    r"\s+CPU0\b.*|\s*(?:\d+|(?![CG]PU)[A-Z]{3}): {2,}\d.*",  # /proc/interrupts
    r"\d+: [\w@.-]+: <.*|\s+(?:link/|inet6? |valid_lft ).*",  # ip addr
    r"(?:GPU|NIC)\d+\s.*|(?:X|SYS|NODE|PHB|PXB|PIX|NV#)\s+= .*|\s*GPU0\s.*CPU Affinity.*",  # nvidia-smi topo -m
    r"(?=.*(?:_|\.[a-z]))[a-z_.]+(?: \[\S+\])?(?:, [a-z_.]+(?: \[\S+\])?)+|GPU-[0-9a-f-]{8,}, .*",  # --format=csv
    r"TARGET\s+SOURCE.*|[\s│├└─|`-]*/\S*\s+\S+\s+[a-z][\w.]*\s+r[wo]\b\S*\s*",  # findmnt
    r"[a-zA-Z][\w /-]*\((?:[^()]*, )?-\w\)\s+\S+",  # ulimit -a
    r"(?:[a-z][a-z ]*\((?:seconds|blocks|kbytes)\)|process(?:es)?|nofiles|locks|rtprio|threads)"
    r"\s+(?:\d+|unlimited)",  # the same of dash
    r"\s*-[a-zN](?: \d+)?: [a-z][\w ()/-]*?\s+(?:\d+|unlimited)",  # the same of zsh
    r"\s*[a-z_]{4,}\s{2,}(?:\d+(?:[kMG]B)?|unlimited)",  # limit of zsh
    r"Limit\s+Soft Limit.*|Max [a-z ]+?(?:\s{2,}(?:\d+|unlimited)){2}.*",  # /proc/PID/limits
    r"total \d+|[bcdlps-][rwxsStT-]{9}[.+@]?\s+\d+ .*",  # ls -l
    r"USER\s+TTY\s.*|\S+\s+(?:pts/|tty|:)\d\S*\s.*",  # w
    r".*\b(?:some|full) avg10=[\d.]+ avg60=.*",  # pressure
    r"[a-z_]+ \d+",  # files of control groups
    r"Package\s+Version.*|-{3,}[- ]*|# Name\s.*|[\w.-]+(?:==| @ )\S+|[\w.-]+\s{2,}\d[\w.+!-]*(?:\s.*)?",  # pip, conda
    r"[|+][-=+|]{5,}.*|\|.*\|\s*",  # tables with frames, as of nvidia-smi
    r"(?:Thread|Process) \S+ \([\w+]+\).*|Process \d+: .*|Python v\d.*",  # py-spy
    r"memtester version .*|pagesize\w* is \w+|(?:want|got) +\d+MB \(.*|Loop \d+(?:/\d+)?:"
    r"|\s*(?:[A-Z][\w-]+ ?)+ +: (?:ok|setting|testing|FAILURE).*",  # memtester
    r"(?:Client|Server) (?:rpc stats|nfs v\d\S*):?.*|(?:[a-z_]+ {2,}){2,}[a-z_]+\s*|\s*(?:\d+ +\d+% *)+",  # nfsstat
    r"\s*JobID(?:Raw)?[\s|].*",  # sacct
    rf"\s*{JOB}[\s|].*\b(?:{STATE_NAMES}).*",
    r"\s*(?:Job ID|Array Job ID|Cluster|User/Group|State|Nodes|Cores(?: per node)?|CPU (?:Utilized|Efficiency)"
    r"|Memory (?:Utilized|Efficiency)|Job Wall-clock time): .*",  # seff
    r"CONTAINER ID\s.*|[0-9a-f]{12}\s+\S.*\b(?:Up|Exited|Created|Restarting|Dead)\b.*",  # docker ps
    r"\d+:[\w=,]*:/.*",  # /proc/1/cgroup
    r"\s*(?:Collecting|Solving environment|Preparing (?:transaction|metadata|to unpack)|Verifying transaction"
    r"|Executing transaction|Requirement already satisfied|Downloading|Building wheels?"
    r"|Successfully (?:built|installed|tagged)"
    r"|Installing collected|Setting up|Unpacking|Selecting previously|Looking in indexes|Get:\d+|Fetched \d)\b.*"
    r"|Step \d+/\d+ : .*| ---> .*",  # pip, conda, apt, docker build
)
# Settings and properties: a message may stand among them, a description of trouble does not.
_SETTINGS = (
    r"(?:export )?[A-Za-z_][A-Za-z0-9_]*=[^\s\u4e00-\u9fff]*(?: [^\s\u4e00-\u9fff]+){0,2}",  # env
    r"\s*[A-Z][\w() ./-]*:\s{2,}(?!.*(?:Error|Exception)\b)\S.*|\s*Vulnerability [^:]*:.*",  # lscpu
    r"\s*[A-Z][\w ()./-]*?\s+: .*",  # nvidia-smi -q
    r'\s*[{}\[\]]+,?|\s*"[^"]+"(?::.*|,?)',  # JSON
    r"[\w ()]+?\t+ ?:(?: .*)?|power management:",  # /proc/cpuinfo
    r"\s*(?:\w[\w/:]*=\S*\s*){2,}",  # scontrol
    r"[\w-]+: (?:error|fatal|warning): .*",  # what a command says of itself
    r"NVIDIA-SMI has failed because .*|Unable to determine the device handle for .*",  # nvidia-smi
    r"(?:\S+: )?(?:dmesg|journalctl|py-spy|sudo|nvidia-smi|sacct|docker): .*"
    r"(?:not permitted|ermission denied|not found)",
    rf"\s*(?:\(\S+\) ?)?(?:\[?[\w.-]+@[\w.-]+\S*(?: \S+)?[$#%]|(?:bash-[\d.]+)?\$) (?:sudo )?(?:{ASKED})\b.*",
)
ROW = later("|".join(f"(?:{row})" for row in _ROWS))
SETTING = later("|".join(f"(?:{row})" for row in _SETTINGS))


def without_rows(text: str) -> str:
    """Return the text without table rows of commands; an empty line replaces each group of them."""
    return _left(text, ROW)


def without(text: str) -> str:
    """Return the text without table rows and settings of commands; an empty line replaces each group of them."""
    return _left(text, ROW, SETTING)


def _left(text: str, *shapes: re.Pattern[str]) -> str:
    left = [""]
    for line in text.splitlines():
        forms = dict.fromkeys((line.rstrip(), bare_line(line)))  # as it stands, and behind a prefix or blanks
        kept = "" if any(shape.fullmatch(form) for shape in shapes for form in forms) else line
        if kept.strip() or left[-1]:
            left.append(kept if kept.strip() else "")
    return "\n".join(left[1:])
