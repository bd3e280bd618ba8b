"""Recognise what a person rules out, in the same words as what was seen: "not on NFS", "数据不在 NFS 上"."""

from __future__ import annotations

import re

from holter.patterns import later

DENIED = later(
    (
        r"\b(?:no|not|never|without|none|nothing|neither|nor|isn't|aren't|wasn't|ruled out|unused"
        r"|normal|fine|healthy|idle|zero)\b|n't\b|(?<![A-Za-z\d._-])0(?:\.0+)?(?: ?%)?(?:\s*$|[,;.)\s])|未|没有"
        r"|无(?!法)|正常|排除|为 ?0(?![\d.])|空闲|充足|不高|很低"
    ),
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
    return DENIED.search(clause(text, match)[1]) is not None


def is_elsewhere(match: re.Match[str]) -> bool:
    """Return whether a place is named only to say that the data is elsewhere, or that this place works."""
    if _ELSEWHERE.search(clause(match.string, match)[0]):
        return True
    whole = clause(match.string, match, _SENTENCE_ENDS)[1]
    return _CONTENT.search(whole) is not None and _SPOILT.search(whole) is None
