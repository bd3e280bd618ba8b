"""Logs and consoles of every kind that people have, read as nnU-Net, shells and schedulers write them."""

from __future__ import annotations

import datetime
import gzip
import io
import os
from pathlib import Path

import pytest

from diagnosis.logs import START, v1, v2
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.pieces import with_texts
from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.targets import STANDARD_INPUT, diagnose_target
from holter.errors import NotALog, UnknownTarget
from holter.records import ExceptionSeen
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import phrase
from holter.reports.cause_words import best

SLOWER = [160.0] * 8 + [420.0] * 5
LATER = START + datetime.timedelta(hours=9)


def found(path: Path) -> DiagnosisResult:
    return diagnose_target(str(path), tell_observed=lambda t_s: None)


def write(folder: Path, content: str | bytes, name: str = "console.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def kinds(told: DiagnosisResult) -> list[str]:
    return [diagnosis.episode.kind for diagnosis in told.diagnoses]


def facts(told: DiagnosisResult, place: int = 0) -> dict[str, object]:
    return {fact.name: fact.value for fact in told.diagnoses[place].facts if fact.status == "known"}


def notes(told: DiagnosisResult) -> str:
    return "\n".join(phrase(note, "en") for note in told.notes)


def prefixed(text: str, prefix: str) -> str:
    return "\n".join(f"{prefix}{line}" for line in text.split("\n"))


# Every form of one and the same story.
FORMS: dict[str, str | bytes] = {
    "v2": v2(SLOWER),
    "v1": v1(SLOWER),
    "windows": v2(SLOWER).replace("\n", "\r\n"),
    "utf-16": v2(SLOWER).encode("utf-16"),
    "utf-16-without-mark": v2(SLOWER).encode("utf-16-le"),
    "utf-8-with-mark": v2(SLOWER).encode("utf-8-sig"),
    "gbk": ("服务器一号，开始训练\n" + v2(SLOWER)).encode("gb18030"),
    "latin-1": ("Universität, Größe\n" + v2(SLOWER)).encode("latin-1"),
    "packed": gzip.compress(v2(SLOWER).encode()),
    "colours": v2(SLOWER).replace("Epoch ", "\x1b[32mEpoch \x1b[0m"),
    "srun": prefixed(v2(SLOWER), "0: "),
    "mail": prefixed(v2(SLOWER), "> "),
    "docker": prefixed(v2(SLOWER), "train-1  | "),
    "journal-in-german": prefixed(v2(SLOWER), "Mär 01 09:03:25 knoten7 nnUNetv2_train[4711]: "),
    "decimal-commas": v2(SLOWER).replace("160.00 s", "160,00 s").replace("420.00 s", "420,00 s"),
    "progress-bars": v2(SLOWER).replace("train_loss", " 3%|#  | 7/250\r 99%|###| 248/250\ntrain_loss"),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_a_log_was_written_by_its_epochs_are_read(form: str, tmp_path: Path) -> None:
    told = found(write(tmp_path, FORMS[form]))
    assert kinds(told) == ["slow-down"]
    known = facts(told)
    assert (known["epochs.shape"], known["epochs.count"], known["epochs.restarts"]) == ("step-up", 13, 0)
    assert (known["epochs.usual_s"], known["epochs.recent_s"]) == (160.0, 420.0)
    assert str(known["epochs.changed_at"]).startswith("2026-03-01 09:2")


def test_minutes_until_the_change_count_from_the_start_of_the_training(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2(SLOWER, startup_s=60.0), "training_log_2026_3_1_09_03_25.txt"))
    assert facts(told)["epochs.minutes_to_change"] == pytest.approx((60 + 8 * 160) / 60, abs=0.1)


def test_a_text_that_begins_in_the_middle_does_not_know_when_it_began(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2(SLOWER, header=False, first=100)))
    assert "epochs.minutes_to_change" not in facts(told)
    assert facts(told)["epochs.shape"] == "step-up"


def test_two_runs_in_one_log_that_slow_down_at_the_same_minute_say_so(tmp_path: Path) -> None:
    """With a longer start-up the change comes an epoch earlier and in the same minute."""
    again = v2([160.0] * 5 + [2500.0] * 2, start=LATER, first=9, startup_s=332.0)
    told = found(write(tmp_path, v2([160.0] * 7 + [2500.0] * 2) + again))
    known = facts(told)
    assert (known["epochs.restarts"], known["epochs.count"]) == (1, 16)
    detail = next(fact.detail for fact in told.diagnoses[0].facts if fact.name == "epochs.minutes_to_change")
    assert phrase(detail or "", "en") == "in 2 runs 19, 19 min after the start"


