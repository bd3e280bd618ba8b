"""Recognise what a person has tried, and the result: "works with P2P off", "the same on another machine".

Each result is a symptom of its own. A sentence counts only as a whole: "it does not work with P2P off either" is the
opposite of "it works with P2P off", and a question, a plan or a piece of advice is no result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.patterns import later

_SENTENCE = later(r"(?<=[。！？；])|(?<=[.!?;])\s+|\n+")
_OFF = r"(?:disabl\w+|(?:turn|switch)(?:ed|ing)? off|without|no|禁用|关(?:闭|掉|了)?|不用|去掉)"
_IS_OFF = r"(?:(?:is|was|turned|switched|set to) )?(?:off|disabled|false|禁用|关(?:闭|掉|了))"
# What was switched off -> how people write it.
_TRIED = {
    "p2p": rf"NCCL_P2P_DISABLE ?(?:=|to|设为)? ?['\"]?1|\bP2P\b.{{0,16}}?{_IS_OFF}|{_OFF}.{{0,12}}?\bP2P\b",
    "compile": (
        r"nnUNet_compile ?(?:=|to|设为)? ?['\"]?(?:f\b|false|0)|TORCHDYNAMO_DISABLE ?= ?1"
        rf"|\b(?:torch\.)?compil(?:e|ation|ing)\b.{{0,12}}?{_IS_OFF}|{_OFF}.{{0,12}}?\b(?:torch\.)?compil(?:e"
        rf"|ation|ing)\b"
        r"|(?:禁用|关(?:闭|掉|了)?|不用)编译"
    ),
    "workers": (
        r"(?:num_workers|(?:nnUNet_)?n_proc_DA) ?(?:=|to|为|设为|设置为|设成|改成|改为)? ?['\"]?0\b"
        r"|\b(?:single|main)[- ]process|\bwithout (?:data )?workers|不用多进程|单进程"
    ),
    "pinning": (
        r"pin_memory ?(?:=|to|设为|设成|改成|改为)? ?(?:off|false|0)\b"
        rf"|\bpin(?:ned|ning)?[_ -]?memory\b.{{0,12}}?{_IS_OFF}|{_OFF}.{{0,12}}?\bpin(?:ned|ning)?[_ -]?memory\b"
    ),
}
_HELPS = later(
    r"\b(?:works?|worked|runs?|ran|trains?|helps?|helped|solve[sd]?|fix(?:es|ed)?|gone|disappear\w*|vanish\w*"
    r"|fine|ok|okay|normal|faster|stable|no longer|any ?more|no (?:more )?(?:hangs?|crash\w*|errors?|problems?))\b"
    r"|正常|可以(?:了|跑|训练)?|好了|解决|没问题|恢复|就(?:行|好|能)|能跑|不(?:再)?(?:卡|崩|报错|挂|死)",
    re.IGNORECASE,
)
_STILL = later(
    r"\b(?:still|either|neither|nor|same|nothing|useless|no (?:change|difference|effect|help|use|luck))\b"
    r"|(?:\bnot\b|n't\b|\bnever\b)(?! (?:hang|crash|stall|freez|fail|die|dead|get stuck|occur|happen|stop|appear))"
    r"|没用|无效|不行|不能|无法|依(?:然|旧)|仍|还是|照样|同样|一样|也(?:不|没)|没(?:有)?(?:效果|变化|改善|解决"
    r"|区别)|不管用",
    re.IGNORECASE,
)
# Questions, plans and advice.
_UNTRIED = later(
    r"[?？]|\b(?:have|has|did) ?(?:not|n't) (?:yet )?(?:tr(?:y|ied)|test)|haven't (?:yet )?tr"
    r"|\b(?:should|would|could|may|might|recommend\w*|if you|try (?:setting|with|to))\b"
    r"|没(?:有)?试|还没|试试|怎么|如何|吗|是否|能否|建议|如果",
    re.IGNORECASE,
)
_COOL = later(
    r"\bcool(?:s|ed|ing)?(?: down)?\b|\bcold\b(?!,? (?:cache|start|boot|storage))"
    r"|温度(?:低|降|下降)|降温|冷(?:却|下来)|凉",
    re.IGNORECASE,
)
_FAST = later(
    r"\b(?:fast|quick|full speed|normal(?: speed)?|recovers?|as before)\b|恢复|正常|(?:变|又|就|很)快", re.IGNORECASE
)
_MACHINES = r"(?:machine|server|computer|PC|node|host|workstation|laptop)s?\b"
_ELSEWHERE = later(
    rf"\b(?:another|other|different|second|two|both|several|all)\b.{{0,20}}?\b{_MACHINES}"
    r"|(?:换|另)(?:了|外)?(?:一)?(?:台)?(?:机器|电脑|服务器|节点|主机)|(?:两|多|几)台(?:机器|电脑|服务器)",
    re.IGNORECASE,
)
# Where no virtualisation can be the cause.
_PHYSICAL = later(
    r"\b(?:physical|bare[- ]metal)\b.{0,20}?(?:machine|server|computer|PC|node|host|workstation)s?\b|\bbare[- ]metal\b"
    r"|物理(?:机|工作站|服务器|主机|机器|硬件)|裸机|裸金属|实体机",
    re.IGNORECASE,
)
_SAME = later(
    r"\bsame (?:error|problem|result|thing|hang|slow\w*|behaviou?r|happens|there|on|with|symptom\w*|issue|crash)\b"
    r"|\bsame\W*$"
    r"|\b(?:also|too|as well|identical\w*|reproduc\w+)\b"
    r"|一样|同样|也(?:卡|慢|崩|是|这样|报|会)|都(?:卡|慢|崩|一样|这样|报)",
    re.IGNORECASE,
)
_OFF_PATTERNS = {name: later(pattern, re.IGNORECASE) for name, pattern in _TRIED.items()}
# The names that ``outcomes`` gives.
NAMES = (
    *(f"{outcome}-without-{name}" for name in _TRIED for outcome in ("fine", "same")),
    "fast-when-cool",
    "same-elsewhere",
    "same-on-bare-metal",
)


def is_trial(match: re.Match[str]) -> bool:
    """Return whether the sentence of a match reports the result of something that was tried."""
    text = match.string
    before = max((place.end() for place in _SENTENCE.finditer(text, 0, match.start())), default=0)
    after = _SENTENCE.search(text, match.end())
    return bool(outcomes(text[before : len(text) if after is None else after.start()]))


def outcomes(text: str) -> dict[str, str]:
    """Return the symptoms that trials show, each with its sentence."""
    found: dict[str, str] = {}
    for sentence in _SENTENCE.split(text):
        if sentence and not _UNTRIED.search(sentence):
            for name in _of(sentence):
                found.setdefault(name, sentence)
    return found


def _of(sentence: str) -> Iterator[str]:
    fails, helps = _STILL.search(sentence) is not None, _HELPS.search(sentence) is not None
    for name, pattern in _OFF_PATTERNS.items():
        if (fails or helps) and pattern.search(sentence):
            yield f"{'same' if fails else 'fine'}-without-{name}"
    if not fails and _COOL.search(sentence) and _FAST.search(sentence):
        yield "fast-when-cool"
    if not helps and _SAME.search(sentence) and not _NOT_SAME.search(_VIRTUAL.sub("", sentence)):
        if _ELSEWHERE.search(sentence):
            yield "same-elsewhere"
        if _PHYSICAL.search(sentence):
            yield "same-on-bare-metal"


_NOT_SAME = later(r"\b(?:not|never|no)\b|n't\b|不(?:会|一样|同)|没(?:有)?", re.IGNORECASE)
# "On a machine without virtualisation the same happens."
_VIRTUAL = later(
    r"(?:\bno|\bwithout(?: any)?|\bnot|没有?(?:用|使用)?|无|不是|非) ?(?:virtual\w*|VM\b|虚拟[化机]?)", re.IGNORECASE
)
