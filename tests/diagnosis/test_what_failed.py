"""Errors whose words tell what failed: what is said of them, and what is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnosis.test_error_texts import RAISES, STEP_KILL, judged, known, leads, told_by
from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.targets import diagnose_target
from holter.remedies import propose
from holter.reports.catalogue import Lang
from holter.reports.headline import headline

ECHO = "RuntimeError: One or more background workers are no longer alive. Exiting."
FRAME = '  File "/x/{}.py", line 70, in {}\n    step()\n'
TORN = "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory"
REFUSED = "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded"
NO_PATH = "TypeError: expected str, bytes or os.PathLike object, not NoneType"
ORDINAL = "RuntimeError: CUDA error: invalid device ordinal"


def traced(error: str, *functions: str) -> str:
    return RAISES + "".join(FRAME.format("module", function) for function in functions) + error


def offered(told: DiagnosisResult) -> set[str]:
    cause = leads(told)[0]
    return {remedy.id for remedy in dict(propose(told.diagnoses[0], None, is_over=True).remedies)[cause]}


def said(told: DiagnosisResult, lang: Lang = "en") -> str:
    return headline(told.diagnoses[0], told.recording, lang)


@pytest.mark.parametrize(
    ("text", "helps", "english", "chinese"),
    [
        (traced(TORN, "load_checkpoint"), "set-checkpoint-aside", "a checkpoint is damaged", "检查点已损坏"),
        (traced(REFUSED, "load_checkpoint"), "checkpoint-versions", "PyTorch refuses the checkpoint", "拒绝加载检查点"),
        (traced(ORDINAL, "set_device"), "see-gpus", "a GPU number that is not there", "GPU 编号不存在"),
        (
            f'{RAISES}  File "/x/dataset_name_id_conversion.py", line 24, in find\n    step()\n{NO_PATH}',
            "set-paths", "the folders of nnU-Net are not set", "文件夹没有设置",
        ),
    ],
)  # fmt: skip
def test_an_error_that_says_what_failed_is_told_so_and_not_to_continue(
    text: str, helps: str, english: str, chinese: str, tmp_path: Path
) -> None:
    told = told_by(text, tmp_path)
    assert leads(told) == ("main-exception", "likely")
    assert english in said(told)
    assert chinese in said(told, "zh")
    assert helps in offered(told)
    assert "continue-from-checkpoint" not in offered(told)


@pytest.mark.parametrize(
    ("tail", "read"), [("", "read-traceback"), (f"\n{RAISES}{ECHO}", "read-first-traceback")], ids=["alone", "echoed"]
)
def test_an_echo_is_spoken_of_only_where_one_was_printed(tail: str, read: str, tmp_path: Path) -> None:
    told = told_by(traced("ValueError: bad shape", "train_step") + tail, tmp_path)
    assert leads(told)[0] == "main-exception"
    assert offered(told) & {"read-traceback", "read-first-traceback"} == {read}


def test_memory_that_cannot_be_page_locked_is_no_network_that_is_too_large(tmp_path: Path) -> None:
    error = "RuntimeError: CUDA error: out of memory"
    told = told_by(traced(error, "results_loop", "pin_memory_of_all_eligible_items_in_dict"), tmp_path)
    assert leads(told)[0] == "main-exception"
    assert known(told)["exception.cuda_oom"] is False
    assert judged(told)["gpu-out-of-memory"].verdict == "excluded"
    assert "look-at-both-memories" in offered(told)
    assert leads(told_by(traced(error, "forward"), tmp_path))[0] == "gpu-out-of-memory"


def test_a_mount_that_fails_a_write_has_nothing_to_do_with_where_the_data_lie(tmp_path: Path) -> None:
    error = "OSError: [Errno 5] Input/output error"
    wrote = told_by(traced(error, "on_epoch_end", "imsave"), tmp_path)
    assert leads(wrote)[0] == "remote-fs-error"
    assert "a write failed" in said(wrote)
    assert offered(wrote) == {"look-at-results-mount", "results-elsewhere", "continue-from-checkpoint"}
    read = told_by(traced(error, "load_case"), tmp_path)
    assert leads(read)[0] == "remote-fs-error"
    assert "copy-to-local-disk" in offered(read)


def test_a_compiler_that_speaks_in_the_log_is_heard_without_its_exception(tmp_path: Path) -> None:
    c99 = "/tmp/t/main.c:354:3: error: 'for' loop initial declarations are only allowed in C99 mode"
    told = told_by(f"{c99}\n{ECHO}", tmp_path)
    assert leads(told) == ("compile-toolchain-broken", "likely")
    assert judged(told)["secondary-worker-message"].verdict == "excluded"


UNPACKING = "2024-11-29 09:52:42.786059: unpacking dataset...\n"
POOL = 'multiprocessing.pool.RemoteTraceback:\n"""\n' + RAISES + FRAME.format("utils", "_convert_to_npy")
TAKEN = "FileNotFoundError: [Errno 2] No such file or directory: '/p/a.npy'"
GONE = f"{UNPACKING}Error when checking a.npy and a_seg.npy, fixing...\n{POOL}{TAKEN}\n"


def test_a_file_that_another_training_took_away_is_a_race(tmp_path: Path) -> None:
    console = tmp_path / "console.txt"
    console.write_text(GONE, encoding="utf-8")
    told = diagnose_target(str(console), tell_observed=lambda t_s: None)
    assert leads(told) == ("fold-start-race", "likely")
    assert known(told)["unpack.rewritten"] == 1
    assert "remove-unpacked" in offered(told)
    assert "remove-torn-splits" not in offered(told)


@pytest.mark.parametrize("error", ["", f"{RAISES}BrokenPipeError: [Errno 32] Broken pipe\n"])
def test_unpacking_that_was_killed_is_not_said_to_go_on(error: str, tmp_path: Path) -> None:
    console = tmp_path / "console.txt"
    console.write_text(f"{UNPACKING}{error}\n{ECHO}\n{STEP_KILL}\n", encoding="utf-8")
    told = diagnose_target(str(console), tell_observed=lambda t_s: None)
    assert leads(told) == ("unpack-slow-or-oom", "likely")
    assert "memory ran out while the cases were being unpacked" in said(told)
    assert "watch-unpacking" not in offered(told)


def test_one_abort_in_native_code_asks_for_other_versions_and_no_memory_test(tmp_path: Path) -> None:
    told = told_by("free(): corrupted unsorted chunks\nAborted (core dumped)", tmp_path)
    assert leads(told) == ("native-crash", "likely")
    assert {"other-releases", "try-without-compile"} <= offered(told)
    assert judged(told)["faulty-host-hardware"].verdict == "excluded"