def test_logs_pasted_in_the_wrong_order_are_told_in_the_right_one(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2([420.0] * 6, start=LATER, first=8) + v2([160.0] * 8)))
    assert facts(told)["epochs.shape"] == "step-up"
    assert facts(told)["epochs.restarts"] == 1


@pytest.mark.parametrize(
    ("times", "cause"),
    [
        ([900.0] + [160.0] * 6, "compile-warmup"),
        ([400.0, 330.0, 280.0, 240.0, 210.0, 190.0] + [165.0] * 8, "page-cache-cold"),
    ],
)
def test_epochs_that_get_faster_are_a_story_that_is_over(times: list[float], cause: str, tmp_path: Path) -> None:
    told = found(write(tmp_path, v2(times)))
    diagnosis = next(diagnosis for diagnosis in told.diagnoses if diagnosis.episode.kind == "slow-down")
    assert diagnosis.verdicts[0].cause == cause
    assert diagnosis.episode.end_s is not None
    assert "stall" in kinds(told)  # that the log ends in the middle is still told


def test_a_single_epoch_that_was_hardly_slower_is_no_story(tmp_path: Path) -> None:
    assert "slow-down" not in kinds(found(write(tmp_path, v2([250.0] + [160.0] * 20))))


@pytest.mark.parametrize(("torch", "cause"), [("2.9.0+cu128", "gpu-slow-kernels-software"), ("2.8.0+cu128", None)])
def test_even_epochs_are_slow_where_the_kernels_are_known_to_be(torch: str, cause: str | None, tmp_path: Path) -> None:
    fold = tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0"
    fold.mkdir(parents=True)
    write(fold, v2([480.0] * 6), "training_log_2026_3_1_09_03_25.txt")
    write(fold, f'{{"torch_version": "{torch}"}}', "debug.json")
    slow = [diagnosis for diagnosis in found(fold).diagnoses if diagnosis.episode.kind == "slow-down"]
    assert [(diagnosis.verdicts[0].cause, diagnosis.verdicts[0].verdict) for diagnosis in slow] == (
        [(cause, "likely")] if cause else []
    )


def test_a_finished_training_is_quiet(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2([400.0] + [160.0] * 20, finished=True)))
    assert told.diagnoses == ()
    assert "The training was finished." in notes(told)
    assert "That is usual." in notes(told)


def test_a_log_that_stops_within_an_epoch_is_only_said_to_end_there(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2([160.0] * 9, cut=True)))
    assert kinds(told) == ["stall"]
    assert phrase(told.diagnoses[0].episode.reason, "en") == "the log ends here, within an epoch"
    assert {verdict.verdict for verdict in told.diagnoses[0].verdicts} <= {"possible", "excluded"}
    assert not {"main.alive", "progress.age_s", "log.age_s"} & facts(told).keys()


def test_a_log_that_is_being_written_has_not_ended(tmp_path: Path) -> None:
    now = datetime.datetime.now()
    told = found(write(tmp_path, v2([60.0] * 5, start=now - datetime.timedelta(seconds=330))))
    assert told.diagnoses == ()
    assert "seems to be running" in notes(told)


def test_a_training_that_finished_a_moment_ago_does_not_run(tmp_path: Path) -> None:
    start = datetime.datetime.now() - datetime.timedelta(seconds=320)
    told = found(write(tmp_path, v2([60.0] * 5, start=start, finished=True)))
    assert told.diagnoses == ()
    assert "The training was finished." in notes(told)
    assert "seems to be running" not in notes(told)


def test_ctrl_c_is_no_fault(tmp_path: Path) -> None:
    asked = '^CTraceback (most recent call last):\n  File "/x/a.py", line 3, in f\n    g()\nKeyboardInterrupt\n'
    assert found(write(tmp_path, v2([160.0] * 5, cut=True) + asked)).diagnoses == ()


ECHO = (
    'Traceback (most recent call last):\n  File "/v/batchgenerators/x.py", line 103, in results_loop\n    raise e\n'
    "RuntimeError: One or more background workers are no longer alive. Exiting. Please check the print statements\n\n"
)


def test_the_first_exception_counts_and_not_the_echo(tmp_path: Path) -> None:
    first = (
        'Traceback (most recent call last):\n  File "/v/train.py", line 9, in train_step\n    l.backward()\n'
        "RuntimeError: CUDA error: device-side assert triggered\n\n"
    )
    told = found(write(tmp_path, v2([160.0] * 2, cut=True) + first + ECHO))
    assert kinds(told) == ["death"]
    known = facts(told)
    assert (known["exception.role"], known["exception.kind"]) == ("main", "cuda-assert")
    alone = found(write(tmp_path, v2([160.0] * 2, cut=True) + ECHO))
    assert kinds(alone) == ["death"]
    assert "exception.first" not in facts(alone)


