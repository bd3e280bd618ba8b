"""The volumes are so large that cutting one patch out of them takes seconds.

What happens:  a patch is cut from a case of hundreds of megavoxels: pages are faulted in, chunks are decoded, voxels
               of the foreground are sampled. The GPU is at 3 % although CPU and disk are not at their limit, and 2D or
               lowres are fast with the same data.
How we know:   the median case has 100 million voxels or more (512 x 512 x 400), at least half of the stacks of
               working data workers are in reading a case rather than in its transforms, and steps wait for batches.
Looks like:    slow-storage (workers in D, a small read is slow too); cpu-starved-augmentation (stacks in transforms).
What helps:    Holter's loader, which reads only the voxels that the drawn geometry needs [CONSENT: other random
               stream]; preprocessing again where the data are not stored as blosc2 (.b2nd) yet [CONSENT]; a coarser
               target spacing, or cropping to the region of interest [CONSENT: another plan]. A smaller batch makes
               the epoch shorter and the training worse.
Source:        MIC-DKFZ/nnUNet issues 1086, 2085, 2792; nnDetection issue 67.
"""

from holter.causes.offers import MEASURE_STORAGE, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, only, supports, symptom

CAUSE = "huge-volume-cost"

SENTENCES = describe(
    CAUSE,
    title="Very large volumes",
    meaning="The volumes are so large that cutting one patch out of them takes seconds.",
    findings={
        "volumes-are-small": "the median case is not large ({detail})",
    },
    remedies={
        "holter-loader": "Use Holter's loader: it reads only the voxels that a patch needs.",
        "coarser-spacing": "Plan with a coarser spacing, or crop to the region of interest: another training.",
    },
)
PRESUPPOSES = ("nnunet",)

RULES = (
    Rule("plan.median_voxels", at_least(1e8), "huge-volumes", 2.0, group="size"),
    Rule("reading.share", at_least(0.5), "workers-read", 2.0, group="reading"),
    Rule("wait.ratio", at_least(0.5), "waits-for-batches", 1.0, group="slow"),
    supports("queue.ready", one_of("empty"), "ready-queue-empty", weight=0.5),
    against("plan.median_voxels", at_most(2e7), "volumes-are-small", fatal=True),
    against("wait.ratio", at_most(0.2), "hardly-waits-for-batches", weight=2.0),
    against("storage.latency_s", at_least(0.5), "read-is-slow", weight=1.5),
    against("pressure.io", at_least(0.25), "io-pressure", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    only("slow-down", "stall"),
    symptom("large-volumes", weight=1.5),
)

OFFERS = (
    Offer("holter-loader", "CONSENT", of_nnunet=True, of_training=True),
    Offer("coarser-spacing", "CONSENT"),
    MEASURE_STORAGE,
)
