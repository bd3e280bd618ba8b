from __future__ import annotations

import html as escaping
import json
import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import healed_scene
import msgspec
import pytest
from reports_scene import STALL, diagnosis_slow

from holter.detectors.notices import LOST_WORKER
from holter.errors import TapeExists
from holter.evidence.facts.training.endings import COUNTED_BY
from holter.history.actions import merge_events
from holter.records import (
    ActionTaken,
    Beat,
    Diagnosis,
    Environment,
    Episode,
    EpochEnded,
    Fact,
    Notice,
    ProcessEnded,
    Subject,
    Tick,
)
from holter.remedies.diagnose import diagnose_recording
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.html import html, write_html
from holter.reports.html import page as page_module
from holter.reports.html.drawing import chart_model, line, nice_top
from holter.reports.html.episodes import ranges, unknown_lines
from holter.reports.html.epochs import MOST_POINTS, epochs_model
from holter.reports.html.facts import events
from holter.reports.html.lanes import lanes
from holter.reports.html.thinning import MAX_POINTS, Grid, Points, Thinner
from holter.reports.html.vitals import Chart, charts
from holter.reports.outcome.wall import clocks
from holter.reports.wording import fact_name, later_lines
from holter.supervisor.healing.main_hang import STANDS
from holter.tape import Recording, read
from needs import needs
from tools import BROWSERS, which

# A demo's report travels by mail.
LARGEST_BYTES = 1_000_000
LOADING_ATTRIBUTES = ("src", "href", "data", "poster", "action", "srcset")
QUIET_BROWSER = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)


