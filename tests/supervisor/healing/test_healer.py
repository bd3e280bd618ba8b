"""When to act and when not: the healer alone, fed with ticks."""

from __future__ import annotations

import msgspec
import pytest

from holter.records import (
    ActionTaken,
    Beat,
    Diagnosis,
    Episode,
    Fact,
    Noted,
    ProcessSample,
    Remedy,
    StorageSample,
    Subject,
    Tick,
    Verdict,
)
from holter.remedies.ladder import HEALS_WITHOUT_EPOCH, OWN_WORKS_AFTER_S, STANDS_AFTER_S, WAIT_DEAD_S
from holter.reports.healing import action_line
from holter.supervisor.healing.control import Control
from holter.supervisor.healing.external_wait import CLEARED
from holter.supervisor.healing.healer import TRY_AGAIN_S, WORKS_WITHIN_S, Healer
from holter.supervisor.healing.hook_heals import BRINGS_WITHIN_S
from holter.supervisor.healing.main_hang import ANNOUNCED_S, FLOOR_S
from holter.supervisor.healing.training_state import HOOK_FIRST_S, NAMELESS_S


class Case:
    """One healer, its ticks and what it said."""

    def __init__(self, folder, *, act: bool = True, can_continue: bool = True, steps: int = 20, **how) -> None:
        self.said: list = []
        self.healer = Healer(Control(folder), self.said.append, act=act, can_continue=can_continue, **how)
        self.requests = folder / "control.json"
        self.t_s = 0.0
        self.steps = 0
        self.progressed_s: float | None = None  # None: steps were quick, and long ago
        for _ in range(steps):
            self.work()

    def tick(
        self,
        *,
        state: str = "S",
        waits: str = "train-batch",
        phase: str = "train",
        cpu: float = 0.0,
        channel: str | None = None,
        workers: str = "S",
    ) -> Tick:
        """``cpu``: of each worker, and ``workers``: their state."""
        beat = Beat(
            t_s=self.t_s, pid=1, phase=phase, epoch=3, iteration=5, waits_for=waits,
            progress_total=self.steps, steps_total=self.steps,
            progressed_s=float(self.steps) if self.progressed_s is None else self.progressed_s,
        )  # fmt: skip
        those = [
            ProcessSample(t_s=self.t_s, pid=pid, role="train-worker", state=workers, cpu_ratio=cpu) for pid in (2, 3)
        ]
        main = ProcessSample(t_s=self.t_s, pid=1, role="main", state=state, cpu_ratio=0.0, wait_channel=channel)
        return Tick(t_s=self.t_s, beats=(beat,), processes=(main, *those))

    def work(self) -> None:
        self.t_s += 1.0
        self.steps += 1
        assert self.healer.see(self.tick(), (), ()) is None

    def stand(self, seconds: float, episode: Episode | None, cause: str | None = "frozen-worker", **how):
        """Stand still for so long; the first plan that comes of it."""
        verdicts = (Verdict(cause=cause, verdict="confirmed", score=0.9),) if cause else ()
        until_s = self.t_s + seconds
        while self.t_s < until_s:
            self.t_s += 1.0
            episodes = (episode,) if episode else ()
            diagnoses = (Diagnosis(episode=episode, verdicts=verdicts),) if episode else ()
            plan = self.healer.see(self.tick(**how), episodes, diagnoses)
            if plan is not None:
                return plan
        return None


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


def stall(t_s: float, kind: str = "stall") -> Episode:
    return Episode(kind=kind, phase="train", start_s=t_s, alarm_s=t_s + 5, detector="stall", subject="training")


def states(case: Case) -> list[tuple[str, str]]:
    return [(said.action, said.state) for said in case.said]


def test_workers_are_asked_for_once_and_then_the_run_is_restarted_if_nothing_moves(case):
    plan = case.stand(WORKS_WITHIN_S + 15, stall(case.t_s))
    assert states(case) == [("replace-workers", "begun"), ("replace-workers", "failed")]
    assert "replace-workers" in case.requests.read_text()
    assert (plan.action, plan.rung) == ("restart", 2)


