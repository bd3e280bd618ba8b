"""Choose the questions of ``holter ask``: the next one is expected to change the ranking of causes most."""

from __future__ import annotations

from holter.causes import verdicts
from holter.diagnosis.question_table import QUESTIONS, Facts, Question
from holter.evidence.stated.read import of_facts
from holter.evidence.text_facts import as_stated, facts_of
from holter.records import Verdict
from holter.remedies.expectation import belief

MOST_QUESTIONS = 8
# Question -> fact and values without which it makes no sense.
ONLY_IF: dict[str, tuple[str, tuple[str, ...]]] = {
    "licence": ("gpu.virtualization", ("vgpu",)),
    "error": ("episode.kind", ("death", "unsaved")),
    "gpu": ("episode.kind", ("stall", "slow-down")),
    "cpu": ("episode.kind", ("stall", "slow-down", "creep")),
    "workers": ("episode.kind", ("stall", "slow-down")),
    "console": ("episode.kind", ("stall",)),
    "shm": ("system.os", ("linux",)),
}
# A question that is expected to move the ranking by less is not worth the time.
LEAST_GAIN = 0.01


def next_question(facts: Facts, asked: frozenset[str]) -> Question | None:
    """Return the question whose answer is expected to change the ranking most; None if none would change it."""
    open_questions = [question for question in QUESTIONS if question.key not in asked and _applies(question, facts)]
    if "episode.kind" not in facts and "kind" not in asked:
        return next(question for question in open_questions if question.key == "kind")
    before = belief(facts, judged(facts))
    best, most = None, LEAST_GAIN
    for question in open_questions:
        new = [choice for choice in question.choices if any(name not in facts for name in choice.facts)]
        after = [belief(more, judged(more)) for more in (merged(facts, choice.facts) for choice in new)]
        # Whichever cause is true, its own answer makes it more likely by so much.
        gain = sum(
            chance * max((later.get(cause, 0.0) - chance for later in after), default=0.0)
            for cause, chance in before.items()
        )
        if gain > most:
            best, most = question, gain
    return best


def _applies(question: Question, facts: Facts) -> bool:
    needed = ONLY_IF.get(question.key)
    return needed is None or facts.get(needed[0]) in (None, *needed[1])


def answered(question: Question, line: str) -> Facts | None:
    """Return the facts of an answer: the number of a choice, or free words; None if it is not understood.

    An empty line (Enter) is an answer too: "not known", with no facts.
    """
    said = line.strip()
    if said.isdecimal():
        number = int(said)
        return question.choices[number - 1].facts if 0 < number <= len(question.choices) else None
    if not said:
        return {}
    found = facts_of(said)
    return {name: fact["value"] for name, fact in as_stated(found).items() if name != "resembles"} or None


def merged(facts: Facts, more: Facts) -> dict[str, object]:
    """Return both sets of facts in one; ``more`` has priority, but lists of symptoms are joined."""
    together = {**facts, **more}
    lists = [value for value in (facts.get("symptoms"), more.get("symptoms")) if isinstance(value, (list, tuple))]
    if lists:
        together["symptoms"] = list(dict.fromkeys(name for names in lists for name in names))
    return together


def judged(facts: Facts) -> tuple[Verdict, ...]:
    """Return the verdict on each cause from these facts, best first; empty without facts."""
    return verdicts(of_facts(facts).evidence) if facts else ()
