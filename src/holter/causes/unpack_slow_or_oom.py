"""The preprocessed cases are still being unpacked, or a process that unpacks them was killed.

What happens:  older versions turn every .npz into .npy before the first epoch, several cases at once. The log stops
               at "unpacking dataset...". It can take hours on slow storage, needs the room of the whole data set, and
               each process holds a whole case: where memory ends the kernel kills one, and the rest waits.
How we know:   the phase is the unpacking. With an OOM kill or a MemoryError it was killed, whatever the other
               processes then raise; with processes at work or blocked in reads and writes it is only slow: that
               explains no death.
Looks like:    slow-storage (the same, in training); a hang of the first batch (the log says "unpacking done...").
What helps:    wait, if files still appear in nnUNet_preprocessed [SAFE]; fewer processes (nnUNet_def_n_proc) or more
               memory [CONSENT]; preprocess again with nnU-Net 2.6 or newer, whose blosc2 files are not unpacked
               [CONSENT]. Deleting half-written .npy files is needed after a kill: a short one fails later.
Source:        MIC-DKFZ/nnUNet issues 2708, 2481, 1448.
"""

from __future__ import annotations

from holter.causes.offers import MORE_MEMORY, Offer, has_ended, no
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, FEWER_EXPORTERS
from holter.causes.weigh import Rule, against, at_least, is_true, needs, one_of, proves_nothing
from holter.evidence import Evidence

CAUSE = "unpack-slow-or-oom"

SENTENCES = describe(
    CAUSE,
    title="Unpacking is slow or was killed",
    meaning="The cases are still being unpacked, or an unpacking process was killed.",
    variants={
        "meaning.oom-counted": "Memory ran out while the cases were being unpacked.",
        "meaning.no-memory-left": "Memory ran out while the cases were being unpacked.",
    },
    findings={
        "in-unpacking": "the data set was being unpacked",
        "not-in-unpacking": "the data set was not being unpacked",
    },
    remedies={
        "watch-unpacking": "See whether unpacked files still appear; then it is only slow.",
        "fewer-unpackers": "Unpack fewer cases at a time, or preprocess again with a newer nnU-Net (no unpacking).",
    },
)
PRESUPPOSES = ("nnunet",)

OTHERWISE = against("exception.kind", lambda kind: kind != "memory", "exception-says-otherwise", weight=3.0)

IS_SLOW = (
    Rule("activity.present", is_true, "somebody-works", 0.5, group="what"),
    Rule("workers.blocked", is_true, "worker-blocked", 0.5, group="what"),
)

RULES = (
    needs("phase", one_of("unpack"), "in-unpacking", otherwise="not-in-unpacking", weight=4.0),
    Rule("oom.kills", at_least(1), "oom-counted", 1.0, group="what"),
    Rule("exception.kind", one_of("memory"), "no-memory-left", 1.0, group="what"),
    *IS_SLOW,
    OTHERWISE,
    against("progress.resumed", is_true, "progress-goes-on", weight=2.0),
    against("episode.kind", one_of("creep", "unsaved"), "still-running", fatal=True),
)

OFFERS = (
    Offer("watch-unpacking", "SAFE", "ls -lt {preprocessed}/*/*/*.npy | head", no(has_ended)),
    Offer("fewer-unpackers", "CONSENT", "export nnUNet_def_n_proc=2", of_nnunet=True, of_training=True),
    MORE_MEMORY,
)
LADDER = (AGAIN, FEWER_EXPORTERS)


# After a kill the other processes raise any error: a broken pipe, an end of file.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    rules: tuple[Rule, ...] = RULES
    if evidence.fact("oom.kills").value:
        rules = tuple(rule for rule in rules if rule is not OTHERWISE)
    if evidence.fact("episode.kind").value in (None, "death"):
        rules = tuple(proves_nothing(rule) if rule in IS_SLOW else rule for rule in rules)
    return rules
