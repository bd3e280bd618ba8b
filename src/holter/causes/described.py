"""The order of the verdicts on what a person states: rules about its facts, and the causes that its words resemble."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from holter.causes.weigh import SYMPTOMS, possible_at_most
from holter.evidence import Evidence
from holter.evidence.text_facts.resemblance import Fit, fits
from holter.evidence.vocabulary import is_condition
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
# Score of a cause that only the words speak for: never likely.
WORDS_ALONE = 0.3
# What the rules' score counts beside the fit of the words (chosen on left-out texts: 0.1 to 0.3 differ little).
RULES_COUNT = 0.2
# What people call their trouble (stuck, slow, died) is not exact, and that a sentence of an error is missing in what
# they copied does not show that it was never printed: against words that fit, these rule nothing out, but count.
INEXACT = (
    "episode.kind", "exception.", "limit.reached", "memory.refused", "memory.grows_in", "data.read_only",
    "results.gone", "software.slow_kernels", "worker.", "main.exit_signal", "export.replaced",
)  # fmt: skip
RULED_OUT = 0.08


def as_described(
    judged: Mapping[str, Verdict], evidence: Evidence, without: Collection[str] = ()
) -> tuple[Verdict, ...]:
    """Return the verdicts on stated facts, best first; the words count nothing for the causes in ``without``."""
    resembled = evidence.fact("resembles").value
    named = fits(resembled) if isinstance(resembled, tuple) else ()
    by_cause = {one.cause: one for one in named if one.cause not in without}
    verdicts = [_with_words(verdict, by_cause.get(verdict.cause)) if named else verdict for verdict in judged.values()]

    def value(verdict: Verdict) -> float:
        fit = by_cause.get(verdict.cause)
        off = RULED_OUT if judged[verdict.cause].verdict == "excluded" else 0.0
        return RULES_COUNT * verdict.score + (0.0 if fit is None else fit.fit) - off

    if named:
        open_ones = [verdict for verdict in verdicts if verdict.verdict in ("likely", "possible")]
        if open_ones and max(open_ones, key=value).verdict == "possible":
            verdicts = [possible_at_most(verdict) if verdict in open_ones else verdict for verdict in verdicts]

    # A person rarely states all that decides: a specific cause comes before those that fit any error or death.
    def place(verdict: Verdict) -> tuple[int, bool, float, str]:
        is_generic = not named and verdict.cause in GENERIC and verdict.verdict != "confirmed"
        return ORDER.index(verdict.verdict), is_generic, -value(verdict), verdict.cause

    return tuple(sorted(verdicts, key=place))


def _with_words(verdict: Verdict, fit: Fit | None) -> Verdict:
    is_excluded = verdict.verdict == "excluded"
    if is_excluded and (fit is None or not all(one.fact.startswith(INEXACT) for one in verdict.against)):
        return verdict
    if verdict.verdict == "confirmed":
        return verdict
    if fit is None:
        is_symptom_alone = all(finding.fact == SYMPTOMS or is_condition(finding.fact) for finding in verdict.supports)
        return possible_at_most(verdict) if is_symptom_alone else verdict
    finding = Finding(fact="resembles", text="words-fit", values=(("detail", fit.words),))
    return msgspec.structs.replace(
        verdict,
        verdict="possible" if is_excluded else verdict.verdict,
        score=max(verdict.score, round(WORDS_ALONE * fit.fit, 3)),
        supports=(*verdict.supports, finding),
    )
