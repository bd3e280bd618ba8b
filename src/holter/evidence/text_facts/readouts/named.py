"""Name the commands whose output a text holds, of those that Holter reads: where it finds nothing, nothing is wrong."""

from __future__ import annotations

import re

from holter.patterns import later
from holter.texts.kernel_log import sifted

# The head of the output, or a line that only this command writes.
_SIGNS = {
    name: later(sign, re.MULTILINE)
    for name, sign in {
        "mount": r"^\S+ on /\S* type \S+ \(",
        "findmnt": r"^TARGET\s+SOURCE\s+FSTYPE\b",
        "lsblk": r"^NAME\s+(?:MAJ:MIN|ROTA|FSTYPE|SIZE|TYPE|.*\bROTA)\b",
        "df": r"^[ \t]*(?:Filesystem|文件系统|Dateisystem|Sys\. de fichiers)\s.*%",
        "free": r"^[ \t]*(?:Mem|内存|Speicher)[:：]\s+\d",
        "nvidia-smi": r"^\|? ?NVIDIA-SMI \d|^=+NVSMI LOG=+|^[ \t]+GPU Virtualization Mode[ \t]*$",
        "nfsstat": r"^Client (?:rpc stats|nfs v\d):|^[ \t]Flags:\s+r[wo],\S*\bvers=",
        "journalctl": r"^-- (?:No entries|Logs begin|Journal begins)\b",
        "memtester": r"^memtester version \d",
        "ps": r"^(?=.*\bPID\b)(?=.*\b(?:CMD|COMMAND|STAT)\b)[\sA-Z%+:/]*$",
        "top": r"^top - \d\d:\d\d:\d\d ",
        "vmstat": r"^[ \t]*r\s+b\s+(?:swpd|交换)\s",
        "iostat": r"^Device:?\s.*%util[ \t]*$",
        "sar": r"^\d\d:\d\d:\d\d(?: [AP]M)?\s+(?:CPU\s+%us|kbmemfree\b|pswpin/s|tps\b|DEV\s+tps|runq-sz)",
        "docker": r"^CONTAINER ID\s",
        "kubectl": r"^NAME\s+READY\s+STATUS\s",
        "squeue": r"^[ \t]*JOBID\s+PARTITION\s",
        "sacct": r"^[ \t]*JobID(?:Raw)?(?:\||[ \t]+\w)",
        "Get-PSDrive": r"^Name\s+Used \(GB\)\s+Free \(GB\)",
        "Get-Process": r"^[ \t]*Id\s+CPU\s+WS\b",
    }.items()
}

# Who shows one of these has a trouble, whether or not a fact says what it is.
_UNKNOWN_TROUBLE = later(
    r"\bBUG: |\bOops: |\blockup\b|\bstalls?\b|\bpanic\b|Call Trace|fault addr|\bexception\b"
    r"|\berrors? \((?:device )?\S+\)|clock throttled|CrashLoop|OOMKilled|ImagePullBackOff|Exited \([1-9]"
)


def commands_of(text: str) -> tuple[str, ...]:
    """Return the names of the commands whose outputs are in a text, dmesg for any kernel log; () if a trouble shows."""
    if _UNKNOWN_TROUBLE.search(text) is not None:
        return ()
    kernel = ("dmesg",) if sifted(text).rest != text else ()
    return (*(name for name, sign in _SIGNS.items() if sign.search(text) is not None), *kernel)
