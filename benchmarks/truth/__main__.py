"""``python -m benchmarks.truth``: is the true cause of public cases named from facts and from pasted text?

Each case goes through the doors that a person has: the evidence file (its facts), and ``holter diagnose`` on the text
that was posted, where texts are at hand (``HOLTER_TRUTH_TEXTS``). Half of the first cases, chosen by a hash of their
reference, are for tuning (dev), the goals of the evidence door are for the other half (test). The texts of both have
been looked at, and so have those of the third and fourth collection (fresh, fresh2): the goals of the pasted text are
for the fifth (fresh3), which was committed before it was scored. With ``--half fresh3`` the accusations of its texts
without a fault are counted alone. Nothing is started; all of it takes seconds.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, get_args

from benchmarks.reporting import Goal, Row, conclude, options_of
from benchmarks.truth.cases import NONE, TEXTS, Case, Half, load
from benchmarks.truth.quiet import texts
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.targets import diagnose_target, read_evidence
from holter.errors import HolterError
from holter.records import Verdict

FEWEST_QUIET = 40
# Their facts say little more than the kind of trouble.
KINDS_ONLY: frozenset[Half] = frozenset(
    {"fresh", "fresh2", "fresh3", "fresh4", "fresh5a", "fresh5b", "fresh6", "fresh7"}
)
UNSEEN: Half = "fresh3"  # the newest large collection; its misses were listed on 1 December 2026
FEWEST_CASES, FEWEST_CAUSES, FEWEST_CHINESE = 60, 25, 12


class Answer(NamedTuple):
    """What Holter says of one case through one door."""

    case: Case
    door: str
    causes: tuple[str, ...]  # best first
    confirmed: frozenset[str]
    refused: str = ""  # the error, or that no fault was seen

    @property
    def rank(self) -> int | None:
        """Return the place of the true cause, from 1."""
        right = self.case.right()
        return next((place for place, cause in enumerate(self.causes, 1) if cause in right), None)

    def line(self) -> str:
        """Return one line for a reader."""
        named = ", ".join(self.causes[:3]) or self.refused
        return f"{self.door:8} {self.case.half:4} {self.case.id:34} {self.case.cause:28} {self.rank or '-':>2}  {named}"


def main() -> int:
    """Run all doors; return 1 if a goal was missed."""
    options = options_of("truth", __doc__, quick="the same: it takes seconds")
    options.add_argument("--half", choices=get_args(Half), help="only this half")
    options.add_argument("--second", action="store_true", help="only the cases that were collected second")
    options.add_argument("--wrong", action="store_true", help="list the cases that are not right first")
    options.add_argument("--only", metavar="ID", nargs="+", help="only these cases, in full")
    chosen = options.parse_args()
    cases = [case for case in load(chosen.half, second=chosen.second) if not chosen.only or case.id in chosen.only]
    answers = [answer for case in cases for answer in ask(case)]
    for answer in answers:
        if chosen.only or (chosen.wrong and answer.rank != 1 and answer.case.cause != NONE):
            print(answer.line())
    accused = [] if chosen.only else [*accusations(chosen.half)]
    for name, causes in accused:
        print(f"quiet    {name:34} accused: {', '.join(causes)}")
    quiet = [] if chosen.only else [at_least("texts without a fault", FEWEST_QUIET, sum(1 for _ in texts(chosen.half)))]
    quiet += [] if chosen.only else [at_most("of these accused", 0, len(accused))]
    return conclude([*rows(answers)], [*goals(cases, answers), *quiet], chosen.json)


def accusations(half: Half | None) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yield the texts without a fault in which Holter sees an episode, with the causes that it names first."""
    for name, text in texts(half):
        try:
            result = read_pasted(io.BytesIO(text.encode()), f"{name}.txt")
        except HolterError:
            continue
        if result.diagnoses:
            yield name, tuple(verdict.cause for verdict in result.diagnoses[-1].verdicts[:2])


def ask(case: Case) -> Iterable[Answer]:
    """Yield the answers of all doors that are open for the case."""
    if case.half not in KINDS_ONLY:
        yield answered(case, "evidence", lambda: read_evidence(case.evidence(), case.id))
    if (path := case.text()) is not None:
        yield answered(case, "paste", lambda: diagnose_target(str(path), tell_observed=lambda _: None))


