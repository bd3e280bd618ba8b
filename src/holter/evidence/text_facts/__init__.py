"""Text that a person has -> facts, each with the words that it came from: known messages, read-outs, symptoms."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from holter.evidence import error_kinds
from holter.evidence.error_kinds import BEFORE_STEPS, OTHER, error_kind, without_boilerplate
from holter.evidence.text_facts import errors, libraries, platforms, readouts, symptoms, system
from holter.evidence.text_facts.denials import OWN, Concept, concepts_of, denied
from holter.evidence.text_facts.genre.adverts import advertises, is_off_topic
from holter.evidence.text_facts.genre.events import complains, only_wishes, tells_event
from holter.evidence.text_facts.genre.genres import is_build, without_notices
from holter.evidence.text_facts.kinds import SIGNS, TROUBLE, all_is_well, is_addressed
from holter.evidence.text_facts.known import Found, search
from holter.evidence.text_facts.quantities import QUANTITIES
from holter.evidence.text_facts.readouts import lines, named
from holter.evidence.text_facts.resemblance import FEWEST_TERMS, NOTHING, VERY_ALIKE, is_quiet, resembles, terms
from holter.evidence.vocabulary import NAMES, is_condition
from holter.patterns import later
from holter.texts import kernel_log
from holter.texts.plain import joined, plain, prose
from holter.texts.prefixes import bare

# Of several statements of one fact the first table's counts.
TABLES = (errors.MESSAGES, system.MESSAGES, libraries.MESSAGES, platforms.MESSAGES)
OF_THE_KERNEL = (system.OF_THE_KERNEL, platforms.KERNEL, platforms.GPU)
# A guide supposes what somebody who shows a message has met.
SUPPOSED = later(r"\b(?:if|when) (?:you|your|an?|the|it|nvidia-smi)\b|如果|若(?:是|出现|遇到)|遇到", re.IGNORECASE)
# Only messages of programs give these: who shows one names a trouble, whatever else the words resemble.
OF_MESSAGES = ("limit.reached", "gpu.trouble", "gpu.driver_fits", "ddp.timed_out", "hardware.kernel_errors")
# Numbers that complain: a GPU without work, an epoch that takes longer than another.
NUMBERS = ("gpu.utilization_ratio", "epochs.times_usual")
_NO_TROUBLE = (False, 0, "none", ())
# Symptoms that trainings without a trouble have, too.
CIRCUMSTANCES = frozenset({"epoch-per-epoch-start", "large-volumes", "direct-transfer", "many-threads", "tracker"})
# Only the main process loads checkpoints, chooses a GPU and asks for nnU-Net's folders.
OF_THE_MAIN_PROCESS = (
    "checkpoint-broken", "checkpoint-refused", "cpu-torch", "gpu-number", "no-paths", "pinned-memory", *BEFORE_STEPS,
)  # fmt: skip
# What ends a training outweighs what is slow about it, and a standstill a slowness.
KINDS_BY_WEIGHT = ("diverged", "death", "stall", "creep", "slow-down")

# The line of code below a frame of a traceback: it quotes what may be raised there, not what was.
SOURCE = later(r"(^[ \t]*File \"[^\n]*\n)[ \t]+[^\n]*\n(?:[ \t]+[\^~]+[^\n]*\n)?", re.MULTILINE)

# Nobody writes more by hand; a search for symptoms takes a second for ten times as much.
PROSE_CHARS = 16_000

# Facts that come with a version, a path or a name.
NEUTRAL = ("software.", "setting.", "system.", "scope.", "plan.", "ddp.ranks", "workers.count", "gpu.present")

__all__ = [
    "Found",
    "as_stated",
    "ends",
    "facts_of",
    "has_readout",
    "is_addressed",
    "is_observation",
    "is_output",
    "own_words",
    "quiet_commands",
    "read_facts",
]


def facts_of(text: str, *, is_prose: bool = True, span: kernel_log.Span | None = None) -> dict[str, Found]:
    """Return the facts that a text states, by name.

    ``is_prose``: a person may have written it. Then the causes that the description resembles are a fact too, and a
    text that only explains a problem, or reports its solution, states nothing but the output of commands in it.
    ``span``: the time of the run, to ignore earlier lines of a kernel log.
    """
    text = plain(text)
    found = read_facts(text, is_prose=is_prose, span=span)
    if not is_prose:
        return found
    words = without_notices(own_words(text))
    few = len(terms(words)) < FEWEST_TERMS
    # The output of commands and a lone message say what they say; of a title that states a trouble the words count.
    is_message = any(name in found for name in ("echo.says", "exception.first", "exception.kind"))
    if few and ("episode.kind" not in found or is_output(text) or is_message):
        return found
    named = resembles(words, {name: hit.value for name, hit in found.items()})
    wishes = only_wishes(words)
    has_complaint = TROUBLE.search(words) is not None and not wishes
    asks = SIGNS["asks"].search(words) is not None
    is_shown = is_addressed(text) or SUPPOSED.search(text) is None
    is_named = is_shown and (any(name in found for name in OF_MESSAGES) or _is_refused(found))
    is_other = advertises(text) or is_build(text) or (not few and _is_off_topic(text, found))
    likely = [match for match in named if match.cause != NOTHING]
    # What a command printed speaks for itself: it makes no complaint of the words around it.
    measured = _measured(text, found)
    written = {name: hit for name, hit in found.items() if name not in measured}
    has_grounds = _has_grounds(written) or (has_complaint and bool(likely) and likely[0].fit >= VERY_ALIKE)
    names_trouble = _names_trouble(found, wishes=wishes)
    quiet = not is_named and is_quiet(
        named, has_facts=names_trouble, complains=has_complaint, asks=asks and has_grounds
    )
    is_guess = not few and not has_grounds and not complains(words)
    if is_guess or not tells_event(text) or all_is_well(words) or quiet or is_other:
        # Documentation, success stories and adverts quote errors, too; the output of a command is what it is.
        return measured
    if likely and not _is_refused(found):
        found["resembles"] = Found("resembles", tuple(map(str, likely)), likely[0].words, 0)
    return found


# The facts that outputs of commands give; a kind of trouble only if it is the one that they show.
def _measured(text: str, found: Mapping[str, Found]) -> dict[str, Found]:
    shown = {(hit.name, hit.value if hit.name == "episode.kind" else None) for hit in readouts.read(text)}
    return {name: hit for name, hit in found.items() if (name, hit.value if name == "episode.kind" else None) in shown}


# A text of which nothing is known, measured or seen resembles a cause at most.
def _has_grounds(found: Mapping[str, Found]) -> bool:
    return any(name in found for name in NUMBERS) or _names_trouble(found, wishes=True)


# Words of trouble alone: what a program or a command printed is of computing.
def _is_off_topic(text: str, found: Mapping[str, Found]) -> bool:
    if any(name != "episode.kind" and is_observation(name) for name in found):
        return False
    return is_off_topic(text, asks=is_addressed(text))


# What nnU-Net's training says of its arguments, data sets and plans is read nowhere else.
def _is_refused(found: Mapping[str, Found]) -> bool:
    return "exception.kind" in found and found["exception.kind"].value in BEFORE_STEPS


# Lines of ``python -m torch.utils.collect_env``, and of forms that a tracker asks to fill in.
FORM = later(
    r"^[ \t>*#-]*(?:(?:PyTorch|GCC|Clang|CMake|Libc|Python|cuDNN|CUDA runtime|Nvidia driver|HIP runtime|MIOpen runtime)"
    r" version|Python (?:platform|version)|Is (?:debug build|[A-Z]+ available|CUDA)"
    r"|Caching allocator config|CUDA used to build PyTorch"
    r"|ROCM used to build PyTorch|GPU models and configuration|Versions of relevant libraries"
    r"|CUDA_MODULE_LOADING[^:\n]*|OS)[ \t]*:[^\n]*$|^[ \t]*\[(?:pip3?|conda)\] [^\n]*$|^[ \t]*[-*] ?\[[ xX]\] [^\n]*$"
    r"|^#+ (?:Search before asking|Reminder|Are you willing[^\n]*|Additional[^\n]*|Environment[^\n]*"
    r"|Others?|Versions?)[ \t]*$|^\[notice\] [^\n]*$"
    r"|^WARNING: (?:Running pip|There was an error checking|The scripts? |Ignoring invalid dist)[^\n]*$",
    re.MULTILINE,
)


# Pictures, links and their mark-up: their letters are no words.
LINK = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)?|<img\b[^>\n]*>?|\bhttps?://[^\s)\]>\"'，。]*")


def own_words(text: str) -> str:
    """Return a text without outputs of commands, forms, links and final advice; words and errors remain."""
    text = LINK.sub(" ", text)
    return ends(FORM.sub("", lines.without(kernel_log.sifted(symptoms.complaint(text)).rest)), PROSE_CHARS)


def has_readout(text: str) -> bool:
    """Return whether a text contains the output of a command that Holter can read, such as ``nvidia-smi``."""
    return any(True for _ in readouts.read(plain(text)))


def is_output(text: str) -> bool:
    """Return whether a text is the output of commands and nothing else."""
    text = plain(text)
    return has_readout(text) and len(terms(own_words(text))) < FEWEST_TERMS


def quiet_commands(text: str) -> tuple[str, ...]:
    """Return the commands whose outputs a text consists of, and in which nothing is a fact; () if it says more."""
    text = bare(plain(text))
    return named.commands_of(text) if len(terms(own_words(text))) < FEWEST_TERMS else ()


def read_facts(text: str, *, is_prose: bool = True, span: kernel_log.Span | None = None) -> dict[str, Found]:
    """Return the facts that a text states, by name. If it is stated twice, the first table decides.

    Symptoms are read only from prose: a log may name a disk, a tracker or a slow step without a problem.
    ``span``: when the training ran; lines of the kernel log from well before it are ignored.
    """
    text, kernel, _ = kernel_log.sifted(plain(text), span)
    written = ends(prose(symptoms.complaint(lines.without(text))), PROSE_CHARS) if is_prose else ""
    found: dict[str, Found] = {}
    kinds: dict[str, Found] = {}
    text = without_boilerplate(SOURCE.sub(r"\1", text))
    said = lines.without_rows(text)
    # A sentence may be broken into lines anywhere.
    said = f"{said}\n{joined(said)}" if is_prose else said
    whole = said
    opposites: tuple[Found, ...] = ()
    if is_prose:
        said, opposites = _affirmed(said)
    hits = [*readouts.read(text)]
    for table in TABLES:
        hits += search(said, table, whole)
    for table in OF_THE_KERNEL:
        hits += search(kernel, table)
    hits += _symptoms(written)
    hits += opposites
    for hit in hits:
        if hit.name == "episode.kind":
            kinds.setdefault(str(hit.value), hit)
        elif hit.name == "symptoms" and hit.name in found:
            before = found[hit.name]
            found[hit.name] = before._replace(value=tuple(dict.fromkeys((*before.value, *hit.value))))  # type: ignore[misc]
        elif hit.name in NAMES:
            found.setdefault(hit.name, hit)
    kind = error_kind(said)
    if kind != OTHER and "exception.kind" not in found:
        found["exception.kind"] = Found("exception.kind", kind, "", 0)
        kinds.setdefault("death", Found("episode.kind", "death", "", 0))
        if kind in OF_THE_MAIN_PROCESS:
            found.setdefault("exception.role", Found("exception.role", "main", "", 0))
    first = next((kinds[kind] for kind in KINDS_BY_WEIGHT if kind in kinds), None)
    if first is not None:
        found["episode.kind"] = first
    return found


# That nothing grows is an observation, and no trouble; a kind that was read from a wish is none, either.
def _names_trouble(found: Mapping[str, Found], *, wishes: bool) -> bool:
    return any(not wishes if name == "episode.kind" else _is_trouble(hit) for name, hit in found.items())


def _is_trouble(hit: Found) -> bool:
    if hit.name == "symptoms" and isinstance(hit.value, tuple):
        return not CIRCUMSTANCES.issuperset(hit.value)
    return is_observation(hit.name) and hit.value not in _NO_TROUBLE


def is_observation(name: str) -> bool:
    """Return whether a fact says what happened. Versions, paths and names do not: they only make causes possible."""
    return not is_condition(name) and not name.startswith(NEUTRAL)


def ends(text: str, most: int) -> str:
    """Return a text, or the beginning and the end of one that is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most // 3]}\n{text[-2 * most // 3 :]}"


