"""The real augmenter with real worker processes under the hook: what is told, and what the training notices."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from holter.probes.process.stack_signal import stack_file
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.texts.secondary_errors import is_echo

pytestmark = pytest.mark.training  # of a toy
ROLES = {("main", None), ("train-worker", 0), ("train-worker", 1), ("val-worker", 0)}


@pytest.fixture
def going(hooked, tmp_path, wait_until):
    """A toy training that runs until the test removes a file, and a probe on it."""

    def begin(*arguments, **options):
        flag = tmp_path / "go-on"
        flag.touch()
        process = hooked.start(hooked.toy, "--go-on-while", flag, *arguments, **options)
        probe = HeartbeatProbe(hooked.scratch, time.monotonic())
        wait_until(lambda: probe.read(0.0) and set(probe.hints().values()) == ROLES)
        return process, probe, flag

    return begin


def end(process: subprocess.Popen[str], flag) -> tuple[str, str]:
    flag.unlink()
    return process.communicate(timeout=60)


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
@pytest.mark.long
def test_main_and_every_worker_beat_with_role_and_index(going, start):
    process, probe, flag = going("--start", start)
    time.sleep(1.2)
    beats = {(beat.role, beat.worker_index): beat for beat in probe.read(0.0).samples}
    out, err = end(process, flag)
    main, worker = beats["main", None], beats["train-worker", 0]
    assert (out, err, process.returncode) == ("ready\ndone\n", "", 0)
    assert main.pid == process.pid
    assert main.steps_total == main.progress_total > 10
    assert main.compute_s is not None and main.compute_s >= 0.01
    assert main.data_wait_s_total > 0
    assert (main.worker_queue_size, main.ready_queue_size) == (6, 6)
    assert main.pulse_s is not None and abs(main.pulse_s - worker.progressed_s) < 3
    assert worker.steps_total > 0 and worker.compute_s >= 0.005


def test_an_orderly_end_is_told_as_such_and_leaves_no_empty_stack_files(hooked):
    assert hooked.run(hooked.toy).stdout == "ready\ndone\n"
    ended = hooked.lines("worker-ended")
    assert [(line["exit_code"], line["expected"], line["by_parent"]) for line in ended] == [(0, True, True)] * 3
    assert {path.name.partition("-")[0] for path in hooked.scratch.iterdir()} == {"beat", "events"}


def test_batches_prepared_in_the_main_process_beat_too(hooked):
    assert hooked.run(hooked.toy, "--start", "none", "--steps", "5").stdout == "ready\ndone\n"
    from holter.hook import page

    seen = page.decode(next(hooked.scratch.glob("beat-*")).read_bytes())
    assert seen is not None and (seen.role, seen.steps_total) == ("main", 7)
    assert seen.data_wait_s is not None and seen.data_wait_s >= 0.005


def test_an_augmenter_that_nobody_holds_ends_its_workers_at_once(hooked):
    program = """
