"""A real Prometheus scrapes what Holter tells: a tape that is replayed, and a real run."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from metrics_replay import TAPES, write_slowly, write_tick
from prometheus import PATIENCE_S, Prometheus, free_port, prometheus

from holter.records import ActionTaken, Tick
from holter.reports.catalogue import phrase
from holter.tape import TapeWriter
from holter.views.metrics import dashboard, names
from holter.views.metrics.alerts import alert_rules
from holter.views.metrics.exporters import Exporters
from needs import needs

pytestmark = [needs("prometheus"), pytest.mark.slow]
# The tape's stall begins at 41 s and is over at 60 s.
STALLED_UNTIL_S = 57.0
FASTER = 8.0


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A tape with a GPU and a stall, replayed to the middle of the stall while it is scraped."""
    folder = tmp_path_factory.mktemp("replayed")
    tape = TapeWriter(folder / "run.holter")
    started = datetime.datetime.now(datetime.timezone.utc).isoformat()
    said = []
    port = free_port()
    stop = threading.Event()

    def play() -> None:
        begin_s, last = time.monotonic(), Tick(t_s=0.0)
        for tick in write_slowly(TAPES / "vgpu_unlicensed" / "gpu_licence.holter", tape, started):
            if tick.t_s > STALLED_UNTIL_S:
                break
            time.sleep(max(0.0, begin_s + tick.t_s / FASTER - time.monotonic()))
            last = tick
        tape.write_events([ActionTaken(t_s=last.t_s, action="replace-workers", state="failed")])
        while not stop.wait(0.5):  # nobody relieves it, and the recorder goes on to write
            last = msgspec.structs.replace(last, t_s=last.t_s + 0.5, events=())
            write_tick(tape, last)

    thread = threading.Thread(target=play)
    with Exporters([str(port)], lambda text: said.append(phrase(text, "en"))) as exporters:
        exporters.start(folder / "run.holter")
        # As the rules are, but an alert that lasts for 30 s need not be waited for.
        rules = re.sub(r'for: "\w+"', 'for: "2s"', alert_rules("en"))
        with prometheus(folder / "prometheus", f"127.0.0.1:{port}", rules) as server:
            thread.start()
            try:
                server.wait_for(f"{names.HEALS.name} == 1")
                yield server
            finally:
                stop.set()
                thread.join()
                tape.close(STALLED_UNTIL_S)
    assert said == [f"metrics at http://127.0.0.1:{port}/metrics"]


@pytest.mark.parametrize("panel", dashboard.PANELS, ids=lambda panel: panel.title.key)
def test_each_panel_shows_data(replayed: Prometheus, panel: dashboard.Panel) -> None:
    for query in panel.queries:
        expr = query.expr.replace("$run", ".*").replace("$__rate_interval", "1m")
        series = replayed.wait_for(expr)
        words = re.findall(r"{{(\w+)}}", query.legend)
        assert all(word in series[0]["metric"] for word in words), "the legend has a label that is not there"


def test_the_board_asks_for_what_the_panels_say_and_grafana_can_tell_them_apart() -> None:
    board = json.loads(dashboard.dashboard("en"))
    assert len({panel["id"] for panel in board["panels"]}) == len(dashboard.PANELS)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= dashboard.COLUMNS for panel in board["panels"])
    assert json.loads(dashboard.dashboard("zh"))["panels"][0]["title"] == "状态"


def test_the_alert_of_the_fault_fires_and_those_of_other_causes_do_not(replayed: Prometheus) -> None:
    replayed.wait_for('ALERTS{alertname="HolterVgpuUnlicensed", alertstate="firing"}')
    assert replayed.firing() == {"HolterVgpuUnlicensed", "HolterGpuUnlicensed"}


def test_what_prometheus_has_is_the_table_and_no_more(replayed: Prometheus) -> None:
    found = replayed.query('{__name__=~"holter_.*"}')
    table = {metric.name: metric for metric in names.METRICS}
    assert len(found) <= names.MOST_SERIES
    for series in found:
        labels = dict(series["metric"])
        metric = table[labels.pop("__name__")]
        assert set(labels) - {"job", "instance"} <= {"run", *metric.labels}
    kinds = {name: facts[0] for name, facts in replayed.get("metadata").items() if name.startswith("holter_")}
    for name, facts in kinds.items():
        metric = table[name]
        assert (facts["type"], facts["help"]) == (metric.kind, metric.help)


def test_a_stopped_exporter_is_seen_by_prometheus_and_its_age_goes_on_to_grow(replayed: Prometheus) -> None:
    assert replayed.wait_for(f"time() - {names.STEP.name} > 2")


@pytest.mark.training
@pytest.mark.long
def test_a_real_training_is_told_to_prometheus(brain, tmp_path: Path) -> None:
    port = free_port()
    command = brain.command("--epochs", "3", "--iterations", "40", "--val-iterations", "1", "--no-validation")
    tape = tmp_path / "run.holter"
    with prometheus(tmp_path / "prometheus", f"127.0.0.1:{port}", alert_rules("en")) as server:
        run = subprocess.Popen(
            [sys.executable, "-m", "holter", "run", "--tape", str(tape), "--metrics", str(port), "--", *command],
            env={**brain.environment(), "nnUNet_results": str(tmp_path)},
        )
        try:
            series = server.wait_for(f"{names.STEPS.name} > 0")
            assert series[0]["metric"]["run"].startswith("Dataset801-3d_fullres-fold0-")
            assert server.wait_for(f"{names.COMPLETED.name} > 0")
            (info,) = server.wait_for(f'{names.INFO.name}{{trainer!=""}}')
            assert info["metric"]["dataset"] == "Dataset801_HolterBrain"
            assert server.wait_for(f"{names.PLANNED.name} == 3")
            assert server.wait_for(f"{names.WORKERS.name} > 0 and {names.WORKERS.name} == {names.EXPECTED.name}")
            assert run.wait(PATIENCE_S) == 0
            assert server.firing() == set()
        finally:
            with contextlib.suppress(ProcessLookupError):
                run.send_signal(signal.SIGKILL)
            run.wait()
