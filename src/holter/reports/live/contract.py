"""The capability contract in words: in short at the start, in full in reports, and what has changed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from holter.records import Ability, ContractSettled, Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.when import SPACE
from holter.sentences import define

LINE = define("contract.line", "sees {seen}[[; not: {unseen}]].")
LINE_ALL = define("contract.line-all", "sees this training ({loader})[[; not: {unseen}]].")
POWERS = define("contract.powers", "Can {powers}.")
ONLY_RESTARTS = define("contract.only-restarts", "Can restart it, but not replace workers or save checkpoints.")
WATCHES = define("contract.watches", "It only watches; holter train, or run --heal, acts.")
CONSEQUENCE = define("contract.consequence", "{words}.")
TRAINING = define("contract.the-training", "the training")
ROW = define("contract.row", "{able}[[: {why}]]")
NONE_TO_REPLACE = define("contract.none-to-replace", "there are none")
ITEM = define("contract.item", "{name} ({what})")
LOST = define("contract.lost", "from now on without {name}: {why}")
BACK = define("contract.back", "{name} is there now")
NOW_CAN = define("contract.now-can", "from now on Holter can {powers}")

SEES = {
    "heartbeat": define("contract.sees.heartbeat", "heartbeat"),
    "loader": define("contract.sees.loader", "data loader"),
    "log": define("contract.sees.log", "training log"),
    "exceptions": define("contract.sees.exceptions", "exceptions"),
    "stacks": define("contract.sees.stacks", "stacks"),
    "gpu": define("contract.sees.gpu", "GPU"),
    "kernel-log": define("contract.sees.kernel-log", "kernel log"),
    "endings": define("contract.sees.endings", "exit codes"),
    "results": define("contract.sees.results", "results folder"),
    "losses": define("contract.sees.losses", "losses and checkpoints"),
}
LOADERS = {
    "batchgenerators": define("contract.loader.batchgenerators", "batchgenerators workers"),
    "batchgenerators-old": define("contract.loader.batchgenerators-old", "workers of the older batchgenerators loader"),
    "torch": define("contract.loader.torch", "PyTorch DataLoader workers"),
    "forked": define("contract.loader.forked", "forked workers"),
    "single-process": define("contract.loader.single-process", "batches made in the main process"),
    "holter": define("contract.loader.holter", "Holter's loader, without workers"),
}
DOES = {
    "replace-workers": define("contract.does.replace-workers", "replace workers[[ of: {what}]]"),
    "save": define("contract.does.save", "save checkpoints"),
    "restart": define("contract.does.restart", "restart[[ with: {what}]]"),
}
# What the user must expect if an ability is missing; without the reason where it was said already.
CANNOT = {
    "replace-workers": define(
        "contract.cannot.replace-workers", "If a worker freezes or dies, Holter can only tell you[[: {why}]]"
    ),
    "save": define("contract.cannot.save", "Holter saves no checkpoints here[[: {why}]]"),
    "restart": define(
        "contract.cannot.restart",
        "if the training dies or hangs, Holter cannot start it again: {why}; --resume-command CMD names a command",
    ),
}
# Both are missing for one reason.
CANNOT_HELP = define(
    "contract.cannot.help",
    "If a worker freezes or dies, Holter can only tell you, and it saves no checkpoints[[: {why}]]",
)
BOTH = ("replace-workers", "save")
# With all of these a training is seen; without any, and without its results, none.
THE_TRAINING = ("heartbeat", "loader", "log")
# Missing on most machines, and nobody can change it.
WITHOUT_REASON = "endings"
NO_WORKERS = "no-workers"
# Why workers are not replaced, where their loader is the reason.
OF_LOADER = ("contract.loader-cannot", "contract.loader-refused")


def contract_line(settled: ContractSettled, lang: Lang) -> str:
    """Return one line on what Holter can observe and do, and what the user has to expect; ``rows`` has the details."""
    only_restarts = _only_restarts(settled)
    sentences = [_sight(settled, lang, is_brief=only_restarts)]
    if settled.only_watches:
        sentences.append(WATCHES())
    elif only_restarts:
        sentences.append(ONLY_RESTARTS())
    else:
        can = _can(settled.does, lang)
        sentences += [POWERS(powers=can)] if can else []
        # Whether the training can be restarted was printed before it was started.
        missing = tuple(ability for ability in settled.does if ability.name != "restart")
        sentences += [CONSEQUENCE(words=words) for words in consequences(_unsaid(missing), lang)]
    return SPACE[lang].join(phrase(sentence, lang) for sentence in sentences)


def _unsaid(does: tuple[Ability, ...]) -> tuple[Ability, ...]:
    # Without the reason where it was said already, as of a heartbeat that is missing; the loader's own was not.
    return tuple(
        ability if _is_of_loader(ability.why_not) else msgspec.structs.replace(ability, why_not=None)
        for ability in does
    )


def _is_of_loader(why_not: Message | None) -> bool:
    return why_not is not None and why_not.key in OF_LOADER


def _only_restarts(settled: ContractSettled) -> bool:
    # The hook is lost: its reason alone takes a row, and the rest must be short.
    hook_is_there = any(ability.can for ability in settled.sees if ability.name == "heartbeat")
    return not hook_is_there and {ability.name for ability in settled.does if ability.can} == {"restart"}


def _sight(settled: ContractSettled, lang: Lang, *, is_brief: bool) -> Message:
    join = text("list.join", lang)
    seen = {ability.name: _seen(ability, lang) for ability in settled.sees if ability.can}
    if is_brief:  # what of the training is seen; the report has the rest
        seen = {name: words for name, words in seen.items() if name in THE_TRAINING} or seen
    unseen = join.join(_unseen(settled, lang)) or None
    if all(name in seen for name in THE_TRAINING):
        return LINE_ALL(loader=seen["loader"], unseen=unseen)
    return LINE(seen=join.join(seen.values()) or text("word.nothing", lang), unseen=unseen)


def rows(settled: ContractSettled, lang: Lang) -> list[tuple[str, str]]:
    """Return the name of each ability with what provides it, or why it is missing."""
    return [
        (phrase({**SEES, **DOES}[ability.name](), lang), _row(ability, lang))
        for ability in (*settled.sees, *settled.does)
    ]


def _row(ability: Ability, lang: Lang) -> str:
    if ability.what == NO_WORKERS:
        return phrase(NONE_TO_REPLACE(), lang)
    if ability.can and ability.what:
        return phrase(LOADERS[ability.what](), lang) if ability.what in LOADERS else ability.what
    able = text("word.yes" if ability.can else "word.no", lang)
    return phrase(ROW(able=able, why=_why(ability, lang) or None), lang)


def _unseen(settled: ContractSettled, lang: Lang) -> Iterator[str]:
    # Only the first has its reason: what else is missing is often missing for the same.
    missing = [ability for ability in settled.sees if not ability.can]
    if any(ability.name == "losses" for ability in missing):  # what nnU-Net would write there
        missing = [ability for ability in missing if ability.name not in ("log", "results")]
        missing.sort(key=lambda ability: ability.name != "losses")
    of_training = {*THE_TRAINING, "results"}
    sees_training = any(ability.can for ability in settled.sees if ability.name in of_training)
    if not sees_training:
        missing = [ability for ability in missing if ability.name not in of_training - {"heartbeat"}]
    for number, ability in enumerate(missing):
        name = _name(ability, lang) if sees_training or ability.name != "heartbeat" else phrase(TRAINING(), lang)
        has_reason = number == 0 and ability.name != WITHOUT_REASON
        yield phrase(ITEM(name=name, what=_why(ability, lang)), lang) if has_reason else name


def consequences(abilities: tuple[Ability, ...], lang: Lang) -> list[str]:
    """Return what will happen for each ability that is missing, each reason once; empty if none is."""
    missing = {ability.name: ability for ability in abilities if not ability.can}
    if all(name in missing for name in BOTH) and missing["save"].why_not == missing["replace-workers"].why_not:
        others = tuple(ability for ability in abilities if ability.name not in BOTH)
        return [phrase(CANNOT_HELP(why=missing["save"].why_not), lang), *consequences(others, lang)]
    return [phrase(CANNOT[ability.name](why=ability.why_not), lang) for ability in abilities if not ability.can]


def changes(settled: ContractSettled, before: ContractSettled, lang: Lang) -> list[str]:
    """Return which abilities were lost and which were gained."""
    lines = []
    earlier = {ability.name: ability for ability in before.sees}
    both = ((now, earlier[now.name]) for now in settled.sees if now.name in earlier)
    for now, then in both:
        if then.can and not now.can:
            lines.append(phrase(LOST(name=_name(now, lang), why=_why(now, lang)), lang))
        elif now.can and not then.can:
            lines.append(phrase(BACK(name=_name(now, lang)), lang))
    pairs = tuple(zip(settled.does, before.does, strict=True))
    gained = _can(tuple(now for now, then in pairs if now.can and not then.can), lang)
    if gained:
        lines.append(phrase(NOW_CAN(powers=gained), lang))
    return lines + consequences(tuple(now for now, then in pairs if then.can and not now.can), lang)


def _can(abilities: tuple[Ability, ...], lang: Lang) -> str:
    # A loader without workers has none to replace.
    can = [
        phrase(DOES[ability.name](what=ability.what), lang)
        for ability in abilities
        if ability.can and ability.what != NO_WORKERS
    ]
    return text("list.join", lang).join(can)


def _seen(ability: Ability, lang: Lang) -> str:
    is_loader = ability.name == "loader" and ability.what in LOADERS
    return phrase(LOADERS[ability.what or ""](), lang) if is_loader else _name(ability, lang)


def _name(ability: Ability, lang: Lang) -> str:
    return phrase(SEES[ability.name](), lang)


def _why(ability: Ability, lang: Lang) -> str:
    return phrase(ability.why_not, lang) if ability.why_not is not None else ""