def test_a_heal_that_helped_is_told_and_may_be_done_again(case):
    assert case.stand(10, stall(case.t_s)) is None
    case.work()
    assert states(case) == [("replace-workers", "begun"), ("replace-workers", "done")]
    case.stand(12, stall(case.t_s))
    assert states(case)[2:] == [("replace-workers", "begun")]


BY_HOOK = ActionTaken(t_s=0.0, action="replace-workers", state="begun", source="hook", pids=(2, 3))


def replaces(case: Case, state: str = "begun", *, after_step: bool = False) -> None:
    """``after_step``: in the tick that shows the last step."""
    case.t_s += 1.0
    if after_step:
        case.steps, case.progressed_s = case.steps + 1, case.t_s - 0.5
    deed = msgspec.structs.replace(BY_HOOK, t_s=case.t_s, state=state)
    case.healer.see(msgspec.structs.replace(case.tick(), events=(deed,)), (), ())


@pytest.mark.parametrize("after_step", [False, True])
def test_a_replacement_by_the_hook_that_brings_no_batch_is_told_as_failed_once(case, after_step):
    replaces(case, after_step=after_step)
    case.stand(BRINGS_WITHIN_S - 2, None)
    assert case.said == []
    case.stand(1000, None)
    (failed,) = case.said
    assert (failed.action, failed.state, failed.source, failed.pids) == ("replace-workers", "failed", "supervisor", ())
    assert action_line(failed, "en") == "replacing the data workers did not help: no batch has come for 300 s"


def test_a_replacement_whose_workers_compute_may_still_bring_a_batch(case):
    replaces(case)
    case.stand(1000, None, cpu=1.0)
    assert case.said == []
    case.progressed_s = case.t_s
    case.work()
    case.stand(1000, None)
    assert case.said == [], "a batch came, which the hook reports"


@pytest.mark.parametrize("state", ["done", "failed"])
def test_what_the_hook_reports_itself_is_told_once(case, state):
    replaces(case)
    replaces(case, state)
    case.stand(1000, None)
    assert case.said == []


def test_the_first_batch_from_a_slow_disk_is_waited_for(case):
    replaces(case)
    case.stand(1000, None, workers="D")
    assert case.said == []


def test_a_time_in_which_the_training_is_stopped_is_not_waited_for_a_batch(case):
    replaces(case)
    case.stand(1000, None, state="T")
    case.stand(BRINGS_WITHIN_S - 2, None)
    assert case.said == []
    case.stand(3, None)
    assert states(case) == [("replace-workers", "failed")]


@pytest.mark.parametrize(("answers", "state"), [(("failed",), "failed"), (("begun",), "done"), ((), "done")])
def test_a_request_that_the_hook_refuses_is_no_heal_if_the_batch_comes_by_itself(case, answers, state):
    for _ in range(2):
        case.stand(7, stall(case.t_s))
        (begun,) = [said for said in case.said if said.state == "begun"][-1:]
        for answer in answers:
            case.t_s += 1.0
            deed = msgspec.structs.replace(
                BY_HOOK, t_s=case.t_s, state=answer, text="it refuses", request=begun.request
            )
            case.healer.see(msgspec.structs.replace(case.tick(), events=(deed,)), (), ())
        assert case.said[-1] is begun, "it waits whether a batch comes"
        case.work()
    assert states(case) == [("replace-workers", "begun"), ("replace-workers", state)] * 2
    assert (case.said[-1].said == "it refuses") is (state == "failed")


def test_without_an_episode_a_long_step_is_left_alone(case):
    assert case.stand(500, None) is None
    assert case.said == []


def test_a_stall_without_a_name_is_touched_late_and_only_where_it_waits_for_another_process(case):
    began = case.t_s
    assert case.stand(500, stall(began), None, waits="none") is None
    assert case.said == []
    assert case.stand(NAMELESS_S - 50, stall(case.t_s), None) is None
    assert case.said == []
    case.stand(NAMELESS_S + 5, stall(began), None)
    assert states(case)[:1] == [("replace-workers", "begun")]


def test_workers_that_compute_are_not_replaced_in_a_stall_without_a_name(case):
    assert case.stand(10 * NAMELESS_S, stall(case.t_s), None, cpu=1.0) is None
    assert case.stand(NAMELESS_S - 5, stall(case.t_s), None) is None, "between two files they read"
    assert case.said == []
    case.stand(10, stall(case.t_s - 2 * NAMELESS_S), None)
    assert states(case) == [("replace-workers", "begun")]


