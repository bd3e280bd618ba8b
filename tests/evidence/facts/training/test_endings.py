"""Which worker's end belongs to an episode."""

from __future__ import annotations

import msgspec
import pytest

from holter.causes import diagnose
from holter.detectors import detect
from holter.evidence import Evidence, collect
from holter.probes.training.heartbeat_events import LEFT
from holter.records import (
    ActionTaken,
    Beat,
    CgroupSample,
    Environment,
    Episode,
    Event,
    ExceptionSeen,
    KernelMessage,
    Noted,
    ProcessBorn,
    ProcessEnded,
    ProcessSample,
    Subject,
    Tick,
)
from holter.remedies.diagnose import diagnose_recording
from holter.reports.cause_words import cause_sentence
from holter.reports.wording import finding_text
from holter.sentences import define
from holter.supervisor.healing.current_process import PASSED_ON
from holter.tape import Recording


def killed_after(*, was_replaced: bool) -> Recording:
    """A worker ends at 97 s, told twice; at 100 s somebody kills the main process."""
    events = {
        97: ProcessEnded(
            t_s=97.0, pid=2, role="train-worker", exit_signal=9, source="hook",
            by_parent=was_replaced, expected=was_replaced,
        ),
        98: ProcessEnded(t_s=98.0, pid=2, role="train-worker", exit_signal=9, source="pidfd"),
        100: ProcessEnded(t_s=100.0, pid=1, role="main", exit_signal=9, source="wait"),
    }  # fmt: skip
    ticks = []
    for t_s in range(60, 103):
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="R", cpu_ratio=0.9)
        beat = Beat(t_s=t_s, pid=1, phase="train", epoch=2, progress_total=t_s, progressed_s=float(t_s))
        told = (events[t_s],) if t_s in events else ()
        alive = {"processes": (main,), "beats": (beat,)} if t_s < 100 else {}
        ticks.append(Tick(t_s=float(t_s), events=told, **alive))
    return Recording(all_ticks=tuple(ticks), environment=Environment(wall_start=""))


@pytest.mark.parametrize(("was_replaced", "cause"), [(True, "external-kill"), (False, "worker-killed")])
def test_a_worker_that_was_replaced_has_not_ended_the_training(was_replaced: bool, cause: str) -> None:
    episode = Episode(
        kind="death", phase="train", start_s=100.0, alarm_s=100.0, subject=Subject(role="main", pid=1), pid=1
    )
    verdicts = diagnose(killed_after(was_replaced=was_replaced), episode).verdicts
    assert verdicts[0].cause == cause


def facts(*events: Event, pid: int | None = None) -> Evidence:
    """Facts of a training that ended at 60 s; ``pid`` is the process that the episode is about."""
    return collect(*death(*events, pid=pid))


def death(*events: Event, pid: int | None = None) -> tuple[Recording, Episode]:
    """A training that ended at 60 s, and the episode of that."""
    ticks = []
    for t_s in range(40, 70):
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="R")
        told = tuple(event for event in events if t_s <= event.t_s < t_s + 1)
        ticks.append(Tick(t_s=float(t_s), processes=(main,), events=told))
    episode = Episode(
        kind="death", phase="train", start_s=60.0, alarm_s=60.0, subject=Subject(role="train-worker"), pid=pid
    )
    return Recording(all_ticks=tuple(ticks)), episode


def ended(pid: int, t_s: float = 60.0, **how: object) -> ProcessEnded:
    return ProcessEnded(t_s=t_s, pid=pid, role="train-worker", source="pidfd", **how)  # type: ignore[arg-type]


def test_the_dead_worker_is_named_with_the_number_that_one_of_its_reports_has():
    seen, hooked = (ended(2, exit_signal=9, worker_index=index) for index in (None, 1))
    assert facts(seen, hooked, pid=2).fact("worker.subject").processes == (
        Subject(role="train-worker", index=1, pid=2),
    )


def test_what_holter_itself_has_ended_is_no_evidence():
    own = ActionTaken(t_s=59.5, action="end-group", state="begun", pids=(2,))
    assert facts(own, ended(2, exit_signal=9)).fact("worker.subject").status == "not-applicable"
    assert facts(ended(2, exit_signal=9)).fact("worker.exit_signal").value == 9


def by_hook(pid: int, number: int = 15, **how: object) -> ProcessEnded:
    return ProcessEnded(t_s=60.0, pid=pid, role="train-worker", exit_signal=number, source="hook", **how)  # type: ignore[arg-type]


