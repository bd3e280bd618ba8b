"""Errors as consoles show them, where the text says more than the kind of its exception."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from diagnosis.logs import START, v2
from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.targets import diagnose_target
from holter.records import Verdict
from holter.remedies import propose
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import Lang, phrase
from holter.reports.headline import headline
from holter.reports.wording import finding_text

RAISES = 'Traceback (most recent call last):\n  File "/x/nnUNetTrainer.py", line 1237, in run_training\n    step()\n'
LATER = START + datetime.timedelta(hours=1)


def told_by(tail: str, folder: Path) -> DiagnosisResult:
    console = folder / "console.txt"
    console.write_text(v2([160.0] * 3, cut=True) + tail + "\n", encoding="utf-8")
    return diagnose_target(str(console), tell_observed=lambda t_s: None)


def judged(told: DiagnosisResult) -> dict[str, Verdict]:
    return {verdict.cause: verdict for verdict in told.diagnoses[0].verdicts}


def leads(told: DiagnosisResult) -> tuple[str, str]:
    first = told.diagnoses[0].verdicts[0]
    return first.cause, first.verdict


def known(told: DiagnosisResult) -> dict[str, object]:
    return {fact.name: fact.value for fact in told.diagnoses[0].facts if fact.status == "known"}


OPENS = "RuntimeError: unable to open shared memory object </torch_2331_1234_9> in read-write mode: "


def test_shared_memory_that_cannot_be_opened_for_want_of_descriptors_is_not_too_small(tmp_path: Path) -> None:
    told = told_by(f"{RAISES}{OPENS}Too many open files (24)", tmp_path)
    assert leads(told) == ("fd-exhaustion", "likely")
    assert judged(told)["shm-too-small"].verdict == "excluded"


@pytest.mark.parametrize(
    ("error", "sure"),
    [
        ("RuntimeError: unable to write to file </torch_71_12>: No space left on device (28)", "confirmed"),
        (f"{OPENS}No such file or directory (2)", "likely"),
    ],
)
def test_only_a_want_of_room_confirms_that_shared_memory_is_too_small(error: str, sure: str, tmp_path: Path) -> None:
    assert leads(told_by(f"{RAISES}{error}", tmp_path)) == ("shm-too-small", sure)


WRITER = "RuntimeError: [enforce fail at inline_container.cc:424] . PytorchStreamWriter failed writing file data/412"
POSITION = "RuntimeError: [enforce fail at inline_container.cc:325] . unexpected pos 1098240 vs 1098134"


@pytest.mark.parametrize(
    "error",
    [
        "OSError: 1048576 requested and 0 written",
        f"{WRITER}: file write failed",
        POSITION,
        f"{WRITER}\n\nDuring handling of the above exception, another exception occurred:\n\n{RAISES}{POSITION}",
    ],
)
def test_a_write_that_fails_without_a_reason_is_likely_a_full_disk(error: str, tmp_path: Path) -> None:
    told = told_by(f"{RAISES}{error}", tmp_path)
    assert leads(told) == ("disk-full-or-quota", "likely")
    assert known(told)["exception.kind"] == "no-space"
    reason = next(fact.reason for fact in told.diagnoses[0].facts if fact.name == "disk.error")
    assert phrase(reason or "", "en").startswith("the error does not say why: ")


def test_a_checkpoint_that_cannot_be_read_is_no_full_disk(tmp_path: Path) -> None:
    reader = "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory"
    assert leads(told_by(f"{RAISES}{reader}", tmp_path))[0] != "disk-full-or-quota"


OOM = f"{RAISES}torch.OutOfMemoryError: CUDA out of memory. "
LISTED = "Tried to allocate 1.25 GiB. GPU 0 has a total capacity of 23.68 GiB of which 508.19 MiB is free. "
OURS = "Including non-PyTorch memory, this process has {} memory in use. "
PARTS = "Of the allocated memory {} is allocated by PyTorch, and 320.04 MiB is reserved by PyTorch but unallocated. "
OTHER = "Process 2184 has 14.20 GiB memory in use. "
BEFORE_2_1 = (
    "Tried to allocate 20.00 MiB (GPU 0; 23.69 GiB total capacity; 1.02 GiB already allocated; 10.56 MiB free; "
    "{} reserved in total by PyTorch)"
)
SHARED, TOO_LARGE = "gpu-shared-or-zombie", "gpu-out-of-memory"


@pytest.mark.parametrize(
    ("message", "cause", "others", "unlisted"),
    [
        (LISTED + OTHER + OURS.format("8.91 GiB") + PARTS.format("8.10 GiB"), SHARED, ("PID 2184 (14.2 GiB)",), 0),
        (LISTED + OURS.format("8.91 GiB") + PARTS.format("8.10 GiB"), SHARED, (), 15.3e9),
        (BEFORE_2_1.format("1.10 GiB"), SHARED, ("PID ? (22.6 GiB)",), None),
        (LISTED + OURS.format("22.80 GiB") + PARTS.format("22.10 GiB"), TOO_LARGE, (), 0),
        (BEFORE_2_1.format("22.20 GiB"), TOO_LARGE, None, None),
        # WSL, where NVML does not know, and a container, where it lists us by a PID that we do not know.
        (LISTED + OURS.format("17179869184.00 GiB") + PARTS.format("22.10 GiB"), TOO_LARGE, None, None),
        (LISTED + "Process 7 has 22.80 GiB memory in use. " + PARTS.format("22.10 GiB"), TOO_LARGE, (), 0),
    ],
)
def test_who_holds_the_memory_of_the_gpu_is_read_from_the_error(
    message: str, cause: str, others: object, unlisted: float | None, tmp_path: Path
) -> None:
    told = told_by(OOM + message, tmp_path)
    assert leads(told)[0] == cause
    assert leads(told)[1] in ("likely", "confirmed")
    assert known(told).get("gpu.foreign_processes") == others
    assert known(told).get("gpu.zombie_bytes") == (None if unlisted is None else pytest.approx(unlisted, rel=0.01))


def test_an_error_that_tells_nothing_of_others_is_a_network_that_is_too_large(tmp_path: Path) -> None:
    assert leads(told_by(f"{OOM}Tried to allocate 2.00 GiB.", tmp_path)) == (TOO_LARGE, "likely")


STEP_KILL = (
    "slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch. Some of the step tasks have been OOM Killed."
)
RANK = "[rank1]:[E ProcessGroupNCCL.cpp:{}] "
WATCHDOG = (
    RANK.format(475) + "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1234, OpType=ALLGATHER, "
    "NumelIn=2, NumelOut=4, Timeout(ms)=600000) ran for 600039 milliseconds before timing out."
)
DOWN = RANK.format(489) + "To avoid data inconsistency, we are taking the entire process down."
THROWN = "terminate called after throwing an instance of '{}'"


@pytest.mark.parametrize(
    ("lines", "cause", "number"),
    [
        (STEP_KILL, "ram-oom-train-worker", None),
        (f"{WATCHDOG}\n{DOWN}\n{THROWN.format('c10::DistBackendError')}", "ddp-collective-timeout", 6),
        (THROWN.format("std::bad_alloc"), None, None),
    ],
)
def test_what_slurm_nccl_and_cpp_say_of_an_end_is_a_death(
    lines: str, cause: str | None, number: int | None, tmp_path: Path
) -> None:
    told = told_by(lines, tmp_path)
    assert [diagnosis.episode.kind for diagnosis in told.diagnoses] == ["death"]
    assert known(told).get("main.exit_signal") == number
    if cause is not None:
        assert leads(told) == (cause, "likely")
    assert "nothing-ended" not in {
        finding.text for verdict in told.diagnoses[0].verdicts for finding in verdict.against
    }
    assert not any("pgrep" in look.command for look in next_checks(told.diagnoses[0]))


def test_a_training_that_goes_on_after_such_a_line_has_not_ended(tmp_path: Path) -> None:
    console = tmp_path / "console.txt"
    console.write_text(
        v2([160.0] * 3) + f"{THROWN.format('x')}\n" + v2([160.0] * 4, header=False, first=3, start=LATER)
    )
    told = diagnose_target(str(console), tell_observed=lambda t_s: None)
    assert "death" not in [diagnosis.episode.kind for diagnosis in told.diagnoses]


def test_a_training_that_was_finished_before_slurm_counted_has_not_ended_by_it(tmp_path: Path) -> None:
    console = tmp_path / "console.txt"
    console.write_text(v2([160.0] * 3, finished=True) + f"{STEP_KILL}\n")
    assert diagnose_target(str(console), tell_observed=lambda t_s: None).diagnoses == ()


LIMIT = "slurmstepd: error: *** JOB 12345 ON node01 CANCELLED AT 2024-03-01T21:03:30 DUE TO TIME LIMIT ***"


@pytest.mark.parametrize(
    ("line", "offered"),
    [(LIMIT, "longer-job"), ("Hangup", "keep-session"), ("Killed", "more-time"), ("Terminated", "more-time")],
)
def test_what_ended_it_from_outside_tells_what_helps(line: str, offered: str, tmp_path: Path) -> None:
    told = told_by(line, tmp_path)
    assert leads(told)[0] == "external-kill"
    remedies = {remedy.id for remedy in dict(propose(told.diagnoses[0], None, is_over=True).remedies)["external-kill"]}
    assert remedies & {"longer-job", "keep-session", "more-time"} == {offered}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_time_limit_is_quoted(lang: Lang, tmp_path: Path) -> None:
    diagnosis = told_by(LIMIT, tmp_path).diagnoses[0]
    texts = [finding_text(finding, diagnosis, lang) for finding in diagnosis.verdicts[0].supports]
    assert any("DUE TO TIME LIMIT" in text and "(SIGTERM)" in text for text in texts)


BUSY = "RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable"


def test_a_gpu_that_refuses_may_be_an_unlicensed_one_or_another_ones(tmp_path: Path) -> None:
    found = judged(told_by(f"{RAISES}{BUSY}", tmp_path))
    for cause in ("vgpu-unlicensed", SHARED):
        assert found[cause].verdict == "possible"
        assert "cuda-refuses" in {finding.text for finding in found[cause].supports}


def test_an_exception_is_said_to_have_a_cause_of_its_own_only_where_one_is_left(tmp_path: Path) -> None:
    started = "before the\n current process has finished its bootstrapping phase"
    for error, yields in ((BUSY, True), ("MemoryError: no", True), (f"RuntimeError: {started}", False)):
        told = told_by(f"{RAISES}{error}", tmp_path)
        assert known(told)["exception.kind"] != "other"
        against = {finding.text for finding in judged(told)["main-exception"].against}
        assert ("its-kind-explains" in against) == yields


@pytest.mark.parametrize(("lang", "words"), [("en", "gave it no more"), ("zh", "不再给它内存")])
def test_memory_that_was_refused_is_not_told_as_a_kill_alone(lang: Lang, words: str, tmp_path: Path) -> None:
    told = told_by(f"{RAISES}numpy.core._exceptions._ArrayMemoryError: Unable to allocate 2.11 GiB", tmp_path)
    assert leads(told)[0] == "ram-oom-train-worker"
    assert words in headline(told.diagnoses[0], told.recording, lang)
