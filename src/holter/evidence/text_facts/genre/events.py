"""Decide whether a text tells an event: a person's account of a trouble, or what a program printed when it came.

Who explains, sells, plans or documents names the same troubles and quotes the same messages, and kinds of such texts
have no end. A report has few signs: who met it, when, with which numbers, a question about it, or a program's output.
"""

from __future__ import annotations

import re

from holter.evidence.text_facts.genre.adverts import asks_about_usage, is_of_long_ago
from holter.evidence.text_facts.genre.genres import instructs, is_commit, is_of_a_change, is_published
from holter.evidence.text_facts.genre.over import is_over
from holter.evidence.text_facts.kinds import TROUBLE
from holter.patterns import either, later
from holter.texts.plain import joined, plain, prose
from holter.texts.source_code import without_code

# Few words are a message, a title or a telegram; more of them explain.
FEW_CHARS = 300
# Of an output more than so many lines begin as programs begin theirs.
MOST_OF_AN_OUTPUT = 0.5
# A report may suppose something; so many sentences of what may happen explain.
FEWEST_GENERAL = 3

_SENTENCE = re.compile(r"(?:[^\n.!?。！？;；]|\.(?=\w))+[.!?。！？;；]*")
# Somebody speaks of himself. A small "i" is a variable, too.
_SELF = (
    r"(?<![-\w/])(?-i:I(?![-\w/.]|\)|\d)|i(?='(?:m|ve|d|ll)\b| (?!in\b|is\b|and\b|th\b|for\b|if\b|to\b|not\b)[a-z]{2}))"
    r"|\b(?:my|mine)\b|我(?!们)|[咱俺]"
)
# The message of a commit says "we observed".
_OWN_IN_A_COMMIT = either(_SELF)
# Of himself, of what is his, or of one day.
_OWN = either(
    _SELF,
    r"\b(?:yesterday|this morning|last (?:night|week)|since (?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday"
    r"|the (?:\w+ )?(?:update|upgrade|reboot)))\b|昨[天晚日]|今[天晚早]|刚才|上周",
    r"(?<!\bif )(?<!\bwhen )\b(?:same|this)\s+(?:error|problem|issue|thing)\s+(?:again|after|here|happen\w*|occur\w*"
    r"|persist\w*|still)\b",
    r"\bwe (?:\w+ )?(?:observed?|noticed?|found|encounter(?:ed)?|met|hit)\b",
    r"\b(?:did|does)(?: not|n't) help\b|(?:还|仍|依)(?:是|然|旧)(?:会)?(?:报|卡|崩|不行|没用|失败|出现|Bus|CUDA)",
    r"^[ \t]*(?:encountered|observed|noticed|facing|tried)\b|试(?:过|了)|没(?:有)?(?:解决|效果)",
)
# A manual, too, says "we".
_OURS = either(r"\b(?:we|our)\b|我们")
# Wishes and questions about what to choose; nobody met anything.
_WANTS = (
    r"\b(?:should|can|could|do|would|must|may) (?:I|we)\b|\b(?:I|we)(?:'d| would| want| wish| suggest| recommend"
    r"| propose| should| could| can(?! ?not\b|'t)| need to| will)\b|建议|推荐|希望|能否|(?<!不)想(?!着|到|不|复)"
)
_WANTED = either(_WANTS)
# What is to be better in a text that names no trouble: nobody says that it happened.
_AIMS = either(
    r"\bto (?:\w+ly )?(?:reduce|avoid|prevent|minimi[sz]e|limit|ensure|make sure|make use|get rid|speed)\b",
    r"以?避免|防止|为了",
)
_WISHES = either(_WANTS, r"[?？]|^[ \t>]*(?:#|Q|问|A\d*:|答)")
# A sentence of what may happen, of what is to be done, or of what something does in general.
_GENERAL = either(
    # "Not sure if this is a bug" supposes nothing.
    r"(?<!\bsure )(?<!\bknow )(?<!\bwondering )\bif\b",
    r"\b(?:may|might|can(?! ?not\b|'t)|could(?! not|n't)|should|would|will|must|usually|typically|generally|whenever"
    r"|unless|in case|means|when (?:you|your|an?|the)|which is why|\ban? \w+ (?:(?:that|which|who) (?:is|was|has"
    r"|gets) )?(?:been )?(?:killed|stopped|blocked)|you|your|ensure|make sure|recommend\w*|avoid(?:s|ing)?"
    r"|prevents?|e\.g|for example|such as)\b"
    r"|^\s*(?:run|set(?! to)|use|check|look|try|open|install|reduce|increase|call|note|see|keep|choose|start by) ",
    r"如果|若|可能|可以(?!跑|用|训|过|正常)|通常|一般|往往|容易|建议|请(?!问|教)|需要|避免|防止|例如|比如|您|你"
    r"|当[^,，。]{1,20}时|时会|是否会|(?<!首)先(?:看|检查|确认)(?![了过到]|[^\n。]*发现)|(?<![规原])则"
    r"|(?<![反响相对适供效])应(?!该是|用)|将会|以防|否则"
    r"|会(?:导致|造成|引起)",
)
_TROUBLE = either(
    TROUBLE.pattern,
    r"超时|错误|(?<![a-z])nan(?![a-z])|(?:显示|提示|报)[^\n,。]{0,6}(?:内存|显存|空间)不(?:足|够)"
    r"|被[^\n,。]{0,6}(?:回收|抢占|驱逐)|\b(?:evict|preempt)(?:ed|s)\b"
    r"|[一-鿿](?:OOM|kill(?:ed)?|crash|hang|abort|error)(?![a-z])"
    r"|\b(?:time(?:d|s)? ?out|errors?|fail\w*|bugs?|block(?:s|ed)|for ?ever|throttl\w*|kills?|100 ?%|an? long time)",
)
# Numbers that tell of a trouble without its name.
_VALUES = either(
    r"no longer alive|6 feet under|\bStopped\b|\bno (?:new |more )?(?:epochs?|output|logs?|messages?|lines?|progress)\b"
    r"|\b(?:log|output|it) (?:just )?ends\b|\boccupied\b|\bcan(?:not|'t) find\b|\bmissing\b|\.exc\.|\?!"
    r"|\d ?[GT]i?B (?:used|more|each)",
    r"\d ?%|\d ?(?:s|sec\w*|min\w*|h|hours?|秒|分钟|小时) ?(?:->|→|to|instead|变|涨)",
)
# It happened, or it happens with these numbers.
_NUMBERS = (
    r"\d ?(?:%|s\b|sec|ms\b|min|h\b|hours?|days?|[GM]i?B?\b|(?:epoch|step|round|GPU|card)s?\b|[秒分天个轮次张卡]|小时)"
    r"|\b(?:epoch|step|iter\w*|job|rank|pid|worker|round)s? \d"
)
_HAPPENED = either(
    r"\b(?:was|were|had|did|got|died|crashed|hung|froze|stopped|failed|killed|dropped|went|happened|became|took|ran"
    r"|tried|started|showed|encountered|(?:has|have) been|(?:is|are) stuck)\b|(?<![为除])了(?!解)"
    r"|(?<![通超经不越])过(?![程滤拟大小多高低载期于])|出现",
    r"\b(?:for|since|after) (?:two|three|four|five|six|several|many|a few|some|half an?|an?) (?:sec|min|h|day|night)",
    _NUMBERS,
)
_AT_A_STEP = either(
    r"\b(?:in|at|from|until|during|after|of) (?:the )?(?:epoch|step|iteration) \d"
    r"|\bafter (?:\d+|two|three|several) (?:epochs?|steps|iterations)\b",
    r"第 ?\d+ ?(?:个|轮)|\d+ ?个 ?epoch",
)
# Somebody asks, greets, thanks or wonders.
_ADDRESSES = either(
    r"\b(?:any (?:idea|help|hint|solution|suggestion|clue|advice|fix)s?\b|any ?(?:one|body) (?:else|know|ha[sd])"
    r"|how (?:to|can I|do I|do we|should I) (?:fix|solve|resolve|avoid|debug)|please (?:help|advise)|help me\b"
    r"|why(?: (?:is|are|does|do|did)\b| ?\?)|is (?:this|that|it) (?:normal|expected|a bug|\S*(?:/issues/|#)\d)"
    r"|what (?:can|could|should) (?:I|we) (?:do|try)\b|what(?:'s| is) (?:wrong|going on|happening|the (?:reason"
    r"|cause|problem)))",
    r"怎么(?:办|回事|解决|处理)|如何(?:解决|处理)|求(?:助|解|教|指点|问)|请(?:问|教)|为(?:什么|啥|何)"
    r"|有没有人|大佬|什么(?:原因|情况|问题)|正常吗"
    r"|(?:偶[发尔]|频繁|老是|总是)[^。\n?？]{0,16}(?:超时|timeout|报错|错误|中断|卡|崩|挂|失败)",
    r"^[ \t]*(?:hi|hello|hey|dear)\b|\b(?:thanks|thank you|thx)\b(?! to)|谢谢|[您你]好",
    r"\b(?:it|this|there) (?:\w+ )?(?:seems|appears)\b|似乎|好像|感觉",
)
# Somebody writes up the case of somebody else.
_CASE = either(
    r"用户[^。\n]{0,12}(?:遇到|反馈|报告|发现|尝试)了?",
    r"\b(?:an?|one|the) (?:\w+ )?(?:user|customer|colleague|student) (?:\w+ )?(?:met|reported|ran into|encountered|hit"
    r"|tried|noticed|observed|found)\b",
)
# Somebody who wants to know, and says that nothing is wrong.
_CURIOUS = either(
    r"\b(?:just|only|simply|merely) (?:curious|wondering|asking)\b|\bout of (?:pure )?curiosity\b"
    r"|\b(?:not|isn't) (?:really |actually )?(?:(?:related to|about) )?(?:troubleshooting"
    r"|an? (?:bug|problem)(?: report)?)\b",
    r"(?:只是|单纯|纯粹)(?:想|好奇)|不是(?:报|什么)?(?:bug|问题|故障)",
)
# Headings of forms for bugs.
_FORM = either(
    r"^[ \t#*]*(?:describe the bug|to reproduce|steps to reproduce|actual (?:behaviou?r|result)"
    r"|what (?:was|I|have you) tried"
    r"|bug report|bug description|issue description|\[?bug\b|how to reproduce(?=[ \t:*]*$)"
    r"|复现步骤|问题描述|实际结果)\b"
)
# "It says" in front of a message.
_SAYS = later(r"(?<!会)报(?:错|了)?[ :：]{0,2}[A-Z\"'`]")
# Times that became shorter.
_IMPROVES = later(
    r"缩短|加快|提速|\bfalls? from\b|\bspeeds? up\b|\breduc(?:es|ed) (?:the |training "
    r"|epoch )*times?\b",
    re.IGNORECASE,
)
_TRACEBACK = "Traceback (most recent"
# Of a page; a title alone has no such mark.
_HEADING = later(r"\s*#{2,6} ")
_MEASURED = either(_NUMBERS)
# What a program prints of a trouble, at the beginning of a line or behind a prefix.
_PRINTS = either(
    r"^[ \t>|`]*(?:\S{0,40}\]:?[ \t]*|\[?\d{4}-\d\d-\d\d\S*(?: \d\d:\d\d\S*)? |\w{3} +\d+ \d\d:\d\d:\d\d [^\n:]{0,40}: "
    r"|\[ *\d+\.\d+\] |/\S+:\w{3} +\d+ \d\d:\d\d:\d\d [^\n:]{0,40}: |[EF] +)*"
    r"(?:Traceback \(most|File \"[^\n]+\", line \d|(?:[\w.]+\.)?[A-Z]\w+(?:Error|Exception|Interrupt|Expired)(?::|$)"
    r"|slurmstepd: |srun: |NVRM: |Killed$|Segmentation fault|Bus error|Aborted"
    r"|\[[EF]\d* (?:[\d:.]+ )?\w+\.cpp:\d+|(?:ERROR|FATAL|CRITICAL|Error):|terminate called"
    r"|OpenBLAS blas|OMP:|libgomp:|(?:free|malloc|realloc)\(\): |double free or corruption|\[(?:ERROR|FATAL):\d"
    r"|Out of memory: |Message for the error \d|\S+ invoked oom-killer"
    r"|Failed to initialize NVML|Unable to determine the device handle)",
)
# Documentation of code lists what may be raised; a name alone stands in a list.
_DOCUMENTED = later(
    r"(?:Error|Exception): (?:if|when|whenever|raised|in case|on)\b|^\s*[\w.]+(?:Error|Exception),?$", re.IGNORECASE
)


