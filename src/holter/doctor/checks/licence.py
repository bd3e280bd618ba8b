"""The licence of a vGPU: without one the driver slows the GPU down to almost nothing after some minutes.

NVIDIA documents full speed for the first 20 minutes, but not their start: start of the virtual machine, load of the
driver, or first use. Counting from the start of the machine gives the smallest remaining time. If a GPU still has
full speed after 20 minutes of uptime, counting started later.
"""

from __future__ import annotations

from holter.doctor.checks.gpu import present
from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.records import Result, Survey
from holter.sentences import define_all

define_all(
    {
        "doctor.vgpu-licence.title": "vGPU licence",
        "doctor.vgpu-licence.go": "{name}[[: {text}]]",
        "doctor.vgpu-licence.no-vgpu": "not a virtual GPU",
        "doctor.vgpu-licence.grace": (
            "{name} has no licence[[ ({text})]]. It runs at full speed for {grace} minutes at most, then the driver"
            " slows "
            "it down to almost nothing."
        ),
        "doctor.vgpu-licence.grace.do": "Have a licence token installed before you train; nvidia-gridd fetches it.",
        "doctor.vgpu-licence.grace-left": (
            "{name} has no licence[[ ({text})]]. Full speed lasts {grace} minutes; counted from the start of the "
            "machine "
            "({uptime} minutes ago) {left} are left. NVIDIA does not say from when it counts. Then the driver "
            "slows the "
            "GPU down to almost nothing."
        ),
        "doctor.vgpu-licence.grace-left.do": (
            "Have a licence token installed before you train; nvidia-gridd fetches it."
        ),
        "doctor.vgpu-licence.grace-later": (
            "{name} has no licence[[ ({text})]]. Full speed lasts {grace} minutes. The machine has been up for "
            "{uptime}, so the count began later: with the load of the driver or the first use. At most {left} are "
            "left; then the driver slows the GPU down to almost nothing."
        ),
        "doctor.vgpu-licence.grace-later.do": (
            "Have a licence token installed before you train; nvidia-gridd fetches it."
        ),
        "doctor.vgpu-licence.restricted": (
            "{name} has no licence[[ ({text})]] and is slowed down already; no minute is left."
        ),
        "doctor.vgpu-licence.restricted.do": "Have a licence token installed; full speed returns at once.",
        "doctor.vgpu-licence.last-stage": (
            "{name} has no licence[[ ({text})]]. On today's drivers this is the last stage: CUDA is slowed down to "
            "almost "
            "nothing or refused. Drivers before 2022 use the word for every stage."
        ),
        "doctor.vgpu-licence.last-stage.do": "Have a licence token installed; full speed returns at once.",
    }
)

GRACE_MIN = 20
TOKEN = "systemctl status nvidia-gridd"


def vgpu_licence(survey: Survey) -> Result:
    """Check the type and stage of the licence, with the minutes that are left."""
    gpus = present(survey)
    if not gpus:
        return not_applicable("vgpu-licence", "no-gpu")
    guests = [gpu for gpu in gpus if gpu.virtualization == "vgpu" or gpu.licence_stage is not None]
    if not guests:
        if all(gpu.virtualization is None for gpu in gpus):
            return unknown("vgpu-licence", "no-virtualization")
        return not_applicable("vgpu-licence", "no-vgpu")
    gpu = guests[0]
    values = {"name": gpu.name, "product": gpu.licence_product, "text": gpu.licence_text}
    if gpu.licence_stage == "licensed":
        return go("vgpu-licence", **values)
    if gpu.licence_stage in (None, "unknown"):
        return unknown("vgpu-licence", gpu.licence_text or "no-stage")
    if gpu.licence_stage != "unlicensed-unrestricted":
        variant = "restricted" if gpu.licence_stage == "unlicensed-restricted" else "last-stage"
        return result("no-go", "vgpu-licence", variant, setting=TOKEN, **values)
    uptime_s = survey.machine.uptime_s
    if uptime_s is None:
        return result("no-go", "vgpu-licence", "grace", setting=TOKEN, grace=GRACE_MIN, **values)
    minutes = int(uptime_s // 60)
    # Still unrestricted after that time: the count did not start with the machine.
    counts_later = minutes >= GRACE_MIN
    left = GRACE_MIN if counts_later else GRACE_MIN - minutes
    values |= {"left": str(left), "uptime": str(minutes), "grace": str(GRACE_MIN)}
    return result("no-go", "vgpu-licence", "grace-later" if counts_later else "grace-left", setting=TOKEN, **values)


CHECKS = (vgpu_licence,)
