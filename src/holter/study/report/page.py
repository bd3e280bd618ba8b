"""A study as one HTML file in the style of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from holter.records import Message, Text
from holter.reports import html
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.healing import percent
from holter.reports.when import duration
from holter.sentences import define
from holter.study.finish import steps_of
from holter.study.plan import counted, hours_left
from holter.study.records import Cell, by_model, known_sum, lost_by_cause
from holter.study.report.scores import Scores, label_names, mean_and_spread, scores_of
from holter.study.sentences import LEAST_LOST_S, how_far, name_of, title_of

HERE = Path(__file__).parent
JOULES_ASIDE = 0.01  # less than this many kilowatt-hours is not worth a number

TITLE = define("study-report.title", "A study of {count} trainings", one="A study of {count} training")
DICE = define("study-report.dice", "Dice of each fold")
DICE_NOTE = define(
    "study-report.dice-note",
    "Mean over the validation cases of a fold, from nnU-Net's summary.json. Mean and standard deviation are of the "
    "folds that have a score.",
)
NO_SCORES = define("study-report.no-scores", "No fold has been validated yet.")
FOREGROUND = define("study-report.foreground", "all labels")
LABEL = define("study-report.label", "label {label}")
FOLD_HEAD = define("study-report.fold", "fold {fold}")
MEAN = define("study-report.mean", "mean ± SD")
CASES = define("study-report.cases", "cases")
TRAININGS = define("study-report.trainings", "The trainings")
TRAINING = define("study-report.training", "Training")
STATE = define("study-report.state", "State")
EPOCHS = define("study-report.epochs", "Epochs")
EPOCH_TIME = define("study-report.epoch-time", "Epoch")
TIME = define("study-report.time", "Time")
GPU_HOURS = define("study-report.gpu-hours", "GPU hours")
GOODPUT = define("study-report.goodput", "Goodput")
INCIDENTS = define("study-report.incidents", "Incidents")
LOST = define("study-report.lost", "Lost")
ENERGY = define("study-report.energy", "kWh")
TOTAL = define("study-report.total", "Together")
TRAININGS_NOTE = define(
    "study-report.trainings-note",
    "Time is that of all recorded calls. Goodput is the share of finished calls in which training and validation "
    "counted in the end. kWh is of the GPUs, where their driver tells the power. –: not recorded.",
)
LOSSES = define("study-report.losses", "Time lost by cause")
NEXT = define("study-report.next", "What comes next")
SUMMARY = define(
    "study-report.summary", "{hours:.1f} hours of training are recorded[[, {gpu:.1f} GPU hours]][[, {kwh:.2f} kWh]]"
)
ABSENT = "–"


def page(cells: Sequence[Cell], extra: Sequence[str], environ: Mapping[str, str], lang: Lang) -> str:
    """Return the report of a study as one string of HTML. ``extra``: options for each ``nnUNetv2_train``."""

    def said(message: Text) -> str:
        return phrase(message, lang)

    broken, left = any(cell.state == "broken" for cell in cells), any(cell.state != "done" for cell in cells)
    odd = any(cell.odd is not None for cell in cells)
    notes = [f"{said(name_of(cell.job))}: {said(words)}" for cell in cells for words in _noted(cell)]
    hours = hours_left(cells)
    return html.filled(
        "study.html.j2",
        lang,
        HERE,
        tone="bad" if broken else "warn" if left or odd else "good",
        title=said(TITLE(count=len(cells))),
        verdict=said(counted(cells)),
        lines=[said(words) for words in (_summary(cells), hours) if words is not None],
        notes=notes,
        dice_title=said(DICE()),
        dice_note=said(DICE_NOTE()),
        no_scores=said(NO_SCORES()),
        families=_families(cells, environ, said),
        trainings_title=said(TRAININGS()),
        trainings_note=said(TRAININGS_NOTE()),
        heads=[said(head()) for head in HEADS],
        groups=_groups(cells, said, lang),
        total=_total(cells, said, lang),
        losses_title=said(LOSSES()),
        losses=_losses(cells, said, lang),
        next_title=said(NEXT()),
        steps=[(said(what), commands) for what, commands in steps_of(cells, extra)],
    )


HEADS = (TRAINING, STATE, EPOCHS, EPOCH_TIME, TIME, GPU_HOURS, GOODPUT, INCIDENTS, LOST, ENERGY)


def _noted(cell: Cell) -> list[Message]:
    why = cell.why if cell.state == "broken" else None
    return [words for words in (why, cell.odd) if words is not None]


def _families(cells: Sequence[Cell], environ: Mapping[str, str], said: Callable[[Text], str]) -> list[dict[str, Any]]:
    found = []
    for own in by_model(cells):
        scores = {cell.job.fold: scores_of(cell.job.folder) for cell in own}
        known = [each for each in scores.values() if each is not None]
        if not known:
            continue
        job = own[0].job
        names = label_names(Path(environ["nnUNet_preprocessed"]) / job.dataset / "dataset.json")
        labels = list(dict.fromkeys(label for each in known for label in each.labels))
        whole = [each.foreground if each else None for each in scores.values()]
        rows = [_scored(said(FOREGROUND()), whole, strong=True)]
        for label in labels if len(labels) > 1 else ():
            name = names.get(label) or said(LABEL(label=label))
            rows.append(_scored(name, [each.labels.get(label) if each else None for each in scores.values()]))
        found.append(
            {
                "name": _model(own[0]),
                "heads": [*(said(FOLD_HEAD(fold=fold)) for fold in scores), said(MEAN())],
                "rows": rows,
                "cases": [said(CASES()), *(str(each.cases) if each else ABSENT for each in scores.values())],
                "strip": _strip(scores),
            }
        )
    return found


def _scored(name: str, values: Sequence[float | None], *, strong: bool = False) -> dict[str, Any]:
    mean = mean_and_spread(values)
    known = [value for value in values if value is not None]
    lowest = min(known) if len(known) > 2 else None
    return {
        "name": name,
        "strong": strong,
        "values": [(ABSENT if value is None else f"{value:.4f}", value == lowest is not None) for value in values],
        "mean": ABSENT if mean is None else f"{mean[0]:.4f} ± {mean[1]:.4f}",
    }


# Positions of the folds on a line from the lowest to the highest score, with some space at both ends.
def _strip(scores: Mapping[str, Scores | None]) -> dict[str, Any] | None:
    found = {fold: each.foreground for fold, each in scores.items() if each is not None}
    values = {fold: value for fold, value in found.items() if value is not None}
    if len(values) < 2:
        return None
    low, high = min(values.values()), max(values.values())
    space = max((high - low) * 0.15, 0.002)
    low, high = low - space, min(1.0, high + space)
    dots = [(100 * (value - low) / (high - low), fold, f"{value:.4f}") for fold, value in values.items()]
    return {"low": f"{low:.3f}", "high": f"{high:.3f}", "dots": sorted(dots)}


def _groups(cells: Sequence[Cell], said: Callable[[Text], str], lang: Lang) -> list[tuple[str, list[list[str]]]]:
    return [(_model(own[0]), [_row(cell, said, lang) for cell in own]) for own in by_model(cells)]


def _model(cell: Cell) -> str:
    job = cell.job
    return " · ".join((job.dataset, job.configuration, *job.unusual))


def _row(cell: Cell, said: Callable[[Text], str], lang: Lang) -> list[str]:
    far = how_far(cell)
    good = None if cell.good_s is None or not cell.ended_s else cell.good_s / cell.ended_s
    return [
        said(FOLD_HEAD(fold=cell.job.fold)),
        text(f"study.state.{cell.state}", lang),
        ABSENT if far is None else f"{cell.epochs_done}" + (f" / {cell.epochs_planned}" if cell.epochs_planned else ""),
        ABSENT if cell.epoch_s is None else duration(cell.epoch_s, lang),
        duration(cell.wall_s, lang) if cell.calls else ABSENT,
        ABSENT if cell.gpu_s is None else f"{cell.gpu_s / 3600:.1f}",
        ABSENT if good is None else f"{percent(good)} %",
        ABSENT if cell.incidents is None else str(cell.incidents),
        ABSENT if cell.lost_s is None else duration(cell.lost_s, lang),
        ABSENT if cell.energy_kwh is None else f"{cell.energy_kwh:.2f}",
    ]


def _total(cells: Sequence[Cell], said: Callable[[Text], str], lang: Lang) -> list[str]:
    good_s = sum(cell.good_s or 0.0 for cell in cells)
    ended_s = sum(cell.ended_s for cell in cells if cell.good_s is not None)
    gpu_s, energy = known_sum(cell.gpu_s for cell in cells), known_sum(cell.energy_kwh for cell in cells)
    return [
        said(TOTAL()),
        "",
        "",
        "",
        duration(sum(cell.wall_s for cell in cells), lang),
        ABSENT if gpu_s is None else f"{gpu_s / 3600:.1f}",
        f"{percent(good_s / ended_s)} %" if ended_s else ABSENT,
        str(sum(cell.incidents or 0 for cell in cells)),
        duration(sum(cell.lost_s or 0.0 for cell in cells), lang),
        ABSENT if energy is None else f"{energy:.2f}",
    ]


def _summary(cells: Sequence[Cell]) -> Message | None:
    wall_s = sum(cell.wall_s for cell in cells)
    gpu_s = sum(cell.gpu_s or 0.0 for cell in cells)
    kwh = sum(cell.energy_kwh or 0.0 for cell in cells)
    if not wall_s:
        return None
    return SUMMARY(hours=wall_s / 3600, gpu=gpu_s / 3600 if gpu_s else None, kwh=kwh if kwh >= JOULES_ASIDE else None)


def _losses(cells: Sequence[Cell], said: Callable[[Text], str], lang: Lang) -> list[tuple[str, str, float]]:
    lost = lost_by_cause(cells)
    most = max(lost.values(), default=0.0)
    causes = [(cause, seconds) for cause, seconds in lost.most_common() if seconds >= LEAST_LOST_S]
    return [(said(title_of(cause)), duration(seconds, lang), 100 * seconds / most) for cause, seconds in causes]
