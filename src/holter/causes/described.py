"""Order the verdicts on a description that a person gave.

Two things count: the rules of the causes, applied to the facts in the description, and how much its words resemble
earlier reports of each cause.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from holter.causes.weigh import SYMPTOMS, possible_at_most
from holter.evidence import Evidence
from holter.evidence.error_kinds import OTHER
from holter.evidence.text_facts.resemblance import Fit, fits
from holter.evidence.vocabulary import is_condition
from holter.evidence.words import CUT
from holter.records import Finding, Verdict

ORDER = ("confirmed", "likely", "possible", "excluded")
# They fit any error or death: a specific cause comes before them, unless the words of the text say otherwise.
GENERIC = frozenset(
    (
        "main-exception",
        "worker-exception",
        "worker-killed",
        "worker-exited",
        "secondary-worker-message",
        "external-kill",
    )
)
ANY_ERROR = "main-exception"
# The kind of an error speaks for another cause.
YIELDS = "its-kind-explains"
# Score of a cause that only the words speak for: never likely.
WORDS_ALONE = 0.3
# From this fit on, words alone speak as clearly as an error that no cause explains.
CLEAR = 0.5
# Below this fit the likeness is hardly more than chance, and ranks nothing (chosen on texts that were looked at).
WEAK = 0.1
# Terms of what Python prints above any error.
OF_TRACEBACKS = frozenset(
    ("module", "call last", "recent call", "most recent", "recent", "call", "last", "file", "line", "traceback")
)
# A CUDA error of which only is known that it is one.
UNCLEAR = "cuda-unclear"
# How many public threads of a training had each cause, of those that this survey met: where the words fit several
# causes alike, the usual one comes first.
THREADS = {
    "export-ram-oom": 23, "ram-oom-train-worker": 17, "export-lost-result-hang": 13, "cpu-starved-augmentation": 13,
    "slow-storage": 11, "truncated-preprocessed-file": 11, "shm-too-small": 11, "preprocess-worker-killed": 9,
    "nccl-p2p-broken": 9, "compile-toolchain-broken": 8, "external-kill": 8, "fork-lock-deadlock": 8,
    "vram-spill-to-host": 8, "gpu-lost-or-gsp": 8, "concurrent-jobs-contention": 7, "fd-exhaustion": 7,
    "copy-on-read-growth": 7, "gpu-slow-kernels-software": 7, "gpu-shared-or-zombie": 6, "container-lost-gpu": 6,
}  # fmt: skip
# A cause of nnU-Net alone counts so only where nnU-Net is named.
OF_A_THREAD = 0.004
# What the rules' score counts beside the fit of the words (chosen on left-out texts: 0.1 to 0.3 differ little).
RULES_COUNT = 0.25


def as_described(
    judged: Mapping[str, Verdict], evidence: Evidence, without: Collection[str] = (), unnamed: Collection[str] = ()
) -> tuple[Verdict, ...]:
    """Return the verdicts on facts that a person stated, best first, weighed again by the words of the description.

    ``judged``: the verdict of each cause by the facts alone. ``without``: causes for which the words count nothing.
    ``unnamed``: causes of something that the description does not name.
    """
    resembled = evidence.fact("resembles").value
    named = fits(resembled) if isinstance(resembled, tuple) else ()
    by_cause = {match.cause: match for match in named if match.cause not in without}
    verdicts = [_with_words(verdict, by_cause.get(verdict.cause)) if named else verdict for verdict in judged.values()]

    def likeness(verdict: Verdict) -> float:
        fit = by_cause.get(verdict.cause)
        return fit.fit if fit is not None and fit.fit >= WEAK else 0.0

    def value(verdict: Verdict) -> float:
        usual = 0 if verdict.cause in unnamed else THREADS.get(verdict.cause, 0)
        return RULES_COUNT * verdict.score + likeness(verdict) + OF_A_THREAD * usual

    # Which error it was is not known: that there was one says no more than the words around it.
    # Nor what failed on the GPU, if CUDA does not say.
    is_vague = evidence.fact("exception.first").value == CUT or evidence.fact("exception.kind").value == UNCLEAR
    if is_vague:
        verdicts = [possible_at_most(verdict) if verdict.cause == ANY_ERROR else verdict for verdict in verdicts]

    # An error of no known kind that Python raised says more than a circumstance and words that name it.
    is_plain_error = evidence.fact("exception.kind").value == OTHER and evidence.fact("exception.role").value == "main"

    def is_circumstance(verdict: Verdict) -> bool:
        seen = {finding.fact for finding in verdict.supports} - {"resembles"}
        fit = by_cause.get(verdict.cause)
        is_clear = not seen and fit is not None and fit.fit >= CLEAR
        return is_plain_error and not is_clear and all(is_condition(name) for name in seen)

    if named:
        open_ones = [
            verdict
            for verdict in verdicts
            if verdict.verdict in ("likely", "possible") and not is_circumstance(verdict)
        ]
        if open_ones and max(open_ones, key=value).verdict == "possible":
            verdicts = [possible_at_most(verdict) if verdict in open_ones else verdict for verdict in verdicts]

    # A person rarely states all that decides: a specific cause comes before those that fit any error or death.
    def place(verdict: Verdict) -> tuple[int, bool, bool, bool, float, str]:
        # Words alone make nothing likely, and speak for such a cause only if they fit it best.
        fits_best = bool(named) and named[0].cause == verdict.cause
        yields = (
            not fits_best
            or (is_vague and verdict.cause == ANY_ERROR)
            or _yields(verdict)
            or verdict.verdict == "likely"
        )
        is_generic = verdict.cause in GENERIC and verdict.verdict != "confirmed" and yields
        order = ORDER.index(verdict.verdict)
        # How usual a cause is decides among those that something speaks for.
        is_mute = not verdict.score and not likeness(verdict)
        return order, is_circumstance(verdict), is_generic, is_mute, -value(verdict), verdict.cause

    return tuple(sorted(verdicts, key=place))


def _yields(verdict: Verdict) -> bool:
    return any(finding.text == YIELDS for finding in verdict.against)


# Words rank what is open: what an observation excludes they do not bring back, and what is confirmed they leave.
def _with_words(verdict: Verdict, fit: Fit | None) -> Verdict:
    if verdict.verdict in ("confirmed", "excluded"):
        return verdict
    if fit is None:
        is_symptom_alone = all(finding.fact == SYMPTOMS or is_condition(finding.fact) for finding in verdict.supports)
        return possible_at_most(verdict) if is_symptom_alone else verdict
    finding = Finding(fact="resembles", text="words-fit", values=(("detail", _telling(fit.words)),))
    return msgspec.structs.replace(
        verdict,
        score=max(verdict.score, round(WORDS_ALONE * fit.fit, 3)),
        supports=(*verdict.supports, finding),
    )


# Words of any traceback are left out where others remain: they tell a reader nothing.
def _telling(words: str) -> str:
    return ", ".join(word for word in words.split(", ") if word not in OF_TRACEBACKS) or words
