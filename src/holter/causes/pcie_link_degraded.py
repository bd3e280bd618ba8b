"""The GPU's PCIe link runs far below what card and slot can do.

What happens:  a loose or wrong slot, a riser, a bad contact or power saving lets the link run with fewer lanes or an
               old generation. Batches reach the GPU slowly: steps are longer and the GPU's use has gaps, always.
How we know:   the best link that the GPU showed under load (an idle GPU lowers it on purpose) is below 0.3 of its
               maximum, and at least half of what it still carries is used. A link that is hardly used slows
               nothing down; half the lanes alone (x8) cost little.
Looks like:    cpu-starved-augmentation (the training waits for batches); vram-spill-to-host (full link, and much
               traffic, on Windows and WSL); gpu-thermal-or-power (the clock is low).
What helps:    nvidia-smi -q -d PCIE under load; the administrator: reseat the card, another slot, firmware settings
               [ADVICE].
Source:        NVIDIA's NVML reference (current and maximum link).
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, no_symptom, one_of, supports, symptom

CAUSE = "pcie-link-degraded"

SENTENCES = describe(
    CAUSE,
    title="Slow PCIe link",
    meaning="The GPU's PCIe link runs far below what card and slot can do.",
    findings={
        "link-is-idle": "only {percent} % of what the link carries was used",
        "link-is-fine": "under load the link has {percent} % of its possible speed ({detail})",
        "link-is-slow": "under load the link has {percent} % of its possible speed ({detail})",
    },
    remedies={
        "look-at-link": "Look at the link while the GPU works; idle GPUs lower it on purpose.",
        "reseat-gpu": "Ask the administrator to reseat the card, or to try another slot or firmware settings.",
    },
)
PRESUPPOSES = ("gpu",)

# x4 instead of x16, or two generations less. Half of the lanes is the design of many boards.
DEGRADED_RATIO = 0.3
# A batch copy that takes a smaller share of the time delays nothing.
IDLE_RATIO = 0.2

RULES = (
    needs("gpu.pcie_ratio", at_most(DEGRADED_RATIO), "link-is-slow", otherwise="link-is-fine", weight=2.0),
    Rule("gpu.pcie_busy_ratio", at_least(0.5), "link-is-busy", 1.0, group="busy"),
    supports("step.times_usual", at_least(1.3), "steps-got-slower", weight=0.5),
    against("gpu.pcie_busy_ratio", at_most(IDLE_RATIO), "link-is-idle", fatal=True),
    against("wait.ratio", at_least(0.5), "waits-for-batches", weight=1.5),
    against("gpu.throttled", is_true, "clock-explains", weight=1.0),
    against("gpu.shared", one_of("slow"), "others-explain", weight=1.0),
    *not_in("death", "stall", "creep", "unsaved"),
    symptom("narrow-link"),
    no_symptom("same-elsewhere", weight=1.0),
)
# A narrow link only counts after it was seen busy.
ONLY_IF_SEEN = ("gpu.pcie_busy_ratio",)

OFFERS = (
    Offer(
        "look-at-link",
        "SAFE",
        "nvidia-smi --query-gpu=pcie.link.gen.current,pcie.link.gen.max,"
        "pcie.link.width.current,pcie.link.width.max,utilization.gpu --format=csv",
    ),
    Offer("reseat-gpu", "ADVICE"),
)
