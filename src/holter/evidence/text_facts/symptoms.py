"""Symptoms that people describe in their own words, in English and Chinese.

Each has a name in the fact ``symptoms``; causes have rules for these names. A number that the text gives (a percentage,
times of epochs) becomes a fact of its own.
"""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value
from holter.evidence.text_facts import trials
from holter.evidence.text_facts.kinds import KINDS, SIGNS
from holter.evidence.text_facts.known import QUOTE_CHARS, Known, known, quoted
from holter.evidence.text_facts.negation import clause, is_denied
from holter.evidence.text_facts.symptom_words import SYMPTOM_WORDS
from holter.evidence.text_facts.trials import outcomes
from holter.patterns import later

# A virtual GPU by the name of its profile: GRID T4-8Q, NVIDIA A10-4Q, A40-48Q, GRID V100D-32C; Azure's NV…ads sizes.
VGPU = (
    r"\bGRID[ -](?!driver)[A-Z]*\d*\w*-\d{1,2}[QCAB]\b|\b(?:A|T|L|V|P|M|RTX ?)\d{1,4}[A-Z]{0,3}-\d{1,2}[QCAB]\b"
    r"|\bNV\d+ads\w*|\bv-?GPU\b|虚拟 ?GPU|虚拟显卡|\bGRID (?:vGPU|licen[cs]e)"
)
# "25,000.5" or "12,3", and no part of a version.
NUMBER = r"(?<![\d.])(?<!\d,)(\d+(?:,\d{3})*(?:\.\d+|,\d{1,2})?)"
DECIMAL_COMMA = later(r"(?<=^0),|,(?=\d{1,2}$)")
SECONDS = rf"{NUMBER}\s*(?:seconds|second|secs|sec|s|秒)(?![a-z])"
TURNS_INTO = (
    r"(?:→|->|=>|\bto\b|\bbecame\b|\bbecomes?\b|\binto\b|变成了?|变为|涨到|增加到|飙升到|暴涨到|升到|[增升涨降]至"
    r"|到|instead of"
    r"|rather than|而不是|本来|原来)"
)
# "160 s → 25000 s", "from 160s to 25000s", "从 160 秒变成 25000 秒", "25000s instead of 160s".
FROM_TO = later(rf"{SECONDS}[^\d\n]{{0,40}}?{TURNS_INTO}[^\d\n]{{0,30}}?{SECONDS}", re.IGNORECASE)
REVERSED = later(r"instead of|rather than|而不是|本来|原来", re.IGNORECASE)
AFTER_EPOCHS = later(
    r"(?:after|following|最初的?|开始的?|前|训练了?|跑了?|跑到第?|经过|第|(?:for|during) the first"
    r"|the first)\s*(?:about|around|roughly|大约|约"
    r"|the first)?\s*(\d{1,4}|two|three|four|five|six|seven|eight|ten)(?:\s*(?:-|–|~|to|or|到|至"
    r"|、)\s*(\d{1,4}))?\s*(?:个)?\s*(?:epochs?|轮|个? ?epoch)",
    re.IGNORECASE,
)
AFTER_MINUTES = later(
    r"(?:after|within|(?:for|during) the first|过了?|最初的?|开始的?|大约|约|运行了?|训练了?)\s*(?:about|around|~"
    r"|roughly)?\s*"
    r"(\d{1,4}|two|three|four|five|six|seven|eight|ten)\s*(?:个)?多?\s*(min|minutes?|分钟|h|hours?|小时)",
    re.IGNORECASE,
)
# How many epochs a training has; fewer are those before a change.
EPOCHS = later(r"(?<![\d.-])(\d{3,5}) ?个? ?(?:epochs?|轮)(?! ?[之以]?后| ?later)", re.IGNORECASE)
BEFORE_A_CHANGE = later(r"(?:\b(?:after|first|by|at|past|since)\b|[前第过到])\D{0,12}$", re.IGNORECASE)
# How well a number of epochs explains why one time is longer than the other.
MARGIN = 0.05
WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10}
MINUTES_OF_HOUR = 60.0
MUCH_SLOWER = 1.5
MOSTLY = 0.3
# Behind this many characters it is clear what happened; the page of an article may go on with other things.
ENOUGH_CHARS = 400
LENGTH = later(
    rf"{NUMBER}\s*(seconds|second|secs|sec|s|秒|minutes|minute|mins|min|分钟|hours|hour|h|小时)(?![a-z])",
    re.IGNORECASE,
)
LENGTHS = {"s": 1.0, "秒": 1.0, "m": 60.0, "分": 60.0, "h": 3600.0, "小": 3600.0}


