"""The main process itself is stopped by a signal.

What happens:  somebody or something sent SIGSTOP (a debugger, a batch system that suspends jobs, a script), or the
               process wrote to a terminal from the background. It does nothing until it is continued; its workers
               idle.
How we know:   the main process is in state T while its workers are not. Decisive. In state t a debugger holds it.
Looks like:    a stopped terminal (Ctrl-Z: all processes are stopped together, no alarm); frozen-worker (a worker is
               stopped, the main process is not); frozen-cgroup (state D or S, in a freezer).
What helps:    kill -CONT PID, unless somebody stopped it on purpose [CONSENT]; a signal does not continue what a
               debugger holds. Holter never continues or ends a process that was stopped by hand.
Source:        signal(7); tests/tapes/main_stopped.
"""

from __future__ import annotations

from holter.causes.offers import Offer, is_one_of, no
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, needs, one_of, only, symptom
from holter.evidence import Evidence

CAUSE = "main-stopped"

SENTENCES = describe(
    CAUSE,
    title="Main process stopped",
    meaning="The main process is stopped by a signal and does nothing until it is resumed.",
    variants={
        "meaning.main-held": "A debugger holds the main process, which does nothing until the debugger lets it go on.",
    },
    findings={
        "main-held": "the main process is held by a debugger (state t)",
        "main-not-stopped": "the main process is not stopped",
    },
    remedies={
        "leave-debugger": "Let it go on from the debugger, or detach the debugger.",
        "continue-main": "Let the process go on, unless somebody stopped it on purpose.",
    },
)

RULES = (
    needs("main.state", one_of("T", "t"), "main-stopped", otherwise="main-not-stopped", weight=3.0),
    only("stall", "slow-down"),
    symptom("stopped-by-user", weight=1.5),
)

HELD = (
    needs("main.state", one_of("t"), "main-held", otherwise="main-not-stopped", weight=3.0),
    only("stall", "slow-down"),
)

IS_HELD = is_one_of("main.state", "t")
OFFERS = (
    Offer("continue-main", "CONSENT", "kill -CONT {main_pid}", no(IS_HELD)),
    Offer("leave-debugger", "ADVICE", None, IS_HELD),
)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    return HELD if evidence.fact("main.state").value == "t" else RULES