def tells_event(text: str) -> bool:
    """Return whether a text tells of something that happened.

    Somebody's own trouble counts anywhere; other signs of an event count only outside of instructions.
    """
    whole = plain(text)
    text = without_code(whole, keeps=_is_no_code)
    shows_code = text != whole
    sentences = _of_today(_sentences_of(text))
    troubles = _troubles_in(sentences)
    if not sentences or not any(map(str.isalpha, text)):
        return False
    if _FORM.search(text) is not None or _is_output(text) or _is_a_case(text, sentences):
        return True
    is_printed = _PRINTS.search(text) is not None
    if not is_printed and (is_published(text) or is_over(text) or _only_asks_how(sentences)):
        return False
    own = _OWN_IN_A_COMMIT if is_commit(text) else _OWN
    if any(own.search(trouble) for trouble in troubles):
        return True
    if not is_printed and is_of_a_change(text) and not any(map(_is_measured, sentences)):
        return False
    if instructs(text):
        return False
    if any(_OURS.search(trouble) for trouble in troubles) or any(_is_from_a_person(sentence) for sentence in sentences):
        return True
    if len(_of_general(text)) >= FEWEST_GENERAL:
        return False
    is_line = "\n" not in text.strip() and "?" not in text and not _supposes(sentences, text)
    is_brief = len(text) <= FEW_CHARS and (is_line or _is_plain_trouble(sentences[0]))
    # Below an example stands what it prints; who met an error shows where it was raised, too.
    is_raised = is_printed and (not shows_code or _TRACEBACK in text)
    return is_brief or is_raised or any(_is_of_one_time(sentence) for sentence in sentences)


