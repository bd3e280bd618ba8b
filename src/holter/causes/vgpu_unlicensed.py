"""An NVIDIA vGPU runs without a valid licence and has been throttled to a standstill.

What happens:  an unlicensed vGPU runs at full speed for about 20 minutes, then it is slowed down in steps to an idle
               level: GPU and CPU fall to almost 0 %, no error, the GPU memory stays occupied. A reboot or driver reload
               "cures" it for 20 minutes. The number of epochs before the fall varies, the minutes do not. In the last
               stage CUDA itself refuses: "all CUDA-capable devices are busy or unavailable".
How we know:   virtualization mode vGPU and a licence stage of Unlicensed (Restricted) or Unlicensed, while the main
               thread sits in a native call and the workers idle on a full queue. Decisive. In such a guest power,
               temperature and throttle reasons cannot be read: they are unknown, not fine.
Looks like:    gpu-side-stall of another kind (stage Licensed); frozen-worker (queue empty, a worker in T);
               gpu-shared-or-zombie (CUDA refuses because somebody has the GPU in exclusive mode).
What helps:    license the VM: client token in /etc/nvidia/ClientConfigToken, nvidia-gridd running, clock right
               [ADVICE: administrator]; GPU pass-through or a physical machine. Full speed returns at once.
Source:        NVIDIA's licensing pages; gpu-operator issue 220; AKS issue 4868; the story of MIC-DKFZ/nnUNet issue
               2041 (an inference: nobody there looked at
               the licence); tests/tapes/vgpu_unlicensed.
"""

from __future__ import annotations

from holter.causes.offers import ASK, Offer, Wait
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, no_symptom, one_of, supports, symptom
from holter.evidence import Evidence

CAUSE = "vgpu-unlicensed"

SENTENCES = describe(
    CAUSE,
    title="Virtual GPU without a licence",
    meaning="The virtual GPU has no licence, and its driver slows it down to almost nothing.",
    findings={
        "changed-after-grace": "it began {value} minutes after the start; a vGPU without licence has 20",
        "changed-too-late": "it began {value} minutes after the start; a vGPU without licence is slowed down after 20",
        "is-a-vgpu": "the GPU is a virtual GPU",
        "is-licensed": "the virtual GPU is licensed",
        "licence-got-worse": "the licence state got worse during the recording ({detail})",
        "not-a-vgpu": "the GPU is not a virtual GPU",
    },
    remedies={
        "show-licence": "Read the licence state yourself.",
        "license-vgpu": "Ask the administrator to license the virtual machine: a token, nvidia-gridd, the right clock.",
        "physical-gpu": "Ask for GPU pass-through, or use a physical machine.",
    },
    ask={
        "": (
            "The NVIDIA vGPU of [[the virtual machine {host}|our virtual machine]][[ ({gpu})]] has no licence: "
            "`nvidia-smi -q` [[shows “License Status: {licence}” instead of “Licensed”|does not show “License "
            "Status: Licensed”]], and after some minutes the driver slows the GPU down to almost nothing. Please "
            "put a valid client configuration token into /etc/nvidia/ClientConfigToken, check that nvidia-gridd "
            "runs (systemctl status nvidia-gridd), that the licence server can be reached from there and that the "
            "clock is right."
        ),
    },
)
ERROR_TEXTS = (
    "License Status : Unlicensed (Restricted)",
    "vmiop_log: (0x0): vGPU license state: Unlicensed (Unrestricted)",
)
PRESUPPOSES = ("gpu",)
# Many things make a GPU slow in these words: without a virtual GPU they mean nothing.
WORDS_NEED = "gpu.virtualization"

# CUDA's error in the last stage; only this error can end a training here.
REFUSED = Rule("exception.kind", one_of("cuda-refused"), "cuda-refuses", 1.0, group="gpu side")
ENDED = against("episode.kind", one_of("death"), "something-ended", fatal=True)


def in_grace(minutes: float) -> bool:
    """Return whether the 20 minutes of grace may have ended then: they count from the start of machine or driver."""
    return 15 <= minutes <= 40


# Long after the grace period.
LATE_MIN = 60
MISSING = ("unlicensed-restricted", "unlicensed")
RULES = (
    needs("gpu.virtualization", one_of("vgpu"), "is-a-vgpu", otherwise="not-a-vgpu", weight=1.0),
    Rule(
        "gpu.licence_stage",
        one_of(*MISSING),
        "licence-restricts",
        4.0,
        group="stage",
    ),
    supports("gpu.licence_stage", one_of("unlicensed-unrestricted"), "licence-in-grace", weight=0.5),
    supports("gpu.licence_worsened", is_true, "licence-got-worse", weight=0.5),
    Rule("main.waits_on", one_of("native-call"), "main-in-native-call", 1.0, group="gpu side"),
    Rule("queue.ready", one_of("full"), "ready-queue-full", 1.0, group="gpu side"),
    supports("epochs.shape", one_of("step-up"), "epochs-have-this-shape", weight=1.0),
    supports("epochs.minutes_to_change", in_grace, "changed-after-grace", weight=0.5),
    supports("gpu.utilization_ratio", at_most(0.1), "gpu-idle", weight=0.5),
    supports("step.times_usual", at_least(3.0), "steps-got-slower", weight=0.5),
    REFUSED,
    ENDED,
    *not_in("creep", "unsaved"),
    against("gpu.licence_stage", one_of("licensed"), "is-licensed", fatal=True),
    against("main.waits_on", one_of("batch-queue"), "main-waits-for-workers", weight=2.0),
)

TOO_LATE = against("epochs.minutes_to_change", lambda minutes: minutes > LATE_MIN, "changed-too-late", fatal=True)
# A licence that is seen to be missing may have been lost later, and epochs tell the minute badly.
LATE = TOO_LATE._replace(fatal=False, weight=0.5)
# Where a person describes the run: how it came decides between this and every other slow GPU.
DESCRIBED = (
    symptom("slow-after-minutes", weight=1.5),
    symptom("drops-to-idle"),
    no_symptom("waits-for-disk", weight=2.5),
    # The driver of a physical GPU knows no licence.
    no_symptom("same-on-bare-metal", weight=4.0)._replace(fatal=True),
    TOO_LATE,
)

OFFERS = (
    Offer("show-licence", "SAFE", "nvidia-smi -q | grep -iA2 'License'"),
    Offer("license-vgpu", "ADVICE", "systemctl status nvidia-gridd"),
    ASK,
    Offer("physical-gpu", "ADVICE"),
)
WAITS = Wait("licensed")


# Without a known virtual GPU, epoch times only count if they fit the grace period.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    is_seen = evidence.fact("gpu.virtualization").status == "known"
    minutes = evidence.fact("epochs.minutes_to_change").value
    fits = isinstance(minutes, (int, float)) and in_grace(minutes)
    out_of_place = ENDED if REFUSED.test(evidence.fact("exception.kind").value) else REFUSED
    rules = tuple(rule for rule in RULES if is_seen or fits or not rule.fact.startswith("epochs."))
    if evidence.is_stated and not is_seen:  # any GPU may become slow after some minutes
        rules = tuple(rule for rule in rules if not rule.fact.startswith("epochs."))
    elif evidence.is_stated:
        is_missing = evidence.fact("gpu.licence_stage").value in MISSING
        rules = (*rules, *(LATE if is_missing and rule is TOO_LATE else rule for rule in DESCRIBED))
    return tuple(rule for rule in rules if rule != out_of_place)