def _percent(match: re.Match[str]) -> Value | None:
    value = next((group for group in match.groups() if group), None)
    return None if value is None or float(value) > 100 else float(value) / 100


_STEPS = r"(?:training )?(?:steps?|iter(?:ation)?s?|batch(?:es)?|步|批)"


def _first_number(match: re.Match[str]) -> Value | None:
    return next((int(group) for group in match.groups() if group), None)


STATE: tuple[Known, ...] = (
    known(
        r"(?:drop|fall|fell|went|goes|plung|collaps)\w*[^\n]{0,30}(?:to|at)[^\n]{0,16}\b0 ?%"
        r"|(?:降至?|降到|掉到?|跌到?|骤降|突降)[^\n]{0,8}(?:接近|几乎)? ?0 ?%",
        {"gpu.utilization_ratio": 0.0, "episode.kind": "slow-down"},
    ),
    known(
        r"(?:GPU|显卡|顯卡)[^\n%]{0,24}?(?:util\w*|usage|load|利用率|使用率|占用率?)"
        r"[^\n%\d]{0,24}?(\d{1,3}(?:\.\d+)?) ?%"
        r"|(?:GPU-?Util\w*|利用率|volatile usage)[^\n%\d]{0,30}(\d{1,3}(?:\.\d+)?) ?%",
        {"gpu.utilization_ratio": _percent},
    ),
    known(
        r"GPU[^\n]{0,20}(?:利用率|使用率|占用率?)(?:(?!一会|忽|有时)[^\n]){0,14}"
        r"(?:为|是|降到|掉到|都是)? ?(?:0|零)(?![\d.])"
        r"|GPUs? (?:do|does|did) nothing|GPU (?:is )?idle",
        {"gpu.utilization_ratio": 0.0},
    ),
    # What grows is not in the processes: shared memory, the kernel, somebody else.
    known(
        r"\b(?:RSS|RES|processes|process)\b[^\n.]{0,30}(?:stays?|remains?|constant|flat|unchanged"
        r"|(?:does|do) ?(?:not|n't) (?:grow|rise|increase))"
        r"|(?:RSS|RES|进程(?:的)?内存)[^\n。]{0,8}(?:不变|不涨|没(?:有)?(?:涨|增|变))",
        {"memory.grows_in": "none"},
    ),
    known(
        r"memory (?:leak|keeps? (?:growing|increasing)|(?:usage|use) (?:keeps?|grows|increases"
        r"|growing|rises))|内存(?:泄漏|泄露|一直(?:在)?(?:涨|增)|不断(?:增|上)|越来越(?:大|高)|持续(?:增长"
        r"|上升|上涨))"
        r"|RAM (?:usage )?(?:keeps? )?(?:grow|increas)",
        {"episode.kind": "creep", "memory.grows_in": "workers"},
    ),
    known(r"(?:VRAM|GPU memory|显存|顯存)[^\n]{0,20}(?:\bfull\b|占?满|全滿|全满|爆)", {"gpu.memory_ratio": 0.99}),
    known(
        r"(?:gets?|getting|becomes?|becoming) (?:faster|quicker)|faster (?:all the time|and faster|over time)|越来越快"
        r"|\b(?:speed|it/s)\b[^\n]{0,60}\b(?:keeps? |is |are )?"
        r"(?:accelerat(?:es|ing)|increas(?:es|ing|ed) (?:to|with|from))",
        {"episode.kind": "slow-down", "epochs.shape": "decreasing"},
    ),
    known(
        r"first epoch[^\n]{0,60}(?:slow|long|minutes|hours|times)|第一(?:个)? ?(?:轮|epoch)[^\n]{0,20}(?:慢|久)",
        {"episode.kind": "slow-down", "epochs.shape": "decreasing"},
    ),
)
MACHINE: tuple[Known, ...] = (
    known(VGPU, {"gpu.virtualization": "vgpu"}),
    known(r"\bpass(?:ed|ing)?[- ]?through\b(?! (?:the|a) )|直通", {"gpu.virtualization": "pass-through"}),
    known(
        r"(?<!\w)unlicensed\b|not licensed|no (?:valid )?(?:vGPU )?licen[cs]e"
        r"|licen[cs]e (?:expired|not acquired)|没有(?:许可|授权)|许可(?:证)?(?:已经?)?(?:过期|未(?!过期)"
        r"|没(?!有?(?:过期|问题)))|未授权",
        {"gpu.licence_text": "Unlicensed"},
    ),
    known(
        r"\b(?:(?:is|are|was) (?:\w+ly |already )?|(?:properly|correctly|fully) )licensed\b(?! (?:under|to|by"
        r"|from)\b)"
        r"|(?:vGPU|GRID|NVIDIA)[^\n,.;]{0,16} licen[cs]e (?:is |was |has been |looks )?"
        r"(?:valid|active|ok(?:ay)?|fine|acquired|present|not (?:the )?(?:problem|cause|issue)|ruled out"
        r"|checked out)\b"
        r"|\bthe licen[cs]e (?:is |was |has been |looks )(?:valid|active|ok(?:ay)?|fine|acquired"
        r"|not (?:the )?(?:problem"
        r"|cause|issue)|ruled out)\b|\bvalid (?:vGPU|GRID|NVIDIA) licen[cs]e"
        r"|已(?:经)?(?:获(?:得|取)?)?(?:授权|许可)(?!过期|失效)"
        r"|(?:许可(?:证)?|授权)(?:状态)?(?:是|为|都|也|均|一直)?[:：]? ?(?:已激活|有效|正常|没(?:有)?问题"
        r"|没有?过期|未过期)"
        r"|有(?:效的?)?(?:vGPU)? ?许可证",
        {"gpu.licence_text": "Licensed"},
    ),
)
# Every worker delivers one batch, then all of them compute again.
PAUSES: tuple[Known, ...] = (
    known(
        rf"\b(?:paus|stall|stop|hang|halt|wait|freez|stutter|stuck|drops?|spik|slow)\w*[^\n.]{{0,60}}?"
        rf"\bevery (?:~|about |around )?(\d{{1,3}})(?:th|nd|rd|st)? {_STEPS}"
        rf"|\bevery (?:~|about |around )?(\d{{1,3}})(?:th|nd|rd|st)? {_STEPS}[^\n.]{{0,60}}?"
        rf"\b(?:paus|stall|stop|hang|halt|wait|freez|stutter|stuck|drops?|takes? \d|slow)"
        rf"|每(?:隔|过)? ?(\d{{1,3}}) ?(?:个)? ?{_STEPS}[^\n。]{{0,12}}?(?:停|卡|等|顿|慢|掉)",
        {"pauses.every_steps": _first_number, "episode.kind": "slow-down"},
    ),
)
SYMPTOMS = (*STATE, *PAUSES, *KINDS, *MACHINE)
WORDS_OF_SYMPTOMS = tuple((name, later(pattern, re.IGNORECASE | re.ASCII)) for name, pattern in SYMPTOM_WORDS.items())
NAMES = (*SYMPTOM_WORDS, *trials.NAMES)


