"""At this batch or patch size the GPU uses a much slower algorithm.

What happens:  a slightly larger batch or patch makes epochs many times as long, with a fully used GPU at full power:
               on an H100, from some hundred seconds to 4000 for a batch of 3 instead of 2.
How we know:   only by comparison: the time per sample, measured at this and at a smaller batch size, is at least 1.5
               times as long. One run alone cannot show it; a GPU that is simply busy looks the same.
Looks like:    vram-spill-to-host (Windows and WSL: low power); gpu-slow-kernels-software (slow at every batch size);
               gpu-thermal-or-power (the clock is low).
What helps:    the planned batch size, or another one; channels in multiples of 8; another cuDNN [CONSENT: another
               training]. The thread ended without a solution.
Source:        MIC-DKFZ/nnUNet issue 2361.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import against, at_least, is_true, needs, one_of, supports, symptom

CAUSE = "batch-size-cliff"

SENTENCES = describe(
    CAUSE,
    title="Batch size that is slow on this GPU",
    meaning="At this batch or patch size the GPU uses a much slower algorithm.",
    findings={
        "batch-size-is-fine": "a sample takes about as long as at a smaller batch size ({value} times)",
        "gpu-at-power": "the GPU draws {percent} % of its power limit",
        "samples-cost-more": "a sample takes {value} times as long as at a smaller batch size",
    },
    remedies={
        "planned-batch-size": "Go back to the planned batch and patch size, or try another one.",
    },
)
PRESUPPOSES = ("gpu",)

RULES = (
    needs("batch.times_per_sample", at_least(1.5), "samples-cost-more", otherwise="batch-size-is-fine", weight=2.0),
    supports("gpu.utilization_ratio", at_least(0.9), "gpu-busy", weight=0.25),
    supports("gpu.power_ratio", at_least(0.6), "gpu-at-power", weight=0.25),
    against("gpu.spinning", is_true, "gpu-spins", weight=1.5),
    against("gpu.throttled", is_true, "clock-explains", weight=1.5),
    against("gpu.shared", one_of("slow"), "others-explain", weight=1.5),
    *not_in("death", "creep", "unsaved"),
    symptom("larger-batch-slower"),
)

OFFERS = (Offer("planned-batch-size", "CONSENT"),)
