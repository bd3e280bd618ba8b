"""The C library keeps memory that was freed, in arenas of its own: the process grows though nothing leaks.

What happens:  glibc gives many threads an arena each, of 64 MiB and more, and returns memory only from the end of it.
               Buffers of changing size leave holes: the RSS of the main process only grows, up to a constant value or
               to the kernel's limit. Python's own heap stays small.
How we know:   at least half of the growth of the main process is in these arenas, and there are eight or more of them.
               That makes it likely and not more: a leak through malloc looks the same from outside. What malloc_trim(0)
               gives back (a fifth or more) decides.
Looks like:    cudnn-2d-host-leak (old cuDNN and 2d); copy-on-read-growth (the workers grow); a leak in own code.
What helps:    MALLOC_ARENA_MAX=2 in the environment of the training [SAFE: result unchanged], or jemalloc by
               LD_PRELOAD [CONSENT]; continue with --c [CONSENT].
Source:        SpecForge issue 491; omi issue 6938; xiaomi-miloco issue 459; hypha issue 976.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, no_symptom, one_of, supports, symptom

CAUSE = "malloc-arena-retention"

SENTENCES = describe(
    CAUSE,
    title="Freed memory is kept",
    meaning="The C library keeps freed memory in its arenas; the main process grows.",
    findings={
        "grows-elsewhere": "only {percent} % of the growth lie in arenas of the C library ({detail})",
        "grows-in-arenas": "{percent} % of the growth lie in arenas of the C library ({detail})",
        "many-arenas": "the C library has {value} extra arenas",
        "not-with-glibc": "the system is {value}, which has another C library",
        "trim-frees": "malloc_trim(0) gives {percent} % of the memory back",
        "trim-frees-nothing": "malloc_trim(0) gives nothing back: the memory is in use",
    },
    remedies={
        "fewer-arenas": "Let the C library use two arenas only.",
    },
)

RULES = (
    Rule("memory.trim_freed_ratio", at_least(0.2), "trim-frees", 2.0, group="trim"),
    supports("memory.arena_share", at_least(0.5), "grows-in-arenas", weight=2.0),
    supports("memory.arenas", at_least(8), "many-arenas", weight=1.0),
    supports("memory.grows_in", one_of("main", "both"), "main-grows", weight=1.0),
    against("memory.trim_freed_ratio", at_most(0.05), "trim-frees-nothing", fatal=True),
    against("memory.arena_share", at_most(0.1), "grows-elsewhere", weight=3.0),
    against("memory.grows_in", one_of("workers", "none"), "main-does-not-grow", weight=2.0),
    against("system.os", one_of("windows", "macos"), "not-with-glibc", fatal=True),
    against("phase", one_of("startup"), "another-phase", fatal=True),  # it takes hours of batches
    against("episode.kind", one_of("stall", "slow-down", "unsaved"), "no-memory-episode", fatal=True),
    symptom("arenas"),
    no_symptom("rss-stays"),
)

OFFERS = (Offer("fewer-arenas", "SAFE", "MALLOC_ARENA_MAX=2 holter run -- {continue}"),)
