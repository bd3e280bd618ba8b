"""The short words of the screen."""

from __future__ import annotations

from holter.reports.catalogue import Lang, text
from holter.sentences import define_all
from holter.sizes import GIB, KIB, MIB
from holter.views.model.series import LaneName

define_all(
    {
        # Labels of lanes, short and long
        "top.main": "main",
        "top.main.long": "main",
        "top.main-many": "rank {rank}",
        "top.train-worker": "w{index}",
        "top.val-worker": "v{index}",
        "top.export-worker": "x{index}",
        "top.pool-worker": "p{index}",
        "top.train-worker.long": "worker {index}",
        "top.val-worker.long": "val {index}",
        "top.export-worker.long": "export {index}",
        "top.pool-worker.long": "worker {index}",
        "top.others": "+{count}",
        "top.others.long": "{count} more",
        # Labels of charts
        "top.gpu": "GPU{index}",
        "top.cpu": "CPU",
        "top.memory": "mem",
        "top.group-memory": "limit",
        "top.disk": "disk",
        "top.network": "net",
        "top.swap": "swap",
        "top.shm": "shm",
        "top.wait": "wait",
        "top.gpu.long": "GPU {index}",
        "top.cpu.long": "CPU+iowait",
        "top.memory.long": "memory",
        "top.group-memory.long": "mem. limit",
        "top.disk.long": "disk",
        "top.network.long": "network",
        "top.swap.long": "swap",
        "top.shm.long": "/dev/shm",
        "top.wait.long": "data wait",
        "top.phase": "phase",
        "top.alarm": "alarm",
        "top.time": "time",
        "top.io": "io {percent}%",
        "top.load": "load {load:.1f}",
        "top.steal": "st {percent}%",
        "top.read-write": "r {read} w {write}/s",
        "top.queue": "queue {ready}/{size}",
        "top.epoch": "epoch {epoch}",
        "top.iteration": "{phase} step {iteration}",
        "top.lane.cpu": "CPU%",
        "top.lane.memory": "RSS",
        "top.lane.since": "since",
        "top.loss": "loss {train:.3f}/{val:.3f}",
        "top.dice": "Dice {dice:.3f}",
        "top.no-match": "No line of this page has this text.",
        # The last line
        "top.live": "LIVE",
        "top.end": "END",
        "top.silent": "SILENT",
        "top.paused": "PAUSED {time}",
        "top.before-end": "({duration} back)",
        "top.replay": "×{speed} {time}",
        "top.key.quit": "Quit",
        "top.key.help": "Help",
        "top.key.time": "Time",
        "top.key.alarms": "Alarms",
        "top.key.live": "Now",
        "top.key.pages": "Pages",
        "top.key.search": "Find",
        "top.key.pause": "Hold",
        "top.key.zoom": "Zoom",
        "top.key.back": "Back",
        "top.key.open": "Open",
        "top.key.choose": "Choose",
        # Pages
        "top.page.lanes": "Lanes",
        "top.page.events": "Events",
        "top.page.epochs": "Epochs",
        "top.page.waits": "Waits",
        "top.page.stacks": "Stacks",
        "top.page.log": "Log",
        "top.page.process": "Process",
        "top.page.run": "Run",
        "top.page.diagnosis": "Diagnosis",
    }
)


def lane_label(name: LaneName, lang: Lang, *, long: bool, ranks: int) -> str:
    """Return the label of a lane: "worker 3", or "w3"."""
    if name.role == "main" and ranks > 1:
        return text("top.main-many", lang, rank=name.rank)
    index = str(name.index if name.index is not None else name.pid)
    if long and ranks > 1 and name.index is not None:
        index = f"{name.rank}.{index}"
    return text(f"top.{name.role}{'.long' if long else ''}", lang, index=index)


def chart_label(name: str, lang: Lang, *, long: bool) -> str:
    kind, _, index = name.partition(":")
    return text(f"top.{kind}{'.long' if long else ''}", lang, index=index)


def size(number: float | None) -> str:
    """Return bytes in at most five characters, as htop does: 23.1G, 512M, 3K."""
    if number is None:
        return "-"
    for unit, letter in ((GIB * 1024, "T"), (GIB, "G"), (MIB, "M"), (KIB, "K")):
        if number >= unit:
            value = number / unit
            return f"{value:.1f}{letter}" if value < 100 and letter in "TG" else f"{value:.0f}{letter}"
    return f"{number:.0f}"


def whole(share: float | None) -> str:
    """Return a share (0 to 1) in percent, right-aligned: " 97%"."""
    return "  -" if share is None else f"{100 * share:3.0f}%"


def percent(share: float | None) -> str:
    """Return a share (0 to 1) as a whole number of percent, "97"; "-" if it is unknown."""
    return "-" if share is None else f"{100 * share:.0f}"


def age(seconds: float | None) -> str:
    """Return a duration in at most five characters: 3.2s, 14s, 12m, 3h, 2d."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    for unit_s, letter, until in ((1, "s", 100), (60, "m", 100), (3600, "h", 48)):
        if seconds < until * unit_s:
            return f"{seconds / unit_s:.0f}{letter}"
    return f"{seconds / 86400:.0f}d"
