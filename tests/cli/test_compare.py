"""``holter compare`` as a gate in CI, and with what cannot be compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from holter.cli.compare import _names
from holter.records import EpochEnded
from holter.tape import TapeWriter, read

TAPES = Path(__file__).parents[1] / "tapes"
USUAL, SLOW = str(TAPES / "quiet" / "as_usual.holter"), str(TAPES / "quiet" / "two_dimensions.holter")
MANY = TAPES / "quiet" / "tiny_epochs.holter"  # eleven epochs that count


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holter", "compare", *arguments, "--lang", "en"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def slowed(path: Path) -> str:
    """Write the tape with many epochs anew, each of them twice as long."""
    recording = read(MANY)
    writer = TapeWriter(path)
    assert recording.environment is not None
    writer.write_environment(recording.environment)
    for tick in recording.ticks():
        writer.write_samples(tick.t_s, [part for part in (tick.host, *tick.processes, *tick.beats) if part])
        writer.write_events(
            [
                msgspec.structs.replace(event, duration_s=2 * event.duration_s)
                if isinstance(event, EpochEnded) and event.duration_s is not None
                else event
                for event in tick.events
            ]
        )
    writer.close(recording.duration_s)
    return str(path)


def test_the_exit_code_follows_what_is_allowed(tmp_path: Path) -> None:
    page, many, slower = tmp_path / "page.html", str(MANY), slowed(tmp_path / "slower.holter")
    slow = compare(many, slower, "--max-slower", "5%", "-o", str(page))
    _, _, last = " ".join(slow.stdout.split()).rpartition(f"wrote {page} ")
    assert slow.returncode == 1
    assert last.startswith("Verdict: slower is 100 % slower") and last.endswith(f" Next: holter diagnose {slower}")
    assert "Too slow." in slow.stdout and "<h1>slower is" in page.read_text(encoding="utf-8")
    again = compare(many, slower, "--max-slower", "5%", "-o", str(page))
    assert again.returncode == 2 and "file-exists" in again.stderr
    assert compare(slower, many, "--max-slower", "5").returncode == 0
    document = json.loads(compare(USUAL, SLOW, USUAL, "--json").stdout)
    assert [run["name"] for run in document["runs"]] == ["as_usual", "two_dimensions", "as_usual"]
    assert document["exit_code"] == 0 and document["verdicts"][1]["ratio"] == 1.0


def test_what_cannot_be_compared_is_one_clear_error(tmp_path: Path) -> None:
    assert "Two tapes are needed" in compare(USUAL).stderr
    assert "--max-slower 'five' is not a share" in compare(USUAL, SLOW, "--max-slower", "five").stderr
    nothing = compare(USUAL, str(tmp_path / "none.holter"))
    assert nothing.returncode == 2 and "No such file" in nothing.stderr
    half = tmp_path / "half.holter"
    half.write_bytes(Path(SLOW).read_bytes()[:4096])
    assert compare(USUAL, str(half)).returncode == 2
    shutil.copy(MANY, tmp_path / "copy.holter")
    assert compare(str(MANY), str(tmp_path / "copy.holter"), "--max-slower", "0").returncode == 0


def test_of_a_few_epochs_no_sure_verdict_is_given() -> None:
    few = [USUAL, str(TAPES / "worker_killed" / "fault.holter")]
    told = compare(*few)
    assert told.returncode == 0
    assert "Verdict: too few epochs to say. As measured: fault needs" in " ".join(told.stdout.split())
    for places in (few, few[::-1]):
        gate = compare(*places, "--max-slower", "5%")
        assert gate.returncode == 2 and "Too slow." not in gate.stdout
    document = json.loads(compare(*few, "--json").stdout)
    assert document["verdicts"][0]["is_unsure"] and not document["verdicts"][0]["is_too_slow"]


@pytest.mark.parametrize(
    ("tapes", "names"),
    [
        ("a/run.holter b/run.holter c/other.holter", "a/run b/run other"),
        ("A/fold_0/run.holter A/fold_1/run.holter", "fold_0/run fold_1/run"),
        ("A/fold_0/run.holter B/fold_0/run.holter", "A/…/run B/…/run"),
        ("A/x/run.holter A/y/run.holter B/x/run.holter", "A/x/run A/y/run B/x/run"),
        ("run.1.holter run.1", "run.1.holter run.1"),
        ("a/run.holter ./a/run.holter", "run run"),
    ],
)
def test_a_name_is_the_shortest_that_differs(tapes: str, names: str) -> None:
    assert _names([Path(tape) for tape in tapes.split()]) == names.split()


def test_no_heading_is_folded_at_eighty_columns(tmp_path: Path) -> None:
    folders = ("nnUNetTrainer__nnUNetPlans__3d_fullres", "nnUNetTrainer__nnUNetPlans__3d_lowres_of_the_cascade")
    paths = [tmp_path / folder / "fault.holter" for folder in folders]
    for path in paths:
        path.parent.mkdir()
        shutil.copy(TAPES / "worker_killed" / "fault.holter", path)
    kept = [str(TAPES / cause / "fault.holter") for cause in ("worker_killed", "slow_storage")]
    for places, heads in (
        (kept, ["Speed", "worker_killed/fault", "slow_storage/fault"]),
        ([*map(str, paths), USUAL], ["Speed", "nnUNet…s/fault", "nnUNet…e/fault", "as_usual"]),
    ):
        *shown, last = compare(*places).stdout.splitlines()
        assert last.startswith("Next: holter "), "in one piece, to copy it"
        speed = next(line for line in shown if line.startswith("Speed"))
        assert [part.strip() for part in speed.split("  ") if part.strip()] == heads
        after = shown[shown.index(speed) + 1]
        assert after.startswith("epoch, median") and max(map(len, shown)) <= 80


def test_tapes_with_the_names_that_holter_gives_have_readable_heads(tmp_path: Path) -> None:
    tapes = [
        tmp_path / f"Dataset004_Hippocampus-3d_fullres-0-gpu-node-017-20261130-{time}12-12345.holter"
        for time in ("1011", "1211")
    ]
    for tape in tapes:
        shutil.copy(MANY, tape)
    done = compare(*map(str, tapes))
    (head,) = [line for line in done.stdout.splitlines() if line.startswith("Speed")]
    assert head.split() == ["Speed", "11-30", "10:11", "11-30", "12:11"]