FAILED = ProcessEnded(t_s=61.0, pid=1, role="main", exit_code=1)


def sent_to_holter(t_s: float, name: str = "SIGTERM") -> Noted:
    return Noted(t_s=t_s, what="signal-passed-on", message=PASSED_ON(signal=name))


@pytest.mark.parametrize(
    ("events", "is_sent_to_all"),
    [
        ((by_hook(2), by_hook(3), FAILED), True),  # the main process was held, and never got the signal
        ((by_hook(2, 1), ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=1)), True),
        ((by_hook(2, 9), ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=9)), True),
        ((by_hook(2), sent_to_holter(60.2), FAILED), True),  # as by timeout(1); main caught it, and then failed
        ((by_hook(2), sent_to_holter(60.2, "SIGHUP"), FAILED), False),
        ((by_hook(2), sent_to_holter(65.0), FAILED), False),  # the user's answer
        ((by_hook(2, 9), sent_to_holter(60.2), FAILED), False),
        ((by_hook(2), FAILED), False),  # one worker
        ((by_hook(2), by_hook(3, by_parent=True), FAILED), False),  # main cleaned up
        ((by_hook(2), ended(3, exit_signal=15), FAILED), False),  # nobody knows who cleaned up
        ((by_hook(2), by_hook(3, 11), FAILED), False),  # another signal
        ((by_hook(2, 9), by_hook(3, 9), FAILED), False),  # as the kernel does
        ((by_hook(2, 11), by_hook(3, 11), FAILED), False),  # two crashes
        ((by_hook(2), ProcessEnded(t_s=68.0, pid=1, role="main", exit_signal=15)), False),  # the user's answer
        # Holter itself ends the training after the worker.
        (
            (
                by_hook(2, 9),
                ActionTaken(t_s=60.5, action="restart", state="begun", pids=(1,)),
                ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=9),
            ),
            False,
        ),
    ],
)
def test_a_signal_to_all_processes_was_not_meant_for_a_worker(events: tuple[Event, ...], is_sent_to_all: bool) -> None:
    recording, episode = death(*events, pid=2)
    assert collect(recording, episode).fact("worker.with_others").value is is_sent_to_all
    verdicts = {verdict.cause: verdict.verdict for verdict in diagnose(recording, episode).verdicts}
    if is_sent_to_all:
        assert next(iter(verdicts)) == "external-kill"
        assert {verdicts["external-kill"], verdicts["worker-killed"]} == {"likely"}
    else:
        assert next(iter(verdicts)) != "external-kill"


def test_of_two_victims_it_is_the_one_that_the_episode_is_about():
    both = (ended(2, 59.0, exit_signal=9), ended(3, 60.0, exit_signal=11))
    assert facts(*both, pid=3).fact("worker.exit_signal").value == 11
    assert facts(*both).fact("worker.exit_signal").value == 9, "else it is the first"


@pytest.mark.parametrize(("how", "code"), [({"exit_code": 3}, 3), ({"exit_signal": 9}, None), ({}, None)])
def test_with_which_code_a_worker_left(how, code):
    assert facts(ended(2, **how)).fact("worker.exit_code").value == code


CRASHED = """Current thread 0x000000000000002a (most recent call first):
  File "/v/lib/mine.py", line 7 in inner
  File "/v/lib/mine.py", line 3 in <module>
"""
OTHER = """Thread 0x000000000000002b (most recent call first):
  File "/v/lib/threading.py", line 320 in wait
"""
C_STACK = """Current thread's C stack trace (most recent call first):
  Binary file "/usr/lib/libpython3.14.so.1.0", at _Py_DumpStack+0x31 [0x7f00]
  File "/v/lib/never.py", line 1 in never
"""


@pytest.mark.parametrize(
    ("dump", "frame"),
    [
        (f"{CRASHED}\n{OTHER}", "inner (mine.py:7)"),
        (f"{OTHER}\n{CRASHED}", "inner (mine.py:7)"),
        (f"{CRASHED}\n{C_STACK}", "inner (mine.py:7)"),
        (OTHER, None),
        (f"Current thread 0x000000000000002a (most recent call first):\n  <no Python frame>\n\n{OTHER}", None),
    ],
    ids=["first", "last", "3.14", "no-python-thread", "no-frame"],
)
def test_the_frame_of_a_crash_is_that_of_the_thread_that_crashed(dump, frame):
    note = Noted(t_s=60.0, what="fatal-error", text=f"PID 2: Fatal Python error: Segmentation fault\n\n{dump}")
    assert facts(note, ended(2, exit_signal=11)).fact("worker.fatal_frame").value == frame


