"""Direct traffic between GPUs gets lost: several GPUs hang at their first collective.

What happens:  PCIe access control (ACS) or an IOMMU that translates redirects the data that one GPU writes to another,
               and the data is lost or wrong. All processes wait in their first collective forever; the GPUs show 100 %
               use at almost idle power. One GPU alone works.
How we know:   several processes, none of them behind, no step ever finished, the GPUs spin, and accesses of the GPUs
               are translated by the IOMMU. ACS can only be read by the administrator (lspci -vvv, ACSCtl).
Looks like:    ddp-collective-timeout (one process is elsewhere; steps went well before); a firewall or wrong interface
               between hosts.
What helps:    NCCL_P2P_DISABLE=1: right results, slower exchange [CONSENT]; for good: iommu=pt or intel_iommu=off on
               the kernel's command line, ACS off in the firmware [ADVICE: administrator].
Source:        nccl issues 2079, 257, 631, 667, 606, 199; nccl-tests issue 117; pytorch issues 73790, 68735.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import (
    Rule,
    against,
    at_least,
    at_most,
    is_false,
    is_true,
    needs,
    no_symptom,
    one_of,
    supports,
    symptom,
)

CAUSE = "nccl-p2p-broken"

SENTENCES = describe(
    CAUSE,
    title="Direct traffic between GPUs gets lost",
    meaning="GPUs cannot reach each other directly, and hang at the first exchange.",
    findings={
        "iommu-translates": "the IOMMU translates what GPUs write to each other",
        "link-is-silent": "hardly anything goes over the link ({percent} %)",
        "no-step-finished": "no step has ever been finished",
        "p2p-is-off": "direct traffic between GPUs is switched off already",
        "steps-went-well": "steps finished before: {value}",
    },
    remedies={
        "without-p2p": "Switch direct traffic between GPUs off: slower exchange, and it works.",
        "iommu-through": "Ask the administrator to set the IOMMU to pass-through (iommu=pt) and to switch ACS off.",
    },
)
PRESUPPOSES = ("gpu", "ranks")

RULES = (
    needs("ddp.ranks", at_least(2), "several-ranks", otherwise="one-process", weight=0.5),
    Rule("gpu.spinning", is_true, "gpu-spins", 1.0, group="spin"),
    Rule("ddp.steps", at_most(0), "no-step-finished", 0.5, group="start"),
    Rule("system.gpu_iommu", one_of("translated"), "iommu-translates", 1.0, group="iommu"),
    supports("gpu.pcie_busy_ratio", at_most(0.02), "link-is-silent", weight=0.5),
    supports("exception.kind", one_of("nccl-timeout"), "nccl-timed-out", weight=0.5),
    against("ddp.behind", is_true, "rank-is-behind", fatal=True),
    against("ddp.steps", at_least(1), "steps-went-well", weight=2.0),
    against("setting.nccl_p2p", is_false, "p2p-is-off", fatal=True),
    *not_in("creep", "unsaved"),
    symptom("direct-transfer"),
    symptom("one-gpu-fine"),
    symptom("fine-without-p2p", weight=3.0),
    no_symptom("same-without-p2p"),
)

OFFERS = (
    Offer("without-p2p", "CONSENT", "NCCL_P2P_DISABLE=1 {continue}"),
    Offer("iommu-through", "ADVICE", "sudo lspci -vvv | grep -i ACSCtl; cat /proc/cmdline"),
)