@pytest.mark.parametrize("cause", ["main-stands-still", "workers-stand-still", None])
def test_a_main_process_that_stands_is_restarted_late_whether_or_not_it_has_a_name(case, cause):
    began_s = case.t_s
    plan = case.stand(2 * FLOOR_S, stall(began_s), cause, waits="none")
    assert (plan.action, plan.reason) == ("restart", "main-hangs")
    assert case.t_s - began_s == pytest.approx(FLOOR_S, abs=5)
    assert states(case) == [("announce-restart", "begun")]
    assert case.said[0].t_s - began_s == pytest.approx(FLOOR_S - ANNOUNCED_S, abs=5)


def test_who_waits_for_a_person_is_never_ended_unless_the_user_set_a_limit(tmp_path):
    for limit_s in (None, 600.0):
        case = Case(tmp_path, main_limit_s=limit_s)
        episode = stall(case.t_s)
        asks = (Fact(name="main.stands_in", value="person"),)
        verdict = Verdict(cause="main-stands-still", verdict="confirmed", score=0.9)
        plan = None
        for _ in range(int(3 * FLOOR_S)):
            case.t_s += 1.0
            found = Diagnosis(episode=episode, verdicts=(verdict,), facts=asks)
            plan = plan or case.healer.see(case.tick(waits="none"), (episode,), (found,))
        assert (plan is not None, bool(case.said)) == (limit_s is not None,) * 2


def test_nothing_is_done_while_a_debugger_holds_a_worker(case):
    for held in (True, False):
        episode = stall(case.t_s)
        verdict = Verdict(cause="frozen-worker", verdict="confirmed", score=0.9)
        for _ in range(60):
            case.t_s += 1.0
            tick = case.tick()
            main, first, second = tick.processes
            first = msgspec.structs.replace(first, state="t" if held else "T")
            tick = msgspec.structs.replace(tick, processes=(main, first, second))
            case.healer.see(tick, (episode,), (Diagnosis(episode=episode, verdicts=(verdict,)),))
        assert bool(case.said) != held


@pytest.mark.parametrize("how", [{"main_heal": False}, {"act": False}, {"can_continue": False}])
def test_a_main_process_that_stands_is_left_alone_where_nobody_asked_or_nothing_is_known(tmp_path, how):
    case = Case(tmp_path, **how)
    assert case.stand(2 * FLOOR_S, stall(case.t_s), "main-stands-still", waits="none") is None
    assert ("announce-restart", "begun") not in states(case)


@pytest.mark.parametrize(
    ("cause", "how"),
    [
        (None, {"phase": "shutdown"}),
        ("main-stands-still", {"phase": "shutdown"}),
        ("no-exit-after-finish", {}),
        (None, {"channel": "get_signal"}),  # frozen, in version 2 of the control groups
    ],
)
def test_what_is_finished_or_frozen_is_not_started_again(tmp_path, cause, how):
    for limit_s in (None, 600.0):
        case = Case(tmp_path, main_limit_s=limit_s)
        assert case.stand(2 * FLOOR_S, stall(case.t_s), cause, waits="none", **how) is None
        assert case.said == []


@pytest.mark.slow
def test_before_the_first_step_a_training_may_wait_as_long_as_it_likes(tmp_path):
    waiting = {"waits": "none", "phase": "startup"}
    case = Case(tmp_path, steps=0)
    assert case.stand(3 * FLOOR_S, stall(case.t_s), "main-stands-still", **waiting) is None
    assert case.said == []
    case.work()
    case.healer.begin(ActionTaken(t_s=case.t_s, action="restart", state="begun"))
    case.steps = 0
    assert case.stand(3 * FLOOR_S, stall(case.t_s), "main-stands-still", **waiting) is None, "nor in a restart"
    limited = Case(tmp_path, steps=0, main_limit_s=600.0)
    assert limited.stand(700, stall(limited.t_s), "main-stands-still", **waiting).action == "restart"


