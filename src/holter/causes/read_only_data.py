"""The augmentation writes into data that is mapped read-only, and the process crashes.

What happens:  preprocessed data of nnU-Net 2.5 and older (.npz) is unpacked to .npy and mapped read-only. nnU-Net 2.7
               and 2.8 make a tensor of the part that they need without copying it, and a transform that works in
               place writes into the map: SIGSEGV, again in each start, mostly within the first epoch. Patches that are
               padded are copied, so small cases hide it.
How we know:   the data loader was seen to hand over a part of read-only memory, and a data worker (or, where there
               are no workers, the main process) ended by SIGSEGV.
Looks like:    worker-killed and native-crash (a crash of another kind); faulty-host-hardware (different signals).
What helps:    start with healing on: Holter copies these parts, with the same values [SAFE]; or preprocess the data
               again with the nnU-Net that trains [CONSENT]. Fewer workers or another batchgenerators do not help.
Source:        docs/upstream.md, section 23; tests/tapes/read_only_data.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, is_true, needs, one_of, only, proves_nothing
from holter.evidence import Evidence

CAUSE = "read-only-data"

SENTENCES = describe(
    CAUSE,
    title="Read-only data is written to",
    meaning="A process wrote into data that is mapped read-only, and crashed.",
    findings={
        "data-not-read-only": "no read-only data is handed to the transforms",
    },
    remedies={
        "heal-read-only-data": "Start with healing on: these parts are copied then, with the same values.",
        "preprocess-all-again": "Preprocess the data set again with the nnU-Net that trains.",
    },
)
ERROR_TEXTS = ("ValueError: assignment destination is read-only",)
PRESUPPOSES = ("nnunet",)

SIGSEGV = 11

OF_MAIN = Rule("main.exit_signal", one_of(SIGSEGV), "main-ended-by-signal", 1.0, group="crash")

RULES = (
    needs("data.read_only", is_true, "data-read-only", otherwise="data-not-read-only", weight=2.0),
    Rule("worker.exit_signal", one_of(SIGSEGV), "worker-crashed", 1.0, group="crash"),
    OF_MAIN,
    only("death"),
)
ONLY_IF_SEEN = ("worker.exit_signal", "main.exit_signal")

OFFERS = (
    Offer("heal-read-only-data", "SAFE", "holter run --heal -- {continue}"),
    Offer("preprocess-all-again", "CONSENT", of_nnunet=True),
)
STOPS = True  # a restart would fail again: a person must act


# If workers transform the data, a crash of the main process has another reason.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    has_workers = evidence.fact("workers.count").value != 0
    return tuple(proves_nothing(rule) if rule is OF_MAIN and has_workers else rule for rule in RULES)
