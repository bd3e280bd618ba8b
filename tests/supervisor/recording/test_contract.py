"""What can be seen and done: settled when a training is there, each reason a true one, every change said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.probes.child.background_command import NOT_STARTED
from holter.probes.gpu.gpu import NO_READING
from holter.probes.machine.environment import process_command
from holter.probes.process import pidfd
from holter.probes.process.python_options import option_letters
from holter.records import Beat, ContractSettled, GpuSample, Noted, StorageSample, Tick
from holter.reports.catalogue import phrase
from holter.supervisor.launch import INJECT
from holter.supervisor.recording import contract
from holter.supervisor.recording.abilities import Terms
from holter.supervisor.recording.contract import ContractKeeper
from holter.texts.resume_command import resume_command
from needs import needs

COMMAND = ("nnUNetv2_train", "4", "3d_fullres", "0")


class NoDumper:
    """Takes no stacks."""

    def __init__(self, **_: object) -> None: ...

    def start(self, *_: object) -> bool:
        return True

    def collect(self) -> tuple[()]:
        return ()


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.setattr(contract, "StackDumper", NoDumper)
    return SimpleNamespace(
        process=SimpleNamespace(main_pid=None),
        heartbeat=SimpleNamespace(main_info=dict, hints=dict, abilities=dict, fault_signal=lambda _: None),
        trainlog=SimpleNamespace(log=None, is_log_there=True, reads_console=False),
        output_folder=None,
        living=frozenset(),
    )


def keeper(sources: SimpleNamespace, tmp_path: Path, *, heal: bool = True, attached: bool = False) -> ContractKeeper:
    terms = Terms(heal=heal, attached=attached, resume=resume_command(COMMAND))
    own = SimpleNamespace(folder=tmp_path, is_lost=False)
    return ContractKeeper(terms, sources, own, inject=str(INJECT))  # type: ignore[arg-type]


def settled(keeper: ContractKeeper, *events: Noted, t_s: float = 100.0) -> ContractSettled:
    keeper.see(Tick(t_s=0.0, events=events))
    found = keeper.see(Tick(t_s=t_s))
    assert found is not None
    return found


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator:
    """Start a Python that sleeps, with the variables of a training under Holter."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*options: str, program: str = "", **variables: str) -> int:
        command = [sys.executable, *options, "-c", f"{program}\nprint(flush=True)\nimport time\ntime.sleep(60)"]
        ours = {"HOLTER_SCRATCH": str(tmp_path), "PYTHONPATH": str(INJECT), **variables}
        started.append(subprocess.Popen(command, env=ours, stdout=subprocess.PIPE))
        started[-1].stdout.readline()
        return started[-1].pid

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def why(keeper: ContractKeeper, *events: Noted) -> str:
    reason = settled(keeper, *events).ability("heartbeat").why_not
    assert reason is not None
    return reason.key.removeprefix("contract.")


# ------------------------------------------------------------------------------------------------------- why no hook


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "nothing-imported"),
        (("-u", "-W", "ignore"), "nothing-imported"),
        (("-E",), "pythonpath-ignored"),
        (("-u", "-E"), "pythonpath-ignored"),
        (("-sE",), "pythonpath-ignored"),
        (("-Is",), "pythonpath-ignored"),
        (("-X", "dev", "-S"), "site-skipped"),
    ],
)
def test_options_of_python_keep_the_hook_out(options, reason, sleeper, sources, tmp_path: Path) -> None:
    sources.process.main_pid = sleeper(*options)
    assert why(keeper(sources, tmp_path)) == reason


def test_letters_of_the_program_are_none_of_pythons() -> None:
    assert list(option_letters(["python", "-u", "-m", "pkg", "-E"])) == ["u"]
    assert list(option_letters(["python", "train.py", "-S"])) == []
    assert list(option_letters(["python", "-Wignore", "-XE", "-Ec", "print()"])) == ["E"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [({"HOLTER_SCRATCH": ""}, "environment-cleared"), ({"PYTHONPATH": "/mine"}, "pythonpath-lost")],
)
def test_what_the_command_did_to_the_environment(variables, reason, sleeper, sources, tmp_path: Path) -> None:
    sources.process.main_pid = sleeper(**variables)
    assert why(keeper(sources, tmp_path)) == reason


