"""The capability contract in words: one line at the start, and a line for each missing ability."""

from __future__ import annotations

from holter.records import Ability, ContractSettled, Message
from holter.reports.catalogue import Lang, phrase, text
from holter.sentences import define

LINE = define("contract.line", "sees {seen}; not: {unseen}. {powers}")
LINE_SEES_ALL = define("contract.line-sees-all", "sees {seen}. {powers}")
POWERS = define("contract.powers", "Can {powers}.")
NO_POWERS = define("contract.no-powers", "Can do nothing about trouble here.")
WATCHES = define("contract.watches", "It only watches; holter train, or run --heal, acts.")
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
    "endings": define("contract.sees.endings", "how processes end"),
    "results": define("contract.sees.results", "results folder"),
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
    "replace-workers": define("contract.does.replace-workers", "replace workers"),
    "save": define("contract.does.save", "save checkpoints"),
    "restart": define("contract.does.restart", "restart with: {what}"),
}
# What the user must expect if an ability is missing.
CANNOT = {
    "replace-workers": define(
        "contract.cannot.replace-workers", "if a worker freezes or dies, Holter can only tell you: {why}"
    ),
    "save": define(
        "contract.cannot.save",
        "checkpoints are only those that the training writes itself: {why}",
    ),
    "restart": define(
        "contract.cannot.restart",
        "if the training dies or hangs, Holter cannot start it again: {why}; --resume-command CMD names a command",
    ),
}
# Both are missing for one reason.
CANNOT_HELP = define(
    "contract.cannot.help",
    "if a worker freezes or dies, Holter can only tell you, and checkpoints are only those that the training writes "
    "itself: {why}",
)
BOTH = ("replace-workers", "save")


def contract_line(settled: ContractSettled, lang: Lang) -> str:
    """Return one line about what Holter can observe and do."""
    join = text("list.join", lang)
    seen = join.join(_seen(ability, lang) for ability in settled.sees if ability.can)
    unseen = join.join(
        phrase(ITEM(name=_name(ability, lang), what=_why(ability, lang)), lang)
        for ability in settled.sees
        if not ability.can
    )
    powers = phrase(_powers(settled, lang), lang)
    if not unseen:
        return phrase(LINE_SEES_ALL(seen=seen, powers=powers), lang)
    return phrase(LINE(seen=seen or text("word.nothing", lang), unseen=unseen, powers=powers), lang)


def consequences(abilities: tuple[Ability, ...], lang: Lang) -> list[str]:
    """Return what will happen for each ability that is missing, each reason once; empty if none is."""
    missing = {ability.name: ability for ability in abilities if not ability.can}
    if all(name in missing for name in BOTH) and missing["save"].why_not == missing["replace-workers"].why_not:
        others = tuple(ability for ability in abilities if ability.name not in BOTH)
        return [phrase(CANNOT_HELP(why=_why(missing["save"], lang)), lang), *consequences(others, lang)]
    return [phrase(CANNOT[ability.name](why=_why(ability, lang)), lang) for ability in abilities if not ability.can]


def changes(settled: ContractSettled, before: ContractSettled, lang: Lang) -> list[str]:
    """Return which abilities were lost and which were gained."""
    lines = []
    for now, then in zip(settled.sees, before.sees, strict=True):
        if then.can and not now.can:
            lines.append(phrase(LOST(name=_name(now, lang), why=_why(now, lang)), lang))
        elif now.can and not then.can:
            lines.append(phrase(BACK(name=_name(now, lang)), lang))
    pairs = tuple(zip(settled.does, before.does, strict=True))
    gained = _can(tuple(now for now, then in pairs if now.can and not then.can), lang)
    if gained:
        lines.append(phrase(NOW_CAN(powers=gained), lang))
    return lines + consequences(tuple(now for now, then in pairs if then.can and not now.can), lang)


def _powers(settled: ContractSettled, lang: Lang) -> Message:
    if settled.only_watches:
        return WATCHES()
    can = _can(settled.does, lang)
    return POWERS(powers=can) if can else NO_POWERS()


def _can(abilities: tuple[Ability, ...], lang: Lang) -> str:
    # A loader without workers has none to replace.
    can = [
        phrase(DOES[ability.name](what=ability.what), lang)
        for ability in abilities
        if ability.can and ability.what != "no-workers"
    ]
    return text("list.join", lang).join(can)


def _seen(ability: Ability, lang: Lang) -> str:
    if ability.name == "loader" and ability.what in LOADERS:
        return phrase(LOADERS[ability.what](), lang)
    return phrase(ITEM(name=_name(ability, lang), what=ability.what), lang) if ability.what else _name(ability, lang)


def _name(ability: Ability, lang: Lang) -> str:
    return phrase(SEES[ability.name](), lang)


def _why(ability: Ability, lang: Lang) -> str:
    return phrase(ability.why_not, lang) if ability.why_not is not None else ""
