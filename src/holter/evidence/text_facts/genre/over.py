"""Recognise a text that tells, to thank or for others, that a trouble is over."""

from __future__ import annotations

import re

from holter.patterns import either

_MARKED_AS_OVER = either(
    r"\[(?:solved|fixed|resolved)\]|\A\s*(?:solved|fixed|resolved)[ \t]*(?:[:!.\n]|$)|\[已解决\]",
)
_ADVERBS = r"(?:(?:now|finally|just|already|all|both|completely|since|been|successfully|then) ){0,3}"
_TROUBLES = r"(?:problem|issue|error|trouble|bug|hang|crash|freeze|deadlock|slow-?down)\w*"
_IS_SOLVED = either(
    r"\b(?:no (?:more|further) (?:(?:trouble|problem|issue|crash|hang)\w*|errors)|(?:works|worked|runs|ran) (?:fine"
    r"|smoothly|perfectly) (?:now|since)|I (?:find|found|figured out) (?:out )?the (?:reason|cause|solution"
    r"|problem))\b",
    rf"\b(?:{_TROUBLES}|it|this|that|everything)(?: (?:is|was|are|were|has|have|had|got)|'s) {_ADVERBS}(?:solved|fixed"
    r"|resolved)\b",
    r"\b(?:solved|fixed|resolved) (?:it|this|that|them|(?:the|my|our|all|both|these|those) "
    rf"(?:\w+ ){{0,2}}{_TROUBLES})\b",
    r"(?:^|[.!:;,])[ \t]*(?:solved|fixed|resolved) (?:by|via|after|thanks)\b",
    r"(?:已|终于|完美)(?:经)?解决|一切正常|恢复正常|都正常了|不再(?:报错|卡)",
)
# What is fixed may be a seed, too.
_IS_SETTLED = either(
    rf"(?:\b(?:is|are|was|were|be|been|being|gets?|got|have|has|had|now|I|we|finally)|'s|'ve) {_ADVERBS}"
    r"(?:solved|fixed|resolved)\b(?! (?:(?:the|a|my|our) )?(?:\w+ )?(?:seeds?|size|lr|rate|number|version|order|splits?"
    r"|folds?)\b)"
)
# Who praises a speed may have another trouble, which came since.
_IS_BETTER = either(
    r"\bno further error\b|(?<!no )(?<!not )(?<!n't )(?<!without )(?<!to )\bimprove\w*|\bspeed-?ups?\b",
    r"\b(?:is|are|was|were|runs?|ran|trains?|trained|now|times|much|way|\dx) (?:(?:now|much|way|far|about|even|[\d.]+"
    r"|\d+x|%|times|twice) ?){0,4}faster\b",
)
_TIMES = either(
    r"\bwent from (?P<before>\d+(?:\.\d+)?) ?(?P<unit>[smh])\w* to (?P<after>\d+(?:\.\d+)?) ?(?P=unit)",
)
_SUBJECT = (
    r"(?:\b(?:training|trainer|it|process(?:es)?|job|run|script|program|nnU-?Net\w*|loader|workers?|validation|inference"
    r"|everything|machine|computer|server|node|preprocessing|prediction|unpacking|ranks?|GPUs?)"
    r"(?: (?!(?:no|not|never|longer|without|fewer|less|any|zero|more|that|which|all)\b|\w+n't\b)[\w'/-]+){0,4},? )"
)
_AT_ONCE = r"(?: (?:\w+ly|always|just|now|again|then|often))?"
_STUCK = r"(?:stuck|hanging|frozen|freezing|hung|stalled|killed|dead|crashing|dying|blocked|terminated|very slow)"
# A trouble that is there, of a process; or of one that ended.
_STANDS = either(
    rf"{_SUBJECT}(?:hangs?|freezes?|sticks|stalls?|crash(?:es)?|dies?|fails|stops|breaks|halts|waits|stands"
    rf"|(?:is|are|gets?|stays?|remains?|sits?){_AT_ONCE} (?:{_STUCK}|at 0)|keeps? (?:hanging|crashing|dying|freezing"
    r"|failing|stopping)|never (?:returns?|ends?|finish(?:es)?|exits?|starts?|comes?|continues?)"
    r"|do(?:es)?(?: not|n't) (?:start|move|continue|go on|proceed|respond|return|exit|end|finish|terminate))\b"
    r"(?! (?:is|are|was|were|have|has|any ?more)\b)",
    r"(?:现在|训练|程序|进程|验证|推理|预测|任务|节点)(?:(?!不|没|正常|好了|解决)[^。,\n!;；]){0,20}"
    r"(?:卡[住死在着]|崩溃|崩了|挂[了掉]|报错|停[在住]|被杀|不动|OOM)(?!\w{0,6}的)",
)
_STOOD = either(
    rf"{_SUBJECT}(?:hung|froze|stuck|stalled|crashed|died|failed|stopped|broke"
    rf"|(?:was|were|got|has been|have been){_AT_ONCE} {_STUCK})\b"
)
_SUPPOSED = either(
    r"\b(?:if|may|might|can|could|would|should|used to|whenever|previously|formerly|earlier)\b",
    r"如果|可能|原因|因为|由于|之前|原来|曾|当时|会",
)
_CLAUSE_ENDS = re.compile(r"(?:[.!?;](?=\s|$)|[。！？；]|\n\n)")
_SHARES = either(
    r"\bthank(?:s| you)\b|\bjust want(?:ed)? to (?:let|share|say|report)\b|\bmyself\b|\b(?:great|awesome|amazing"
    r"|excellent) (?:work|job)\b"
    r"|\b(?:in our (?:tests?|review)|for (?:anyone|others|the record|future reference))\b",
    r"感谢|谢谢|分享|记录|供[^,，。]{0,6}参考",
)
_NOT_OVER = either(
    r"\bbut\b|\bhowever\b|\bstill\b|\?|\bwhy\b|\bhow\b|\bagain\b|\buntil\b|\bin advance\b|\bany(?:one|body| )\b",
    r"但|然而|可是|不过|还是|仍|又|为什么|怎么|如何|吗|才",
)


def is_over(text: str) -> bool:
    """Return whether somebody tells, without a question, a restriction or a new trouble, that a trouble is over."""
    if _SHARES.search(text) is None or _NOT_OVER.search(text) is not None:
        return False
    if _MARKED_AS_OVER.search(text) is not None:
        return True
    if solved := [match.end() for match in _IS_SOLVED.finditer(text)]:
        return not _is_said(_STANDS, text[solved[-1] :])
    if _is_said(_STANDS, text):
        return False
    is_better = _IS_BETTER.search(text) is not None or any(map(_is_shorter, _TIMES.finditer(text)))
    return _IS_SETTLED.search(text) is not None or (is_better and not _is_said(_STOOD, text))


def _is_shorter(times: re.Match[str]) -> bool:
    return float(times["after"]) < float(times["before"])


def _is_said(trouble: re.Pattern[str], text: str) -> bool:
    return any(trouble.search(each) and not _SUPPOSED.search(each) for each in _CLAUSE_ENDS.split(text))
