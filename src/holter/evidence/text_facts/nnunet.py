"""What nnU-Net's messages, and people who use it, say of its settings and its state."""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value
from holter.evidence.text_facts.endings import DEATH
from holter.evidence.text_facts.known import Known, known, number, word
from holter.evidence.text_facts.trials import is_trial
from holter.patterns import later

# A setting that somebody says to help was not made when the trouble was there.
_CURES = later(
    r"\b(?:fix\w*|help(?:s|ed)|solv\w+|faster|speeds? up|reduc\w+|restor\w+|works? (?:when|if|with))\b"
    r"|解决|变快|恢复|正常了",
    re.IGNORECASE,
)


def _is_a_cure(match: re.Match[str]) -> bool:
    end = match.string.find("\n", match.end())
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : len(match.string) if end < 0 else end]
    return _CURES.search(line) is not None


# "With num_workers=0 it works": a trial, and not how it was when it failed.
def _unless_tried(match: re.Match[str]) -> Value | None:
    value = number()(match)
    return None if value == 0 and is_trial(match) else value


NNUNET: tuple[Known, ...] = (
    known(r"background workers are (?:no longer|not) alive", {**DEATH, "echo.says": "training", "scope.nnunet": True}),
    known(
        r"(?:train|val|average|avg|total)_loss ?:? ?(?:-?inf|nan)\b"
        r"|(?:(?<![a-z])loss(?:es)?|损失(?:值|函数)?) ?(?:suddenly )?"
        r"(?:[从在到](?![没未不来])[^\n，。,;；没未不]{0,20}?)?(?:开始|之?后|以后|时|起)?(?:突然)?(?:一直|总|都|就|全)?"
        r"(?:is|are|=|:|goes? to|went to|gets?|got|starts? (?:being|to be)|turn(?:s|ed)?(?: in)?to|turned"
        r"|会?变成了?|变为?|为|出现|是"
        r"|becom\w+|became|from becoming|being)?[ :]*(?:an? )?(?:(?:nan|-?inf)\b|(?:nan|inf)(?=[^a-z\W]))"
        r"|\bnan (?:train\w* )?loss(?:es)?\b|returned nan values in its \d+th output"
        r"|NaN or Inf found in input tensor|[Ll]oss is (?:nan|infinite), stopping",
        {"episode.kind": "diverged", "loss.not_finite": ("train_loss",)},
    ),
    # nnU-Net v1 writes the first three after its last epoch; what dies later than that exports.
    known(
        r"evaluation of raw predictions|determining postprocessing|force_separate_z: |"
        r"\b(?:kill|di(?:e|ed|es)\b|crash|OOM|out of memory)[^\n.]{0,60}\bafter (?:the last epoch|all epochs"
        r"|(?:the )?(?:training|1000 epochs|epoch 999) (?:is |was |has |had )?(?:been )?(?:done|finish\w*"
        r"|complet\w*|over))",
        {"phase": "final-validation"},
    ),
    known(
        r"Error when checking \S+ and \S+, fixing",
        {"scope.nnunet": True, "phase": "unpack", "unpack.rewritten": 1},
    ),
    known(r"nnU-?Net|nnUNet_|MIC-DKFZ", {"scope.nnunet": True}),
    known(r"n_proc_DA\s*[=:]?\s*(\d+)", {"setting.n_proc_da": _unless_tried}),
    known(r"num_workers(?:\s*(?:=|:|为|设为|设置为)\s*|\s+)(\d+)\b", {"workers.count": _unless_tried}),
    known(
        r"OMP_NUM_THREADS\s*[=:]\s*(\d+)",
        {"setting.omp_threads": lambda match: None if _is_a_cure(match) else number()(match)},
    ),
    known(r"OMP_PROC_BIND\s*[=:]\s*(\w+)", {"setting.pinning": word()}),
    known(r"\b(?:two|2) (?:[\w-]+ ){0,3}(?:GPUs|cards)|\bDDP\b|DataParallel|torchrun|多卡|双卡", {"scope.ranks": True}),
    known(r"(?:two|2) (?:[\w-]+ ){0,3}(?:GPUs|cards)|双卡|两张(?:显)?卡", {"ddp.ranks": 2}),
    known(
        r"100 ?%[^\n]{0,80}(?:without|no)[^\n]{0,40}(?:temperature|power|heat)",
        {"gpu.spinning": ("GPU",), "episode.kind": "stall"},
    ),
)