# What a text denies is cut out of it, and what follows from that is stated instead.
def _affirmed(text: str) -> tuple[str, tuple[Found, ...]]:
    refused = denied(text, _concepts())
    return refused.cut(text), refused.facts


@functools.cache
def _concepts() -> tuple[Concept, ...]:
    tables = (*TABLES, *OF_THE_KERNEL, symptoms.SYMPTOMS)
    words = (*(pattern for _, pattern in symptoms.WORDS_OF_SYMPTOMS), *error_kinds.PATTERNS)
    return (
        *OWN,
        *(concept for table in tables for concept in concepts_of(table)),
        *(Concept(pattern, {}) for pattern in words),
    )


def _symptoms(text: str) -> Iterator[Found]:
    whole = f"{text}\n{joined(text)}"
    text, _ = _affirmed(whole)
    yield from search(text, symptoms.SYMPTOMS, whole)
    yield from search(whole, QUANTITIES)
    for name, value, quote in symptoms.times(whole):
        yield Found(name, value, quote, 0)
    names, quote = symptoms.named(text, whole)
    if names:
        yield Found("symptoms", names, quote, 0)


def as_stated(found: dict[str, Found]) -> dict[str, dict[str, object]]:
    """Return the facts as an evidence file holds them."""
    return {
        name: {"value": list(hit.value) if isinstance(hit.value, tuple) else hit.value, "detail": hit.quote}
        for name, hit in found.items()
    }