def test_a_limit_of_the_users_own_needs_no_stall(tmp_path):
    case = Case(tmp_path, main_limit_s=120.0)
    began_s = case.t_s
    assert case.stand(300, None, waits="none").action == "restart"
    assert case.t_s - began_s == pytest.approx(120, abs=5)
    assert states(case) == [("announce-restart", "begun")]


def test_a_limit_that_is_too_short_for_the_training_does_not_restart_it_for_ever(tmp_path):
    case = Case(tmp_path, main_limit_s=30.0)
    actions = []
    for number in range(1, 9):
        episode = msgspec.structs.replace(stall(case.t_s), generation=case.healer.attempts.generation)
        plan = case.stand(100, episode, "main-stands-still", waits="none")
        actions.append(plan.action)
        if plan.action == "stop":
            break
        case.healer.begin(ActionTaken(t_s=case.t_s, action="restart", state="begun", generation=number))
        case.work()
    assert actions == ["restart"] * HEALS_WITHOUT_EPOCH + ["stop"]


def test_a_training_that_somebody_stopped_is_left_in_peace(case):
    assert case.stand(500, stall(case.t_s), None, state="T") is None
    assert case.said == []


def test_the_hook_has_the_first_go_at_a_dead_worker(case):
    dead = stall(case.t_s, "death")
    assert case.stand(HOOK_FIRST_S, dead, "worker-killed") is None
    assert case.said == []
    case.stand(10, dead, "worker-killed")
    assert states(case) == [("replace-workers", "begun")]


def test_waiting_for_one_thing_does_not_hide_another(case):
    slow = Episode(kind="slow-down", phase="train", start_s=1.0, alarm_s=2.0, detector="slow-down", subject="training")
    frozen = stall(case.t_s)
    diagnoses = tuple(
        Diagnosis(episode=episode, verdicts=(Verdict(cause=cause, verdict="confirmed", score=0.9),))
        for episode, cause in ((slow, "slow-storage"), (frozen, "frozen-worker"))
    )
    for _ in range(12):
        case.t_s += 1.0
        case.healer.see(case.tick(), (slow, frozen), diagnoses)
    assert states(case) == [("wait", "begun"), ("replace-workers", "begun")]


def test_a_command_of_the_users_own_is_never_ended(tmp_path):
    case = Case(tmp_path, can_continue=False)
    assert case.stand(500, stall(case.t_s), "gpu-side-stall", waits="none") is None
    assert case.healer.after_end(case.t_s, ()).action == "nothing"


def test_only_the_last_moments_tell_why_a_training_ended(case):
    old = Diagnosis(
        episode=Episode(kind="death", start_s=1.0, alarm_s=1.0),
        verdicts=(Verdict(cause="truncated-preprocessed-file", verdict="confirmed", score=0.9),),
    )
    assert case.healer.after_end(9000.0, (old,)).action == "restart"


def test_a_main_process_that_takes_a_minute_to_end_has_ended_by_its_exception(case):
    for end_s, action in ((None, "restart"), (case.t_s + 59.0, "stop")):
        raised = Diagnosis(
            episode=Episode(kind="death", phase="train", start_s=case.t_s, alarm_s=case.t_s, end_s=end_s),
            verdicts=(Verdict(cause="truncated-preprocessed-file", verdict="confirmed", score=0.9),),
        )
        assert case.healer.after_end(case.t_s + 60.0, (raised,)).action == action


def test_a_death_that_the_training_survived_does_not_explain_its_end(case):
    """Its episode ended with the next progress, minutes after its alarm."""
    begin_s = case.t_s
    case.stand(600, None, cpu=1.0)
    case.steps = int(case.t_s)
    case.work()
    for end_s, action in ((case.t_s, "restart"), (case.t_s + 9.0, "stop")):
        died = Diagnosis(
            episode=Episode(kind="death", phase="train", start_s=begin_s, alarm_s=begin_s, end_s=end_s),
            verdicts=(Verdict(cause="truncated-preprocessed-file", verdict="confirmed", score=0.9),),
        )
        assert case.healer.after_end(case.t_s + 10.0, (died,)).action == action


def test_a_training_that_never_began_to_train_is_not_started_again(tmp_path):
    healer = Healer(Control(tmp_path), print, act=True, can_continue=True)
    plan = healer.after_end(5.0, ())
    assert (plan.action, plan.reason) == ("nothing", "never-trained")