def test_of_a_script_that_has_ended_nothing_is_said_about_its_environment(sources, tmp_path: Path) -> None:
    """The files of a zombie in ``/proc`` are empty."""
    with subprocess.Popen([sys.executable, "-c", ""], env={"HOLTER_SCRATCH": str(tmp_path)}) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        sources.process.main_pid = process.pid
        assert why(keeper(sources, tmp_path)) == "has-ended"
    sources.process.main_pid = process.pid  # waited for: there is no /proc entry any more
    assert why(keeper(sources, tmp_path)) == "has-ended"


def until_it_runs(pid: int) -> None:
    """Wait until a new process has its command: for a moment of its exec it has none, as a zombie."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.01)


def test_what_was_known_of_a_script_while_it_lived_is_not_replaced_at_its_end(sources, tmp_path: Path) -> None:
    kept = keeper(sources, tmp_path)
    with subprocess.Popen(["/bin/sleep", "60"], env={}) as process:
        until_it_runs(process.pid)
        sources.process.main_pid, sources.living = process.pid, frozenset({process.pid})
        kept.see(Tick(t_s=0.0))
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        kept.see(Tick(t_s=5.0))
    early = kept.of_early_end(6.0)
    assert early is not None
    assert early.ability("heartbeat").why_not.key == "contract.environment-cleared"  # type: ignore[union-attr]


def test_an_environment_without_any_variable_was_cleared(sources, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], env={}) as process:
        until_it_runs(process.pid)
        sources.process.main_pid = process.pid
        assert why(keeper(sources, tmp_path)) == "environment-cleared"
        process.kill()


@pytest.mark.root
def test_a_training_that_cannot_see_holters_folder_is_not_said_to_import_nothing(
    sleeper, sources, tmp_path: Path
) -> None:
    inside = tmp_path / "container"
    inside.mkdir()
    sources.process.main_pid = sleeper(program=f"import os, time\nos.chroot({str(inside)!r})")
    assert why(keeper(sources, tmp_path)) == "folder-unseen"


@pytest.mark.root
@needs("root")
def test_another_user_who_cannot_write_a_page_is_not_said_to_import_nothing(sleeper, sources, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    sources.process.main_pid = sleeper(program="import os\nos.setuid(65534)")
    assert why(keeper(sources, tmp_path)) == "other-user"


@pytest.mark.root
@needs("root")
def test_where_no_page_has_room_the_full_disk_is_named(sleeper, sources, tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path)], check=False).returncode:
        pytest.skip("this container may not mount a tmpfs")
    try:
        sources.process.main_pid = sleeper()
        assert why(keeper(sources, tmp_path)) == "nothing-imported"
        (tmp_path / "filling").write_bytes(b"." * 4096)
        assert why(keeper(sources, tmp_path)) == "folder-full"
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_hook_that_failed_says_why(sleeper, sources, tmp_path: Path) -> None:
    sources.process.main_pid = sleeper()
    failed = Noted(t_s=0.0, what="hook-failed", text="trainer: KeyError('x')")
    assert why(keeper(sources, tmp_path), failed) == "hook-failed"


# ------------------------------------------------------------------------------------------------------ when it settles


def test_it_settles_when_the_training_comes_and_says_meanwhile_that_there_is_none(sources, tmp_path: Path) -> None:
    kept = keeper(sources, tmp_path)
    sources.living = frozenset({os.getpid()})
    said = []
    for t_s in range(200):
        assert kept.see(Tick(t_s=float(t_s))) is None
        said += kept.waiting(float(t_s))
    assert [(notice.t_s, notice.message.key) for notice in said] == [(60.0, "contract.no-training-yet")]
    sources.process.main_pid = os.getpid()
    assert kept.see(Tick(t_s=200.0)) is None
    assert kept.see(Tick(t_s=258.0)) is None
    assert kept.see(Tick(t_s=260.0)) is not None


def test_while_nnunet_still_starts_nothing_that_may_come_is_denied(sources, tmp_path: Path) -> None:
    made = keeper(sources, tmp_path)
    sources.process.main_pid = os.getpid()
    starts = [Beat(t_s=t_s, pid=os.getpid(), phase="startup", epoch=0) for t_s in (70.0, 150.0)]
    assert [made.see(Tick(t_s=beat.t_s, beats=(beat,))) for beat in starts] == [None, None]
    trains = Beat(t_s=152.0, pid=os.getpid(), phase="train", epoch=0, steps_total=1)
    assert made.see(Tick(t_s=152.0, beats=(trains,))) is not None


def test_while_nnunet_unpacks_nothing_is_denied_either_and_its_start_goes_on_after_that(
    sources, tmp_path: Path
) -> None:
    made = keeper(sources, tmp_path)
    sources.process.main_pid = os.getpid()
    starts = [(5.0, "startup"), (70.0, "unpack"), (900.0, "unpack"), (901.0, "startup"), (1000.0, "compile")]
    for t_s, phase in starts:
        assert made.see(Tick(t_s=t_s, beats=(Beat(t_s=t_s, pid=os.getpid(), phase=phase),))) is None
    assert made.see(Tick(t_s=1081.0)) is not None


def test_a_tick_that_read_no_page_denies_nothing_while_nnunet_starts(sources, tmp_path: Path) -> None:
    """On a crowded machine a late tick is followed by one in which no page is due."""
    made = keeper(sources, tmp_path)
    main = sources.process.main_pid = os.getpid()
    sources.heartbeat.main_info, sources.heartbeat.hints = (lambda: {"pid": main}), (lambda: {main: ("main", None)})
    assert made.see(Tick(t_s=59.0, beats=(Beat(t_s=59.0, pid=main, phase="startup"),))) is None
    assert made.see(Tick(t_s=61.0)) is None
    late = made.see(Tick(t_s=181.0))
    assert late is not None and late.ability("heartbeat").can


def test_of_a_command_that_has_ended_nothing_is_expected(sources, tmp_path: Path) -> None:
    kept = keeper(sources, tmp_path)
    sources.living = frozenset()
    kept.see(Tick(t_s=70.0))
    assert kept.waiting(70.0) == ()


def test_a_launcher_that_takes_its_time_is_a_part_of_the_start(sources, tmp_path: Path) -> None:
    kept = keeper(sources, tmp_path)
    for t_s in range(25):
        kept.see(Tick(t_s=float(t_s)))
    sources.process.main_pid = os.getpid()
    assert kept.see(Tick(t_s=58.0)) is None
    assert kept.see(Tick(t_s=60.0)) is not None


def test_a_recording_without_any_training_says_why_at_its_end(sources, tmp_path: Path) -> None:
    last = keeper(sources, tmp_path).at_last(Tick(t_s=5.0))
    assert last is not None
    assert last.ability("heartbeat").why_not.key == "contract.no-python"  # type: ignore[union-attr]


# ---------------------------------------------------------------------------------------------- what is looked at again


def sample(folder: Path, identity: str | None, *, missing: bool | None = False) -> StorageSample:
    return StorageSample(t_s=0.0, label="results", path=str(folder), identity=identity, missing=missing)


def test_the_results_folder_is_the_one_that_was_there_first(sources, tmp_path: Path) -> None:
    folder = tmp_path / "fold_0"
    sources.process.main_pid, sources.output_folder = os.getpid(), folder
    kept = keeper(sources, tmp_path)
    assert settled(kept).ability("results").why_not.key == "contract.no-results"  # type: ignore[union-attr]

    def reason(t_s: float, *storage: StorageSample) -> str | None:
        found = kept.see(Tick(t_s=t_s, storage=storage))
        message = found.ability("results").why_not if found is not None else None
        return None if message is None else message.key

    assert reason(500.0, sample(tmp_path, "8:1"), sample(folder, "8:9")) is None  # that of all folds is another
    assert reason(900.0, sample(folder, None, missing=True)) == "contract.results-gone"
    assert reason(1300.0, sample(folder, None, missing=None)) is None  # no answer: nothing has changed
    assert reason(1700.0, sample(folder, "8:10")) == "contract.results-replaced"
    assert reason(2100.0, sample(folder, "8:9")) is None


def test_a_log_that_is_gone_is_not_called_seen(sources, tmp_path: Path) -> None:
    sources.process.main_pid, sources.trainlog.log = os.getpid(), tmp_path / "training_log.txt"
    kept = keeper(sources, tmp_path)
    assert settled(kept).ability("log").can
    sources.trainlog.is_log_there = False
    later = kept.see(Tick(t_s=500.0))
    assert later.ability("log").why_not.key == "contract.log-gone"  # type: ignore[union-attr]


@pytest.mark.parametrize("ended", [True, False])
def test_a_training_that_ended_in_the_first_minute_did_not_lose_its_heartbeat(
    ended, sleeper, sources, tmp_path: Path
) -> None:
    main = sources.process.main_pid = sleeper()
    sources.heartbeat.main_info = lambda: {"pid": main}
    kept = keeper(sources, tmp_path)
    kept.see(Tick(t_s=5.0, beats=(Beat(t_s=5.0, pid=main, role="main", steps_total=3, phase="train"),)))
    if ended:
        os.kill(main, signal.SIGKILL)
        while process_command(main):  # it becomes a zombie
            time.sleep(0.01)
    heartbeat = kept.see(Tick(t_s=100.0)).ability("heartbeat")  # type: ignore[union-attr]
    assert heartbeat.can is ended
    assert ended or heartbeat.why_not.key == "contract.hook-gone"


@pytest.mark.parametrize("next_one", [False, True])
def test_between_two_trainings_of_a_script_the_heartbeat_is_not_lost(
    next_one, sleeper, sources, tmp_path: Path
) -> None:
    """Real: sh -c 'for i in 1 2 3; do python train.py; sleep 45; done' was said to have lost it."""
    with subprocess.Popen(["sleep", "60"]) as script:
        try:
            first = sleeper()
            sources.process.main_pid = script.pid
            sources.heartbeat.main_info = lambda: {"pid": first}
            kept = keeper(sources, tmp_path)
            kept.see(Tick(t_s=5.0, beats=(Beat(t_s=5.0, pid=first, role="main", steps_total=3, phase="train"),)))
            os.kill(first, signal.SIGKILL)
            while process_command(first):
                time.sleep(0.01)
            sources.living = frozenset((script.pid, sleeper()) if next_one else (script.pid,))
            heartbeat = kept.see(Tick(t_s=100.0)).ability("heartbeat")  # type: ignore[union-attr]
        finally:
            script.kill()
    assert heartbeat.can is not next_one


@pytest.mark.slow
@pytest.mark.parametrize("next_one", [False, True])
def test_the_python_that_starts_one_training_after_another_is_not_the_next_one(
    next_one, sleeper, sources, tmp_path: Path
) -> None:
    driver = sleeper()  # such as python all_folds.py, or conda run
    first = sleeper()
    sources.process.main_pid = driver
    sources.heartbeat.main_info = lambda: {"pid": first}
    kept = keeper(sources, tmp_path)
    kept.see(Tick(t_s=5.0, beats=(Beat(t_s=5.0, pid=first, role="main", steps_total=3, phase="train"),)))
    os.kill(first, signal.SIGKILL)
    while process_command(first):
        time.sleep(0.01)
    sources.living = frozenset((driver, sleeper()) if next_one else (driver,))
    heartbeat = kept.see(Tick(t_s=100.0)).ability("heartbeat")  # type: ignore[union-attr]
    assert heartbeat.can is not next_one


@pytest.mark.parametrize("can", [True, False])
def test_whether_the_kernel_tells_how_processes_end_is_tried(can, sources, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(pidfd, "_ask", lambda _: pidfd.Ending(0, None) if can else None)
    sources.process.main_pid = os.getpid()
    assert settled(keeper(sources, tmp_path)).ability("endings").can is can


@pytest.mark.parametrize("name", [None, "NVIDIA H200"])
def test_a_gpu_is_seen_only_if_something_was_read(name, sources, tmp_path: Path) -> None:
    """Without a free descriptor the process that asks the driver cannot be started, also where there is no GPU."""
    sources.process.main_pid = os.getpid()
    note = NO_READING(silent=0.0, trouble=NOT_STARTED(error="Too many open files"))
    kept = keeper(sources, tmp_path)
    kept.see(Tick(t_s=0.0, gpus=(GpuSample(t_s=0.0, index=0, name=name, note=note),)))
    gpu = kept.see(Tick(t_s=100.0)).ability("gpu")  # type: ignore[union-attr]
    assert gpu.can is (name is not None)
    assert gpu.can or "Too many open files" in phrase(gpu.why_not, "en")


def test_why_no_worker_of_a_torch_is_replaced_is_a_reason_of_the_contract(sources, tmp_path: Path) -> None:
    unknown = {"code": "loader-torch", "version": "9.0", "names": "priority"}
    sources.process.main_pid = os.getpid()
    sources.heartbeat.abilities = lambda: {"loader": (True, "torch"), "replace-workers": (False, json.dumps(unknown))}
    kept = keeper(sources, tmp_path)
    beat = Beat(t_s=100.0, pid=os.getpid(), role="main", steps_total=9, phase="train")
    replaces = kept.see(Tick(t_s=100.0, beats=(beat,))).ability("replace-workers")  # type: ignore[union-attr]
    assert not replaces.can
    assert replaces.why_not.key == "contract.loader-refused"
    assert "torch 9.0" in phrase(replaces.why_not, "en")
    assert "torch 9.0" in phrase(replaces.why_not, "zh")
    assert "watched" not in phrase(replaces.why_not, "zh")
