"""Which run is slower, and what is said where the numbers are weak; on made measures and on real tapes."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from holter.remedies.diagnose import diagnose_recording
from holter.reports.catalogue import Lang, phrase
from holter.reports.compare import Measures, compare, measure
from holter.reports.compare.page import page
from holter.reports.compare.table import as_json, print_comparison, sections
from holter.reports.outcome.sentences import FINISHED
from holter.tape import read

TAPES = Path(__file__).parents[2] / "tapes"
FIRST = Measures(
    name="A",
    headline=FINISHED(),
    state="finished",
    epochs=20,
    epoch_s=154.0,
    epoch_p95_s=160.0,
    steps=5000,
    step_s=0.6,
    steps_per_epoch=250,
    data_wait_ratio=0.02,
    gpu_ratio=0.93,
    training=(("dataset", "Dataset004_H"), ("configuration", "3d_fullres"), ("patch_size", "128 x 128 x 128")),
    machine=(("hostname", "workstation"), ("gpu", "RTX 3090")),
)


def other(**fields: object) -> Measures:
    return msgspec.structs.replace(FIRST, **{"name": "B", **fields})


@pytest.mark.parametrize(
    ("epoch_s", "most", "expected", "code"),
    [
        (154.0, 0.05, "B is as fast as A.", 0),
        (160.0, 0.05, "B is 4 % slower than A: the median epoch is 160 s, not 154 s.", 0),
        (172.0, 0.05, "B is 12 % slower than A: the median epoch is 172 s, not 154 s.", 1),
        (172.0, None, "B is 12 % slower than A: the median epoch is 172 s, not 154 s.", 0),
        (77.0, 0.0, "B needs 50 % less time than A: the median epoch is 77 s, not 154 s.", 0),
        (154.7, 0.0, "B is as fast as A.", 1),  # what is allowed is exact
    ],
)
def test_the_verdict_and_the_exit_code(epoch_s: float, most: float | None, expected: str, code: int) -> None:
    comparison = compare([FIRST, other(epoch_s=epoch_s)], most)
    assert phrase(comparison.verdicts[0].message, "en") == expected
    assert comparison.exit_code == code and comparison.warnings == ()


def test_a_damaged_tape_is_compared_with_a_warning(tmp_path: Path) -> None:
    cut = tmp_path / "cut.holter"
    cut.write_bytes((TAPES / "frozen_worker/fault.holter").read_bytes()[:40_960])
    recording = read(cut)
    run = measure("cut", recording, diagnose_recording(recording, is_over=True), is_over=True)
    said = [phrase(warning, "en") for warning in compare([FIRST, run]).warnings]
    assert "cut: the recording is damaged or cut; the numbers are of what can be read of it." in said
    assert not any("damaged" in phrase(warning, "en") for warning in compare([FIRST, other()]).warnings)


def test_another_training_is_compared_with_a_warning() -> None:
    smaller = other(training=(("dataset", "Dataset004_H"), ("patch_size", "64 x 64 x 64")), epoch_s=50.0)
    comparison = compare([FIRST, smaller])
    (warning,) = comparison.warnings
    assert phrase(warning, "en") == ("Not the same training: patch size is 64 x 64 x 64, and 128 x 128 x 128 in A.")
    assert comparison.exit_code == 0 and comparison.verdicts[0].metric == "epoch"


def test_epochs_of_another_length_are_compared_by_their_steps() -> None:
    comparison = compare([FIRST, other(steps_per_epoch=500, epoch_s=310.0, step_s=0.6)], 0.05)
    assert comparison.verdicts[0].metric == "step" and comparison.exit_code == 0
    assert "500 and 250 steps" in phrase(comparison.warnings[0], "en")


def test_what_has_no_times_cannot_be_compared() -> None:
    blind = other(epochs=0, epoch_s=None, step_s=None)
    comparison = compare([FIRST, blind, other(name="C", epoch_s=200.0)], 0.05)
    assert comparison.exit_code == 2
    assert "B: no complete epoch and no step is on the tape." in phrase(comparison.verdicts[0].message, "en")
    assert comparison.verdicts[1].is_too_slow
    log_alone = other(epochs=9, step_s=None, steps_per_epoch=None)
    steps_alone = other(epochs=0, epoch_s=None)
    assert compare([log_alone, steps_alone]).exit_code == 2
    assert compare([FIRST, steps_alone]).verdicts[0].metric == "step"


@pytest.mark.parametrize(("epochs", "has_warm_up", "said"), [(4, False, "only 4 epochs"), (1, True, "the first epoch")])
def test_few_epochs_are_said(epochs: int, has_warm_up: bool, said: str) -> None:
    weak = other(epochs=epochs, has_warm_up=has_warm_up, epoch_s=77.0)
    comparison = compare([FIRST, weak])
    assert said in phrase(comparison.warnings[0], "en")
    told = "Too few epochs to say. As measured: B needs 50 % less time than A: the median epoch is 77 s, not 154 s."
    assert phrase(comparison.verdicts[0].message, "en") == told
    assert (comparison.exit_code, comparison.slowest) == (0, None)
    assert compare([FIRST, weak], 0.05).exit_code == compare([weak, FIRST], 0.05).exit_code == 2


def of(path: str) -> Measures:
    recording = read(TAPES / path)
    diagnoses = diagnose_recording(recording, is_over=True)
    return measure(Path(path).stem, recording, diagnoses, is_over=True)


def test_the_first_epoch_of_a_process_does_not_count() -> None:
    measured = of("quiet/clock_jumps.holter")
    assert (measured.epochs, measured.has_warm_up) == (4, False)  # of five
    assert measured.epoch_s is not None and measured.epoch_p95_s is not None
    assert measured.epoch_s <= measured.epoch_p95_s
    alone = of("quiet/long_final_validation.holter")
    assert (alone.epochs, alone.has_warm_up) == (1, True)


def test_a_run_that_starves_is_seen_to_wait_for_data() -> None:
    starved = of("cpu_starved_augmentation/heavy_augmentation.holter")
    assert starved.data_wait_ratio is not None and starved.data_wait_ratio > 0.5
    healthy = of("quiet/as_usual.holter")
    assert healthy.data_wait_ratio is not None and healthy.data_wait_ratio < 0.05


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.links: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.replace("\xa0", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_terminal_json_and_page_say_the_same(lang: Lang, tmp_path: Path) -> None:
    vm = other(name="<b>vm", epoch_s=900.0, epoch_p95_s=25000.0, machine=(("hostname", "vm"), ("gpu", "GRID A100-20C")))
    comparison = compare([FIRST, vm], 0.05)
    with (tmp_path / "out").open("w+", encoding="utf-8") as out:
        print_comparison(Console(file=out, width=80, color_system=None), comparison, lang)
        out.seek(0)
        shown = out.read()
    assert max(cell_len(line) for line in shown.splitlines()) <= 80
    parser = Cells()
    parser.feed(page(comparison, lang))
    assert parser.links == ["data:,"]
    for section in sections(comparison, lang):
        for row in section.rows:
            assert all(cell in shown and cell in parser.words for cell in (row.name, *row.cells))
    document = as_json(comparison, lang)
    assert document["exit_code"] == 1 and document["verdicts"][0]["ratio"] == pytest.approx(5.8442)
    assert document["verdicts"][0]["text"] in parser.words
    assert "GRID A100-20C" in shown and "<b>vm" in parser.words  # a name is text, never markup