def test_a_script_without_a_heartbeat_counts_as_training_after_a_while_and_may_fail_many_times(tmp_path):
    said: list = []
    healer = Healer(Control(tmp_path), said.append, act=True, can_continue=True, is_own=True)
    healer.see(Tick(t_s=0.0), (), ())
    assert healer.after_end(5.0, ()).reason == "ended-too-soon"
    for number in range(1, 6):
        t_s = number * 3600.0
        healer.see(Tick(t_s=t_s), (), ())
        assert healer.after_end(t_s, ()).action == "restart"
        healer.begin(ActionTaken(t_s=t_s, action="restart", state="begun", generation=number))
        healer.see(Tick(t_s=t_s + 1), (), ())
        healer.see(Tick(t_s=t_s + 1 + OWN_WORKS_AFTER_S), (), ())
        assert said[-1].state == "done"


def test_a_users_command_that_has_a_heartbeat_must_reach_a_step(tmp_path):
    case = Case(tmp_path, is_own=True, steps=0)
    for case.t_s in range(0, 200, 5):
        case.healer.see(case.tick(phase="startup"), (), ())
    assert case.healer.after_end(case.t_s, ()).reason == "never-trained"


def test_it_is_not_ended_again_before_it_has_moved_on(case):
    case.stand(WORKS_WITHIN_S + 15, stall(case.t_s))
    case.healer.leave_alone()
    assert case.stand(TRY_AGAIN_S - 1, stall(case.t_s)) is None
    case.work()
    assert case.stand(60, stall(case.t_s)).action == "restart"


def test_settings_with_which_it_does_not_come_to_train_are_taken_back(case):
    killed = Verdict(cause="worker-killed", verdict="confirmed", score=0.9)
    crash = Fact(name="worker.exit_signal", status="known", value=11)
    for number in (1, 2):
        death = Episode(
            kind="death", phase="train", start_s=case.t_s, alarm_s=case.t_s, subject=Subject(role="main", pid=1)
        )
        diagnosis = Diagnosis(episode=death, verdicts=(killed,), facts=(crash,))
        plan = case.healer.after_end(case.t_s, (diagnosis,))
        begun = {"action": "restart", "state": "begun", "settings": plan.settings, "generation": number}
        case.healer.begin(ActionTaken(t_s=case.t_s, **begun))
    assert ("HOLTER_START_METHOD", "forkserver") in case.healer.attempts.settings
    case.t_s += 5.0  # it raises at once: the trainer's transforms cannot be pickled
    failed = Episode(
        kind="death", phase="startup", start_s=case.t_s, alarm_s=case.t_s, subject=Subject(role="main", pid=1)
    )
    verdicts = (Verdict(cause="main-exception", verdict="confirmed", score=0.9),)
    plan = case.healer.after_end(case.t_s, (Diagnosis(episode=failed, verdicts=verdicts),))
    assert plan.action == "restart"
    assert case.healer.attempts.settings == ()


def test_what_kept_it_from_being_ended_may_have_passed_and_is_looked_at_again_later_and_later(case):
    case.stand(WORKS_WITHIN_S + 15, stall(case.t_s))
    frozen = stall(case.t_s)
    for factor in (1, 2, 4):
        case.healer.leave_alone()
        assert case.stand(factor * TRY_AGAIN_S - 1, frozen) is None
        assert case.stand(2, frozen).action == "restart"


def test_what_looks_well_all_the_time_is_not_over_before_it_was_waited_for(case):
    episode = stall(case.t_s)
    slow = Diagnosis(episode=episode, verdicts=(Verdict(cause="slow-storage", verdict="confirmed", score=0.9),))
    for _ in range(600):
        case.healer.waiting.update(answers(case.t_s))
        case.t_s += 1.0
    for second in range(int(STANDS_AFTER_S)):
        case.healer.waiting.update(answers(case.t_s))
        assert case.healer.see(case.tick(), (episode,), (slow,)) is None, second
        case.t_s += 1.0
    assert states(case) == [("wait", "begun")]
    case.t_s += 1.0
    assert case.healer.see(case.tick(), (episode,), (slow,)).action == "restart"
    assert states(case) == [("wait", "begun"), ("wait", "done")]


