"""The alert rules on replayed tapes, judged by Prometheus' own promtool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from metrics_replay import FAULTS, QUIET, TAPES, Replay
from promtool import EVERY_S, GOES_ON, check, input_series, name_of, scraped

from holter.causes import CAUSES
from holter.records import Ability, ActionTaken, ContractSettled, Episode, ProcessEnded
from holter.reports.catalogue import text
from holter.views.metrics import alerts, names
from needs import needs

pytestmark = needs("prometheus")
HOLD = 20
ENDS = (("finished",), ("stopped",))
SLOW_KINDS = ("slow-down", "creep")


def expected_of(tape: Path) -> tuple[Replay, Episode, str]:
    """The tape's episode with the cause that its folder is named after."""
    replay = Replay(tape)
    cause = tape.parent.name.replace("_", "-")
    for judged in replay.judgements:
        if judged.cause == cause:
            key = (judged.detector, judged.subject, judged.start_s)
            for episode in replay.recording.all_episodes:
                if (episode.detector, episode.subject_name, episode.start_s) == key:
                    return replay, episode, cause
    pytest.fail(f"{tape}: {cause} is not named")


def alert_of(cause: str, kind: str, run: str) -> dict[str, Any]:
    return {
        "exp_labels": {
            "severity": "warning" if kind in SLOW_KINDS else "critical",
            "run": run,
            "kind": kind,
            "cause": cause,
        },
        "exp_annotations": {
            "summary": f"{run}: {text(f'cause.{cause}.title', 'en')}",
            "description": text(f"cause.{cause}.meaning", "en"),
            "command": f"holter explain {cause}",
        },
    }


@pytest.mark.slow
def test_each_cause_fires_on_its_fault_and_on_no_other(tmp_path: Path) -> None:
    groups = []
    for tape in FAULTS:
        replay, episode, cause = expected_of(tape)
        # A fault that lasts: nobody relieves it before the alert. A death is over at once, and what it left lasts.
        ends = [event.t_s for event in replay.recording.events(ProcessEnded) if event.role == "main"]
        until_s = replay.end_s
        if episode.kind != "death":
            until_s = min(until_s, *(end_s - 0.5 for end_s in (*ends, episode.end_s) if end_s is not None), until_s)
        found = scraped(replay, until_s)
        run, at = name_of(replay), f"{(len(next(iter(found.values()))) + HOLD // 2) * EVERY_S}s"
        still = {labels for metric, labels in found if metric is names.OPEN and found[metric, labels][-1]}
        assert (episode.kind, cause) in still, tape
        expected = [
            {
                "eval_time": at,
                "alertname": alerts.alert_name(other),
                "exp_alerts": [alert_of(other, kind, run) for kind, named in sorted(still) if named == other],
            }
            for other in CAUSES
        ]
        groups.append(
            {
                "name": tape.parent.name,
                "interval": f"{EVERY_S}s",
                "input_series": input_series(found, run, HOLD),
                "alert_rule_test": expected,
            }
        )
    check(tmp_path, alerts.alert_rules("en"), groups)


@pytest.mark.slow
def test_nothing_fires_on_a_healthy_tape(tmp_path: Path) -> None:
    groups = []
    for tape in QUIET:
        replay = Replay(tape)
        found = scraped(replay, replay.end_s)
        scrapes = len(next(iter(found.values())))
        expected = [
            {"eval_time": f"{at * EVERY_S}s", "alertname": alert.name, "exp_alerts": []}
            for alert in alerts.alerts()
            for at in (*range(2, scrapes, 4), scrapes, scrapes + HOLD)
        ]
        # Where the recording ended before the training, its metrics end too.
        hold = HOLD if any(found[metric, labels][-1] for metric, labels in found if labels in ENDS) else 0
        series = input_series(found, name_of(replay), hold)
        groups.append({"interval": f"{EVERY_S}s", "input_series": series, "alert_rule_test": expected})
    check(tmp_path, alerts.alert_rules("en"), groups)


def test_promtool_accepts_the_rules_in_both_languages(tmp_path: Path) -> None:
    for lang in ("en", "zh"):
        file = tmp_path / f"{lang}.yml"
        file.write_text(alerts.alert_rules(lang), encoding="utf-8")
        done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(CAUSES) + len(alerts.RUN_ALERTS)} rules found" in done.stdout
        assert "duplicate" not in done.stdout.lower()


def alert_of_run(name: str, run: str, value: str, labels: dict[str, str]) -> dict[str, Any]:
    """A firing alert of ``RUN_ALERTS``, as Prometheus fills its templates."""
    alert = next(alert for alert in alerts.RUN_ALERTS if alert.name == name)
    annotations = alert.rule("en")["annotations"]
    annotations["summary"] = re.sub(r"{{ \$value [^}]*}}", value, annotations["summary"].replace(alerts.RUN, run))
    annotations["summary"] = annotations["summary"].replace("{{ $labels.kind }}", labels.get("kind", ""))
    severity = "critical" if alert.severity == alerts.SEVERITY else alert.severity
    return {"exp_labels": {"severity": severity, "run": run, **labels}, "exp_annotations": annotations}


