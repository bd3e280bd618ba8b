"""Recognise kinds of text that tell of no event: answers to frequent questions, changes, wishes, features, builds."""

from __future__ import annotations

import re

from holter.patterns import later

# A list of answers, changes or features has at least so many entries.
FEWEST_ENTRIES = 2
# So much of an installation's output is lines that installers and builders print.
MOST_OF_A_BUILD = 0.6
# A sentence, too, may begin with "Installing".
FEWEST_LINES = 3

_HEAD = r"^[ \t>#*=\d.•-]*"
_TAIL = r"[ \t:¶#*=\U0001f300-\U0001faff]*$"


def _any(*patterns: str) -> re.Pattern[str]:
    return later("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.MULTILINE)


# One of these is enough.
ANSWERS = _any(
    rf"{_HEAD}(?:Troubleshooting(?! (?:steps|done|tried|so far|performed))|FAQ'?s?|Frequently asked questions"
    rf"|(?:Common|Known|Typical|Frequent) (?:\w+ )?(?:errors|issues|problems|mistakes"
    rf"|questions))[\w /&]{{0,20}}{_TAIL}",
    rf"{_HEAD}(?:\w{{0,6}}(?:常见|典型)\w{{0,4}}(?:问题|报错|错误|故障)|故障(?:排查|排除|处理)|错误码\w{{0,4}}"
    rf"|问题排查){_TAIL}",
    r"^Help Cent(?:er|re)\b|^帮助中心",
    r"^[ \t#*]*runbook\b|^[ \t#*]*(?:operator|user|admin\w*) (?:guide|manual)\b",
    rf"{_HEAD}第 ?[一二三四五六七八九十\d]+ ?[章节](?:\s|{_TAIL})",
)
CHANGES = _any(
    r"\b(?:this (?:patch|commit|MR)|(?:this|the) (?:PR|pull request)) (?!(?:broke|caus|introduc|size))",
    r"^[ \t]*(?:fix(?:es)?|closes?|resolves?) #\d+",
    r"\bwhat does this (?:PR|pull request|MR) do\b|\bhow was (?:it|this) tested\b",
    r"\A\s*(?:fix|feat|docs?|chore|refactor|perf|README)(?:\([^)\n]*\))?: [a-z]",
    r"\A\s*(?:修复|新增|优化|重构|文档):",
)
WISHES = _any(
    r"\byour feature request\b|\bdescribe the solution you'd like\b",
    r"\bwould be (?:\w+ )?(?:nice|good|great|useful|helpful|handy|cool) (?:if|to|for)\b",
    r"\bwe (?:should|could|need to|want to) (?:add|support|handle|implement|provide|document)\b",
    # A title that asks for something, and below it how it should be.
    r"\A\s*(?:\[?(?:feature|enhancement|RFC)(?: request)?\]?:? *)?"
    r"(?:add|support|implement|explain|document|allow|handle|deal with|provide|expose|introduce|mention|describe) "
    r"[^\n?]{3,90}\n(?:[^\n]*\n)*?[^\n]*\b(?:should|would|could|suggest\w*|explain\w*|so that|option|flag)\b",
    r"希望(?:能|可以)?(?:增加|支持|添加|加)|建议(?:增加|添加|加|支持)|能否(?:增加|支持|添加)|(?:增加"
    r"|新增)一个\w{0,4}功能",
)
# A setting is asked about, not a trouble.
SETTINGS = _any(
    r"\bwhat (?:do|does) [^\n?]{2,60} (?:do|mean)\b[^\n?]{0,80}\?",
    r"\bwhat(?:'s| is| are) the (?:difference|purpose|meaning|role|relation)\b",
    r"\bwhat (?:is|are|would be) (?:a |the )?(?:good|best|default|right|recommended) (?:\w+ )?(?:values?|settings?)\b",
    r"\b(?:when|how many [\w ]{2,30}) should (?:I|we|one) (?:use|set|choose)\b",
    r"(?:做|干)什么用|是什么意思|有(?:什么|啥|何)(?:关系|区别|作用|用)|(?:设|设置|取)(?:成|为|到)?多少",
)
_FEATURES = _any(
    rf"(?:{_HEAD}|\. ?)(?:(?:key |main )?features?|highlights|功能(?:特点|特性|介绍|列表)?|特性|特点|亮点){_TAIL}"
)
_ENTRY = later(r"^[ \t]*(?:[-*•+]|\d+[.)、])[ \t]*\S", re.MULTILINE)
_QUESTION = _any(r"^[ \t>#*\d.]*(?:Q|问):")
# Who asks two questions numbers them; who answers them shows the answers.
_NUMBERED = _any(r"^[ \t>#*\d.]*(?:Q\d*|问(?:题)? ?\d*)[:.、)]")
_ANSWER = _any(r"^[ \t>#*\d.]*(?:A\d*|答)[:.、)]")
_CHANGE = _any(
    r"^[ \t]*[-*•+][ \t]*(?:fix(?:ed|es)?|add(?:ed|s)?|improv(?:ed|es)|remov(?:ed|es)|chang(?:ed|es)"
    r"|deprecat(?:ed|es)|修复|新增|优化|移除|改进)\b"
    r"|^[ \t]*[-*•+][ \t]*(?:修复|新增|优化|移除|改进)"
)
# The three headings of a knowledge base; a report that was solved has words of its own writer.
_SECTIONS = tuple(
    _any(rf"{_HEAD}(?:{names}){_TAIL}")
    for names in (
        r"symptoms?|(?:问题|故障)?现象",
        r"(?:possible |probable |root )?causes?|(?:可能|问题)?(?:的)?原因(?:分析)?",
        r"(?:solutions?|resolutions?|procedure|how to fix it)|(?:处理|解决)(?:方法|办法|方案|步骤|措施)",
    )
)
# Messages as a template has them, with names in place of values.
_TEMPLATE = later(
    r"(?:JOB|CANCELLED AT|worker|pid|PID|process) <\w+>|CANCELLED AT \.\.\. |capability sm_XX|<(?:jobid|time|card)>"
)
# A recipe for a machine: what to run and what to expect.
_RECIPE = tuple(
    later(pattern, re.MULTILINE)
    for pattern in (
        r"^[ \t-]*(?:name|description|id|step):[ \t]*\S",
        r"^[ \t-]*(?:script|command\w*|run|validation|steps|tasks|branches):",
        r"^[ \t-]*(?:expected\w*|fallback\w*|when|on_\w+|note|needs|branches|register):",
    )
)
# What torchrun prints at each start.
_NOTICE = later(
    r"(?:\*{5,}\s*)?Setting OMP_NUM_THREADS environment variable for each process to be 1 in default[^\n]*"
    r"(?:\n[^\n]*)?as needed\.?(?:\s*\*{5,})?"
)
_BUILD = later(
    r"^[ \t]*(?:(?:=> )+|#\d+ |--->|-->|Step \d+/\d+|Collecting |Downloading |Using cached |Requirement already "
    r"|Installing |Successfully |Building |Preparing |Get:\d+ |Hit:\d+ |Reading package|Reading state|The following "
    r"|Setting up |Unpacking |Selecting |Processing triggers|Removing intermediate|Created wheel|Stored in|Attempting "
    r"|Found existing|Uninstalling |Looking in |Solving |Executing |Verifying |debconf: |\(Reading database|Fetched "
    r"|-- |\[ ?\d+%\]|\[\d+/\d+\] |正在(?:读取|分析|设置|处理|解压|准备)|下列|[ \t]+(?:[\w.+-]+ ){2,}[\w.+-]*$)"
)
_GOES_WRONG = later(
    r"\b(?:error|failed|failure|fatal|killed|cannot|could not|unable|conflict|abort\w*|hang\w*|stuck|slow\w*|why"
    r"|crash\w*)\b|错误"
    r"|失败|冲突|卡|慢|为什么|崩",
    re.IGNORECASE,
)


def tells_no_event(written: str) -> bool:
    """Return whether words are of a kind of text that tells what may happen, what was changed or what is wished."""
    if any(kind.search(written) is not None for kind in (ANSWERS, CHANGES, WISHES, _TEMPLATE)):
        return True
    if sum(section.search(written) is not None for section in _SECTIONS[1:]) == len(_SECTIONS[1:]):
        return True
    if all(part.search(written) is not None for part in _RECIPE):
        return True
    if len(_QUESTION.findall(written)) >= FEWEST_ENTRIES:
        return True
    if _NUMBERED.search(written) is not None and _ANSWER.search(written) is not None:
        return True
    if len(_CHANGE.findall(written)) >= FEWEST_ENTRIES:
        return True
    return _FEATURES.search(written) is not None and len(_ENTRY.findall(written)) >= FEWEST_ENTRIES


def asks_of_a_setting(written: str) -> bool:
    """Return whether a text asks what a setting does or how to choose it."""
    return SETTINGS.search(written) is not None


def without_notices(text: str) -> str:
    """Return a text without what launchers print at every start, trouble or not."""
    return _NOTICE.sub("", text)


def is_build(text: str) -> bool:
    """Return whether a text is the output of an installation or a build, and nothing in it goes wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < FEWEST_LINES or _GOES_WRONG.search(text) is not None:
        return False
    return sum(_BUILD.match(line) is not None for line in lines) >= MOST_OF_A_BUILD * len(lines)
