"""Judge an episode by its facts, one file per cause.

Each file with a ``CAUSE`` is a cause; its page, tapes and test have the same name. It is weighed by its ``RULES``,
or those that ``rules_for`` chooses. Rules of ``IF_KNOWN`` count only if their fact is known; without support by one of
the facts ``ONLY_IF_SEEN`` the cause is at most possible. A cause that limits its verdict itself has a ``diagnose``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import msgspec

from holter.causes import loss_not_finite, main_exception, pages_only, worker_exception
from holter.causes.described import ORDER, YIELDS, as_described
from holter.causes.weigh import Rule, if_seen, possible_unless_seen, weigh
from holter.detectors import detect
from holter.evidence import Evidence, collect
from holter.evidence.at_verdict import at_verdict
from holter.records import Diagnosis, Episode, Fact, Finding, Verdict
from holter.tape import Recording

Diagnose = Callable[[Evidence], Verdict]


def _by_its_rules(module: ModuleType, evidence: Evidence) -> Verdict:
    rules = module.rules_for(evidence) if hasattr(module, "rules_for") else module.RULES
    verdict = weigh(module.CAUSE, evidence, (*rules, *if_seen(evidence, *getattr(module, "IF_KNOWN", ()))))
    wanted = getattr(module, "ONLY_IF_SEEN", ())
    return possible_unless_seen(verdict, *wanted) if wanted else verdict


# Every file here that names a cause, in the order of their names.
_FILES = (import_module(f"holter.causes.{file.name}") for file in iter_modules(__path__))
MODULES: tuple[ModuleType, ...] = tuple(module for module in _FILES if hasattr(module, "CAUSE"))
CAUSES: dict[str, Diagnose] = {
    module.CAUSE: getattr(module, "diagnose", None) or partial(_by_its_rules, module) for module in MODULES
}
if not MODULES or len(CAUSES) != len(MODULES):  # a listing that failed is silently empty
    raise ImportError(f"{len(MODULES)} files of causes, {len(CAUSES)} causes in {list(__path__)}")
RULES_OF: dict[str, tuple[Rule, ...]] = {module.CAUSE: module.RULES for module in MODULES}
# Pages alone have no verdict: nothing that can be measured on a training decides them.
PAGES: dict[str, str] = {module.CAUSE: module.__doc__ or "" for module in MODULES} | pages_only.PAGES


def stated(name: str) -> dict[str, Any]:
    """Return the value of a module's variable, such as ``LADDER`` or ``WAITS``, for each cause whose module has it."""
    return {module.CAUSE: getattr(module, name) for module in MODULES if hasattr(module, name)}


# Messages that people search for, as nnU-Net, PyTorch, the kernel and others print them: ``holter explain`` shows them.
# A test pastes each into ``holter diagnose``, and finds its cause among those that are named.
ERROR_TEXTS: dict[str, tuple[str, ...]] = stated("ERROR_TEXTS")
# Requirements of a cause: names of facts below "scope.".
PRESUPPOSED: dict[str, tuple[str, ...]] = stated("PRESUPPOSES")
# Causes of a stall or a death do not explain a loss that is not finite.
ONLY_OF_KIND: dict[object, tuple[str, ...]] = {"diverged": (loss_not_finite.CAUSE,)}
# Facts about the end of an episode, shown next to its verdict.
OF_THE_END = ("main.ending", "worker.ending", "exception.first", "oom.kills", "progress.resumed", "finish.done")
# These two yield to the cause that explains the kind of the error, unless every such cause is excluded.
GENERAL = (main_exception, worker_exception)
# Facts that a cause reads to explain an error by its kind.
OF_ITS_KIND = ("exception.kind", "disk.error", "shm.trouble", "limit.reached", "memory.refused")
# Pinning fails in WSL and elsewhere: a cause must be more than possible to explain it.
OF_ITS_KIND_IF_LIKELY = ("exception.pinned_memory",)


def diagnose(recording: Recording, episode: Episode) -> Diagnosis:
    """Return every cause's verdict on one episode, best first, with the waiting chain."""
    return judged(collect(recording, episode), episode)


