"""Find what a text denies ("no CUDA out of memory", "docker is not used", "不是虚拟机"), and what follows from that.

A word of negation denies the known message or symptom that stands directly behind or before it, with nothing but small
words between. Everything else it leaves alone: "not only", "cannot write: No space left on device", "does not work in
docker" and "not ruled out" deny no circumstance.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from holter.evidence.fact_book import Value
from holter.evidence.text_facts.known import Found, Known, quoted
from holter.evidence.text_facts.negation import complaints, is_complaint
from holter.evidence.text_facts.trials import is_trial
from holter.patterns import later

# What a negation may reach: nobody denies a thing over a longer distance.
REACH = 120
_ENGLISH = (
    r"\b(?:not|never|no|without|neither|nor|none of|nothing (?:of|about|like)|free (?:of|from)|absence of"
    r"|instead of|rather than|(?:ruled?|ruling) out|exclud(?:e|ed|es|ing)|can't be|cannot be)\b|n't\b"
)
_CHINESE = (
    r"(?:并|从来?|还|也|都)?(?:没有|没(?!有)|不曾|未曾?|无)|(?<!是)(?:并|也|都|而|肯定|应该)?不是|并非"
    r"|非(?=(?:虚拟|v?GPU|容器|WSL))"
    r"|不(?:属于|存在|在|用|走|再|会|采用|使用|涉及)|从不|(?:已经?|可以|能够?|可)?排除了?|而非"
)
_NEGATION = later(f"{_ENGLISH}|{_CHINESE}", re.IGNORECASE)
# Words that look like a negation, and deny nothing that follows.
_SEEMS = later(
    r"(?:no|not|n't) (?:only|just|merely|simply|solely|until|sure|certain|clear|enough|necessarily|even|long|all|every"
    r"|always|the (?:first|only)|that|matter|doubt|wonder|idea|clue|surprise|space|such file|reason|response"
    r"|progress|module)\b"
    r"|nothing (?:but|except|else)\b"
    r"|(?:没|不|无|未)(?:多久|一会|过多久|几|想到|办法|法|等|准|怎么|仅|只|但|光|止|久|停|断|得不|过|知|明|清楚"
    r"|确定|管|然|能|可|同|太|足|够"
    r"|论|意|奈|缘无故|必|来|免)|(?<=有)没有",
    re.IGNORECASE,
)
# "Not ruled out", "cannot train without a crash": two negations deny nothing.
_TURNS = later(r"without|(?:rul|exclud)\w*(?: out)?|.{0,2}排除了?", re.IGNORECASE)
_BEFORE = later(
    r"(?:\b(?:not|never|no|cannot|hardly|unable|fails? to)\b|n't\b|(?:没有?|未|不(?:能|可|会)?|无法"
    r"|难以))[^,;:.!?\n，；：。！？]{0,24}$",
    re.IGNORECASE,
)
# Small words between a negation and what it denies.
_SMALL = (
    r"(?:an?|the|any|my|our|your|this|that|these|those|some|single|such|more|real|actual|obvious|visible|clear"
    r"|(?:kind|sort|sign|trace|hint|mention|case|problem|indication)s? of|evidence (?:of|for)"
    r"|(?:error )?messages? (?:like|about|of|such as|that says)|errors? (?:like|about|of|such as)"
    r"|(?:problem|issue|trouble)s? with|be|been|being|it's|it (?:is|was)|is|are|was|were|running (?:in|on|inside|under)"
    r"|us(?:e|es|ed|ing)|ha(?:ve|s|d|ving)|see|seen|saw|get|gets|got|gotten|getting|find|finds|found|show|shows|shown"
    r"|report(?:s|ed)?|hit|hits|face[ds]?|experienced?|encounter(?:ed)?|observed?|noticed?|received?|(?:run|ran) into"
    r"|in|on|inside|under|into|with|from|by|(?:caused|killed) by|due to|because of|related to|about|looks? like"
    r"|anything like|ever|once|really|actually|currently|here|NVIDIA|both|either|stored on|mounted (?:on|over|via|from)"
    r"|over|via|through|think (?:it|this|that)(?:'s| is| was)|a missing|missing|longer|yet)"
)
_SMALL_CHINESE = (
    r"(?:任何|一[个次点条]|什么|明显|真正|真的|出现过?|发生过?|看到过?|见到?过?|发现过?|遇到过?|碰到过?|报过?"
    r"|提示过?|显示|收到|使用|用[到过]?"
    r"|采用|启用|开启|打开|跑|运行|放|存放|挂载|挂|是|在|于|到|上|因为|由于|因|被|有|过|的|了|通过|走|经过|涉及"
    r"|属于|和|与"
    r"|这[种个类样]|那[种个类样]|类似|所谓|什么)"
)
_BETWEEN = later(
    rf"[\s\"'`(]*(?:{_SMALL}\b[\s\"'`(-]+|{_SMALL_CHINESE}[\s\"'`(:：]*){{0,8}}",
    re.IGNORECASE,
)
_LISTED = later(rf"\s*(?:,?\s*(?:or|nor)\b|[/、]|或者?|以及|和)\s*(?:{_SMALL}\b\s+)*", re.IGNORECASE)
_COMMA = later(rf",\s*(?:{_SMALL}\b\s+)*", re.IGNORECASE)
_OR = later(r"\s*,?\s*(?:or|nor)\b", re.IGNORECASE)
# Behind what they deny.
_DENIES = later(
    r"(?:\b(?:is|was|are|were|has been|have been|can be|could be)\s+)?(?:(?:definitely|clearly|certainly|also"
    r"|already)\s+)?"
    r"\b(?:ruled out|excluded|out of the question|absent|unused)\b"
    r"|\b(?:is|was|are|were|do|does|did|has|have)(?:n't| not)\s+(?:(?:the|a|our|my)\s+(?:cause|reason|problem|issue"
    r"|culprit|case|bottleneck)|(?:been )?used|involved|present|active|in use|installed|to blame|happening|happen|occur"
    r"|appear|(?:been )?(?:seen|found|reported))\b"
    r"|\bnever (?:happen|occur|appear)\w*"
    r"|\s?[:=?：？]\s?(?:no|none|无|没有|否)(?=\s*(?:$|[,;.，；。)\n]))"
    r"|(?:也|都|已经?|均|可以|应该)*(?:被)?(?:排除|没有?(?:出现|发生|使用|用到?|启用)|未(?:出现|发生|使用|启用)"
    r"|不存在|不是(?:原因|问题|瓶颈))",
    re.IGNORECASE,
)
_TO_DENIAL = later(
    r"[\s\"'`)]*(?:\([^()\n]{0,40}\)\s*)?(?:(?:as (?:the|a|possible) (?:cause|reason)|errors?|problems?|issues?"
    r"|messages?"
    r"|usage|kills?|leaks?)\s+)?(?:的?(?:问题|可能性?|原因|错误|报错|情况|现象|环境))?",
    re.IGNORECASE,
)
# It was so until something changed, or with one exception: then it happens.
_UNLESS = later(
    r"[^,;.!?\n，；。！？]{0,30}?(?:\b(?:until|before|till|unless|except)\b|直到|之前|以前|就是|就(?:不|无法"
    r"|没法)|除非|除了)",
    re.IGNORECASE,
)
_NEGATIVE_QUESTION = later(r"(?:^|[.!?\n]\s*)(?:is|are|does|do|did|was|could|has|have)(?:n't| not)$", re.IGNORECASE)
# A clause ends here, whatever was denied before.
_CLAUSE_ENDS = later(
    r"[;,!?\n，；！？。()（）]|\.(?=\s|$)|\b(?:but|however|because(?! of)|since|so|while|whereas|and (?:it|the"
    r"|then|now|all|still))\b"
    r"|但|可是|因为|所以|而是|只是|却",
    re.IGNORECASE,
)
# What programs print has its own words of negation.
_PRINTED = later(r"[ \t]*(?:[\w.]+(?:Error|Exception|Warning)\b:|\d{4}-\d\d-\d\d|Traceback|File \"|\[|[$#] )")

Facts = Mapping[str, Value]
# Virtualisation itself: nothing follows where there is one, and much where there is none.
_MACHINE = later(
    r"(?:an? )?(?:(?:GPU )?virtual(?:i[sz]ed|i[sz]ation)?(?: (?:machine|environment|server)s?)?\b(?! (?:memory"
    r"|env))|VMs?\b"
    r"|hypervisor)|虚拟机|虚拟化(?:环境|平台)?",
    re.IGNORECASE,
)
_NO_LICENCE = later(
    r"(?:(?:missing|expired|invalid|lacking)\s+(?:vGPU |GRID |NVIDIA )*licen[cs]e|(?:vGPU |GRID )*licen[cs](?:e|ing)"
    r" (?:problem|issue|error|restriction|trouble|expir)\w*|(?:vGPU ?)?(?:许可证?|授权)(?:的)?(?:问题|缺失|限制"
    r"|过期|失效))",
    re.IGNORECASE,
)
NONE_VIRTUAL: Facts = {"gpu.virtualization": "none", "system.virtual_machine": "none"}
LICENSED: Facts = {"gpu.licence_text": "Licensed"}
# (fact, its value) that is denied -> what is true then.
OPPOSITES: dict[tuple[str, Value], tuple[str, Value]] = {
    ("gpu.virtualization", "vgpu"): ("gpu.virtualization", "none"),
    ("gpu.licence_text", "Unlicensed"): ("gpu.licence_text", "Licensed"),
    ("gpu.licence_text", "Licensed"): ("gpu.licence_text", "Unlicensed"),
    ("gpu.throttled", True): ("gpu.throttled", False),
    ("gpu.mig", True): ("gpu.mig", False),
    ("system.container", "docker"): ("system.container", "none"),
    ("system.virtual_machine", "wsl"): ("system.virtual_machine", "none"),
}


# "No vGPU licence" says nothing of the virtual GPU.
_OF_ANOTHER = later(r"[ -]*(?:licen[cs]|profile|driver|manager|token|许可|授权|驱动)", re.IGNORECASE)


class Concept(NamedTuple):
    """A pattern of something that may be denied, and the facts that follow if it is."""

    pattern: re.Pattern[str]
    opposite: Facts


OWN = (Concept(_MACHINE, NONE_VIRTUAL), Concept(_NO_LICENCE, LICENSED))


class Denied(NamedTuple):
    """What a text denies: where it stands, and the facts that follow, each with the words around it."""

    spans: tuple[tuple[int, int], ...]
    facts: tuple[Found, ...]

    def cut(self, text: str) -> str:
        """Return the text, of the same length, with blanks for everything that it denies."""
        for begin, end in self.spans:
            blank = "".join("\n" if letter == "\n" else " " for letter in text[begin:end])
            text = text[:begin] + blank + text[end:]
        return text


def denied(text: str, concepts: Sequence[Concept]) -> Denied:
    """Return what a text denies of ``concepts``."""
    hits = [*_behind(text, concepts), *_in_front(text, concepts)]
    facts: dict[str, Found] = {}
    for match, concept in hits:
        for name, value in concept.opposite.items():
            facts.setdefault(name, Found(name, value, quoted(text, match), match.start()))
    return Denied(tuple(sorted({match.span() for match, _ in hits})), tuple(facts.values()))


Hit = tuple[re.Match[str], Concept]


def _behind(text: str, concepts: Sequence[Concept]) -> Iterator[Hit]:
    complained = complaints(text)
    for negation in _NEGATION.finditer(text):
        if _denies_nothing(text, negation) or is_complaint(complained, negation):
            continue
        begin, end = negation.end(), _end_of_clause(text, negation.end())
        hits = _at(text, begin, end, concepts)
        while hits and not _is_taken_back(text, hits):
            yield from hits
            begin = max(match.end() for match, _ in hits)
            hits = _next_of_list(text, begin, concepts)


def _denies_nothing(text: str, negation: re.Match[str]) -> bool:
    line = text.rfind("\n", 0, negation.start()) + 1
    if (
        _PRINTED.match(text, line)
        or _SEEMS.match(text, negation.start())
        or _NEGATIVE_QUESTION.search(text[line : negation.end()])
    ):
        return True
    if _TURNS.fullmatch(negation[0]) and _BEFORE.search(text[line : negation.start()]):
        return True
    return negation[0].lower() == "without" and is_trial(negation)


# Every concept that begins within the small words behind a negation.
def _at(text: str, begin: int, end: int, concepts: Sequence[Concept]) -> list[Hit]:
    small = _BETWEEN.match(text, begin, end)
    latest = begin if small is None else small.end()
    found = []
    for concept in concepts:
        match = concept.pattern.search(text, begin, end)
        if match is None or match.start() > latest or match.end() == match.start():
            continue
        if "gpu.virtualization" in concept.opposite and _OF_ANOTHER.match(text, match.end()):
            continue
        found.append((match, concept))
    return found


def _next_of_list(text: str, begin: int, concepts: Sequence[Concept]) -> list[Hit]:
    link, comma = _LISTED.match(text, begin), _COMMA.match(text, begin)
    if link is not None and link.end() > begin:
        return _at(text, link.end(), _end_of_clause(text, link.end()), concepts)
    if comma is None:
        return []
    hits = _at(text, comma.end(), _end_of_clause(text, comma.end()), concepts)
    last = max((match.end() for match, _ in hits), default=None)
    return hits if last is not None and _OR.match(text, last) else []


def _is_taken_back(text: str, hits: Sequence[Hit]) -> bool:
    return any(_UNLESS.match(text, match.end()) for match, _ in hits)


def _in_front(text: str, concepts: Sequence[Concept]) -> Iterator[Hit]:
    complained = complaints(text)
    for denial in _DENIES.finditer(text):
        if is_complaint(complained, denial):
            continue
        begin = _begin_of_clause(text, denial.start())
        if _UNLESS.match(text, denial.end()):
            continue
        for concept in concepts:
            for match in concept.pattern.finditer(text, begin, denial.start()):
                if match.end() > match.start() and _TO_DENIAL.fullmatch(text, match.end(), denial.start()):
                    yield match, concept


def _end_of_clause(text: str, begin: int) -> int:
    end = _CLAUSE_ENDS.search(text, begin, begin + REACH)
    return min(len(text), begin + REACH) if end is None else end.start()


def _begin_of_clause(text: str, end: int) -> int:
    first = max(0, end - REACH)
    return max((mark.end() for mark in _CLAUSE_ENDS.finditer(text, first, end)), default=first)


def concepts_of(messages: Iterable[Known]) -> Iterator[Concept]:
    """Yield what a text may deny of known messages, with the facts that follow then."""
    for message in messages:
        about_licence = "gpu.licence_text" in message.facts
        stated = [
            (name, value)
            for name, value in message.facts.items()
            if not callable(value) and not (about_licence and name != "gpu.licence_text")
        ]
        yield Concept(without_line(message.pattern), dict(OPPOSITES[fact] for fact in stated if fact in OPPOSITES))


@functools.cache
def without_line(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return the pattern of a message that is quoted as a whole line, without the rest of that line."""
    source = pattern.pattern
    if not source.startswith("^.*"):
        return pattern
    return later(source.removeprefix("^.*").removesuffix(".*$"), pattern.flags & ~re.UNICODE)