import multiprocessing, toy_training
augmenter = toy_training.NonDetMultiThreadedAugmenter(toy_training.Toy(None), None, 1, 6, None, False, 0.002)
next(augmenter)
before = len(multiprocessing.active_children())
del augmenter
print(before, len(multiprocessing.active_children()))
"""
    done = hooked.run("-c", program, path=(hooked.toy.parent,))
    assert (done.stdout, done.stderr) == ("1 0\n", "")


def test_a_killed_worker_is_told_with_its_signal_and_the_others_as_ended_by_the_parent(going):
    process, probe, _ = going()
    probe.read(0.0)
    victim = next(pid for pid, hint in probe.hints().items() if hint == ("train-worker", 1))
    os.kill(victim, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    events = [event for event in probe.read(0.0).events if type(event).__name__ == "ProcessEnded"]
    told = {(event.role, event.worker_index): event for event in events}
    assert "One or more background workers are no longer alive" in err
    assert told["train-worker", 1].pid == victim
    assert told["train-worker", 1].exit_signal == signal.SIGKILL
    assert not told["train-worker", 1].by_parent
    assert told["train-worker", 0].by_parent and told["val-worker", 0].by_parent
    assert len(events) == 3


def test_the_sentence_about_dead_workers_is_marked_as_an_echo(going, hooked):
    process, probe, _ = going()
    os.kill(next(pid for pid, hint in probe.hints().items() if hint[0] == "train-worker"), signal.SIGSEGV)
    process.communicate(timeout=60)
    seen = probe.read(0.0).events
    exceptions = [event for event in seen if type(event).__name__ == "ExceptionSeen"]
    assert exceptions and all(event.echo and event.error == "RuntimeError" for event in exceptions)
    fatal = [event for event in seen if getattr(event, "what", "") == "fatal-error"]
    assert len(fatal) == 1 and "Segmentation fault" in fatal[0].text and "in producer" in fatal[0].text


def test_a_worker_exception_names_the_case(hooked, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    done = hooked.run(hooked.toy, "--broken-case-in", data)
    told = [
        line for line in hooked.lines("exception") if not is_echo(line["error"], line["message"], line["traceback"])
    ]
    assert done.returncode == 1 and "Exception in background worker" in done.stdout
    assert {line["case"] for line in told} == {"case_002"}
    assert {line["role"] for line in told} <= {"train-worker", "val-worker"}
    assert all("load_case" in line["traceback"] for line in told)
    reading = HeartbeatProbe(hooked.scratch, 0.0).read(0.0)
    raised = {line["from"] for line in told}
    for event in reading.events:
        if type(event).__name__ == "ProcessEnded":  # all return 0, the culprits too: told apart by their exceptions
            assert event.by_parent is (event.pid not in raised) or event.pid in raised


def test_the_stack_signal_writes_all_threads_of_a_worker_to_its_file(going, hooked, wait_until):
    process, probe, flag = going()
    worker = next(pid for pid, hint in probe.hints().items() if hint == ("train-worker", 0))
    number = probe.fault_signal(worker)
    assert number == signal.SIGUSR2
    os.kill(worker, number)
    wait_until(lambda: "in producer" in stack_file(hooked.scratch, worker).read_text())
    assert end(process, flag) == ("ready\ndone\n", "")


def test_a_deleted_scratch_folder_does_not_stop_the_training(going, hooked):
    process, probe, flag = going()
    shutil.rmtree(hooked.scratch)
    before = {beat.pid: beat for beat in probe.read(0.0).samples}
    time.sleep(1.5)
    after = {beat.pid: beat for beat in probe.read(0.0).samples}
    assert {beat.role for beat in after.values()} >= {"main", "train-worker"}, "kept open"
    assert any(after[pid].pulse_s > before[pid].pulse_s for pid in after if before[pid].role == "main")
    assert end(process, flag) == ("ready\ndone\n", "")


@pytest.mark.root
@pytest.mark.parametrize("free_bytes", [0, 8192])
def test_a_full_scratch_folder_does_not_stop_the_training(hooked, free_bytes):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", hooked.scratch], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("cannot mount here")
    try:
        (hooked.scratch / "filler").write_bytes(bytes(65536 - free_bytes))
        done = hooked.run(hooked.toy)
        pages = len(list(hooked.scratch.glob("beat-*")))
    finally:
        subprocess.run(["umount", "-l", hooked.scratch], check=True)
    assert (done.stdout, done.stderr, done.returncode) == ("ready\ndone\n", "", 0)
    assert pages >= 1


def test_a_missing_scratch_folder_does_not_stop_the_training(hooked):
    done = hooked.run(hooked.toy, HOLTER_SCRATCH="/nonexistent/scratch")
    assert (done.stdout, done.stderr, done.returncode) == ("ready\ndone\n", "", 0)


def test_workers_begin_and_batches_queue_as_chosen(going):
    process, probe, flag = going(HOLTER_START_METHOD="forkserver", HOLTER_CACHED_BATCHES="2")
    time.sleep(1.2)
    main = next(beat for beat in probe.read(0.0).samples if beat.role == "main")
    workers = [pid for pid, (role, _) in probe.hints().items() if role != "main"]
    parents = {" ".join(psutil.Process(pid).parent().cmdline()) for pid in workers}
    out, err = end(process, flag)
    assert (out, err, process.returncode) == ("ready\ndone\n", "", 0)
    assert (main.worker_queue_size, main.ready_queue_size) == (2, 2)
    assert len(workers) == 3 and all("multiprocessing.forkserver" in parent for parent in parents)


def test_settings_that_cannot_be_used_are_told_and_change_nothing(hooked):
    done = hooked.run(hooked.toy, "--steps", "5", HOLTER_START_METHOD="by-stork", HOLTER_CACHED_BATCHES="many")
    assert (done.stdout, done.stderr) == ("ready\ndone\n", "")
    told = {line["text"].partition(":")[0] for line in hooked.lines("note") if line["what"] == "hook-failed"}
    assert told == {
        f"batchgenerators.dataloading.{kind}_augmenter" for kind in ("nondet_multi_threaded", "multi_threaded")
    }
