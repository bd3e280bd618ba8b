"""Find the kind of problem that a person describes, in English or Chinese: stops, slow, dies, grows, diverges.

The patterns are words, not whole phrases: verbs and states of each kind, and what is missing, long or gone.
"""

from __future__ import annotations

import re

from holter.evidence.text_facts.known import Known, known
from holter.evidence.text_facts.negation import is_denied
from holter.patterns import later
from holter.texts.plain import prose

# An amount of time that somebody has waited.
_LONG = (
    r"(?:(?:\d+(?:\.\d+)?|an?|one|two|three|four|five|six|several|many|half an?|a few|whole) ?"
    r"(?:h\b|hours?|nights?|days?|mins?\b|minutes?)|for ?ever|forever|all (?:night|day)|overnight)"
)
_LONG_ZH = r"(?:\d+|几|好几|半|一|两|二|三|数)(?:个)?(?:多)?(?:小时|钟头|分钟|晚上?|夜|天|上午|下午)"

STOPS = (
    r"\b(?:hangs?|hung|hanging|stuck|sticks|freez(?:es?|ing)|froze|frozen|deadlocks?|deadlocked|halts?(?:ed)?"
    r"|stall(?:s|ed|ing)?|no (?:progress|movement|activity|(?:new )?(?:batch|epoch|output|log) (?:arrives"
    r"|appears|comes)"
    r"|batch arrives)|not (?:moving|progressing|responding|dead)|unresponsive|no response in (?:the )?training"
    r"|stops? (?:responding|moving|there|here|in the same|at|after|in)|(?:it|training|all"
    r"|everything) (?:just )?(?:stops|stands|waits)"
    r"|stands? (?:still|there|at)|stays? (?:there|at(?! ?~?\d[\d.]* ?(?:[GMK]i?B?\b|%))|on)|sits? (?:there|at"
    r"|in|on)|(?:here|there) it (?:stays"
    r"|sits|stands)"
    r"|waits? (?:there|for ?ever|in)|never (?:gives|returns|ends|finish\w*|exits?|comes|stops|gets|starts?|reach\w*)"
    r"|(?:does|do|did|will|would|can)(?: not|n't| never) (?:start|move|continue|exit|end|finish|terminate|quit"
    r"|return|go on|proceed|stop)"
    rf"|nothing (?:happens?|new|more|moves?|is printed|for)|(?:no|without|any) (?:\w+ ){{0,2}}(?:for|since"
    rf"|after) {_LONG}"
    rf"|(?:for|since|after) {_LONG} (?:now|already|nothing|no)\b|hold(?:s|ing)? on to|keeps? running after"
    rf"|still running after)\b"
    r"|卡(?:住|死|在|着|顿|了|机)|不会?(?:动了?|走了?|退出?|结束|返回|更新|往下|跑了)|没(?:有)?(?:反应|动静|进展"
    r"|退出|结束)|停(?:住|在|着|止|了)|死锁|假死"
    rf"|无(?:响应|法退出)|一直(?:等|停|不)|等(?:了)?{_LONG_ZH}|挂起|就停|(?:程序|进程|训练)(?:就)?停|动弹不得"
)
SLOW = (
    r"\b(?:slow|slower|slowly|slows? down|takes? (?:hours|ages|days|for ?ever)|gpus? (?:is|are"
    r"|sits?) (?:mostly )?idle|slowed|slowdown|tak(?:es?|ing) (?:too|very|so|much|ages|long)|sluggish"
    r"|crawl(?:s|ing)?"
    r"|bottleneck|low (?:[\w/-]+ ){0,2}(?:GPU-)?(?:util\w*|usage|load)\b|(?:util\w*|usage|load) (?:rate )?"
    r"(?:of [\w ]{0,24})?(?:is|are|was|stays?|remains?) (?:\w+ ){0,3}low|longer (?:and longer|than)|(?:worse"
    r"|slower|longer) (?:than|with|on)"
    r"|(?:util\w*|usage)(?: \w+){0,2} (?:under|below|less than|only|just|at most|not (?:above|over)) ?(?:about"
    r" )?[1-4]?\d ?%"
    rf"|wants? \d+ hours|times? (?:as long|longer|slower)|(?:tak(?:es?|ing)|took|needs?|needed|costs?|wants?|is"
    rf"|are) (?:now |about |over |around |nearly |almost )*{_LONG}"
    r"|(?:epoch|step|iteration|batch)s?[^\n.]{0,30}\b\d[\d.,]* ?(?:min|minutes|hours|h)\b|\d[\d.,]* ?(?:s|sec"
    r"|min|ms)? ?(?:instead of|rather than|before|was|->|→|to) ?\d[\d.,]* ?(?:s|sec|min|ms|m)\b"
    r"|(?:twice|\w+ times|\dx) (?:as )?(?:long|slow)\w*|doubled"
    r"|no faster|not (?:any )?faster|hardly faster|gpu (?:is )?(?:starv\w+|waits?|wait for)|(?:lags?"
    r"|laggy|stutter\w*)"
    r"|jumps? (?:between|from)|(?:only|at|just) (?:about )?\d{1,2}(?:-\d\d)? ?% ?(?:util|gpu|usage)?)\b"
    r"|(?:变|很|太|更|好|越来越|特别|非常|巨|超|真|贼|这么|那么|慢到)慢|慢(?:了|得|到|很多|好多|死)|速度(?:慢"
    r"|很慢|下降|只有|掉)|(?:利用率|使用率|占用率?"
    r"|占用皆)(?:会|都|一直|只有|才)?(?:很|太|非常|特别)?低"
    r"|时间(?:很|太|特别)长|瓶颈|耗时|一顿一顿|要(?:等)?(?:好)?久|翻倍|降速|掉速|拖慢|久了?$"
    rf"|(?:要|花|用|需要|得|跑)(?:了|掉)?(?:将近|大概|约|快)?{_LONG_ZH}|(?:每|一)(?:个|轮)? ?(?:epoch|轮|步"
    rf"|iter)[^\n,，。]{{0,12}}\d+(?:\.\d+)? ?(?:s|秒|分钟|小时)"
)
DIES = (
    r"\b(?:crash(?:es|ed|ing|(?! courses?\b))|dies|died|dead|killed|terminated|aborts?|aborted|exits? (?:with|by itself"
    r"|unexpectedly)|quits? (?:with|by itself)"
    r"|fails? (?:with|at|on|after|when|in)|failed (?:with|at|on|after)|(?:is|are|was|were) gone|disappear(?:s"
    r"|ed)?|vanish\w*|out of memory|OOM"
    r"|core dumped|segfault\w*|raises?|raised|throws?|thrown|traceback|broken?|blue ?screen|reboots?|(?:get"
    r"|got|getting|see|with) (?:the |this |an? |following )*(?:error|exception))\b"
    r"|\b[A-Z]\w{2,}(?:Error|Exception)\b|崩(?:溃|了|掉)?|挂(?:了|掉)|报(?:错|了|的是)|闪退|退出了?|中断|终止"
    r"|被(?:杀|kill|终止)|没了|炸了?"
    r"|死(?:机|了|在|掉)|掉(?:线|卡|了)|抛(?:出)?|溢出|爆(?:内存|显存|了)|异常|失败"
)
# Words of an end alone: what was raised or printed has messages of its own.
CRASHES = (
    r"\btraining (?:is |was |gets |got )?(?:always |suddenly |randomly )*interrupt(?:ed|s|ion)\b"
    r"|训练[^\n，。,]{0,8}(?:突然|莫名\w{0,2}|自动|自己|总是|老是|被|异常)(?:就|被|地)?(?:中断|终止|停止|停了"
    r"|停掉|退出)"
    r"|\bOOM(?:ed|s)?\b(?![- ]?(?:killer|score))"
    r"|\b(?:crash(?:es|ed|ing)|workers? (?:just |all |suddenly )?(?:die|dies|died))\b|崩溃|闪退"
)
GROWS = (
    r"memory (?:leak|keeps? (?:growing|increasing)|(?:usage|use) (?:keeps?|grows|increases|growing|rises))"
    r"|(?:memory|RAM|RSS|RssAnon|RES|swap)\b(?![^\n.]{0,50}\b(?:can|could|may|should|must|to) be"
    r" (?:\w+ ){0,2}increased)[^\n.]{0,50}\b(?:grow\w*|climb\w*|ris(?:es?|ing)|increas\w*"
    r"|goes up|leak\w*|fills? up|piles? up)"
    r"|\beats? (?:up )?(?:all )?(?:the |my )?(?:RAM|memory)|内存(?:泄漏|泄露)|(?:内存|RSS|RES|swap"
    r"|mem)[^\n,。]{0,14}(?:涨|增|越来越(?:大|高|多)|上升|飙|升)"
)
# Comparisons of times that have no word for slow.
TAKES_LONGER = (
    r"\bincreas(?:ed|ing|es?) (?:in )?(?:the |of )?(?:training |epoch |step |running |execution |computation "
    r"|processing )?"
    r"(?:time|duration|latency)\b"
    r"|\b(?:long|huge|large|big) (?:waiting|loading|idle|start-?up) (?:times?|periods?|pauses?)\b"
)
# What ends a training outweighs what is slow about it: the order in which kinds count is the reader's.
KINDS: tuple[Known, ...] = (
    known(STOPS, {"episode.kind": "stall"}),
    known(SLOW, {"episode.kind": "slow-down"}),
    known(TAKES_LONGER, {"episode.kind": "slow-down"}),
    known(GROWS, {"episode.kind": "creep"}),
    known(CRASHES, {"episode.kind": lambda match: None if is_denied(match.string, match) else "death"}),
)
ASKS = (
    r"\?\s*$|\b(?:why|any ?one|any (?:ideas?|help|hints?|clue|suggestions?)|what (?:is|could|can|am|do|does"
    r"|else|happen\w*) |how (?:can|do|to|come)|please (?:help|advise)"
    r"|help me|is (?:this|that|it) (?:normal|expected|a bug)|same (?:problem|issue|error) here)\b|请(?:问|教)"
    r"|求(?:助|解|教|指点)|怎么(?:办|回事|解决)?|为(?:什么|啥|何)|咋|吗\s*[?？。]?\s*$|有(?:没有)?人(?:遇|知)|大佬"
)
SOLVED = (
    r"\b(?:works? (?:fine|well|perfectly|great|now)|no (?:problems?|issues?|errors?)|success\w*|passed"
    r"|all (?:good|green|tests)|finally works|for reference|benchmark|changelog|release notes?|FAQ|wiki|guide"
    r"|tutorial|docs?|documentation)\b"
    r"|成功|一切正常|顺利|没(?:有)?(?:任何)?问题|已解决|分享|记录一下|教程|文档|更新日志|说明"
)
# Programs print "you" and "please", but never speak of themselves, and ask nobody.
ADDRESSED = later(
    r"\bI(?:'m|'ve|'d| (?:am|have|get|got|use[sd]?|run|ran|train\w*|tr(?:y|ied)|see|saw|do|did|was|had|set"
    r"|think|would|can|cannot|can't|notice[sd]?|want|need|start\w*|check\w*|found|put|also|just|only))\b"
    r"|\b(?:my|any ?one|any (?:idea|help)|why (?:do|does|is|are|did|has|would)|is (?:this|that|it) normal)\b"
    r"|(?<!\?)\?[ \t]*$|[我吗谁]|为什么|怎么|请问|请教|求(?:助|解|教)|大家|各位"
    r"|正常|没遇到|\b(?:for|since) (?:\d+|two|three|four|five|six|several|many) (?:h|hours|days)\b",
    re.IGNORECASE | re.MULTILINE,
)
# Signs of a complaint or of its absence; each counts as a word of the text.
SIGNS = {
    name: later(pattern, re.IGNORECASE | re.MULTILINE)
    for name, pattern in (
        ("stops", STOPS), ("slow", SLOW), ("dies", DIES), ("grows", GROWS), ("asks", ASKS), ("solved", SOLVED),
    )
}  # fmt: skip
# Any sign that a text complains of something.
TROUBLE = later("|".join((STOPS, SLOW, DIES, GROWS, r"\bnan\b|不收敛|diverg")), re.IGNORECASE | re.MULTILINE)

# Reports that all is well.
ALL_IS_WELL = later(
    r"\b(?:solved|fixed)\b[^.!?]{0,20}\bworks\b|close this (?:issue|thread|topic)|congratulations"
    r"|worked out of the box|Executing transaction: done|此帖可以关",
    re.IGNORECASE,
)


def all_is_well(text: str) -> bool:
    """Return whether a text reports that a problem is solved, or that an installation succeeded."""
    return ALL_IS_WELL.search(text) is not None


def signs(text: str) -> frozenset[str]:
    """Return which complaints a text makes, as terms for a comparison: ``#stops``, ``#slow``, ``#solved``, …"""
    return frozenset(f"#{name}" for name, pattern in SIGNS.items() if pattern.search(text))


def is_addressed(text: str) -> bool:
    """Return whether a person wrote this text for a reader, so that it is more than a log."""
    return ADDRESSED.search(prose(text)) is not None
