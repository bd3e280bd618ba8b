"""Windows lets GPU memory overflow into main memory, and the training becomes very slow.

What happens:  on Windows, and in WSL on it, the driver does not refuse when GPU memory is full: it moves a part into
               "shared GPU memory". Each step then goes over the bus: 5 to 50 times slower, without an error, often
               after a desktop program or a larger case took the last room.
How we know:   Windows or WSL; GPU memory full to 95 %; the GPU shows full use at the power of an idle one.
Looks like:    gpu-thermal-or-power (power at its limit, clock low); batch-size-cliff (full power); on Linux outside
               WSL it cannot happen: there "CUDA out of memory" is raised; a GPU with little to do waits for
               something else (wsl2-limits, cpu-starved-augmentation).
What helps:    NVIDIA control panel, "CUDA - Sysmem Fallback Policy": prefer no fallback (then too large a network ends
               with an error instead); close other programs [ADVICE]; a smaller plan [CONSENT: another network].
Source:        WSL issues 10452, 11050; ai-toolkit issues 794, 504; stable-diffusion-webui issue 11063; Flux.jl issue
               2364; VoxFormer issue 69.
"""

from holter.causes.offers import PLAN_FOR_GPU, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, proves_nothing, supports, symptom
from holter.evidence import Evidence

CAUSE = "vram-spill-to-host"

SENTENCES = describe(
    CAUSE,
    title="GPU memory spills into RAM",
    meaning="Windows lets GPU memory overflow into main memory, and the training becomes very slow.",
    findings={
        "is-windows": "the machine runs Windows",
    },
    remedies={
        "close-programs": "Close other programs that use the GPU.",
        "no-sysmem-fallback": "In the NVIDIA control panel, set CUDA - Sysmem Fallback Policy to no fallback.",
    },
)
PRESUPPOSES = ("gpu", "windows")

HALF_BUSY = 0.5

RULES = (
    Rule("system.os", one_of("windows"), "is-windows", 1.5, group="system"),
    Rule("system.virtual_machine", one_of("wsl"), "is-wsl", 1.5, group="system"),
    Rule("gpu.memory_ratio", at_least(0.95), "gpu-memory-full", 0.75, group="full"),
    Rule("gpu.spinning", is_true, "gpu-spins", 0.75, group="power"),
    supports("gpu.pcie_busy_ratio", at_least(0.3), "link-is-busy", weight=0.25),
    supports("step.times_usual", at_least(3.0), "steps-got-slower", weight=0.25),
    against("wait.ratio", at_least(0.5), "waits-for-batches", weight=1.5),
    # A GPU that waits for the bus is reported as busy.
    against("gpu.utilization_ratio", at_most(HALF_BUSY), "gpu-idle", weight=1.5),
    against("gpu.throttled", is_true, "clock-explains", weight=1.0),
    *not_in("death", "creep", "unsaved"),
    symptom("memory-spills"),
)

OFFERS = (
    Offer("close-programs", "ADVICE"),
    Offer("no-sysmem-fallback", "CONSENT"),
    PLAN_FOR_GPU,
)


# GPU memory is full in many trainings on Linux: where nothing names Windows, that alone is no hint.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    is_named = any(evidence.fact(name).status == "known" for name in ("system.os", "system.virtual_machine"))
    if is_named or not evidence.is_stated:
        return RULES
    return tuple(proves_nothing(rule) if rule.group == "full" else rule for rule in RULES)