class Scene:
    """A tape of a long training, played to a moment; ``check`` says what happens then."""

    def __init__(self, folder: Path, tape: str, until_s: float | None = None) -> None:
        self._folder = folder
        self.replay = Replay(TAPES / tape)
        environment = self.replay.numbers.environment
        assert environment is not None
        self.replay.numbers.environment = msgspec.structs.replace(environment, num_epochs=1000)
        self.until_s = self.replay.end_s if until_s is None else until_s

    def check(
        self, name: str, hold: int, grows: dict[names.Metric, float], value: str = "", early: int = 1, **labels: str
    ) -> None:
        """The alert fires ``hold`` scrapes after the moment, not ``early``, and no other alert of runs fires.

        ``grows``: what goes on from then on; empty: the metrics end.
        """
        found = scraped(self.replay, self.until_s)
        run, scrapes = name_of(self.replay), len(next(iter(found.values())))
        firing = alert_of_run(name, run, value, labels)
        checks = [{"eval_time": f"{early * EVERY_S}s", "alertname": name, "exp_alerts": []}]
        for alert in alerts.RUN_ALERTS:
            expected = [firing] if alert.name == name else []
            at = f"{(scrapes + hold) * EVERY_S}s"
            checks.append({"eval_time": at, "alertname": alert.name, "exp_alerts": expected})
        series = input_series(found, run, 2 * hold if grows else 0, grows)
        group = {"interval": f"{EVERY_S}s", "input_series": series, "alert_rule_test": checks}
        check(self._folder, alerts.alert_rules("en"), [group])


def test_a_dead_training_fires(tmp_path: Path) -> None:
    Scene(tmp_path, "external_kill/main_sigkill.holter").check("HolterTrainingDied", 4, GOES_ON, state="dead")


def test_a_training_that_ended_early_with_exit_code_0_has_died_too(tmp_path: Path) -> None:
    Scene(tmp_path, "ended_early/main_leaves.holter").check("HolterTrainingDied", 4, GOES_ON, state="incomplete")


def test_heals_that_did_not_help_fire(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "external_kill/main_sigkill.holter")
    stop = ActionTaken(t_s=scene.until_s - 1.0, action="stop", state="done")
    scene.replay.hear_later(stop)
    scene.check("HolterHealsExhausted", 4, GOES_ON, state="gave-up")


def test_a_training_that_is_started_again_fires_only_if_it_does_not_come_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "external_kill/main_sigkill.holter")
    can = Ability(name="restart", can=True, what="nnUNetv2_train … --c")
    scene.replay.hear_later(ContractSettled(t_s=9.5, sees=(), does=(can,)))
    scene.replay.recording = msgspec.structs.replace(scene.replay.recording, finished=False)
    scene.check("HolterNotBack", 70, GOES_ON, early=20, state="restarting")


def test_a_run_that_is_gone_before_its_last_epoch_fires_and_is_over_after_half_an_hour(tmp_path: Path) -> None:
    # On a port nobody sees the end of a run: its numbers are just gone.
    Scene(tmp_path, "quiet/tiny_epochs.holter", until_s=100.0).check("HolterRunVanished", 20, {})


def test_a_recorder_that_writes_no_more_fires(tmp_path: Path) -> None:
    Scene(tmp_path, "quiet/tiny_epochs.holter", until_s=100.0).check("HolterRecorderSilent", 20, {names.STEPS: 0})


@pytest.mark.slow
def test_a_training_without_a_step_for_half_an_hour_fires_though_no_alarm_is_open(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "quiet/tiny_epochs.holter", until_s=100.0)
    scene.check("HolterNoStep", (alerts.NO_STEP_S + 400) // EVERY_S, GOES_ON, value="36m 51s")


@pytest.mark.slow
def test_a_training_that_waits_for_data_fires(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "quiet/tiny_epochs.holter", until_s=100.0)
    grows = {**GOES_ON, names.STEP: EVERY_S, names.WAITED: 12.0, names.COMPUTED: 3.0}
    scene.check("HolterDataStarved", 100, grows, value="80%")


def test_a_vgpu_without_licence_fires_before_anything_is_slow(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "vgpu_unlicensed/gpu_licence.holter", until_s=35.0)
    scene.check("HolterGpuUnlicensed", 8, GOES_ON)


def test_an_incident_without_a_cause_fires_after_a_minute(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "main_stands_still/main_lock.holter")
    (judged,) = scene.replay.judgements
    scene.until_s -= 1.0
    scene.replay.hear_later(msgspec.structs.replace(judged, t_s=judged.t_s + 0.1, cause=None, verdict=None))
    scene.check("HolterUnexplained", 8, GOES_ON, kind="stall", cause="unknown")
