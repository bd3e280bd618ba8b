"""Recognise kinds of text that tell of no event: answers to frequent questions, changes, wishes, features, builds."""

from __future__ import annotations

import re

from holter.patterns import either, later
from holter.texts.plain import prose

# A list of answers, changes or features has at least so many entries.
FEWEST_ENTRIES = 2
# So much of an installation's output is lines that installers and builders print.
MOST_OF_A_BUILD = 0.6
# A sentence, too, may begin with "Installing".
FEWEST_LINES = 3

_HEAD = r"^[ \t>#*=\d.•-]*"
_TAIL = r"[ \t:¶#*=\U0001f300-\U0001faff]*$"

# One of these is enough.
ANSWERS = either(
    rf"{_HEAD}(?:Troubleshooting(?! (?:steps|done|tried|so far|performed))|FAQ'?s?|Frequently asked questions"
    rf"|(?:Common|Known|Typical|Frequent) (?:\w+ )?(?:errors|issues|problems|mistakes"
    rf"|questions))[\w /&]{{0,20}}{_TAIL}",
    rf"{_HEAD}(?:\w{{0,6}}(?:常见|典型)\w{{0,4}}(?:问题|报错|错误|故障)|故障(?:排查|排除|处理)|错误码\w{{0,4}}"
    rf"|问题排查){_TAIL}",
    r"^Help Cent(?:er|re)\b|^帮助中心",
    r"\bhope (?:this|that|it) (?:will |can )?helps?\b|希望(?:对你|能)有?(?:所)?帮助",
    r"^[ \t#*]*runbook\b|^[ \t#*]*(?:operator|user|admin\w*) (?:guide|manual)\b",
    rf"{_HEAD}第 ?[一二三四五六七八九十\d]+ ?[章节](?:\s|{_TAIL})",
)
CHANGES = either(
    r"\b(?:this (?:patch|commit|MR)|(?:this|the) (?:PR|pull request)) (?!(?:broke|caus|introduc|size))",
    r"^[ \t]*(?:fix(?:es)?|closes?|resolves?) #\d+",
    r"\bwhat does this (?:PR|pull request|MR) do\b|\bhow was (?:it|this) tested\b",
    r"\A\s*(?-i:(?:fix|feat|docs?|chore|refactor|perf|README)(?:\([^)\n]*\))?: [a-z])",
    r"\A\s*(?:修复|新增|优化|重构|文档):",
)
WISHES = either(
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
# Mark-up that only the sources of documentation have: links to a neighbouring page or a heading, roles, directives.
_MARKUP = either(
    r"\]\((?!https?:|www\.|mailto:)[^)\s]{1,120}\.(?:md|rst|html?|ipynb|py|ya?ml|png|jpe?g|gif|svg)(?:#[\w.-]*)?\)"
    r"|\]\(#[\w.-]+\)",
    r":(?:ref|doc|class|func|meth|mod|attr|obj|term):`|^[ \t]*\.\. (?:\w[\w-]*::|_[\w-]+:)|^\[\[\w+\]\]|```\{\w+\}"
    r"|^[ \t]*:::+ ?\{?\w+|^[ \t]*(?:!!!|\?\?\?) \w+|^[ \t]*\[[\w. -]+\]: (?:https?:/|\.{0,2}/)\S+[ \t]*$",
)
# "Docs:" and "build: torch 2.4" begin a report.
_COMMIT = later(r"\s*(?:feat|fix|perf|refactor|chore|docs|ci|build(?!: [^\n]*\d\.\d))(?:\([\w ./-]+\))?!?: ")
# Verbs that begin the title of a change. Who has a trouble states it, or asks.
_IMPERATIVE = (
    r"(?:fix(?:es|ed|ing)?|add(?:s|ed)?|move|avoid|prevent|handle|remove|delete|(?:update|upgrade)(?! (?:from"
    r"|to)\b)|rename|bump|revert|make"
    r"|allow|ensure|catch|improve|refactor|skip|disable|enable|replace|clean ?up|drop|expose|introduce|document|warn"
    r"|ignore|speed up|simplif(?:y|ies)|do not|don't|raise|default|deprecate|guard|restore|switch|split|support"
    r"|propagate|respect|correct|mitigate|reuse|turn (?:on|off))"
)
# Nouns, too: "test" and "wait" begin the title of a report, unless it says what a change is for.
_FAILS = (
    r"(?:(?!\b(?:that|which|when|if|where|whether|so|how|what|who|instead|to|before|because|as)\b"
    r"|: ?(?!hangs|never|stuck|crashes|freezes|fails|dies))[^\n])*"
    r"(?<!\bfor )(?<!\bof )(?<!\bon )(?<!\bagainst )(?<!\babout )(?<!\bno )(?<!random )"
    r"\b(?:hangs|freezes|crashes|sticks|stalls|dies|fails|stuck|deadlocks"
    r"|never (?:returns|ends|finishes|exits|starts|stops|comes)"
    r"|(?:is|gets) (?:killed|very slow)|does(?: not|n't) (?:start|move|continue|return|exit|end|finish|respond|stop))\b"
)
_VERB_OR_NOUN = (
    rf"(?:(?:set|check|use(?! of| case)|test|wait)(?!{_FAILS})"
    r"|stop(?! (?:after|during|while|at|in) (?:(?:the|my) )?(?:\w+ing\b|(?:epoch|step|iteration) \d|validation)))"
)
_CHANGE_TITLE = either(
    r"\A\s*(?:\[\w[\w ]*\] ?|[\w./-]+(?:, ?[\w./-]+)*: |\w[\w ]{0,20}: )?"
    rf"(?:{_IMPERATIVE}|{_VERB_OR_NOUN}) (?![^\n]*(?:\?|[:：][ \t]*$))\S",
    r"\A[^\n?]{4,160}\(#\d+\)[ \t]*(?:\n|\Z)",
    r"\AMerge (?:branch|pull request|remote-tracking|commit)\b|^(?:Co-authored-by|Signed-off-by|Reviewed-by): ",
)
_REVIEW = either(
    r"\bLGTM\b|^[ \t]*nits?: |\b(?:could|can|would) you (?:please )?(?:add|catch|rename|move|split|rebase|squash"
    r"|extract)\b"
    r"|\b(?:please|also) add (?:a|some|the) (?:unit )?tests?\b|\bthis (?:except|function|method|class|variable|test"
    r"|diff)"
    r" (?:is|should|could|looks)\b|\bmerge this\b|\brebase (?:on|onto)\b"
)
# What papers say of their work, in whose experiments something may have failed.
_OF_A_PAPER = tuple(
    either(pattern)
    for pattern in (
        r"\b(?:we|this (?:paper|work|study|article|thesis)) (?:\w+ ){0,2}(?:present|propose|introduce|describe|show"
        r"|evaluate"
        r"|investigate|demonstrate|study|compare|analy[sz]e)s?\b|本文|我们提出|提出了?一种",
        r"\b(?:state[- ]of[- ]the[- ]art|outperform\w*|ablation|baselines?|preliminary experiments|public data ?sets?"
        r"|on (?:two|three|four|five|\d+) (?:\w+ ){0,3}(?:data ?sets?|benchmarks|tasks))\b|消融|基线",
        r"\bet al\b|\b(?:Table|Fig(?:ure|\.)|Section|Eq\.?|Algorithm) ?\(?\d|\[\d+(?:[,–-] ?\d+)*\]|arXiv:"
        r"|表 ?\d|图 ?\d",
        r"\b(?:were|was) (?:trained|evaluated|implemented|carried out|performed|optimi[sz]ed|initiali[sz]ed"
        r"|disabled|chosen)\b",
        r"\bcode (?:is|will be|and \w+ are) (?:made )?(?:publicly )?available\b|^[ \t#*]*(?:Abstract|Keywords"
        r"|Introduction"
        r"|摘要|关键词)\b|\b(?:Nesterov|weight decay|Adam\w{0,9}) [^\n]{0,60}(?:for \d+ (?:epochs|iterations))"
        r"|\bfor \d+ epochs with\b",
    )
)
_FEATURES = either(
    rf"(?:{_HEAD}|\. ?)(?:(?:key |main )?features?|highlights|功能(?:特点|特性|介绍|列表)?|特性|特点|亮点){_TAIL}"
)
_ENTRY = later(r"^[ \t]*(?:[-*•+]|\d+[.)、])[ \t]*\S", re.MULTILINE)
_QUESTION = either(r"^[ \t>#*\d.]*(?:Q|问):")
# Who asks two questions numbers them; who answers them shows the answers.
_NUMBERED = either(r"^[ \t>#*\d.]*(?:Q\d*|问(?:题)? ?\d*)[:.、)]")
_ANSWER = either(r"^[ \t>#*\d.]*(?:A\d*|答)[:.、)]")
_CHANGE = either(
    r"^[ \t]*[-*•+][ \t]*(?:fix(?:ed|es)?|add(?:ed|s)?|improv(?:ed|es)|remov(?:ed|es)|chang(?:ed|es)"
    r"|deprecat(?:ed|es)|修复|新增|优化|移除|改进)\b"
    r"|^[ \t]*[-*•+][ \t]*(?:修复|新增|优化|移除|改进)"
)
# The three headings of a knowledge base; a report that was solved has words of its own writer.
_SECTIONS = tuple(
    either(rf"{_HEAD}(?:{names}){_TAIL}")
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
# PyTorch's own advice behind a full GPU: who shows the error gives none.
_ADVICE_OF_TORCH = later(r"\bIf reserved (?:memory is|but unallocated memory is)\b[^\n]*")
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

# One of these may stand in any report.
FEWEST_MARKS = 2
_MARKS = tuple(
    later(pattern, re.IGNORECASE)
    for pattern in (
        r"\bif (?:you (?:see|get|want|use|need)|training|a|an|the|your|positive|gpu)\b"
        r"|遇到时|若(?:出现|遇到)|如果(?:出现|遇到)",
        r"\b(?:such as|for instance|for example|e\.g\.)|例如|比如说?",
        r"\b(?:see|refer to|described in|listed in|explained in)\b|请?参[考见]|详见|见后",
        r"(?:就|将|会|可能)会?(?:导致|造成|引起|影响)|推荐(?:配置|显卡)"
        r"|\b(?:recommend(?:s|ed)|typical(?:ly)?|usually means|means that"
        r"|default)\b",
        r"\b(?:you (?:may|can|should)|may be (?:set|used)|is used (?:to|for)|use \w+ to)\b|可以(?:使用|通过)",
        r"\b(?:this|the) (?:page|chapter|guide|section|document|tutorial|manual|reference|FAQ|table)\b"
        r"|本(?:文|教程|页|节|手册)|这篇(?:文章|博客|博文|教程)|手把手",
        r"\b(?:troubleshooting|release notes|changelog|reference|documentation|how to use|licen[cs]ing)\b[ .:0-9]",
        r"(?:^|[.;] )(?:added|fixed|changed|removed|deprecated): |\(\w+, optional\)|^\w[\w ]{2,40}: [a-z]",
        r"\b(?:(?:programs?|pods?|jobs|processes) that|option sets|configure"
        r"|(?:is|are) (?:terminated|printed|listed|selected)"
        r"|is an? (?:mechanism|tool|library|feature|signal|option))\b"
        r"|默认|会(?:打印|关闭|启用|自动)|说明[:：]|几种(?:常用)?方法",
        r"\b(?:exceed|sends?|restarts?|selects?|fails? with|sets?|prints?|delays?) (?:it|this|the|them|an?)\b"
        r"|when memory runs out",
        r"首先[^\n]{2,80}其次|(?m:^[ \t#*]*(?:如何|怎样)[^\n?]{2,30}[??]|\bhow to [^\n?.]{3,40}$)",
        r"(?:通常|一般|往往)(?:是|会|由)|说明[^:：\n]{2,20}(?:跟不上|不足|不够|过[大小多])|如果(?:经常|你|您"
        r"|发现|想|需要)|决定你|为什么你",
        r"\A\s*目录\s*\n|(?m:^)[ \t]*[一二三四五]、[^\n]{2,60}\n(?:[^\n]*\n){0,6}[ \t]*[二三四五六]、",
        r"(?m:^)(?:[ \t]*(?:exit code )?\d{1,3}[ \t]*[:|=][^\n]*(?:\n|\Z)){3}",
        r"第[一二三]步|常见(?:问题|报错|错误)|含义|表示[^。；]{2,30}[；。]|一览|介绍|\badministrators?\b",
    )
)


def is_published(text: str) -> bool:
    """Return whether a text is a page of documentation by its mark-up, or a part of a paper."""
    return (
        _MARKUP.search(text) is not None or sum(mark.search(text) is not None for mark in _OF_A_PAPER) >= FEWEST_MARKS
    )


def is_commit(text: str) -> bool:
    """Return whether a text begins as the message of a commit does."""
    return _COMMIT.match(text) is not None


def is_of_a_change(text: str) -> bool:
    """Return whether a text is the message of a commit, the title of a change to code, or a review of one."""
    return is_commit(text) or _CHANGE_TITLE.search(text) is not None or _REVIEW.search(text) is not None


def instructs(text: str) -> bool:
    """Return whether a text tells what may happen, what to do about it, what was changed or what is wished."""
    text = _ADVICE_OF_TORCH.sub("", text)
    return _is_of_a_kind(text) or sum(mark.search(prose(text)) is not None for mark in _MARKS) >= FEWEST_MARKS


def _is_of_a_kind(written: str) -> bool:
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


def without_notices(text: str) -> str:
    """Return a text without what launchers print at every start, trouble or not."""
    return _NOTICE.sub("", text)


def is_build(text: str) -> bool:
    """Return whether a text is the output of an installation or a build, and nothing in it goes wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < FEWEST_LINES or _GOES_WRONG.search(text) is not None:
        return False
    return sum(_BUILD.match(line) is not None for line in lines) >= MOST_OF_A_BUILD * len(lines)