@pytest.mark.parametrize("name", ["", "RuntimeError: "])
def test_an_echo_right_below_the_error_line_is_a_message_of_its_own(name: str, tmp_path: Path) -> None:
    error = "MemoryError: Unable to allocate 1.2 GiB for an array\nwith shape (2, 900, 900)"
    echo = f"{name}One or more background workers are no longer alive. Exiting. Please check the print statements"
    abridged = f"Traceback (most recent call last):\n{error}\n{echo} above\n"
    told = found(write(tmp_path, v2([160.0] * 2, cut=True) + abridged))
    seen = list(told.recording.events(ExceptionSeen))
    assert [(event.error, event.echo) for event in seen] == [("MemoryError", False), ("RuntimeError", True)]
    assert seen[0].message.endswith("(2, 900, 900)")
    assert facts(told)["exception.first"].startswith("MemoryError")


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Killed", 9),
        ("已杀死", 9),
        ("Getötet", 9),
        ("Terminado (killed)", 9),
        ("Terminado (killed)      nnUNetv2_train 4 2d 0", 9),
        ("Terminado", 15),
        ("Speicherzugriffsfehler (Speicherabzug geschrieben)", 11),
        ("./train.sh: line 12: 4711 Killed                  nnUNetv2_train 4 3d_fullres 0", 9),
        ("./train.sh: 行 12: 12345 已杀死                  nnUNetv2_train 4 3d_fullres 0", 9),
        ("./train.sh: 第 12 行： 12345 已杀死               nnUNetv2_train 4 3d_fullres 0", 9),
        ("[1]    12345 killed     nnUNetv2_train 4 3d_fullres 0", 9),
        ("[1]  + 12345 segmentation fault (core dumped)  nnUNetv2_train 4 3d_fullres 0", 11),
        ("zsh: hangup     nnUNetv2_train 4 3d_fullres 0", 1),
        ("srun: error: node07: task 0: Out Of Memory", 9),
        ("Bus error (core dumped)", 7),
        ("Segmentation fault (core dumped)", 11),
        ("slurmstepd: error: *** JOB 4711 ON n1 CANCELLED AT 2026-03-01T10:00:00 DUE TO TIME LIMIT ***", 15),
    ],
)
def test_shells_and_schedulers_tell_how_it_ended(line: str, number: int, tmp_path: Path) -> None:
    told = found(write(tmp_path, v2([160.0] * 2, cut=True) + line + "\n"))
    assert kinds(told) == ["death"]
    assert facts(told)["main.exit_signal"] == number
    first = told.diagnoses[0].verdicts[0]
    if "Out Of Memory" in line:
        assert first.cause == "ram-oom-train-worker"
    elif number in (1, 9, 15):  # SIGKILL may be the kernel's, which nobody counted here
        assert (first.cause, first.verdict) == ("external-kill", "possible" if number == 9 else "likely")


def test_slurm_tells_of_memory(tmp_path: Path) -> None:
    line = (
        "slurmstepd: error: Detected 1 oom_kill event in StepId=4711.0. Some of the step tasks have been OOM Killed.\n"
    )
    told = found(write(tmp_path, v2([160.0] * 2, cut=True) + line + "Killed\n"))
    assert facts(told)["oom.kills"] == 1


def test_a_bus_error_of_a_worker_is_shared_memory(tmp_path: Path) -> None:
    line = (
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\n"
    )
    told = found(write(tmp_path, v2([160.0], cut=True) + line))
    assert told.diagnoses[0].verdicts[0].cause == "shm-too-small"


NO_LOGS = {
    "empty": b"",
    "blank": b" \n\n",
    "archive": b"PK\x03\x04" + os.urandom(4096),
    "random": os.urandom(9000),
    "letter": b"Dear all,\n",
}


@pytest.mark.parametrize("content", NO_LOGS.values(), ids=NO_LOGS)
def test_what_is_no_log_is_refused_in_words(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotALog) as refused:
        found(write(tmp_path, content, "file.txt"))
    assert refused.value.next_step
    assert refused.value.safe


def test_what_does_not_exist_is_said_so() -> None:
    with pytest.raises(UnknownTarget, match="no file, folder or process"):
        found(Path("/nowhere/at/all.txt"))


@pytest.mark.parametrize(
    ("message", "next_step"),
    [
        ("it's CUDA out of memory", """printf '%s\\n' 'it'"'"'s CUDA out of memory' | holter diagnose -"""),
        ("a worker died " * 40, "holter diagnose -"),
    ],
)
def test_a_message_in_place_of_a_file_is_to_be_piped(message: str, next_step: str) -> None:
    with pytest.raises(UnknownTarget) as raised:
        diagnose_target(message, tell_log=lambda *_: None, tell_observed=lambda _: None)
    assert raised.value.next_step == next_step
    assert with_texts([message]) == [message]


