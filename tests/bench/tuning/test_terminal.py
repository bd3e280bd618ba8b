"""The report in both languages, and as JSON."""

from __future__ import annotations

import io
import json

import pytest
from benchmarks.tune.__main__ import against
from rich.console import Console

from bench.tuning.test_advice import ASKED, tuned
from holter.bench.tuning.advice import command_for, not_compared, variables_of, what_gains_more
from holter.bench.tuning.records import Failed, Interval, Trial, Tuned, TuneOrder, TuneReport
from holter.bench.tuning.space import with_readers
from holter.bench.tuning.terminal import as_json, lines, print_report, progress
from holter.reports.catalogue import Lang

ORDER = TuneOrder(
    dataset="Dataset004_Hippocampus",
    configuration="3d_fullres",
    fold="0",
    plans="nnUNetPlans",
    trainer="nnUNetTrainer",
    device="cuda",
    seconds=300,
    cpus=8,
    results="/results",
    present_loader="stock",
)


def report(found: Tuned) -> TuneReport:
    return TuneReport(
        order=ORDER,
        tuned=found,
        variables=variables_of(found, {}),
        command=command_for(found, ASKED),
        more=what_gains_more(found),
        not_measured=not_compared(found),
        took_s=310.0,
        wrote="holter.toml",
    )


def printed(found: Tuned, lang: Lang) -> str:
    out = io.StringIO()
    print_report(Console(file=out, width=100, force_terminal=False), report(found), lang)
    return out.getvalue()


CHOSEN, NOW = with_readers("holter", 5), with_readers("stock", 12)
TRIALS = (
    Trial(candidate=CHOSEN, blocks=9, per_s=15.0, of_best=Interval(value=1.0)),
    Trial(candidate=NOW, blocks=9, per_s=10.0, of_best=Interval(value=0.67, low=0.65, high=0.69)),
)


def test_gain_lines_and_rows_are_shown() -> None:
    said = printed(tuned(CHOSEN, trials=TRIALS), "en")
    assert "1.50 times as fast as now (95 % interval 1.40 to 1.60)." in said
    assert (
        "  export HOLTER_LOADER_THREADS=5\n  holter train Dataset004_Hippocampus 3d_fullres 0 --loader holter\n" in said
    )
    assert "67 % ± 2 %" in said
    assert "The time was up" not in said


def test_what_is_unsure_or_fails_is_said() -> None:
    few = Failed(candidate=NOW, reason="OSError: [Errno 28] No space left on device")
    said = printed(tuned(CHOSEN, trials=TRIALS[:1], gain=None, is_settled=False, failed=(few,)), "en")
    assert "nnU-Net's loader (12 workers): a training fails with it here: OSError: [Errno 28]" in said
    assert "it works here, and the present setting does not." in said
    assert "--seconds 600 gives more time" in said


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("gain", [None, Interval(value=2.0), Interval(value=1.2, low=1.1, high=1.3)])
def test_no_blank_is_left_in_any_sentence(lang: Lang, gain: Interval | None) -> None:
    for found in (tuned(CHOSEN, trials=TRIALS, gain=gain), tuned(NOW, trials=TRIALS, is_settled=False)):
        said = printed(found, lang)
        assert not set("{}[]") & set(said)
        assert ("倍" in said or "保持现在的设置" in said or "它在本机上能用" in said) == (lang == "zh")
    assert "7" in progress({"phase": "proof", "blocks": 7, "candidates": 2, "left_s": 30.0}, lang)


def test_json_has_the_lines_and_sentences() -> None:
    whole = report(tuned(CHOSEN, trials=TRIALS))
    made = json.loads(json.dumps(as_json(whole, "en")))
    assert made["exports"] == ["export HOLTER_LOADER_THREADS=5"] == lines(whole)[:-1]
    assert made["more"].startswith("7.9 of 8 cores are busy")
    assert made["tuned"]["gain"] == {"value": 1.5, "low": 1.4, "high": 1.6}


def test_the_benchmark_compares_the_choice_with_the_best_whichever_was_faster() -> None:
    first = {"of_best": {"value": 1.0}}
    other = {"of_best": {"value": 0.8, "low": 0.75, "high": 0.9}}
    assert against(other, first) == other["of_best"]
    turned = against(first, other)
    assert turned["value"] == pytest.approx(1.25)
    assert (turned["low"], turned["high"]) == (pytest.approx(1 / 0.9), pytest.approx(1 / 0.75))
    assert "high" not in against(first, {"of_best": {"value": 0.8}})
