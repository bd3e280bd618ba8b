"""Decide whether a text explains (documentation, release notes, lists of messages) or reports what happened."""

from __future__ import annotations

import re

from holter.patterns import later
from holter.texts.plain import prose

# Such a text consists of sentences. A report quotes what a program printed.
LEAST_PROSE = 0.8
# One of these may stand in any report.
FEWEST_MARKS = 2
_MARKS = tuple(
    later(pattern, re.IGNORECASE)
    for pattern in (
        r"\bif (?:you (?:see|get|want|use|need)|training|a|an|the|your|positive|gpu)\b"
        r"|遇到时|若(?:出现|遇到)|如果(?:出现|遇到)",
        r"\b(?:such as|for instance|for example|e\.g\.)|例如|比如说?",
        r"\b(?:see|refer to|described in|listed in|explained in)\b|请?参[考见]|详见|见后",
        r"\b(?:recommend(?:s|ed)|typical(?:ly)?|usually means|means that|default)\b",
        r"\b(?:you (?:may|can|should)|may be (?:set|used)|is used (?:to|for)|use \w+ to)\b|可以(?:使用|通过)",
        r"\b(?:this|the) (?:page|chapter|guide|section|document|tutorial|manual|reference|FAQ|table)\b"
        r"|本(?:文|教程|页|节|手册)",
        r"\b(?:troubleshooting|release notes|changelog|reference|documentation|how to use|licen[cs]ing)\b[ .:0-9]",
        r"(?:^|[.;] )(?:added|fixed|changed|removed|deprecated): |\(\w+, optional\)|^\w[\w ]{2,40}: [a-z]",
        r"\b(?:(?:programs?|pods?|jobs|processes) that|option sets|configure"
        r"|(?:is|are) (?:terminated|printed|listed|selected)"
        r"|is an? (?:mechanism|tool|library|feature|signal|option))\b"
        r"|默认|会(?:打印|关闭|启用|自动)|说明[:：]|几种(?:常用)?方法",
        r"\b(?:exceed|sends?|restarts?|selects?|fails? with|sets?|prints?|delays?) (?:it|this|the|them|an?)\b"
        r"|when memory runs out",
        r"第[一二三]步|常见(?:问题|报错|错误)|含义|表示[^。；]{2,30}[；。]|一览|介绍|\badministrators?\b",
    )
)
_REPORTED = later(
    r"\b(?:I|me|my|mine|we|our|us)\b|\b(?:yesterday|today|last (?:night|week)|since (?:monday|the))\b"
    r"|[我咱]|求助|请问|昨[天晚]|今[天晚]|刚才|为什么|怎么办",
    re.IGNORECASE,
)
# The beginning of what a program prints, advice included.
_PRINTED = later(
    r"^[ \t>]*(?:OpenBLAS blas_\w+|OMP|libgomp|NVRM|slurmstepd|srun|nvidia-\w+): ", re.MULTILINE | re.IGNORECASE
)


def explains(text: str) -> bool:
    """Return whether a text only explains what may happen in general, and reports nothing that did happen."""
    written = prose(text)
    if len(written.strip()) < LEAST_PROSE * len(text.strip()) or _REPORTED.search(written) is not None:
        return False
    if _PRINTED.match(text) is not None:
        return False
    return sum(mark.search(written) is not None for mark in _MARKS) >= FEWEST_MARKS