def test_text_comes_through_a_pipe_a_few_bytes_at_a_time() -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size if size and size > 0 else 100, 100))

    told = read_pasted(Dripping(v2(SLOWER).encode()), STANDARD_INPUT())
    assert facts(told)["epochs.count"] == 13
    assert phrase(told.notes[0], "en").startswith("standard input: ")
    assert phrase(told.notes[0], "zh").startswith("标准输入：")


@pytest.mark.slow
def test_a_long_console_is_read_in_pieces_and_keeps_both_ends(tmp_path: Path) -> None:
    noise = "/x/lr_scheduler.py:62: UserWarning: The verbose parameter is deprecated.\n  warnings.warn(\n" * 40000
    bars = "".join(f"\r {k}%|####  | {k}/250 [00:10<00:20]" for k in range(20000)) + "\n"
    last = 'Traceback (most recent call last):\n  File "/x/a.py", line 3, in f\n    g()\nMemoryError: no\n'
    told = found(
        write(tmp_path, v2([160.0] * 20) + noise + bars + v2([160.0] * 20, header=False, first=20, start=LATER) + last)
    )
    assert kinds(told) == ["death"]
    assert facts(told)["exception.kind"] == "memory"
    assert facts(told)["epochs.count"] == 40


def test_a_slow_down_within_the_grace_of_a_vgpu_is_a_hint_and_asks_for_its_licence(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2([46.5] * 25 + [314.0] * 10)))
    (diagnosis,) = told.diagnoses
    assert (diagnosis.verdicts[0].cause, diagnosis.verdicts[0].verdict) == ("vgpu-unlicensed", "possible")
    assert best(diagnosis) is None  # other causes have this shape, too
    assert next_checks(diagnosis)[0].id == "gpu"
    assert diagnosis.episode.start_s >= 25 * 46.5  # epoch 25, and not the one before it


def test_a_log_that_ends_within_the_grace_of_a_vgpu_asks_for_its_licence(tmp_path: Path) -> None:
    (diagnosis,) = found(write(tmp_path, v2([167.0] * 7, cut=True))).diagnoses
    assert (diagnosis.episode.kind, best(diagnosis)) == ("stall", None)
    assert next_checks(diagnosis)[0].id == "gpu"
    (later,) = found(write(tmp_path, v2([167.0] * 40, cut=True))).diagnoses
    assert next_checks(later)[0].id != "gpu"


@pytest.mark.parametrize(
    ("epochs", "is_in_grace"),
    [([167.0] * 7, True), ([55.0] * 30, True), ([160.0] * 3, False), ([90.0] * 40, False)],
    ids=["17 minutes", "27 minutes", "8 minutes", "an hour"],
)
@pytest.mark.parametrize("name", ["console.txt", f"training_log_{START:%Y_%-m_%-d_%H_%M_%S}.txt"])
def test_only_a_log_that_ends_within_the_grace_asks_for_the_licence_first(
    tmp_path: Path, epochs: list[float], is_in_grace: bool, name: str
) -> None:
    told = found(write(tmp_path, v2(epochs, cut=True), name))
    looks = [check.id for check in next_checks(told.diagnoses[-1], told.recording.environment)]
    assert (looks[0] == "gpu") == is_in_grace


def test_heat_is_asked_for_where_epochs_get_slower_and_slower(tmp_path: Path) -> None:
    (diagnosis,) = found(write(tmp_path, v2([75.0 + 3 * number for number in range(30)]))).diagnoses
    assert diagnosis.episode.kind == "creep"
    assert {"gpu-thermal-or-power", "swap-thrash"} == {
        verdict.cause for verdict in diagnosis.verdicts if verdict.supports
    }


def test_paths_with_a_drive_are_those_of_windows(tmp_path: Path) -> None:
    error = (
        'Traceback (most recent call last):\n  File "C:\\\\nnUNet\\\\run.py", line 1, in <module>\n'
        "OSError: [WinError 1455] The paging file is too small for this operation to complete\n"
    )
    told = found(write(tmp_path, v2([160.0] * 3) + error))
    assert facts(told)["system.os"] == "windows"
    assert (told.diagnoses[0].verdicts[0].cause, told.diagnoses[0].verdicts[0].verdict) == (
        "windows-spawn-commit",
        "confirmed",
    )


def test_a_console_that_was_read_is_no_stream_of_a_process(tmp_path: Path) -> None:
    told = found(write(tmp_path, v2([160.0] * 6, cut=True)))
    buffered = next(fact for fact in told.diagnoses[0].facts if fact.name == "output.buffered")
    assert buffered.status == "unknown"