def test_of_two_ranks_the_one_that_the_episode_is_about_tells_the_signal() -> None:
    ends = tuple(ProcessEnded(t_s=80.0, pid=pid, role="main", exit_signal=number) for pid, number in ((1, 15), (2, 9)))
    ticks = [
        Tick(t_s=float(t), processes=tuple(ProcessSample(t_s=t, pid=pid, role="main") for pid in (1, 2)))
        for t in range(60, 80)
    ]
    recording = Recording(all_ticks=(*ticks, Tick(t_s=80.0, events=ends)), environment=Environment(wall_start=""))
    episode = Episode(kind="death", start_s=80.0, alarm_s=80.0, subject=Subject(role="main", pid=2), pid=2)
    facts = {fact.name: fact.value for fact in diagnose(recording, episode).facts}
    assert (facts["main.exit_signal"], facts["main.ending"]) == (9, "SIGKILL")


def slow(source: str, kind: str) -> tuple[Recording, Episode]:
    """Main works on while an error is told, by the hook or in the console."""
    ticks = []
    for t_s in range(60, 103):
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="R", cpu_ratio=0.9)
        beat = Beat(t_s=t_s, pid=1, phase="train", epoch=2, progress_total=t_s, progressed_s=float(t_s))
        raised = ExceptionSeen(t_s=t_s, pid=1, role="main", error="ValueError", message="x", source=source)
        ticks.append(Tick(t_s=float(t_s), processes=(main,), beats=(beat,), events=(raised,) if t_s == 99 else ()))
    episode = Episode(kind=kind, phase="train", start_s=97.0, alarm_s=100.0, subject=Subject(role="main", pid=1), pid=1)
    return Recording(all_ticks=tuple(ticks), environment=Environment(wall_start="")), episode


@pytest.mark.parametrize("kind", ["slow-down", "stall"])
def test_an_error_that_only_the_console_tells_of_is_not_that_of_a_training_that_lives_on(kind: str) -> None:
    diagnosis = diagnose(*slow("console", kind))
    assert {fact.status for fact in diagnosis.facts if fact.name == "exception.first"} == {"not-applicable"}


def test_a_training_that_goes_on_more_slowly_was_not_ended_by_an_error() -> None:
    verdicts = diagnose(*slow("hook", "slow-down")).verdicts
    assert {verdict.verdict for verdict in verdicts if verdict.cause == "main-exception"} == {"excluded"}


# ------------------------------------------------------------------ the end of the main process, and Holter's own deeds

FAILED = ExceptionSeen(
    t_s=60.0, pid=1, role="main", source="hook", error="ValueError", message="nothing to unpack",
    traceback='  File "my_trainer.py", line 7, in train_step',
)  # fmt: skip
RESTARTS = ActionTaken(t_s=60.9, action="end-group", state="begun", pids=(1, 2))
PASSES_ON = Noted(
    t_s=60.9, what="signal-passed-on", message=define("test.passed-on", "{signal} passed on")(signal="SIGTERM")
)
OF_WORKERS = msgspec.structs.replace(
    FAILED, error="RuntimeError", message="DataLoader worker (pid 2) is killed by signal: Terminated."
)


def of_main(*events: Event) -> tuple[Recording, Episode]:
    recording, _ = death(*events)
    episode = Episode(
        kind="death", phase="train", start_s=60.0, alarm_s=60.0, detector="death", pid=1,
        subject=Subject(role="main", pid=1),
    )  # fmt: skip
    return recording, episode


@pytest.mark.parametrize("number", [9, 15])
@pytest.mark.parametrize("deed", [RESTARTS, PASSES_ON])
def test_an_exception_that_holters_own_signal_overtakes_stays_the_reason(deed: Event, number: int) -> None:
    end = ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=number, source="wait")
    verdicts = diagnose(*of_main(FAILED, deed, end)).verdicts
    assert (verdicts[0].cause, verdicts[0].verdict) == ("main-exception", "confirmed")
    (killed,) = [verdict for verdict in verdicts if verdict.cause == "external-kill"]
    assert killed.verdict == "excluded"