# What a person rules out is said in the same words: "iowait is 0", "swap is not used", "没有其他高负载进程".
NEGATABLE = frozenset((
    "waits-for-disk", "slow-disk", "swap-full", "many-threads", "others-use-cpu", "others-use-gpu", "hot", "ram-full",
    "cpu-limit",
    "memory-spills", "kernel-time", "windows-memory", "policy", "narrow-link", "faulty-hardware",
    "few-cores", "large-volumes",
))  # fmt: skip
# Said of threads and processes that work, too: they count where something stands still.
OF_A_STANDSTILL = frozenset(("lock-after-fork",))
# Advice at the end of an article names what may be changed, not what was seen.
_ADVICE = later(
    r"^[ \t]*(?:#+ *)?(?:解决方案|解决办法|解决方法|技术建议|临时解决|长期解决|根本原因|原因分析"
    r"|Solutions?\b|Advice\b|Workarounds?\b)",
    re.MULTILINE | re.IGNORECASE,
)


def complaint(text: str) -> str:
    """Return a text without the advice that an article ends with."""
    cut = _ADVICE.search(text)
    return text if cut is None or cut.start() < min(MOSTLY * len(text), ENOUGH_CHARS) else text[: cut.start()]


def named(text: str, whole: str | None = None) -> tuple[tuple[str, ...], str]:
    """Return the names of the symptoms that the text describes, and up to three quotations about them in one string.

    Without symptoms both are empty. A symptom that the text denies ("no errors") is left out.
    ``whole``: the text before denied parts were blanked out in ``text`` (same length); what was already tried is
    searched in it. None: ``text``.
    """
    whole = text if whole is None else whole
    hits = []
    stands = SIGNS["stops"].search(text) is not None
    for name, pattern in WORDS_OF_SYMPTOMS:
        if name in OF_A_STANDSTILL and not stands:
            continue
        for match in pattern.finditer(text):
            if name not in NEGATABLE or not is_denied(text, match):
                hits.append((name, match))
                break
    tried = outcomes(whole)
    said = [*tried.values(), *(match[0] for _, match in hits)]
    quotes = dict.fromkeys(" ".join(words.split())[:QUOTE_CHARS] for words in said)
    return (*(name for name, _ in hits), *tried), " … ".join(list(quotes)[:3])