def answers(t_s: float) -> Tick:
    return Tick(t_s=t_s, storage=(StorageSample(t_s=t_s, label="results", path="/r", read_latency_s=0.01),))


def test_a_plan_that_was_not_carried_out_costs_nothing(case):
    plan = case.stand(WORKS_WITHIN_S + 15, stall(case.t_s))
    before = case.healer.attempts.history
    case.healer.attempts.withdraw()
    assert (len(before), len(case.healer.attempts.history)) == (2, 1)
    assert case.stand(20, stall(case.t_s)) == plan


def test_after_a_gap_in_the_recording_the_training_must_be_quiet_again(case):
    case.t_s += 600.0  # a suspended laptop: nobody ran, and the clock went on
    began = case.t_s
    case.stand(30, stall(case.t_s - 300.0))
    assert case.said[0].t_s - began > 5.0


def test_an_episode_of_the_process_before_is_no_reason_to_act(case):
    old = Episode(kind="stall", start_s=1.0, alarm_s=2.0, detector="stall", subject="training", generation=7)
    assert case.stand(100, old) is None
    assert case.said == []


def test_only_watching_says_once_what_it_would_do(tmp_path):
    case = Case(tmp_path, act=False)
    assert case.stand(200, stall(case.t_s)) is None
    assert states(case) == [("replace-workers", "proposed")]
    assert not case.requests.exists()


@pytest.mark.parametrize(("can_continue", "proposed"), [(True, [("restart", "proposed")]), (False, [])])
def test_nothing_is_proposed_that_healing_would_refuse(can_continue, proposed, tmp_path):
    case = Case(tmp_path, act=False, can_continue=can_continue)
    note = Noted(t_s=case.t_s, what="loader-refused", text="")
    case.healer.see(msgspec.structs.replace(case.tick(), events=(note,)), (), ())
    assert case.stand(200, stall(case.t_s)) is None
    assert states(case) == proposed


class Ranks(Case):
    """Two processes train together; the first waits on the GPU for the second."""

    def tick(self, *, waits: str = "none", other: str = "train-batch", other_state: str = "S") -> Tick:
        first = super().tick(waits=waits)
        beats = [first.beats[0], msgspec.structs.replace(first.beats[0], pid=4, waits_for=other)]
        second = ProcessSample(t_s=self.t_s, pid=4, role="main", state=other_state)
        return Tick(t_s=self.t_s, beats=tuple(beats), processes=(*first.processes, second))


def test_workers_are_replaced_where_another_rank_waits_for_them(tmp_path):
    case = Ranks(tmp_path)
    assert case.stand(10, stall(case.t_s)) is None
    assert states(case) == [("replace-workers", "begun")]


def test_nothing_is_done_where_somebody_stopped_another_rank(tmp_path):
    case = Ranks(tmp_path)
    assert case.stand(300, stall(case.t_s), other_state="T") is None
    assert case.said == []


DISK = "disk-full-or-quota"


def disk(episode: Episode) -> Diagnosis:
    ask = Remedy(id="ask-administrator", values=(("cause", DISK), ("folder", "/data/results"), ("host", "node7")))
    verdict = Verdict(cause=DISK, verdict="confirmed", score=0.9)
    return Diagnosis(episode=episode, verdicts=(verdict,), remedies=((DISK, (ask,)),))


def room(t_s: float, free_bytes: int | None) -> Tick:
    """A look at the results; None: the file system does not answer."""
    known = {"free_bytes": free_bytes, "read_only": False} if free_bytes is not None else {"probe_pending_s": 5.0}
    return Tick(t_s=t_s, storage=(StorageSample(t_s=t_s, label="results", path="/data/results", **known),))


def test_a_training_that_cannot_be_saved_is_told_with_what_to_ask_and_not_touched(case):
    unsaved = Episode(kind="unsaved", phase="train", start_s=case.t_s, alarm_s=case.t_s, detector="unsaved")
    for _ in range(200):
        case.t_s += 1.0
        case.steps += 1
        assert case.healer.see(case.tick(), (unsaved,), (disk(unsaved),)) is None
    assert states(case) == [("wait", "begun")]
    assert dict(case.said[0].asks)["folder"] == "/data/results"
    assert "checkpoint" in case.requests.read_text(), "saved at the next safe point, if it can be"
    case.work()
    assert states(case) == [("wait", "begun"), ("wait", "done")]
    assert case.healer.attempts.history == ()


