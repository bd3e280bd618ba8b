"""A study as JSON. Loads nothing that draws on a terminal, because scripts ask often."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holter.reports.catalogue import Lang, phrase
from holter.study.cascade import trouble_of
from holter.study.finish import Step
from holter.study.plan import command_of, counts, remarks
from holter.study.records import Cell
from holter.study.state.changed_plans import changed_plans
from holter.study.state.time_limit import at_limit

if TYPE_CHECKING:
    from holter.study.requirements import Requirements


def as_json(
    cells: Sequence[Cell], extra: Sequence[str], lang: Lang, now_s: float, needs: Requirements | None = None
) -> dict[str, Any]:
    """Return a study for ``--json``; ``needs``: its requirements, if it is a plan. ``now_s``: Unix time."""
    # Of a plan alone: these read files of each model.
    trouble = None if needs is None else trouble_of(cells)
    found = () if needs is None else (*changed_plans(cells), *(() if trouble is None else (trouble.what,)))
    return {
        "trainings": [_as_json(cell, extra, lang, now_s) for cell in cells],
        "counts": counts(cells),
        "hours": sum(cell.hours or 0.0 for cell in cells),
        "hours_unknown": sum(cell.hours is None for cell in cells),
        **({} if needs is None else {"needs": needs._asdict()}),
        "remarks": [phrase(remark, lang) for remark in (*found, *remarks(cells, extra))],
    }


def ends_at(cell: Cell, now_s: float) -> float | None:
    """Return when a running training will end, as unix time; None if it does not run or its epochs are not known."""
    return None if cell.state != "running" or cell.hours is None else now_s + 3600 * cell.hours


def local(unix_s: float) -> datetime.datetime:
    """Return a unix time as a local one."""
    return datetime.datetime.fromtimestamp(unix_s).astimezone()


def _as_json(cell: Cell, extra: Sequence[str], lang: Lang, now_s: float) -> dict[str, Any]:
    job, ends_s, limit = cell.job, ends_at(cell, now_s), at_limit(cell, now_s)
    return {
        "dataset": job.dataset,
        "configuration": job.configuration,
        "fold": job.fold,
        "trainer": job.trainer,
        "plans": job.plans,
        "folder": str(job.folder),
        "state": cell.state,
        "why": None if cell.why is None else phrase(cell.why, lang),
        "epochs_done": cell.epochs_done,
        "epochs_planned": cell.epochs_planned,
        "epoch_s": cell.epoch_s,
        "val_loss": cell.loss if cell.loss is None or abs(cell.loss) < float("inf") else None,
        "hours": cell.hours,
        "ends": None if ends_s is None else local(ends_s).isoformat(timespec="seconds"),
        "incidents": cell.incidents,
        "lost_s": cell.lost_s,
        "lost_by_cause": dict(cell.lost_by_cause),
        "good_s": cell.good_s,
        "energy_kwh": cell.energy_kwh,
        "job_ends": cell.job_ends,
        "slot_ends_at_epoch": None if limit is None else limit.epoch,
        "slots_more": None if limit is None else limit.more,
        "cause": cell.cause,
        "calls": cell.calls,
        "odd": None if cell.odd is None else phrase(cell.odd, lang),
        "tape": cell.tape,
        "command": command_of(cell, extra),
    }


def finish_as_json(cells: Sequence[Cell], steps: Sequence[Step], lang: Lang, wrote: Path | None) -> dict[str, Any]:
    """Return the next steps after a study for ``--json``; ``wrote``: the file of a report that was written."""
    shown = [{"what": phrase(what, lang), "commands": list(commands)} for what, commands in steps]
    return {"steps": shown, "counts": counts(cells), "report": None if wrote is None else str(wrote)}
