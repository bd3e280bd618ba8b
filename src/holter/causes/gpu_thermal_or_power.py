"""The GPU lowers its clock: too hot, or not enough power.

What happens:  steps become slower minutes after the load began, or when the room, the fans or the power supply change,
               and stay so; CPU and data wait for the GPU. After a pause it is fast again for a while.
How we know:   the driver gives a clock event reason (thermal slow-down, power brake, hardware slow-down) in most of its
               readings, the clock is well below the maximum, and the GPU is busy. The software power cap alone is
               normal at full load; it counts only where it takes almost half of the clock. In a vGPU guest none of
               these can be read: unknown, not fine.
Looks like:    gpu-shared-or-zombie (full clock, somebody else computes); vgpu-unlicensed (a standstill in a guest);
               anything on the data side (the GPU waits then, and its clock falls because it idles).
What helps:    cooling, dust, fans, the power supply and the power limit: the administrator [ADVICE]; meanwhile it is
               only slow, and the results are right.
Source:        tensorflow issue 40042; yolov5 issue 8736; perses issue 613; tests/tapes/gpu_thermal_or_power (readings
               by the NVML library of the tests).
"""

from holter.causes.offers import ASK, Offer, Wait
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import (
    SYMPTOMS,
    Rule,
    against,
    at_least,
    at_most,
    is_true,
    needs,
    no_symptom,
    one_of,
    supports,
    symptom,
)
from holter.evidence import Evidence

CAUSE = "gpu-thermal-or-power"

SENTENCES = describe(
    CAUSE,
    title="GPU slowed down by heat or power",
    meaning="The GPU lowers its clock because it is too hot or gets too little power.",
    findings={
        "clock-held-down": "the clock was held down while the GPU was busy",
        "clock-not-held-down": "the clock was not held down",
        "gpu-clock-low": "the clock was at {percent} % of its maximum ({detail})",
        "gpu-is-hot": "the GPU was at {value} °C",
        "gpu-slowed-down": "the GPU's clock is held down: {value}",
    },
    remedies={
        "look-at-clocks": "Look at the clock, its limits, temperature and power.",
    },
    ask={
        "": (
            "[[{gpu}|A GPU]][[ on {host}]] lowers its clock under load[[, to {clock_percent:percent} % of its "
            "maximum]][[, at up to {temperature} °C]]. [[The driver's reason: {reasons}. ]]Please check its cooling"
            " (fans, dust, air flow, temperature of the room), its power cables and supply, and its power limit; "
            "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER,CLOCK shows the state."
        ),
    },
)
PRESUPPOSES = ("gpu",)

# Most boards slow down from here on; their own limit cannot be read everywhere.
HOT_C = 83

RULES = (
    needs("gpu.throttled", is_true, "clock-held-down", otherwise="clock-not-held-down", weight=2.0),
    Rule("gpu.clock_reasons", is_true, "gpu-slowed-down", 1.0),
    supports("gpu.clock_ratio", at_most(0.8), "gpu-clock-low", weight=0.5),
    supports("step.times_usual", at_least(1.1), "steps-got-slower", weight=0.5),
    supports("gpu.temperature_c", at_least(HOT_C), "gpu-is-hot", weight=0.5),
    supports("epochs.shape", one_of("drift-up"), "epochs-have-this-shape", weight=0.5),
    against("wait.ratio", at_least(0.5), "waits-for-batches", weight=2.0),
    against("gpu.shared", one_of("slow"), "others-explain", weight=1.0),
    *not_in("death", "unsaved"),
    symptom("hot"),
    symptom("fast-when-cool", weight=3.0),
    no_symptom("same-elsewhere", weight=1.0),
)

OFFERS = (
    Offer("look-at-clocks", "SAFE", "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER,CLOCK"),
    ASK,
)
WAITS = Wait("full-clock")
# As a person describes it: a GPU whose clock is held down works slowly, and one that does nothing gets not hot.
IDLE = against("gpu.utilization_ratio", at_most(0.05), "gpu-idle", fatal=True)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    symptoms = evidence.fact(SYMPTOMS).value
    is_hot = evidence.fact("gpu.throttled").value is True or (isinstance(symptoms, tuple) and "hot" in symptoms)
    return (*RULES, *((IDLE,) if evidence.is_stated and not is_hot else ()))
