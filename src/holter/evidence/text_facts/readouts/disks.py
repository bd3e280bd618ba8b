"""Read the outputs of df, lsblk, mount, findmnt and iostat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.values import NUMBER, UNITS, Fact, bytes_of, number
from holter.linux.mounts import is_remote
from holter.patterns import later

# A file system counts as full if this share of it is used and less than this is free: of 80 TB, 2 % are plenty.
FULL = 0.98
FEW_BYTES = 2.0**30
# Read-only images, which are always full.
IMAGES = ("squashfs", "devtmpfs", "iso9660", "erofs")
IMAGE_SOURCES = later(r"/dev/(?:loop|sr|cd)|squashfuse|cvmfs2?\b|.*\.(?:sif|squashfs|AppImage)\b|fuse-overlayfs")
# The head of the column with the sizes, if they are counted in blocks.
BLOCKS = later(r"\b(\d+)([KMG]?)(?:i?B)?-(?:blocks|块)", re.IGNORECASE)
# In English, Chinese, German, French, Spanish, Italian, Portuguese and Japanese.
HEAD_OF_DF = later(
    r"^[ \t]*(?:Filesystem|文件系统|Dateisystem|Sys\. de fichiers|Sist\. arq\.|Sist\. Arq\.|S\.ficheros|S\.fichiers"
    r"|File system|ファイルシス(?:テム)?)\s.*$",
    re.MULTILINE,
)
BUSY_DISK = 90.0
# A read takes a hard disk 10 ms; this long it waits in a queue, if it is not one of a few.
LONG_MS, OFTEN = 100.0, 5.0
# Per cent busy says nothing of storage that serves many requests at once.
PARALLEL = later(r"nvme|zram|loop|dm-|md\d")
SYSTEM_FOLDERS = ("/proc/", "/sys/", "/dev/", "/run/", "/snap", "/boot", "/etc/")
SYSTEM_MOUNTS = ("/snap", "/boot", "/run", "/sys", "/proc", "/etc", "/usr", "/mnt/wsl", "/var/lib/snapd", "/cvmfs")
DATA_FOLDER = later(r"nnUNet_preprocessed\s*[=:]\s*[\"']?(/[^\s\"':]+)")
# Virtual disks and those behind a controller say that they rotate, whatever is below them.
VIRTUAL = later(r"\bVirtual|VMware|QEMU|Msft|PERC|MegaRAID|LOGICAL|\bVBOX", re.IGNORECASE)
IN_A_GUEST = later(
    r"^Hypervisor vendor|^(?:kvm|qemu|vmware|microsoft|oracle|xen|amazon|google|wsl)\s*$|\b(?:vda|xvda|vdb)\b",
    re.MULTILINE,
)
REAL_DISK = later(r"^(?:sd[a-z]+|nvme\d+n\d+|hd[a-z])\b")

_DF = later(
    r"^(?P<source>\S+(?: \S+)?)\s+(?:(?P<type>9p|[a-z][\w.]*)\s+)?(?P<size>[\d.,]+[KMGTPE]?i?|-)"
    r"\s+(?P<used>[\d.,]+[KMGTPE]?i?|-)\s+(?P<free>-?[\d.,]+[KMGTPE]?i?|-)\s+(?P<percent>\d{1,3})%\s+(?P<mount>/\S*)\s*$",
    re.MULTILINE,
)
_MOUNT = later(r"^(?P<source>\S+) on (?P<mount>/\S*) type (?P<type>\S+) \((?P<options>[^)]*)\)", re.MULTILINE)
_FINDMNT = later(
    r"^[ \t│├└─|`-]*(?P<mount>/\S*)\s+(?P<source>\S+)\s+(?P<type>9p|[a-z][\w.]*)\s+(?P<options>r[wo]\b\S*)\s*$",
    re.MULTILINE,
)

# /proc/mounts
_PROC = later(
    r"^(?P<source>\S+) (?P<mount>/\S*) (?P<type>9p|[a-z][\w.]*) (?P<options>r[wo]\b\S*) \d \d[ \t]*$", re.MULTILINE
)


def df(text: str) -> Iterator[Fact]:
    """Read ``df``, with any of -h, -T and -i; a paste may hold several."""
    heads = [
        (match.start(), re.search(r"Inode|I节点|已用\(I\)", match[0]) is not None, _block_bytes(match[0]))
        for match in HEAD_OF_DF.finditer(text)
    ]
    for row in _DF.finditer(text):
        _, is_inodes, block = next((head for head in reversed(heads) if head[0] < row.start()), (0, None, 1.0))
        if is_inodes is None:  # no head above it
            continue
        mount, used = row["mount"], int(row["percent"]) / 100
        if mount == "/dev/shm":
            if not is_inodes:
                yield from _shared_memory(row, used, block)
        elif used >= FULL and _may_be_written(row) and (is_inodes or _is_short(row, block)):
            yield ("disk.error", "inodes", row[0]) if is_inodes else ("disk.full", True, row[0])
            yield "disk.folder", mount, row[0]


def _block_bytes(head: str) -> float:
    match = BLOCKS.search(head)
    return 1.0 if match is None else float(match[1]) * UNITS[match[2].upper()]


def _may_be_written(row: re.Match[str]) -> bool:
    is_image = row["type"] in IMAGES or IMAGE_SOURCES.match(row["source"]) is not None
    return not is_image and not row["mount"].startswith(SYSTEM_MOUNTS)


def _is_short(row: re.Match[str], block: float) -> bool:
    total, free = bytes_of(row["size"]), bytes_of(row["free"])
    # Some mounts report a few blocks and none free: nobody can have filled them.
    return free is None or (free * block < FEW_BYTES and (total is None or total * block > FEW_BYTES))


def _shared_memory(row: re.Match[str], used: float, block: float) -> Iterator[Fact]:
    yield "shm.used_ratio", used, row[0]
    total = bytes_of(row["size"])
    if total is not None:
        yield "shm.total_bytes", total * block, row[0]


def mounts(text: str) -> Iterator[Fact]:
    """Read ``mount``, ``findmnt`` and the types of ``df -T``: the file system of the data."""
    for row in (*_MOUNT.finditer(text), *_FINDMNT.finditer(text), *_PROC.finditer(text)):
        size = re.search(r"(?:^|,)size=(\d+[kmgKMG]?)(?=,|$)", row["options"])
        total = bytes_of(size[1]) if size is not None and row["mount"] == "/dev/shm" else None
        if total is not None:
            yield "shm.total_bytes", total, row[0].strip()
    rows = [
        *_MOUNT.finditer(text),
        *_FINDMNT.finditer(text),
        *_PROC.finditer(text),
        *(row for row in _DF.finditer(text) if row["type"]),
    ]
    named = DATA_FOLDER.search(text)
    chosen = _holding(named[1], rows) if named is not None else None
    if chosen is None and len(rows) == 1:  # findmnt -T FOLDER, df -T FOLDER
        chosen = rows[0]
    if chosen is None:
        remote = [row for row in rows if is_remote(row["type"]) and _may_hold_data(row)]
        chosen = remote[0] if remote else None
    if chosen is not None and chosen["type"] not in ("overlay", "tmpfs"):
        yield "storage.fs_type", chosen["type"], chosen[0].strip()
        if chosen["type"] in ("9p", "drvfs") and re.search(r"[A-Z]:\\|/mnt/[a-z]\b", chosen[0]):
            yield "storage.windows_drive", True, chosen[0].strip()
        if "ro" in (chosen.groupdict().get("options") or "").split(","):
            yield "disk.read_only", True, chosen[0].strip()


def _may_hold_data(row: re.Match[str]) -> bool:
    # "autofs" and mounts in the system's own folders (fusectl, gvfs) are on every machine.
    return row["type"] != "autofs" and not row["mount"].startswith(SYSTEM_FOLDERS)


def _holding(folder: str, rows: list[re.Match[str]]) -> re.Match[str] | None:
    above = [row for row in rows if row["mount"] == "/" or f"{folder}/".startswith(f"{row['mount'].rstrip('/')}/")]
    return max(above, key=lambda row: len(row["mount"]), default=None)


def lsblk(text: str) -> Iterator[Fact]:
    """Read the column ROTA of ``lsblk``: whether all real disks rotate."""
    head = re.search(r"^NAME\b.*\bROTA\b.*$", text, re.MULTILINE)
    if head is None or IN_A_GUEST.search(text) is not None:
        return
    place = head[0].split().index("ROTA")
    disks = []
    for line in text[head.end() :].splitlines():
        values = line.split()
        is_real = REAL_DISK.match(line) is not None and VIRTUAL.search(line) is None
        if is_real and len(values) > place and values[place] in ("0", "1"):
            disks.append((values[place], line))
    if disks and all(rotates == "1" for rotates, _ in disks):
        yield "symptoms", ("slow-disk",), disks[0][1]


def iostat(text: str) -> Iterator[Fact]:
    """Read the disks of ``iostat -x``: one that is busy all the time, or needs very long for a read.

    Of several reports the first one is left out, because it covers the time since boot.
    """
    busy = [rows for head in re.finditer(r"^Device.*%util\s*$", text, re.MULTILINE) if (rows := _busy(text, head))]
    for line in [line for rows in (busy[1:] or busy) for line, util in rows.items() if util >= BUSY_DISK][:1]:
        yield "symptoms", ("waits-for-disk",), line


def _number(written: str | None) -> float:
    return number(written) if written is not None and re.fullmatch(NUMBER, written) else 0.0


def _busy(text: str, head: re.Match[str]) -> dict[str, float]:
    rows: dict[str, float] = {}
    for line in text[head.end() + 1 :].splitlines():
        values = line.split()
        if len(values) < len(head[0].split()) or not re.fullmatch(NUMBER, values[-1]):
            break
        row = dict(zip(head[0].split(), values, strict=False))
        waits_ms = _number(row.get("r_await", row.get("await")))
        if waits_ms >= LONG_MS and _number(row.get("r/s")) >= OFTEN:
            rows[line] = 100.0
        elif not PARALLEL.match(values[0]):
            rows[line] = number(values[-1])
    return rows