def complains(text: str) -> bool:
    """Return whether somebody states a trouble that is there: no trouble that may come, or is asked of in general."""
    text = without_code(plain(text), keeps=_is_no_code)
    sentences = _of_today(_sentences_of(text))
    stated = [sentence for sentence in sentences if _is_stated(sentence)]
    if _CURIOUS.search(text) is not None and not any(
        sign.search(each) for sign in (_OWN, _OURS, _HAPPENED) for each in stated
    ):
        return False
    is_title = len(text) <= FEW_CHARS and any(map(_is_plain_trouble, sentences[:1]))
    if not stated or is_title:
        return bool(stated)
    is_of_a_person = any(_OWN.search(each) or _ADDRESSES.search(each) for each in sentences)
    is_of_one_time = is_of_a_person or any(map(_AT_A_STEP.search, stated))
    if not is_of_one_time and not _FORM.search(text) and not _CASE.search(text):
        return False
    return any(sign.search(each) for sign in (_OWN, _OURS, _ADDRESSES, _HAPPENED, _PRINTS) for each in stated)


def only_wishes(text: str) -> bool:
    """Return whether a text names a trouble, but only within wishes."""
    troubles = [sentence for sentence in _sentences_of(text) if _TROUBLE.search(sentence) is not None]
    return bool(troubles) and not any(
        _WANTED.search(each) is None or _ADDRESSES.search(each) is not None for each in troubles
    )


