"""What people looked at and found in order: "iowait is 0", "nothing else runs", "12 of 48 GB RAM".

Such a reading rules a look-alike out. It is searched in the text as it was written: the words of negation belong to it.
"""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value
from holter.evidence.text_facts.known import Known, known
from holter.patterns import later

_IS = r"(?:(?:is|was|stays?|remains?|are|at|about|around|only|just|always|=|:|为|是|都是|一直|只有|约) ?){1,4}"
_FALLS = r"(?:drop|fall|fell|go|went|sink|sank|plung|collaps)\w*"
_NEARLY = r"(?:almost |nearly |about |close to |near |around )?(?:0|zero)\b"
_PAIR = later(r"GPU ?(?:and|&|/|和|与|、) ?(?:the )?CPU|CPU ?(?:and|&|/|和|与|、) ?(?:the )?GPU", re.IGNORECASE)
# Of the CPUs: what nearly 0 % is.
NEARLY_IDLE = 0.02


def _percent(match: re.Match[str]) -> Value | None:
    value = float(match[1])
    return None if value > 100 else value / 100


def _share(match: re.Match[str]) -> Value | None:
    used, whole = (float(group) for group in match.groups() if group)
    return round(used / whole, 3) if 0 < used <= whole else None


def _of_both(match: re.Match[str]) -> Value | None:
    return NEARLY_IDLE if _PAIR.search(match.string, 0, match.end()) else None


_AMOUNT = r"(\d{1,4}(?:\.\d+)?) ?(?:GB|GiB|G)?"
_WHOLE = r"(\d{1,4}(?:\.\d+)?) ?(?:GB|GiB|G)\b"
QUANTITIES: tuple[Known, ...] = (
    known(
        rf"\b(?:iowait|wa)\b(?: ?\([^()\n]{{0,40}}\))? ?{_IS}(\d{{1,3}}(?:\.\d+)?)(?![\d.]*\d)",
        {"cpu.iowait_ratio": _percent},
    ),
    known(
        r"\bnothing else (?:runs|is running|was running|is using)|\bno(?:body| one) else (?:uses|is on|is using|runs)"
        r"|\bno other (?:[\w-]+ ){0,3}?(?:processes|jobs|programs|users|trainings|tasks)\b(?![^\n.,;]{0,30}\bGPU)"
        r"|没有(?:任何)?其[他它](?:的)?(?:高负载|占用资源)?(?:的)?(?:进程|任务|程序|用户"
        r"|人)(?![^\n，。,]{0,10}(?:GPU|显卡))",
        {"host.others_cpu_ratio": 0.0},
    ),
    known(
        r"\bswap (?:space |partition )?(?:is |was )?(?:not (?:in use|used|touched)|unused|empty|off\b"
        r"|(?:at )?0(?![.\d]))"
        r"|\bno swap(?:ping)?\b(?! space| left)|(?:交换(?:分区|空间|区)|swap) ?(?:都|也)?(?:未"
        r"|没有?)(?:被)?(?:使用|用)",
        {"swap.in_bytes_per_s": 0.0},
    ),
    known(
        rf"\bboth (?:of them )?(?:then |suddenly )?{_FALLS} (?:back |down )?to {_NEARLY}"
        rf"|GPU (?:and|&) CPU\b[^\n.]{{0,40}}{_FALLS} (?:back |down )?to {_NEARLY}"
        rf"|CPU (?:and|&) GPU\b[^\n.]{{0,40}}{_FALLS} (?:back |down )?to {_NEARLY}"
        r"|(?:GPU ?[和与、] ?CPU|CPU ?[和与、] ?GPU)[^\n。]{0,50}?降(?:至|到|为)(?:接近|几乎|近乎)? ?(?:0|零)",
        {"cpu.run_busy_ratio": _of_both},
    ),
    known(
        rf"{_AMOUNT} ?(?:of|/|out of) ?(?:the )?{_WHOLE} (?:of )?(?:system |host )?(?:RAM|memory)\b"
        rf"|(?:系统内存|(?<!显)内存|\bRAM)[^\n,，。\d]{{0,10}}{_AMOUNT} ?/ ?{_WHOLE}",
        {"memory.used_ratio": _share},
    ),
    known(
        rf"{_AMOUNT} ?(?:of|/|out of) ?(?:the )?{_WHOLE} (?:of )?(?:GPU memory|VRAM|video memory)\b"
        rf"|(?:显存|VRAM|GPU memory)[^\n,，。\d]{{0,10}}{_AMOUNT} ?/ ?{_WHOLE}",
        {"gpu.memory_ratio": _share},
    ),
)
