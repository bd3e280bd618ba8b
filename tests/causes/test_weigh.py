"""From rules to a verdict: what is unknown lowers, what excludes excludes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.causes import CAUSES, MODULES
from holter.causes.weigh import Rule, against, at_least, is_true, needs, supports, symptom, weigh
from holter.evidence import Evidence
from holter.evidence.vocabulary import VOCABULARY
from holter.records import Fact

RULES = (
    needs("workers.stopped", is_true, "a", otherwise="b", weight=2.0),
    supports("wait.ratio", at_least(0.5), "c"),
    against("main.cpu_ratio", at_least(0.9), "d"),
    against("oom.kills", at_least(1), "e", fatal=True),
)


def evidence(**values) -> Evidence:
    names = {name.replace("__", "."): value for name, value in values.items()}
    return Evidence({name: Fact(name=name, value=value) for name, value in names.items()})


def test_everything_decisive_confirms():
    verdict = weigh("x", evidence(workers__stopped=("w",), wait__ratio=0.9, main__cpu_ratio=0.0, oom__kills=0), RULES)
    assert (verdict.verdict, verdict.score) == ("confirmed", 1.0)


def test_a_counter_argument_takes_certainty_away():
    verdict = weigh("x", evidence(workers__stopped=("w",), wait__ratio=0.9, main__cpu_ratio=1.0, oom__kills=0), RULES)
    assert verdict.verdict == "likely"
    assert [finding.text for finding in verdict.against] == ["d"]


def test_what_is_decisive_and_nearly_refuted_is_not_worth_a_word():
    rules = (*RULES, supports("pressure.io", at_least(0.5), "f", weight=9.0))
    facts = {"workers__stopped": ("w",), "pressure__io": 0.0, "oom__kills": 0}
    assert weigh("x", evidence(**facts, main__cpu_ratio=1.0), rules).verdict == "possible"
    assert weigh("x", evidence(**facts, main__cpu_ratio=0.0), rules).verdict == "confirmed"


def test_a_known_opposite_of_what_is_needed_excludes():
    verdict = weigh("x", evidence(workers__stopped=(), wait__ratio=0.9), RULES)
    assert verdict.verdict == "excluded"
    assert [finding.text for finding in verdict.against] == ["b"]


def test_a_fact_that_does_not_apply_excludes_where_it_is_needed():
    facts = {"workers.stopped": Fact(name="workers.stopped", status="not-applicable", reason="no workers")}
    assert weigh("x", Evidence(facts), RULES).verdict == "excluded"


def test_a_fatal_argument_excludes_whatever_speaks_for_it():
    verdict = weigh("x", evidence(workers__stopped=("w",), wait__ratio=0.9, oom__kills=1), RULES)
    assert (verdict.verdict, verdict.score) == ("excluded", 0.0)


def test_an_unknown_decisive_fact_never_confirms():
    verdict = weigh("x", evidence(wait__ratio=0.9), RULES)
    assert verdict.verdict == "possible"
    assert {finding.fact for finding in verdict.unknown} == {"workers.stopped", "main.cpu_ratio", "oom.kills"}


def test_each_group_must_hold_for_certainty():
    rules = (
        Rule("pressure.io", at_least(0.5), "a", 1.0, group="storage"),
        Rule("storage.latency_s", at_least(1), "b", 1.0, group="storage"),
        Rule("workers.blocked", is_true, "c", 1.0, group="blocked"),
    )
    one_side = evidence(pressure__io=0.9, storage__latency_s=2.0, workers__blocked=())
    assert weigh("x", one_side, rules).verdict == "likely"
    assert weigh("x", evidence(pressure__io=0.9, workers__blocked=("w",)), rules).verdict == "confirmed"


def test_a_name_outside_the_vocabulary_is_an_error():
    with pytest.raises(KeyError, match="phase-of-the-moon"):
        evidence().fact("phase-of-the-moon")


def test_words_that_name_no_symptom_of_a_cause_lower_no_score_of_what_was_recorded():
    rules = (*RULES, symptom("arenas"))
    seen = evidence(wait__ratio=0.9, workers__stopped=("w",), main__cpu_ratio=0.0, oom__kills=0)
    spoken = evidence(
        wait__ratio=0.9, workers__stopped=("w",), main__cpu_ratio=0.0, oom__kills=0, symptoms=("slow-disk",)
    )
    assert weigh("x", spoken, rules).score == weigh("x", seen, rules).score > 0


VALUES = {
    "bool": st.booleans(),
    "number": st.sampled_from([0, 0.05, 0.3, 0.5, 0.76, 1, 2.5, 9, 11, 100.0]),
    "text": st.sampled_from(
        ["", "train", "final-validation", "batch-queue", "native-call", "export-result", "empty", "full", "vgpu",
         "unlicensed-restricted", "licensed", "T", "stall", "death", "main", "train-worker", "tensor-hand-over"]
    ),
    "list": st.sampled_from([(), ("worker 1 (PID 4)",)]),
}  # fmt: skip


@given(st.data())
def test_forgetting_any_fact_never_turns_a_cause_into_a_confirmed_one(data):
    """For every cause and any facts: with one fact less, what was not confirmed stays so unless it spoke against."""
    module = data.draw(st.sampled_from(MODULES))
    kinds = {spec.name: spec.kind for spec in VOCABULARY}
    names = sorted({rule.fact for rule in module.RULES})
    facts = {name: Fact(name=name, value=data.draw(VALUES[kinds[name]])) for name in names}
    before = CAUSES[module.CAUSE](Evidence(facts))
    forgotten = data.draw(st.sampled_from(names))
    spoke_against = {finding.fact for finding in before.against}
    facts[forgotten] = Fact(name=forgotten, status="unknown", reason="forgotten")
    after = CAUSES[module.CAUSE](Evidence(facts))
    if after.verdict == "confirmed" and forgotten not in spoke_against:
        assert before.verdict == "confirmed"
        assert after.score <= before.score
