"""The network is being compiled: the first epoch is long, and nothing is wrong.

What happens:  at the first training and the first validation step torch.compile translates the network. The GPU idles,
               one or many cores work for minutes, the log is silent. Later epochs take their usual time.
How we know:   the heartbeat is in the phase "compile", or only the first epoch is long; and processes of the compiler
               (inductor's workers, gcc, ptxas) are at work below the training.
Looks like:    a page cache that is still cold (epochs get shorter step by step); cudnn.benchmark (seconds);
               compile-toolchain-broken (it ends with an exception); every real stall (nobody works then).
What helps:    wait; a cache folder that lasts, TORCHINDUCTOR_CACHE_DIR, makes the next start fast [SAFE];
               nnUNet_compile=f while debugging [CONSENT: slower epochs]. Killing it only restarts it.
Source:        pytorch issue 97783; MIC-DKFZ/nnUNet issue 323; ChatTTS issue 713.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, is_false, is_true, no_symptom, one_of, supports, symptom

CAUSE = "compile-warmup"

SENTENCES = describe(
    CAUSE,
    title="The network is being compiled",
    meaning="The network is being compiled; it takes minutes once, and nothing is wrong.",
    findings={
        "compilers-at-work": "compilers at work: {value}",
        "in-compile-phase": "the training is compiling its network",
        "only-first-epoch-long": "only the first epoch was long",
    },
    remedies={
        "wait-for-compile": "Wait: it happens once. Ending it only restarts it.",
        "keep-compile-cache": "Keep the compiler's cache in a folder that lasts: the next start is fast.",
    },
)

RULES = (
    Rule("phase", one_of("compile"), "in-compile-phase", 1.0, group="where"),
    Rule("epochs.shape", one_of("first-only"), "only-first-epoch-long", 2.0, group="where"),
    Rule("compile.children", is_true, "compilers-at-work", 1.5, group="compilers"),
    supports("compile.started", is_true, "says-it-compiles", weight=1.0),
    against("setting.compile", is_false, "compile-is-off", fatal=True),
    against("activity.present", is_false, "nobody-works", weight=2.0),
    *not_in("death", "creep", "unsaved"),
    symptom("fine-without-compile", weight=1.5),
    no_symptom("same-without-compile"),
)

OFFERS = (
    Offer("wait-for-compile", "SAFE"),
    Offer("keep-compile-cache", "SAFE", "export TORCHINDUCTOR_CACHE_DIR=$HOME/.cache/torchinductor"),
    Offer("without-compile", "CONSENT", "export nnUNet_compile=f"),
)