def _slower(match: re.Match[str]) -> tuple[float, float] | None:
    one, other = (_number(match[group]) for group in (1, 2))
    usual, recent = (other, one) if REVERSED.search(match[0]) else (one, other)
    return (usual, recent) if usual > 0 and recent > MUCH_SLOWER * usual else None


def times(text: str) -> list[tuple[str, Value, str]]:
    """Return facts about epoch times that the text gives, each as (name of the fact, value, quotation).

    They are the seconds of an epoch before and after a change, and the minutes until it; empty if the text has none.
    """
    found: list[tuple[str, Value, str]] = []
    hit = next((match for match in FROM_TO.finditer(text) if _slower(match) is not None), None)
    change, quote = (_slower(hit), quoted(text, hit)) if hit is not None else _apart(text)
    if change is not None:
        usual, recent = change
        found += [("epochs.usual_s", usual, quote), ("epochs.recent_s", recent, quote)]
        found += [("epochs.times_usual", round(recent / usual, 2), quote), ("epochs.shape", "step-up", quote)]
        found += [("episode.kind", "slow-down", quote)]
    after, minutes = AFTER_EPOCHS.search(text), AFTER_MINUTES.search(text)
    if minutes is not None:
        factor = MINUTES_OF_HOUR if minutes[2][0] in "hH小" else 1.0
        found.append(("epochs.minutes_to_change", _count(minutes[1]) * factor, " ".join(minutes[0].split())))
    elif after is not None and change is not None:
        epochs = _count(after[2] or after[1])
        found.append(("epochs.minutes_to_change", round(epochs * change[0] / 60, 1), " ".join(after[0].split())))
    return found


# Two lengths of an epoch that stand apart: the first one is the usual one.
def _apart(text: str) -> tuple[tuple[float, float] | None, str]:
    if re.search(r"epoch|轮", text, re.IGNORECASE) is None:
        return None, ""
    lengths = [
        (_number(match[1]) * LENGTHS[match[2][0].lower()], match)
        for match in LENGTH.finditer(text)
        if re.search(
            r"epoch|轮|took|takes?|耗时|用时|需要|instead|而不是",
            text[max(0, match.start() - 80) : match.end() + 40],
            re.IGNORECASE,
        )
    ]
    if len(lengths) < 2 or lengths[0][0] <= 0:
        return None, ""
    usual, first = lengths[0]
    recent, last = max(lengths[1:], key=lambda length: length[0])
    if _is_of_all(recent / usual, clause(text, last)[1]):
        return None, ""  # "818 s an epoch, 227 hours for 1000 epochs"
    said = dict.fromkeys((_with_its_words(text, first), _with_its_words(text, last)))
    return ((usual, recent), " … ".join(said)) if recent > MUCH_SLOWER * usual else (None, "")


# A clause gives the time of so many epochs together.
def _is_of_all(times: float, words: str) -> bool:
    counts = (count for count in EPOCHS.finditer(words) if BEFORE_A_CHANGE.search(words[: count.start()]) is None)
    return any(abs(times - int(count[1])) <= MARGIN * int(count[1]) for count in counts)


# A length with the words of its clause in front of it.
def _with_its_words(text: str, match: re.Match[str]) -> str:
    return " ".join((clause(text, match)[0] + match[0]).split())[-QUOTE_CHARS:]


def _number(written: str) -> float:
    return float(DECIMAL_COMMA.sub(".", written).replace(",", ""))


def _count(written: str) -> float:
    return float(WORDS.get(written.lower(), 0) or written)