def test_what_holter_ends_was_not_ended_from_outside() -> None:
    end = ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=15, source="wait")
    assert diagnose(*of_main(end)).verdicts[0].cause == "external-kill"
    assert diagnose(*of_main(RESTARTS, end)).verdicts[0].cause != "external-kill"
    assert collect(*of_main(RESTARTS, end)).fact("main.exit_signal").status == "not-applicable"
    crashed = msgspec.structs.replace(end, exit_signal=11)
    assert collect(*of_main(RESTARTS, crashed)).fact("main.exit_signal").value == 11, "Holter sends no such signal"
    before = msgspec.structs.replace(end, t_s=60.5)
    assert collect(*of_main(before, RESTARTS)).fact("main.exit_signal").value == 15


def test_a_deed_of_hours_ago_explains_no_end_now() -> None:
    """The kernel uses a PID again."""
    long_ago = msgspec.structs.replace(RESTARTS, t_s=60.9 - 7200.0)
    done = msgspec.structs.replace(long_ago, t_s=long_ago.t_s + 6.0, state="done")
    end = ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=9, source="wait")
    recording, episode = of_main(end)
    first = Tick(t_s=long_ago.t_s, events=(long_ago, done))
    recording = msgspec.structs.replace(recording, all_ticks=(first, *recording.all_ticks))
    assert collect(recording, episode).fact("main.exit_signal").value == 9
    worker, of_worker = death(ended(2, exit_signal=9), pid=2)
    worker = msgspec.structs.replace(worker, all_ticks=(first, *worker.all_ticks))
    assert collect(worker, of_worker).fact("worker.exit_signal").value == 9
    assert [episode.pid for episode in detect(worker.all_ticks)] == [2]


def test_a_process_that_the_kernel_held_ends_by_holters_signal_hours_later_unless_it_is_another_one() -> None:
    begun = msgspec.structs.replace(RESTARTS, t_s=60.9 - 7200.0)
    held = msgspec.structs.replace(begun, t_s=begun.t_s + 15.0, state="failed")
    end = ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=9, source="wait")
    recording, episode = of_main(end)
    first = Tick(t_s=begun.t_s, events=(begun, held))
    again = Tick(t_s=0.0, events=(ProcessBorn(t_s=0.0, pid=1, role="main"),))
    still = msgspec.structs.replace(recording, all_ticks=(first, *recording.all_ticks))
    assert collect(still, episode).fact("main.exit_signal").status == "not-applicable"
    other = msgspec.structs.replace(recording, all_ticks=(first, again, *recording.all_ticks))
    assert collect(other, episode).fact("main.exit_signal").value == 9


def test_what_holter_does_after_the_end_of_a_worker_does_not_explain_it() -> None:
    after = ActionTaken(t_s=60.5, action="end-group", state="begun", pids=(1, 2))
    assert facts(ended(2, exit_signal=9), after).fact("worker.exit_signal").value == 9


def test_a_worker_whose_pid_an_earlier_worker_had_is_another_one() -> None:
    earlier = ended(2, -7200.0, exit_code=0, expected=True)
    born = ProcessBorn(t_s=-100.0, pid=2, role="train-worker")
    recording, episode = death(ended(2, exit_signal=9), pid=2)
    ticks = (Tick(t_s=-7200.0, events=(earlier,)), Tick(t_s=-100.0, events=(born,)))
    for before, status in ((ticks, "known"), (ticks[:1], "not-applicable")):
        tape = msgspec.structs.replace(recording, all_ticks=(*before, *recording.all_ticks))
        assert collect(tape, episode).fact("worker.exit_signal").status == status


def test_a_signal_that_was_passed_on_is_the_reason_of_what_follows_it() -> None:
    end = ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=15, source="wait")
    for events in ((PASSES_ON, end), (OF_WORKERS, PASSES_ON, end)):
        assert collect(*of_main(*events)).fact("main.passed_on").value is True, events


def test_a_torch_for_the_cpu_alone_is_named_with_its_version() -> None:
    asked = msgspec.structs.replace(FAILED, error="AssertionError", message="Torch not compiled with CUDA enabled")
    recording, episode = of_main(asked, ProcessEnded(t_s=61.0, pid=1, role="main", exit_code=1, source="wait"))
    environment = Environment(wall_start="", versions=(("torch", "2.8.0+cpu"),))
    diagnosis = diagnose(msgspec.structs.replace(recording, environment=environment), episode)
    best = diagnosis.verdicts[0]
    assert (best.cause, best.verdict) == ("main-exception", "confirmed")
    assert cause_sentence(diagnosis, best, "en") == "The training asked for a GPU, but this torch is a CPU build."
    said = [finding_text(finding, diagnosis, "en") for finding in best.supports]
    assert "this torch is a CPU build (2.8.0+cpu)" in said