def _sentences_of(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE.findall(f"{text}\n{joined(text)}") if sentence.strip()]


# A manual tells what happened to its writer once: without a question, and beside advice.
def _of_today(sentences: list[str]) -> list[str]:
    today = [sentence for sentence in sentences if not is_of_long_ago(sentence)]
    if len(today) == len(sentences) or not any(map(_GENERAL.search, today)) or any(map(_ADDRESSES.search, sentences)):
        return sentences
    return today if any(map(_TROUBLE.search, today)) else []


# A question about settings, and nothing that went wrong beside it.
def _only_asks_how(sentences: list[str]) -> bool:
    if not any(asks_about_usage(each) and not _is_plaint(each) for each in sentences):
        return False
    return all(not _is_plaint(each) or _is_meant(each) for each in sentences)


def _is_plaint(sentence: str) -> bool:
    return _TROUBLE.search(sentence) is not None or _VALUES.search(sentence) is not None


# Nobody met what is to be avoided, or what is asked of in general.
def _is_meant(sentence: str) -> bool:
    if _AIMS.search(sentence) is not None:
        return True
    return asks_about_usage(sentence) and _OWN.search(sentence) is None and _ADDRESSES.search(sentence) is None


def _troubles_in(sentences: list[str]) -> list[str]:
    return [each for each in sentences if _TROUBLE.search(each) is not None and _WISHES.search(each) is None]