def ended(case: Case):
    """The plan for a training that a full disk has ended."""
    death = Episode(
        kind="death", phase="train", start_s=case.t_s, alarm_s=case.t_s, subject=Subject(role="main", pid=1)
    )
    plan = case.healer.after_end(case.t_s + 1, (disk(death),))
    case.healer.begin_wait(plan, case.t_s)
    return plan


def go_on_after(case: Case, plan, rooms: list[int | None]) -> int | None:
    """Seconds until it may go on, one look each ten seconds; None if it may not at all."""
    began_s = case.t_s
    for number, free in enumerate(rooms):
        for second in range(10):
            now_s = began_s + 10 * number + second
            if second == 0:
                case.healer.waiting.update(room(now_s, free))
            if case.healer.waiting.may_go_on(plan, now_s - began_s, now_s):
                case.healer.waiting.is_over(now_s)
                return int(now_s - began_s)
    return None


def test_what_a_full_disk_has_ended_is_started_when_there_is_room_and_not_before(case):
    plan = ended(case)
    assert (plan.action, plan.rung) == ("restart", 4)
    assert states(case) == [("wait", "begun")]
    assert dict(case.said[0].asks)["host"] == "node7"
    assert go_on_after(case, plan, [0] * 100 + [10**9] * 5) == 1000 + WAIT_DEAD_S / 10
    assert states(case) == [("wait", "begun"), ("wait", "done")]
    assert case.said[1].message == CLEARED(waited=1012.0)


def test_the_second_time_it_must_hold_for_longer(case):
    go_on_after(case, ended(case), [10**9] * 20)
    assert go_on_after(case, ended(case), [10**9] * 20) == 2 * WAIT_DEAD_S / 10


def test_where_nothing_can_be_read_the_delay_decides(case):
    assert go_on_after(case, ended(case), [None] * 30) == WAIT_DEAD_S


# -------------------------------------------------------------------------------------- one worker, who waits for it


def frozen(t_s: float) -> Episode:
    """One stopped worker."""
    return msgspec.structs.replace(stall(t_s), detector="frozen", subject="worker 1 (PID 3)")


@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize("episode", [frozen, stall])
def test_a_training_that_does_not_wait_for_a_stopped_worker_is_not_restarted(tmp_path, steps, episode):
    """A long step, or a trainer whose steps Holter does not know."""
    case = Case(tmp_path, steps=steps)
    assert case.stand(600, episode(case.t_s), waits="none", workers="T") is None
    assert case.said == []


def test_a_training_that_waits_for_a_stopped_worker_is_helped(case):
    assert case.stand(20, frozen(case.t_s), workers="T") is None
    assert states(case) == [("replace-workers", "begun")]


def test_without_a_heartbeat_the_stack_of_the_main_process_shows_its_wait(tmp_path):
    def plan(*facts: Fact):
        case = Case(tmp_path, steps=0, is_own=True)
        main, *workers = case.tick(workers="T").processes
        episode = frozen(0.0)
        found = Diagnosis(
            episode=episode, verdicts=(Verdict(cause="frozen-worker", verdict="confirmed", score=0.9),), facts=facts
        )
        ticks = (Tick(t_s=float(t_s), processes=(main, *workers)) for t_s in range(300))
        return next((taken for tick in ticks if (taken := case.healer.see(tick, (episode,), (found,)))), None)

    assert plan() is None
    assert plan(Fact(name="main.waits_on", status="known", value="native-call")) is None
    assert plan(Fact(name="main.waits_on", status="known", value="batch-queue")).action == "restart"


def test_a_standstill_that_passed_by_itself_makes_healing_no_slower(case):
    """A worker was stopped for minutes, while its replacement was refused, and went on."""
    first = stall(case.t_s)
    assert case.stand(335, first, cause="main-stands-still") is None
    case.work()
    assert case.stand(15, stall(case.t_s)) is None
    assert states(case) == [("replace-workers", "begun")]