def test_an_exception_that_answers_a_signal_hides_no_signal_that_follows() -> None:
    """A handler raises for the SIGTERM of Slurm, and thirty seconds later SIGKILL comes."""
    answer = msgspec.structs.replace(FAILED, t_s=60.95, error="SIGTERMException", message="")
    end = ProcessEnded(t_s=61.0, pid=1, role="main", exit_signal=9, source="wait")
    assert collect(*of_main(PASSES_ON, answer, end)).fact("main.exit_signal").value == 9
    assert collect(*of_main(answer, end)).fact("main.exit_signal").status == "not-applicable"


@pytest.mark.parametrize(("seen_s", "kills"), [(-7200.0, 0), (40.0, 1)])
def test_a_process_that_the_kernel_kills_is_ours_only_if_it_was_seen_lately(seen_s: float, kills: int) -> None:
    """Its PID was a worker's two hours ago."""
    killed = KernelMessage(t_s=60.0, what="oom-kill", pid=4711, text="Killed process 4711 (python)")
    recording, episode = death(ended(2, exit_signal=9), killed, pid=2)
    worker = ProcessSample(t_s=seen_s, pid=4711, role="train-worker", state="S")
    cgroup = [CgroupSample(t_s=t_s, oom_kill_total=total) for t_s, total in ((41.0, 0), (62.0, 1))]
    ticks = [Tick(t_s=seen_s, processes=(worker,)), *recording.all_ticks]
    ticks += [Tick(t_s=sample.t_s, cgroup=sample) for sample in cgroup]
    ticks.sort(key=lambda tick: tick.t_s)
    recording = msgspec.structs.replace(recording, all_ticks=tuple(ticks))
    assert collect(recording, episode).fact("oom.kills").value == kills


def early(*events: Event) -> Evidence:
    left = ProcessEnded(t_s=60.0, pid=1, role="main", exit_code=0, early=True)
    return facts(*events, left)


def loop(t_s: float, what: str, error: str = "ValueError") -> Noted:
    words = LEFT(error=error, text="broken") if what == "aborted" else None
    return Noted(t_s=t_s, what=what, text="run_training", message=words, pid=1)


def test_an_exception_that_the_program_caught_before_it_left_too_early_is_its_first_one() -> None:
    found = early(loop(45.0, "aborted"))
    assert found.fact("exception.first").value == "ValueError: broken"
    assert found.fact("exception.role").value == "main"
    for others in ((), (loop(45.0, "aborted", "SystemExit"),), (loop(45.0, "aborted"), loop(50.0, "began"))):
        assert found_none(early(*others)), others
    assert found_none(facts(loop(45.0, "aborted"))), "it did not leave early"


def found_none(found: Evidence) -> bool:
    return found.fact("exception.first").status != "known"


def test_who_has_seen_an_exception_looks_for_no_exit() -> None:
    def advice(*events: Event) -> list[str]:
        recording, episode = death(*events, ProcessEnded(t_s=60.0, pid=1, role="main", exit_code=0, early=True), pid=1)
        episode = msgspec.structs.replace(episode, subject=Subject(role="main", pid=1))
        (diagnosis,) = diagnose_recording(recording, (episode,), is_over=True)
        return [remedy.id for _, remedies in diagnosis.remedies for remedy in remedies]

    assert "look-for-exit" in advice()
    assert "look-for-exit" not in advice(loop(45.0, "aborted"))


@pytest.mark.parametrize(("before_s", "says"), [(7.0, "preprocessing"), (90.0, "(not-applicable)")])
def test_a_main_process_may_take_seconds_to_end_after_the_sentence_that_ends_it(before_s: float, says: str) -> None:
    words = "Some background worker is 6 feet under. Yuck."
    raised = ExceptionSeen(
        t_s=100.0 - before_s, pid=1, role="main", error="RuntimeError", message=words, source="hook", echo=True
    )
    main = ProcessSample(t_s=0.0, pid=1, role="main", state="R", cpu_ratio=0.9)
    events = {int(raised.t_s): raised, 100: ProcessEnded(t_s=100.0, pid=1, role="main", exit_code=1, source="wait")}
    ticks = tuple(
        Tick(t_s=float(t_s), processes=(main,), events=(events[t_s],) if t_s in events else ()) for t_s in range(103)
    )
    end = Episode(
        kind="death", start_s=100.0, alarm_s=100.0, detector="death", subject=Subject(role="main", pid=1), pid=1
    )
    fact = collect(Recording(all_ticks=ticks), end).fact("echo.says")
    assert (fact.value if fact.status == "known" else f"({fact.status})") == says
