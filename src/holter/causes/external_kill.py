"""The training itself was ended by a signal from outside.

What happens:  the main process gets SIGKILL, SIGTERM or SIGHUP: a scheduler's time limit, a closed terminal,
               systemd-oomd, a colleague. The log stops in mid-epoch; workers may stay behind as orphans.
How we know:   the exit signal of the main process (one that is sent, not that of a crash) and no exception before it.
               If the kernel or cgroup counted an out-of-memory kill, it was the kernel, and this is not it.
Looks like:    ram-oom-train-worker and export-ram-oom (SIGKILL, and an OOM kill was counted); a native crash of the
               main process (SIGSEGV, SIGABRT: native-crash); main-exception.
What helps:    continue with --c from the last checkpoint [CONSENT]; against a time limit a longer job (--time); against
               a closed terminal, which sends SIGHUP and never SIGKILL, tmux, nohup or systemd-run; else ask for more
               time or memory [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 1096, 528; tests/tapes/external_kill.
"""

from __future__ import annotations

from holter.causes.lacking import by_kill
from holter.causes.offers import CONTINUE, MORE_MEMORY, Offer, any_of, is_one_of, no
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, ALONE, FEWER, Facts
from holter.causes.weigh import (
    against,
    at_least,
    at_most,
    if_seen,
    is_true,
    likely_at_most,
    needs,
    one_of,
    possible_at_most,
    supports,
    symptom,
    weigh,
)
from holter.evidence import Evidence
from holter.linux.signals import Signal
from holter.records import Verdict

CAUSE = "external-kill"

SENTENCES = describe(
    CAUSE,
    title="Ended from outside",
    meaning="Somebody or something ended the training with a signal.",
    variants={
        "meaning.passed-on": "Holter was sent a signal to end, and passed it on to the training.",
        "meaning.sent-to-several": "Somebody or something sent a signal to end to all processes of the training.",
    },
    findings={
        "main-not-ended-by-signal": "the main process was not ended by a signal",
        "sent-to-several": "the same signal reached Holter or other processes of the training at the same moment",
        "passed-on": "it was sent to Holter, which passed it on to the training",
        "signal-of-a-kill": "signal {signal} is what a person, a scheduler or the kernel sends",
        "signal-of-a-limit": "signal {signal} is what the kernel, or a batch system, sends at a time limit",
    },
    remedies={
        "keep-session": "Run under tmux, nohup or systemd-run, so that a closed terminal does not end it.",
        "longer-job": "Ask for a longer job (sbatch --time=...); with --c the next job continues where this one ended.",
        "more-time": "Ask the scheduler for more time or memory.",
    },
)
ERROR_TEXTS = (
    "slurmstepd: error: *** JOB 4711 ON node1 CANCELLED AT 2026-11-28T17:15:00 DUE TO TIME LIMIT ***",
    "Received 1 death signal, shutting down workers",
)

RULES = (
    # SIGHUP, SIGQUIT, SIGKILL, SIGTERM, SIGXCPU: sent, not raised by a crash.
    needs(
        "main.exit_signal",
        one_of(1, 3, 9, 15, 24),
        "main-ended-by-signal",
        otherwise="main-not-ended-by-signal",
        weight=3.0,
    ),
    supports("oom.kills", at_most(0), "no-oom-counted", weight=0.5),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),
    supports("main.exit_signal", one_of(1, 9, 15), "signal-of-a-kill", weight=0.5),
    against("exception.first", is_true, "exception-came-first", weight=2.0),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=1.0),
    against("main.exit_signal", one_of(24), "signal-of-a-limit", weight=2.0),
    against("limit.reached", is_true, "limit-reached", weight=1.5),
    symptom("session-closed"),
    symptom("policy"),
)


def _is_out_of_memory(facts: Facts) -> bool:
    kills = facts.get("oom.kills")
    return isinstance(kills, int) and kills > 0


# A closed terminal sends only SIGHUP; a scheduler mostly SIGTERM, then SIGKILL.
HAS_HUNG_UP = is_one_of("main.exit_signal", Signal.SIGHUP)
OUT_OF_TIME = is_one_of("main.time_limit", True)
OFFERS = (
    MORE_MEMORY._replace(only_if=_is_out_of_memory),
    CONTINUE,
    Offer("keep-session", "ADVICE", None, HAS_HUNG_UP),
    Offer("longer-job", "ADVICE", None, OUT_OF_TIME),
    Offer("more-time", "ADVICE", None, no(any_of(is_one_of("scope.job", False), HAS_HUNG_UP, OUT_OF_TIME))),
)
LADDER = (AGAIN, FEWER, ALONE)
LADDER_BY_FACTS = by_kill


# Holter passed it on itself: no more has to be known.
PASSED_ON = (
    needs("main.exit_signal", at_least(1), "main-ended-by-signal", otherwise="main-not-ended-by-signal"),
    needs("main.passed_on", is_true, "passed-on", otherwise="main-not-ended-by-signal"),
)


# A main process that is held, as by a debugger, gets it later, or never.
SENT_TO_SEVERAL = (
    needs("worker.with_others", is_true, "sent-to-several", otherwise="main-not-ended-by-signal", weight=3.0),
    supports("worker.exit_signal", one_of(1, 2, 9, 15), "signal-of-a-kill", weight=0.5),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),
    against("limit.reached", is_true, "limit-reached", weight=1.5),
)


# Nobody ended it: its machine is gone.
NODE_FAILED = against("main.node_failed", is_true, "node-failed", fatal=True)


# The kernel's OOM killer sends SIGKILL too: until its kills are counted this is one of two explanations.
def diagnose(evidence: Evidence) -> Verdict:
    if evidence.fact("main.passed_on").value:
        return weigh(CAUSE, evidence, PASSED_ON)
    if evidence.fact("worker.with_others").value:
        return likely_at_most(weigh(CAUSE, evidence, SENT_TO_SEVERAL))
    verdict = weigh(CAUSE, evidence, (*RULES, *if_seen(evidence, NODE_FAILED)))
    is_open = (
        evidence.fact("oom.kills").status == "unknown" and evidence.fact("main.exit_signal").value == Signal.SIGKILL
    )
    return possible_at_most(verdict) if is_open else verdict
