"""Recognise what a person rules out, in the same words as what was seen: "not on NFS", "数据不在 NFS 上"."""

from __future__ import annotations

import re

from holter.patterns import later

DENIED = later(
    r"\b(?:no|not|never|without|none|nothing|neither|nor|isn't|aren't|wasn't|ruled out|unused"
    r"|normal|fine|healthy|idle|zero)\b|n't\b|(?<![A-Za-z\d._-])0(?:\.0+)?(?: ?%)?(?:\s*$|[,;.)\s])|未|没有"
    r"|无(?!法)|正常|排除|为 ?0(?![\d.])|空闲|充足|不高|很低",
    re.IGNORECASE,
)
# Before a place: it is somewhere else. In a clause that is content with it: it is no trouble.
_ELSEWHERE = later(
    r"(?:\b(?:not?|never|without|neither|nor|rather than|instead of|off|outside|away from)\b|n't\b"
    r"|不(?:是|在|用|走|经)|没(?:有)?(?:在|用|放|挂)|未|而非|并非|而不是)[^,;.\n，。；]{0,24}$",
    re.IGNORECASE,
)
_CONTENT = later(
    r"\b(?:fine|well|perfectly|normally|no (?:problems?|issues?|trouble)|without (?:any )?(?:problems?|issues?|trouble)"
    r"|(?:is|are) (?:fast|quick|ok(?:ay)?|not the (?:problem|cause|bottleneck)))\b"
    r"|正常|没(?:有)?(?:任何)?(?:问题|毛病)|很(?:快|稳)|顺利|不是(?:问题|原因|瓶颈)",
    re.IGNORECASE,
)
_SPOILT = later(
    r"\b(?:until|but|except|not|never|only|slow\w*|hangs?|stuck)\b|n't\b|直到|但|慢|卡|不(?!是(?:问题|原因|瓶颈))"
    r"|没(?!有?(?:任何)?(?:问题|毛病))",
    re.IGNORECASE,
)
# A complaint in the words of a denial: "I have never seen a CUDA out of memory like this". It happened, and worse than
# ever before; "never a CUDA out of memory, or anything like that" denies it.
_SEEN = (
    r"(?:seen|saw|had|got|gotten|met|hit|faced|experienced|encountered|noticed|observed|received|witnessed"
    r"|happened|occurred|appeared)"
)
_WORSE = (
    r"(?:bad(?:ly)?|early|late|soon|often|frequent(?:ly)?|fast|quick(?:ly)?|weird|strange|odd|persistent|stubborn|nasty"
    r"|annoying|severe|long|reproducible|random(?:ly)?|much|many)"
)
# At the end of a clause, or before where and when: "like this user" compares with something else.
_LIKE_THIS = (
    r"(?<!anything )(?<!something )(?<!nothing )(?<!things )(?<!thing )(?<!stuff )(?<!\bor )"
    r"(?:like|as bad as|as weird as) (?:this|that|these|those|it)"
    r"(?: ?[,;.!?)\n\"']|\s*$| (?:one|ones|before|here|at all|ever|again|in|on|with|since|while|when|during|after"
    r"|from)\b)"
)
_THIS_BAD = rf"\b(?:this|that|so|quite so|nearly so|as|quite as) {_WORSE}\b"
_ON_OTHERS = (
    r"\b(?:on|in|with|for|at) (?:any of )?(?:any |the |my |our |all )*other \w+\b(?! either)"
    r"|\b(?:any|every)where else\b"
)
_ENGLISH = (
    rf"\b(?:never(?: before| ever)?|(?:ha(?:ve|s|d)|'ve|'d)(?:n't| not)(?: ever)?) {_SEEN}\b"
    rf"(?: such an?\b|[^,;.!?\n]{{0,80}}?(?:{_LIKE_THIS}|{_THIS_BAD}|{_ON_OTHERS}))"
)
# "没遇到过这种显存不足" denies it: only who has never seen one of this kind, or one so bad, has one.
_CHINESE = (
    r"(?:从来?|还|也|都)?(?:没有?|未曾?)(?:见过?(?:像?这样|这种|这般|那样|那种)"
    r"|(?:见|遇见|遇到|碰到|碰见|看到|看见|经历)过?(?:像?这么|如此|那么))"
)
_COMPLAINT = later(f"{_ENGLISH}|{_CHINESE}", re.IGNORECASE)
_ENDS = ",;.\n，；。!?！？"
_SENTENCE_ENDS = ".\n。!?！？"


def clause(text: str, match: re.Match[str], ends: str = _ENDS) -> tuple[str, str]:
    """Return the clause in which a match stands: (the part of it before the match, the whole clause).

    ``ends``: the characters that end a clause, such as comma and full stop.
    """
    begin = max((text.rfind(mark, 0, match.start()) for mark in ends), default=-1) + 1
    end = min((place for mark in ends if (place := text.find(mark, match.end())) >= 0), default=len(text))
    return text[begin : match.start()], text[begin : end + 1]


def is_denied(text: str, match: re.Match[str]) -> bool:
    """Return whether the clause says that the match does not apply, or is harmless."""
    whole = clause(text, match)[1]
    complained = complaints(whole)
    return any(not is_complaint(complained, denial) for denial in DENIED.finditer(whole))


def is_elsewhere(match: re.Match[str]) -> bool:
    """Return whether a place is named only to say that the data is elsewhere, or that this place works."""
    if _ELSEWHERE.search(clause(match.string, match)[0]):
        return True
    whole = clause(match.string, match, _SENTENCE_ENDS)[1]
    return _CONTENT.search(whole) is not None and _SPOILT.search(whole) is None


def complaints(text: str) -> tuple[tuple[int, int], ...]:
    """Return where complaints stand, each from its word of negation to the words that make it a complaint."""
    return tuple(found.span() for found in _COMPLAINT.finditer(text))


def is_complaint(spans: tuple[tuple[int, int], ...], negation: re.Match[str]) -> bool:
    """Return whether a negation is part of one of these complaints."""
    return any(begin <= negation.start() < end for begin, end in spans)