def judged(evidence: Evidence, episode: Episode) -> Diagnosis:
    """Return every cause's verdict on the evidence of an episode, best first, with the waiting chain."""
    return Diagnosis(episode=episode, wait_chain=evidence.chain, verdicts=verdicts(evidence), facts=evidence.facts)


def verdicts(evidence: Evidence) -> tuple[Verdict, ...]:
    """Return the verdicts of all causes, sorted by grade, then score, then name."""
    judged = {cause: _not_applicable(cause, evidence) or judge(evidence) for cause, judge in CAUSES.items()}
    is_known = evidence.fact("exception.kind").status == "known"
    general = {module.CAUSE for module in GENERAL}
    if is_known and not any(_explains_its_kind(verdict) for cause, verdict in judged.items() if cause not in general):
        for module in GENERAL:
            rules = tuple(rule for rule in module.RULES if rule.text != YIELDS)
            judged[module.CAUSE] = weigh(module.CAUSE, evidence, rules)
    if not evidence.is_stated:
        return tuple(
            sorted(judged.values(), key=lambda verdict: (ORDER.index(verdict.verdict), -verdict.score, verdict.cause))
        )
    words_need = {cause: need for cause, need in stated("WORDS_NEED").items() if evidence.fact(need).status != "known"}
    is_named = evidence.fact("scope.nnunet").value is True
    unnamed = () if is_named else [cause for cause, scopes in PRESUPPOSED.items() if "nnunet" in scopes]
    return as_described(judged, evidence, without=words_need, unnamed=unnamed)


# Excluded if something that this cause requires is known to be absent; None if it may apply.
def _not_applicable(cause: str, evidence: Evidence) -> Verdict | None:
    kind = evidence.fact("episode.kind").value
    if kind in ONLY_OF_KIND and cause not in ONLY_OF_KIND[kind]:
        other = Finding(fact="episode.kind", text="trouble-of-another-kind", values=(("value", str(kind)),))
        return Verdict(cause=cause, verdict="excluded", score=0.0, against=(other,))
    for scope in PRESUPPOSED.get(cause, ()):
        fact = evidence.fact(f"scope.{scope}")
        if fact.status == "known" and not fact.value:
            missing = Finding(fact=fact.name, text=f"presupposes-{scope}", values=(("detail", fact.detail or ""),))
            return Verdict(cause=cause, verdict="excluded", score=0.0, against=(missing,))
    return None


def _explains_its_kind(verdict: Verdict) -> bool:
    facts = OF_ITS_KIND + (OF_ITS_KIND_IF_LIKELY if verdict.verdict in ("confirmed", "likely") else ())
    return verdict.verdict != "excluded" and any(finding.fact in facts for finding in verdict.supports)


def diagnose_at_verdict(recording: Recording, episode: Episode) -> Diagnosis:
    """Return the diagnosis as it was while the run was watched; ``later``: the facts that became known afterwards."""
    cut, seen = at_verdict(recording, episode)
    diagnosis = diagnose(cut, seen)
    return msgspec.structs.replace(diagnosis, episode=episode, later=_later(recording, episode, diagnosis))


# Facts about the end that were unknown or different at the verdict.
def _later(recording: Recording, episode: Episode, diagnosis: Diagnosis) -> tuple[Fact, ...]:
    before = {fact.name: fact.value for fact in diagnosis.facts if fact.status == "known"}
    after = {fact.name: fact for fact in collect(recording, episode).facts if fact.status == "known"}
    return tuple(after[name] for name in OF_THE_END if name in after and after[name].value != before.get(name))


def diagnose_all(
    recording: Recording, episodes: Sequence[Episode] | None = None, *, is_live: bool = False
) -> tuple[Diagnosis, ...]:
    """Return a diagnosis, without remedies, for each episode.

    ``episodes``: None: the recorded ones or, if none was recorded, those that the ticks show.

    ``is_live``: as in ``remedies.diagnose``.
    """
    episodes = (recording.episodes() or detect(recording.ticks())) if episodes is None else episodes
    judge = diagnose if is_live else diagnose_at_verdict
    return tuple(judge(recording, episode) for episode in episodes)