class Loads(HTMLParser):
    """Collects everything that would make a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in LOADING_ATTRIBUTES]


def plain_of(page: str) -> str:
    return escaping.unescape(re.sub(r"<[^>]+>", "", page)).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def report(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> str:
    return html(recording, diagnoses)


def test_the_file_loads_nothing(report: str) -> None:
    loads = Loads()
    loads.feed(report)
    assert [address for address in loads.found if not address.startswith(("data:", "#"))] == []
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|https?://", report)


def test_a_tape_with_any_bytes_in_its_name_has_a_report(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], tmp_path: Path
) -> None:
    odd = msgspec.structs.replace(recording, path=tmp_path / os.fsdecode(b"\xff.holter"))
    path = write_html(odd, diagnoses, tmp_path / "report.html", is_over=True)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_demo_report_stays_below_a_megabyte(report: str) -> None:
    assert len(report.encode()) < LARGEST_BYTES


def test_the_worst_episode_is_the_title_and_all_are_told(report: str) -> None:
    plain = plain_of(report)
    assert "Stalled in epoch 2, 41 s: worker 2 (PID 4713) is stopped. Confirmed." in plain
    assert "Slower in epoch 1, 1 min 2 s" in plain
    assert "kill -CONT 4713" in plain
    assert "py-spy: permission denied" in plain
    assert "storage errors in the kernel log" in plain


NOTICED = LOST_WORKER(worker=Subject(role="train-worker", index=2, pid=4713), age=95.0, case="panc_0017")
ANNOUNCED = STANDS(age=600.0, left=300.0)


def noticed_scene(recording: Recording) -> Recording:
    """The scene with a notice, a restart that is announced, and words for the keys of sentences."""
    announced = ActionTaken(t_s=300.0, action="announce-restart", state="begun", message=ANNOUNCED)
    events = (Notice(t_s=300.0, what="lost-worker", message=NOTICED, pids=(4713,)), announced)
    ticks = tuple(
        msgspec.structs.replace(tick, events=(*tick.events, *events)) if tick.t_s == 300.0 else tick
        for tick in recording.all_ticks
    )
    return msgspec.structs.replace(recording, all_ticks=ticks)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_notices_and_what_became_of_it_are_told_as_on_a_terminal(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang
) -> None:
    later = Fact(name="main.ending", status="known", value="ended by signal 9 (SIGKILL)")
    ended = (msgspec.structs.replace(diagnoses[0], later=(later,)), *diagnoses[1:])
    plain = plain_of(html(noticed_scene(recording), ended, lang))
    for heading in ("heading.notices", "heading.later", "heal.announce-restart"):
        assert text(heading, lang) in plain
    assert f"0:05:00 (09:17:09){phrase(NOTICED, lang)}" in plain
    assert later_lines(ended[0], lang)[0] in plain and "SIGKILL" in later_lines(ended[0], lang)[0]
    assert phrase(ANNOUNCED, lang) in plain


def test_a_restart_that_was_announced_and_came_is_no_longer_under_way(recording: Recording) -> None:
    came = ActionTaken(t_s=599.0, action="restart", state="begun", generation=1)
    scene = noticed_scene(recording)
    ticks = (*scene.all_ticks[:-1], msgspec.structs.replace(scene.all_ticks[-1], events=(came,)))
    announced = [
        action for action in merge_events(msgspec.structs.replace(scene, all_ticks=ticks)) if action.action != "restart"
    ]
    assert [(action.state, action.ended_s) for action in announced] == [("done", 599.0)]
    assert [action.state for action in merge_events(scene)] == ["begun"]


def test_a_loss_that_is_no_number_is_an_episode_like_others(recording: Recording) -> None:
    episode = Episode(
        kind="diverged", phase="train", start_s=30.0, alarm_s=60.0, detector="diverged", subject=Subject(role="main")
    )
    assert 'class="episode diverged open"' in html(recording, (Diagnosis(episode=episode),))


def test_where_no_training_was_seen_nothing_is_green() -> None:
    page = html(Recording(all_ticks=(Tick(t_s=9.0),)), ())
    assert "No training was seen" in page
    assert 'class="top good"' not in page and text("html.no-episodes", "en") not in page


@pytest.mark.slow
def test_a_host_with_the_name_of_a_blank_loses_it_and_no_sentence_is_lost(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    scene = noticed_scene(recording)
    for host in ("case", "notice", "worker", "age"):
        named = msgspec.structs.replace(scene.environment, hostname=host)
        page = html(msgspec.structs.replace(scene, environment=named), diagnoses, scrub=True)
        assert "has not delivered a batch for" in page and "panc_0017" not in page


def test_what_the_training_printed_cannot_become_markup(recording: Recording) -> None:
    nasty = "</script><script>alert(1)</script>"
    beat = Beat(t_s=1.0, pid=4700, phase="train", case=nasty)
    process = recording.all_ticks[100].processes[0]
    evil = Recording(
        all_ticks=(Tick(t_s=1.0, processes=(process,), beats=(beat,)),),
        environment=Environment(wall_start="2026-01-01T00:00:00", hostname=nasty),
    )
    assert "<script>alert" not in html(evil, ())


def test_an_empty_tape_makes_a_page_that_says_no_training_was_seen() -> None:
    assert "No training was seen: the recording is 0 s long" in html(Recording(), ()).replace("\u00a0", " ")


def test_a_cut_tape_says_so() -> None:
    assert "or of a newer Holter: torn at 3:12." in html(Recording(damage="torn at 3:12"), ())


def plain(page: str) -> str:
    return escaping.unescape(re.sub(r"<[^>]+>", "", page)).replace("\u00a0", " ")


@pytest.mark.slow
def test_what_was_done_is_told_and_marked_on_the_timeline() -> None:
    page = html(healed_scene.recording(), healed_scene.diagnoses())
    told = plain(page)
    for words in (
        "Replace data workers",
        "done after 13 s",
        "stock nnU-Net is stalled here until a person acts",
        "nnUNet_n_proc_DA=3",
        "stock nnU-Net ends here",
        "Checkpoints saved and verified: 2",
        "loss and pseudo Dice follow the earlier trend",
        "stalled 41 s (Frozen data worker)",
        "trained again later",
        "process 2",
    ):
        assert words in told, words
    assert page.count('class="pin at') == 6
    assert 'class="phase generation at"' in page


def test_the_bar_of_goodput_is_the_whole_run() -> None:
    page = html(healed_scene.recording(), healed_scene.diagnoses())
    bar = page[page.index('<div class="bar"') :]
    widths = [float(width) for width in re.findall(r'style="width:([\d.]+)%', bar[: bar.index("</div>")])]
    assert len(widths) >= 6
    assert sum(widths) == pytest.approx(100, abs=0.5)


def test_a_run_that_was_never_touched_has_no_such_section(report: str) -> None:
    assert 'id="actions"' not in report
    assert 'class="pin' not in report and 'class="phase generation' not in report


def test_good_news_stands_at_the_top_only_if_nobody_gave_up() -> None:
    scene = healed_scene.recording()
    good = Recording(
        all_ticks=tuple(tick for tick in scene.all_ticks if tick.t_s < 890), all_episodes=scene.all_episodes
    )
    assert "Healed, and the training went on: 2 times" in plain(html(good, healed_scene.diagnoses()))
    assert "Healed, and" not in plain(html(scene, healed_scene.diagnoses()))


def test_the_chinese_page_is_marked_and_written_in_chinese(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    told = html(recording, diagnoses, "zh")
    assert '<html lang="zh-CN">' in told
    assert "谁在等谁" in told and "Who waits on whom" not in told


@pytest.mark.slow
def test_a_report_is_not_overwritten_without_force(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_html(recording, (), path)
    with pytest.raises(TapeExists, match=r"report\.html"):
        write_html(recording, (), path)
    assert write_html(recording, (), path, force=True) == path
    assert list(tmp_path.iterdir()) == [path]


def test_no_series_has_more_points_than_a_screen_shows_and_episodes_get_the_most() -> None:
    day_s = 86_400.0
    episode = Episode(kind="stall", start_s=40_000.0, alarm_s=40_010.0, end_s=40_060.0)
    grid = Grid(day_s, (episode,))
    thinner = Thinner(grid)
    for second in range(int(day_s)):
        thinner.add(float(second), 1.0)
    times = thinner.points().t_s
    assert len(times) <= MAX_POINTS
    inside = [t_s for t_s in times if 39_940 <= t_s <= 40_120]
    assert len(inside) > 150


def test_thinning_keeps_the_extremes() -> None:
    thinner = Thinner(Grid(10_000.0))
    for second in range(10_000):
        thinner.add(float(second), 99.0 if second == 5_003 else 1.0)
    points = thinner.points()
    assert max(points.high) == 99.0
    assert max(points.mean) < 99.0


def test_a_line_is_broken_where_nothing_was_read() -> None:
    points = Points((0.0, 1.0, 2.0, 60.0, 61.0), (1.0,) * 5, (1.0,) * 5, (1.0,) * 5)
    assert line(points, 0.0, 1.0).count("M") == 2


@pytest.mark.parametrize(("largest", "top"), [(0.0, 1.0), (0.93, 1.0), (6.0, 10.0), (21.0, 25.0), (100.0, 100.0)])
def test_an_axis_ends_at_a_round_number(largest: float, top: float) -> None:
    assert nice_top(largest) == pytest.approx(top)


@pytest.mark.parametrize(
    ("top", "labels"), [(25.0, ["25", "12.5", "0"]), (1.0, ["1", "0.5", "0"]), (2500.0, ["2,500", "1,250", "0"])]
)
def test_the_middle_of_an_axis_is_not_rounded_away(top: float, labels: list[str]) -> None:
    model = chart_model(Chart(key="memory", unit="GiB", series=(), top=top))
    assert [label for label, _ in model["ticks"]] == labels


def test_only_the_frozen_worker_has_a_stopped_stretch(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> None:
    grid = Grid(recording.duration_s, tuple(diagnosis.episode for diagnosis in diagnoses))
    stopped = {
        lane.worker_index: segment
        for lane in lanes(recording, grid)
        for segment in lane.segments
        if segment.state == "stopped"
    }
    assert set(stopped) == {2}
    assert stopped[2].start_s == pytest.approx(STALL[0], abs=2)
    assert stopped[2].end_s == pytest.approx(STALL[1], abs=2)


def test_a_dead_process_is_missed_only_until_another_took_its_place() -> None:
    scene = healed_scene.recording()
    dead = {
        lane.pid: (segment.start_s, segment.end_s)
        for lane in lanes(scene, Grid(scene.duration_s))
        for segment in lane.segments
        if segment.state == "dead"
    }
    assert dead == {4700: (healed_scene.KILLED_S, healed_scene.BEGUN_S)}


def test_a_value_that_was_never_read_makes_no_chart() -> None:
    blind = Recording(all_ticks=tuple(Tick(t_s=float(t)) for t in range(10)))
    assert charts(blind, Grid(10.0)) == ()


TAPES = Path(__file__).parents[2] / "tapes"


def page_of(name: str, lang: Lang = "en") -> str:
    recording = read(TAPES / f"{name}.holter")
    return html(recording, diagnose_recording(recording, is_over=True), lang)


def test_the_page_opens_with_what_became_of_the_run_and_which_run_it_was() -> None:
    plain = plain_of(page_of("frozen_worker/fault"))
    first = plain.index("Finished: 4 epochs. Stopped once, went on by itself, 22 s lost.")
    assert (
        first < plain.index("Dataset801_HolterBrain · 3d_fullres · fold 0 on host") < plain.index("Stalled in epoch 1")
    )
    assert "If it happens again" in plain
    assert "What helps" not in plain


def test_a_run_that_finished_is_green_and_one_that_died_is_red() -> None:
    assert '<header class="top good">' in page_of("frozen_worker/fault")
    assert '<header class="top bad">' in page_of("external_kill/main_sigkill")


@pytest.mark.parametrize("name", ["frozen_worker/fault", "slow_storage/disk_hangs", "external_kill/main_sigkill"])
def test_what_is_not_known_takes_at_most_six_lines_and_no_fact_that_the_page_knows(name: str) -> None:
    recording = read(TAPES / f"{name}.holter")
    for diagnosis in diagnose_recording(recording, is_over=True):
        lines = unknown_lines(diagnosis, "en")
        assert 0 < len(lines) <= 6
        for fact in diagnosis.later:
            assert not any(fact_name(fact.name, "en") in line for line in lines)


def test_a_cause_that_was_not_judged_is_not_called_possible_and_excluded_ones_are_counted() -> None:
    recording = read(TAPES / "frozen_worker/fault.holter")
    (diagnosis,) = diagnose_recording(recording, is_over=True)
    judged = [
        verdict
        for verdict in diagnosis.verdicts
        if verdict.verdict == "possible" and (verdict.supports or verdict.against)
    ]
    page = page_of("frozen_worker/fault")
    assert page.count('class="badge possible"') == len(judged)
    excluded = sum(verdict.verdict == "excluded" for verdict in diagnosis.verdicts)
    assert excluded > 1
    assert f"{excluded} causes are excluded. " in plain_of(page)


@pytest.mark.parametrize(
    ("kills", "lang", "line"),
    [
        (0, "en", "OOM-killed processes: none (counted by the cgroup)"),
        (2, "en", "OOM-killed processes: 2 (counted by the cgroup)"),
        (0, "zh", "无（由 cgroup 计数）"),
    ],
)
def test_a_count_that_became_known_later_has_its_number(
    diagnoses: tuple[Diagnosis, ...], kills: int, lang: Lang, line: str
) -> None:
    later = Fact(name="oom.kills", status="known", value=kills, detail=COUNTED_BY["cgroup"]())
    assert later_lines(msgspec.structs.replace(diagnoses[0], later=(later,)), lang)[0].endswith(line)


def test_the_numbers_of_a_group_are_short_and_a_later_day_has_its_date() -> None:
    assert ranges((1, 2, 3, 5, 7, 8)) == "1-3, 5, 7-8"
    began = Environment(wall_start="2026-11-28T23:59:00+00:00")
    assert (clocks(began, 30), clocks(began, 90)) == ("0:00:30 (23:59:30)", "0:01:30 (11-29 00:00:30)")


def test_the_gpu_is_the_first_chart() -> None:
    recording = read(TAPES / "vgpu_unlicensed/fault.holter")
    assert charts(recording, Grid(recording.duration_s))[0].key == "gpu"


def test_an_orderly_end_is_hatched_and_only_an_unexpected_one_is_black() -> None:
    fine = read(TAPES / "frozen_worker/fault.holter")
    assert not [part for lane in lanes(fine, Grid(fine.duration_s)) for part in lane.segments if part.state == "dead"]
    end = min(event.t_s for event in fine.events(ProcessEnded) if event.role == "main")
    late = msgspec.structs.replace(
        fine, all_ticks=tuple(_uncollected(tick) if tick.t_s > end - 5.0 else tick for tick in fine.all_ticks)
    )
    (main,) = (lane for lane in lanes(late, Grid(late.duration_s)) if lane.role == "main")
    assert main.segments[-1].state == "ended" and not [part for part in main.segments if part.state == "dead"]
    killed = read(TAPES / "external_kill/main_sigkill.holter")
    dead = [lane.role for lane in lanes(killed, Grid(killed.duration_s)) if lane.segments[-1].state == "dead"]
    assert dead == ["main"]


def test_a_helper_of_python_that_ends_with_code_0_is_no_red_event() -> None:
    fine = read(TAPES / "quiet/as_usual.holter")
    assert [event for event in fine.events(ProcessEnded) if event.role == "resource-tracker" and not event.expected]
    assert "end" not in {kind for _, kind, _ in events(fine, "en")}


def test_a_crash_is_an_error_and_does_not_name_hundreds_of_modules() -> None:
    crashed = read(TAPES / "native_crash/main_crashes_likely.holter")
    (text,) = (text for _, kind, text in events(crashed, "en") if kind == "error")
    assert text.startswith("fatal error: PID 16102: Fatal Python error: Aborted")
    assert "train_step" in text and "Extension modules" not in text and len(text) < 3000


def _uncollected(tick: Tick) -> Tick:
    """On a busy machine seconds pass until the end of a process is noticed."""
    processes = (
        msgspec.structs.replace(process, state="Z") if process.role == "main" else process for process in tick.processes
    )
    return msgspec.structs.replace(tick, processes=tuple(processes))


def _light(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme: str) -> None:
    style = (Path(page_module.__file__).parent / "report.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in style.split("@media")[:2])
    colours = light if scheme == "light" else {**light, **dark}
    pairs = [(ink, back) for ink in ("ink", "soft", "faint", "calm", "bad", "warn", "good") for back in BACKGROUNDS]
    pairs += [(name, f"{name}-wash") for name in ("calm", "bad", "warn", "good")]
    for ink, back in pairs:
        lights = sorted((_light(colours[ink]), _light(colours[back])), reverse=True)
        assert (lights[0] + 0.05) / (lights[1] + 0.05) >= 4.5, (ink, back)


BACKGROUNDS = ("paper", "card", "code")


def in_browser(page: str, probe: str, tmp_path: Path, *options: str) -> str:
    """The page after a script of the test has run in it."""
    path = tmp_path / "report.html"
    path.write_text(page.replace("</body>", f"<script>{probe}</script></body>"), encoding="utf-8")
    command = [str(which(*BROWSERS)), *QUIET_BROWSER, f"--user-data-dir={tmp_path / 'profile'}", *options]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


@pytest.mark.slow
@needs("chromium")
def test_keys_and_two_fingers_look_closer_and_a_short_episode_stays_visible(report: str, tmp_path: Path) -> None:
    probe = """
      const say = (name, value) => { document.body.dataset[name] = value; };
      const tracks = document.getElementById("tracks");
      const press = (key) => tracks.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      const wide = () => { const [from, to] = report.view(); return (to - from).toFixed(0); };
      const band = tracks.querySelector("svg.view rect.band");
      say("thin", [...tracks.querySelectorAll("rect.band")].every((b) => b.getBoundingClientRect().width >= 3.9));
      press("+"); press("+"); say("closer", wide());
      const [start] = report.view(); press("ArrowRight"); say("moved", report.view()[0] > start);
      press("0"); say("whole", wide());
      const strip = document.querySelector(".strip").getBoundingClientRect();
      const middle = strip.left + strip.width / 2;
      const finger = (type, id, x) => tracks.dispatchEvent(
        new PointerEvent(type, {pointerId: id, pointerType: "touch", clientX: x, clientY: 9, bubbles: true}));
      finger("pointerdown", 1, middle - 50); finger("pointerdown", 2, middle + 50);
      finger("pointermove", 2, middle + 50); finger("pointermove", 1, middle - 200);
      say("pinched", wide());
      document.querySelector("[data-move=out]").click(); document.querySelector("[data-move=out]").click();
      say("button", wide());
    """
    dom = in_browser(report, probe, tmp_path, "--dump-dom")
    found = dict(re.findall(r'data-(thin|closer|moved|whole|pinched|button)="([^"]*)"', dom))
    assert found["thin"] == found["moved"] == "true"
    assert (found["closer"], found["whole"], found["button"]) == ("150", "600", "600")
    assert int(found["pinched"]) < 300


@pytest.mark.slow
@needs("chromium")
def test_a_short_run_fits_six_sheets_of_paper(tmp_path: Path) -> None:
    sheets = tmp_path / "report.pdf"
    in_browser(page_of("frozen_worker/fault"), "", tmp_path, f"--print-to-pdf={sheets}")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", sheets.read_bytes())) <= 6


@pytest.mark.slow
@needs("chromium")
def test_the_page_runs_in_a_browser_without_errors_and_reads_values(report: str, tmp_path: Path) -> None:
    probe = """<script>
      const strip = document.querySelector(".strip").getBoundingClientRect();
      const x = strip.left + strip.width * 450 / 600;
      document.getElementById("tracks").dispatchEvent(
        new PointerEvent("pointermove", {clientX: x, clientY: 5, bubbles: true}));
      document.body.dataset.read = [...document.querySelectorAll("#tracks output")].map(o => o.textContent).join("|");
      document.body.dataset.wide = document.documentElement.scrollWidth > window.innerWidth;
    </script>"""
    path = tmp_path / "report.html"
    path.write_text(report.replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [
        str(which(*BROWSERS)),
        *QUIET_BROWSER,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    read = re.search(r'data-read="([^"]*)"', done.stdout)
    assert read is not None
    assert "stopped (T) · panc_" in read[1]
    assert "waiting for data" in read[1]
    assert 'data-wide="false"' in done.stdout


def test_the_epochs_of_a_continued_run_fill_their_charts(recording: Recording) -> None:
    ended = [EpochEnded(t_s=1.0 + epoch, epoch=epoch, duration_s=60.0 + epoch) for epoch in range(400, 404)]
    ticks = (*recording.all_ticks, Tick(t_s=recording.duration_s + 1, events=tuple(ended)))
    model = epochs_model(msgspec.structs.replace(recording, all_ticks=ticks[-1:]))
    assert (model["first"], model["last"]) == (400, 403)
    assert model["charts"][0]["series"][0]["line"].startswith("M400 ")
    page = html(msgspec.structs.replace(recording, all_ticks=ticks[-1:]), (), "en")
    assert 'viewBox="400 0 3 100"' in page


def test_what_raised_the_alarm_is_not_said_of_now() -> None:
    recording = read(Path(__file__).parents[2] / "tapes/frozen_worker/fault.holter")
    said = plain(html(recording, diagnose_recording(recording, is_over=True), "en"))
    assert "At the alarm: worker 0 (PID 7554) has been stopped (state T) for 5 s." in said


def test_equal_episodes_are_named_in_the_plural() -> None:
    diagnosis = diagnosis_slow()
    episode = diagnosis.episode
    later = msgspec.structs.replace(diagnosis, episode=msgspec.structs.replace(episode, start_s=9e3, alarm_s=9.1e3))
    recording = Recording(all_ticks=(Tick(t_s=9.9e3),), all_episodes=(), finished=True)
    assert "Episodes 1-2: slow-down" in plain(html(recording, (diagnosis, later), "en"))
    assert "Episode 1: slow-down" in plain(html(recording, (diagnosis,), "en"))


def test_the_pointer_reads_all_losses_of_one_epoch() -> None:
    epochs = tuple(
        EpochEnded(
            t_s=60.0 * epoch, epoch=epoch, train_loss=-0.1 * epoch, val_loss=None if epoch == 1 else -0.2 * epoch
        )
        for epoch in range(4)
    )
    recording = Recording(all_ticks=(Tick(t_s=240.0, events=epochs),), all_episodes=(), finished=True)
    ((train, val),) = (chart["data"] for chart in epochs_model(recording)["charts"])
    assert train["t"] == val["t"] == [0, 1, 2, 3]
    assert train["v"] == [0.0, -0.1, -0.2, -0.3] and val["v"] == [0.0, None, -0.4, -0.6]


def test_thousands_of_epochs_are_a_small_chart_that_keeps_the_slow_one() -> None:
    epochs = tuple(
        EpochEnded(
            t_s=60.0 * epoch, epoch=epoch, duration_s=900.0 if epoch == 2345 else 60.0 + epoch % 7 / 3,
            train_loss=-0.5 - epoch / 12345, val_loss=None if epoch == 17 else -0.4 - epoch / 23456,
        )
        for epoch in range(4000)
    )  # fmt: skip
    recording = Recording(all_ticks=(Tick(t_s=240_000.0, events=epochs),), all_episodes=(), finished=True)
    model = epochs_model(recording)
    (times,), (train, val) = (chart["data"] for chart in model["charts"])
    assert len(model["rows"]) == 4000
    for series in (times, train, val):
        assert len(series["t"]) == len(series["v"]) <= MOST_POINTS + 6
        assert series["t"][0] == 0 and series["t"][-1] == 3999
    assert times["v"][times["t"].index(2345)] == 900.0
    assert len(json.dumps(model["charts"])) < 100_000