# Of a line that may be a part of code.
def _is_no_code(line: str) -> bool:
    if _PRINTS.match(line) is not None:
        return _DOCUMENTED.search(line) is None
    return TROUBLE.search(line) is not None and _OWN.search(line) is not None and _WISHES.search(line) is None


# What programs print gives advice, too.
def _is_output(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(_PRINTS.match(line) is not None for line in lines) > MOST_OF_AN_OUTPUT * len(lines)


def _of_general(text: str) -> set[str]:
    written = "\n".join(line for line in prose(text).splitlines() if _PRINTS.match(line) is None)
    return {sentence for sentence in _SENTENCE.findall(joined(written)) if _GENERAL.search(sentence) is not None}


def _is_from_a_person(sentence: str) -> bool:
    if _ADDRESSES.search(sentence) is not None:
        return True
    if _OWN.search(sentence) is None:
        return False
    return _TROUBLE.search(sentence) is not None or _WISHES.search(sentence) is None


def _is_stated(sentence: str) -> bool:
    if _TROUBLE.search(sentence) is None or (_GENERAL.search(sentence) and not _OWN.search(sentence)):
        return False
    signs = (_ADDRESSES, _SAYS)
    return _WISHES.search(sentence) is None or any(sign.search(sentence) for sign in signs)


# Every trouble in it is one that may come.
def _supposes(sentences: list[str], text: str) -> bool:
    troubles = [sentence for sentence in sentences if _TROUBLE.search(sentence) is not None]
    if not troubles or not all(map(_GENERAL.search, troubles)) or _SAYS.search(text) is not None:
        return False
    return len(set(troubles)) == len(set(sentences)) or len(_of_general(text)) > 1


def _is_plain_trouble(sentence: str) -> bool:
    return _TROUBLE.search(sentence) is not None and _GENERAL.search(sentence) is None


def _is_measured(sentence: str) -> bool:
    return _is_plain_trouble(sentence) and _MEASURED.search(sentence) is not None


# The case of somebody is described with its numbers; an advert has a user, too.
def _is_a_case(text: str, sentences: list[str]) -> bool:
    return _CASE.search(text) is not None and any(
        _is_measured(sentence) and _is_of_one_time(sentence) for sentence in sentences
    )


def _is_of_one_time(sentence: str) -> bool:
    if _HEADING.match(sentence) is not None:
        return False
    if _AT_A_STEP.search(sentence) is not None and _GENERAL.search(sentence) is None:
        return True
    return _is_plain_trouble(sentence) and _IMPROVES.search(sentence) is None and _HAPPENED.search(sentence) is not None