def answered(case: Case, door: str, diagnose: Callable[[], DiagnosisResult]) -> Answer:
    """Return Holter's answer; an error that a user would see counts as a refusal."""
    try:
        result = diagnose()
    except HolterError as error:
        return Answer(case, door, (), frozenset(), f"refused: {error.id}")
    if not result.diagnoses:
        return Answer(case, door, (), frozenset(), "no fault seen")
    # The last trouble is the one that the person asks about, unless an earlier one is surer.
    best = max(result.diagnoses, key=lambda diagnosis: top_score(diagnosis.verdicts))
    named = [verdict for verdict in best.verdicts if verdict.verdict != "excluded" and verdict.score > 0]
    confirmed = frozenset(
        verdict.cause for each in result.diagnoses for verdict in each.verdicts if verdict.verdict == "confirmed"
    )
    return Answer(case, door, tuple(verdict.cause for verdict in named), confirmed)


def top_score(verdicts: Sequence[Verdict]) -> float:
    """Return the score of the best verdict."""
    return max((verdict.score for verdict in verdicts if verdict.verdict != "excluded"), default=0.0)


def rows(answers: Sequence[Answer]) -> Iterable[Row]:
    """Yield a row for each door and half."""
    for door in ("evidence", "paste"):
        for half in get_args(Half):
            some = of(answers, door, half)
            if some:
                yield {
                    "door": door, "half": half, "cases": len(some), "right first %": share(some, 1),
                    "in the first three %": share(some, 3), "no answer": sum(not answer.causes for answer in some),
                    "wrong confirmed": len(wrongly_confirmed(some)),
                }  # fmt: skip


def of(answers: Iterable[Answer], door: str, half: Half) -> list[Answer]:
    """Return the answers of a door to cases of a half whose cause is one of Holter's."""
    return [
        answer for answer in answers if answer.door == door and answer.case.half == half and answer.case.cause != NONE
    ]


def share(answers: Sequence[Answer], places: int) -> float:
    """Return the percentage of answers with the true cause in the first places."""
    return 100 * sum((answer.rank or places + 1) <= places for answer in answers) / max(1, len(answers))


def wrongly_confirmed(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers that confirm a cause that is not true."""
    return [answer for answer in answers if answer.confirmed - answer.case.right()]


def goals(cases: Sequence[Case], answers: Sequence[Answer]) -> Iterable[Goal]:
    """Yield the goals: of facts for the test half, of pasted texts for the unseen one."""
    halves: tuple[tuple[Half, str], ...] = (("test", "evidence"), (UNSEEN, "paste"))
    for half, door in halves:
        some = [case for case in cases if case.half == half and case.cause != NONE]
        yield at_least(f"{half} cases ({door})", FEWEST_CASES, len(some))
        yield at_least("causes in them", FEWEST_CAUSES, len({case.cause for case in some}))
        yield at_least("Chinese ones", FEWEST_CHINESE, sum(case.language != "en" for case in some))
    decided = [answer for answer in of(answers, "evidence", "test") if answer.case.states_decisive]
    yield at_least("evidence, decisive: right first %", 85, share(decided, 1) if decided else None)
    yield at_least("evidence, decisive: in the first three %", 95, share(decided, 3) if decided else None)
    pasted = of(answers, "paste", UNSEEN)
    yield at_least(f"paste: right first % ({TEXTS})", 75, share(pasted, 1) if pasted else None)
    unanswered = sum(not answer.causes for answer in pasted if answer.case.decisive)
    yield at_most("paste: a named fault refused or not seen", 0, unanswered if pasted else None)
    yield at_most("wrong confirmed", 0, len(wrongly_confirmed(answers)))


def at_least(name: str, goal: float, measured: float | None) -> Goal:
    """Return a goal that is met by more."""
    return Goal(f"{name}, at least", goal, measured, None if measured is None else measured >= goal)


def at_most(name: str, goal: float, measured: float | None) -> Goal:
    """Return a goal that is met by less."""
    return Goal(name, goal, measured, None if measured is None else measured <= goal)


if __name__ == "__main__":
    sys.exit(main())
