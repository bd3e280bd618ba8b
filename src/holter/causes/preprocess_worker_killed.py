"""A process of nnUNetv2_plan_and_preprocess was killed, mostly for lack of memory.

What happens:  each process holds a whole case, resampled and normalised, several times. Where memory ends the kernel
               kills one, and nnU-Net says "Some background worker is 6 feet under. Yuck." A failed write of a blosc2
               file ends one too. Version 1 waited forever instead.
How we know:   that sentence (likely); with an OOM kill counted, or a process that could not allocate memory, it is
               confirmed.
Looks like:    disk-full-or-quota (an exception says that nothing can be written); ram-oom-train-worker (the sentence
               is the one about data workers).
What helps:    fewer processes (-np 2) [CONSENT: slower]; only the configurations that you train (-c 3d_fullres)
               [CONSENT]; more memory [ADVICE]. Preprocessing again overwrites: files cut short are made again.
Source:        MIC-DKFZ/nnUNet issues 713, 1512, 2094, 2729, 245.
"""

from holter.causes.offers import MORE_MEMORY, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, one_of

CAUSE = "preprocess-worker-killed"

SENTENCES = describe(
    CAUSE,
    title="Preprocessing worker killed",
    meaning="A process of the preprocessing was killed, mostly because memory ran out.",
    findings={
        "echo-of-preprocessing": "the sentence about preprocessing workers was printed (“6 feet under”)",
    },
    remedies={
        "fewer-preprocessors": "Preprocess with fewer processes at a time (-np 2).",
        "fewer-configurations": "Preprocess only the configurations that you train (-c 3d_fullres).",
    },
)
ERROR_TEXTS = ("RuntimeError: Some background worker is 6 feet under. Yuck.",)
PRESUPPOSES = ("nnunet",)

RULES = (
    Rule("echo.says", one_of("preprocessing"), "echo-of-preprocessing", 3.0, group="said"),
    Rule("oom.kills", at_least(1), "oom-counted", 1.0, group="memory"),
    Rule("exception.kind", one_of("memory"), "no-memory-left", 1.0, group="memory"),
    against("echo.says", one_of("training", "export", "prediction"), "echo-of-another-part", fatal=True),
    against("exception.kind", lambda kind: kind != "memory", "exception-says-otherwise", weight=2.0),
    against("phase", lambda phase: phase not in ("startup", "preprocess"), "another-phase", weight=1.5),
    against("episode.kind", one_of("slow-down", "creep", "unsaved"), "still-running", fatal=True),
)

OFFERS = (
    Offer("fewer-preprocessors", "CONSENT", of_nnunet=True),
    Offer("fewer-configurations", "CONSENT", of_nnunet=True, of_training=True),
    MORE_MEMORY,
)
