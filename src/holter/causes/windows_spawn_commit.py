"""Windows cannot promise more memory: every worker imports everything again, and the paging file is too small.

What happens:  Windows starts each worker as a new process. It loads torch with its CUDA libraries and reserves 2 to 3
               GB of "commit" for that, whether it uses them or not. The limit is RAM plus paging file, not free RAM: it
               fails even if much RAM is free. Handles run out in the same way.
How we know:   the exception says so: WinError 1455 (paging file too small), 8 (not enough storage) or 6 (handle
               invalid); a MemoryError on Windows means the same, but may be a real lack of RAM. If the system is known
               to be Windows, this is decisive.
Looks like:    ram-oom-train-worker (Linux, an OOM kill is counted); gpu out of memory (the error names CUDA).
What helps:    fewer workers (nnUNet_n_proc_DA=2) [CONSENT: slower preparation]; a larger paging file, system-managed
               or 32 GB and more on an SSD [ADVICE]; WSL2 or Linux, where workers share their parent's pages [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 1761, 1652, 1523, 119; Pytorch_fine_tuning_Tutorial issue 10.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, one_of, supports, symptom

CAUSE = "windows-spawn-commit"

SENTENCES = describe(
    CAUSE,
    title="Windows commit limit reached",
    meaning="Windows cannot promise more memory: its paging file is too small.",
    findings={
        "not-on-windows": "the system is {value}, not Windows",
        "windows-refuses": "Windows says that it cannot promise more memory or handles",
    },
    remedies={
        "larger-paging-file": "Let Windows manage the paging file, or set it to 32 GB and more on an SSD.",
    },
)
ERROR_TEXTS = (
    "OSError: [WinError 1455] The paging file is too small for this operation to complete",
    "OSError: [WinError 8] Not enough memory resources are available to process this command",
)
PRESUPPOSES = ("windows",)

TELLING = ("windows-commit", "memory")

RULES = (
    Rule("exception.kind", one_of("windows-commit"), "windows-refuses", 3.0, group="error"),
    Rule("system.os", one_of("windows"), "on-windows", 1.0, group="system"),
    supports("exception.kind", one_of("memory"), "no-memory-left", weight=2.0),
    against("exception.kind", lambda kind: kind not in TELLING, "exception-says-otherwise", fatal=True),
    against("system.os", one_of("linux", "macos"), "not-on-windows", fatal=True),
    against("episode.kind", one_of("slow-down", "creep", "unsaved"), "still-running", fatal=True),
    symptom("windows-memory"),
)

OFFERS = (Offer("fewer-workers", "CONSENT", of_training=True), Offer("larger-paging-file", "ADVICE"))
