"""Memory, CPU or mainboard of this machine are faulty.

What happens:  processes crash at different epochs with different signals, files turn out to be corrupt, device-side
               asserts are raised with correct labels; after --c it goes on for a while. Reported for bad RAM,
               overclocked memory, and degraded CPUs of the i9-13900K/14900K series.
How we know:   the kernel log has machine checks or memory errors (mce, EDAC, Hardware Error), and a process of the
               run crashed by itself. Without such a message, crashes with different signals are only a hint. One crash,
               or several with the same signal, are not even a hint.
Looks like:    shm-too-small (SIGBUS only, /dev/shm full); a native crash of a library (always the same signal and
               frame: native-crash, worker-killed; there other package versions do help); out of memory (SIGKILL).
What helps:    memtest86+ overnight, BIOS and microcode up to date, memory at its standard clock [ADVICE:
               administrator]; the same training on another machine as a test; continue from the checkpoint meanwhile
               [CONSENT].
Source:        MIC-DKFZ/nnUNet issues 1351, 1419, 1919; openmm issue 4580; ray issue 49998.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, is_true, no_symptom, one_of, only, supports, symptom
from holter.evidence import Evidence

CAUSE = "faulty-host-hardware"

SENTENCES = describe(
    CAUSE,
    title="Faulty hardware",
    meaning="Memory, CPU or mainboard of this machine make errors.",
    findings={
        "crashed-with": "processes of the run crashed with {value}",
        "crashes-alike": "it crashed in one way only ({value}), as a library does",
        "different-signals": "the crashes are of different kinds: {value}",
        "slow-epochs-come-and-go": "slow epochs come and go",
        "started-again": "the training was started again {value} times",
    },
    remedies={
        "look-at-hardware-errors": "Look for hardware errors in the kernel log.",
        "test-memory": "Test memory and CPU (memtest86+ overnight), update the BIOS, and switch overclocking off.",
        "another-machine": "Run the same training on another machine: if it passes there, it is this machine.",
    },
)
ERROR_TEXTS = (
    "mce: [Hardware Error]: Machine check events logged",
    "mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 5: bea0000000000108",
)

# A faulty library crashes in the same way each time, and is far more common.
ONE_KIND = against("hardware.crash_signals", lambda signals: len(signals) == 1, "crashes-alike", weight=2.0)

RULES = (
    Rule("hardware.kernel_errors", is_true, "machine-check", 4.0, group="hardware"),
    Rule("hardware.crash_signals", is_true, "crashed-with", 1.0, group="crash"),
    supports("hardware.crash_signals", lambda signals: len(signals) > 1, "different-signals", weight=2.0),
    supports("epochs.restarts", at_least(2), "started-again", weight=0.5),
    supports("epochs.shape", one_of("periodic"), "slow-epochs-come-and-go", weight=0.5),
    ONE_KIND,
    against("shm.trouble", is_true, "shm-explains", weight=1.5),
    against("disk.error", is_true, "disk-explains", weight=1.5),
    against("oom.kills", at_least(1), "oom-counted", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    only("death", "slow-down"),
    symptom("faulty-hardware", weight=1.5),
    no_symptom("same-elsewhere"),
)

# A machine that is gone may have faulty hardware, but more often network, power or an administrator are the reason.
IF_KNOWN = (supports("main.node_failed", is_true, "node-failed", weight=0.75),)

OFFERS = (
    Offer("look-at-hardware-errors", "SAFE", "dmesg -T | grep -iE 'mce|edac|hardware error|segfault'"),
    Offer("test-memory", "ADVICE"),
    Offer("another-machine", "SAFE"),
    CONTINUE_ENDED,
)


# Hardware errors in the kernel log need no second crash.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    is_reported = bool(evidence.fact("hardware.kernel_errors").value)
    return tuple(rule for rule in RULES if rule != ONE_KIND) if is_reported else RULES
