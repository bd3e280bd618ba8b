"""What people copy out of a terminal: the last lines only, indented, two processes mixed, ended with Ctrl-C."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from diagnosis.logs import v2
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.errors import NotALog
from holter.evidence.chain import BATCH_QUEUE
from holter.records import ExceptionSeen, Message
from holter.reports.catalogue import phrase
from holter.reports.cause_words import best
from holter.reports.headline import headline
from holter.reports.terminal import print_diagnosis

EPOCHS = v2([160.0] * 2, cut=True)
SPACE = "RuntimeError: unable to write to file </torch_8289_606636967_0>: No space left on device (28)"


def pasted(text: str) -> DiagnosisResult:
    return read_pasted(io.BytesIO(text.encode()), "console.txt")


def first_cause(told: DiagnosisResult) -> str | None:
    verdict = best(told.diagnoses[0]) if told.diagnoses else None
    return verdict.cause if verdict else None


def errors(told: DiagnosisResult) -> list[tuple[str, bool]]:
    return [(event.error, event.echo) for event in told.recording.events(ExceptionSeen)]


@pytest.mark.parametrize(
    ("line", "error", "cause"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to", "OutOfMemoryError", "gpu-out-of-memory"),
        ("OSError: [Errno 28] No space left on device", "OSError", "disk-full-or-quota"),
        ("AssertionError: Torch not compiled with CUDA enabled", "AssertionError", "main-exception"),
        ("torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:", "BackendCompilerFailed", None),
        ("KeyError: 'conv_kernel_sizes'", "KeyError", "main-exception"),
        ("MemoryError", "MemoryError", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", EPOCHS], ids=["alone", "below epochs"])
def test_the_error_line_alone_is_enough(line: str, error: str, cause: str | None, before: str) -> None:
    told = pasted(f"{before}{line}\n")
    assert errors(told) == [(error, False)]
    assert [diagnosis.episode.kind for diagnosis in told.diagnoses] == ["death"]
    assert cause is None or first_cause(told) == cause


def test_frames_without_their_beginning_tell_where_it_was_raised() -> None:
    told = pasted(
        '  File "/v/nnunetv2/training/dataloading/data_loader.py", line 12, in producer\n    item = next(loader)\n'
        f'site-packages/torch/storage.py", line 374, in _share_fd_cpu_\n    return super()\n{SPACE}\n'
    )
    (event,) = told.recording.events(ExceptionSeen)
    assert "in producer" in event.traceback and event.message.startswith("unable to write")
    assert first_cause(told) == "shm-too-small"


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: something",
        "Error: something",
        "slurmstepd: error: Detected 1 oom_kill event",
        "Exception ignored in: <x>",
    ],
)
def test_other_words_in_front_of_a_colon_are_no_exceptions(line: str) -> None:
    assert errors(pasted(EPOCHS + line + "\n")) == []


def test_warnings_with_files_and_lines_are_no_exceptions() -> None:
    warned = 'from user code:\n  File "/v/nnunetv2/x.py", line 3, in f\n    x = y\nNote: nothing serious\nHint: none\n'
    assert errors(pasted(warned + v2([160.0] * 3, finished=True))) == []


def test_the_error_line_of_two_tracebacks_printed_into_each_other_names_both() -> None:
    told = pasted(
        'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\n'
        'Traceback (most recent call last):\n  File "spawn.py", line 105, in spawn_main\n'
        '  File "train.py", line 33, in <module>\n    exitcode = _main(fd)\n'
        "OSError: [WinError 1455] The paging file is too small for this operation to complete.\n"
        "AttributeError: 'NoneType' object has no attribute 'terminate'\n"
    )
    assert errors(told)[0] == ("OSError", False)
    assert first_cause(told) == "windows-spawn-commit"


def test_an_error_that_speaks_of_a_frame_stays_an_error() -> None:
    begun = 'Traceback (most recent call last):\n  File "/v/x.py", line 2, in g\n    h()\n'
    told = pasted(EPOCHS + begun + 'RuntimeError: see File "x.py", line 3, in f\n')
    assert errors(told) == [("RuntimeError", False)]


def test_one_error_line_after_the_end_is_none() -> None:
    assert pasted(v2([160.0] * 3, finished=True) + "BrokenPipeError: [Errno 32] Broken pipe\n").diagnoses == ()


@pytest.mark.parametrize(
    ("said", "cause"),
    [("std::bad_alloc", "ram-oom-train-worker"), ("CUDA error: device-side assert triggered", "cuda-device-assert")],
)
def test_what_native_code_threw_is_an_exception(said: str, cause: str) -> None:
    thrown = f"terminate called after throwing an instance of 'c10::Error'\n  what():  {said}\nAborted (core dumped)\n"
    told = pasted(EPOCHS + thrown)
    assert told.recording.events(ExceptionSeen)[0].message == said
    assert first_cause(told) == cause


@pytest.mark.parametrize("margin", ["    ", "\t", "  \t "])
def test_a_paste_may_be_indented_as_a_whole(margin: str) -> None:
    text = f'{EPOCHS}Traceback (most recent call last):\n  File "/v/x.py", line 24, in _feed\n    obj = f()\n{SPACE}\n'
    told, plain = (pasted(paste) for paste in ("".join(margin + line for line in text.splitlines(keepends=True)), text))
    assert first_cause(told) == first_cause(plain) == "shm-too-small"
    assert [event.traceback for event in told.recording.events(ExceptionSeen)] == [
        event.traceback for event in plain.recording.events(ExceptionSeen)
    ]


def test_a_paste_may_be_indented_below_a_sentence() -> None:
    begun = '    Traceback (most recent call last):\n      File "/v/x.py", line 24, in _feed\n        obj = f()\n'
    told = pasted(f"It dies, please help:\n\n{begun}    {SPACE}\n\nWhat can I do?\n")
    assert first_cause(told) == "shm-too-small"


WAITED = """^CTraceback (most recent call last):
  File "/v/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1211, in run_training
    train_outputs.append(self.train_step(next(self.dataloader_train)))
  File "/v/batchgenerators/dataloading/nondet_multi_threaded_augmenter.py", line 188, in __get_next_item
    sleep(self.wait_time)
KeyboardInterrupt
Exception in thread Thread-4:
Traceback (most recent call last):
  File "/v/batchgenerators/dataloading/nondet_multi_threaded_augmenter.py", line 103, in results_loop
    raise RuntimeError("One or more background workers are no longer alive. Exiting.")
RuntimeError: One or more background workers are no longer alive. Exiting.
"""


def test_ctrl_c_out_of_a_wait_tells_what_was_waited_for_and_accuses_nobody() -> None:
    told = pasted(EPOCHS + WAITED)
    (diagnosis,) = told.diagnoses
    assert phrase(diagnosis.episode.reason, "en") == "somebody interrupted it while the main thread waited for a batch"
    assert [link.target for link in diagnosis.wait_chain][:1] == [BATCH_QUEUE()]
    assert best(diagnosis) is None
    assert headline(diagnosis, told.recording, "en").startswith("Interrupted by hand in epoch 1.")
    assert "被手动中断" in headline(diagnosis, told.recording, "zh")
    elsewhere = WAITED.replace("__get_next_item", "train_step").replace("sleep(self.wait_time)", "l.backward()")
    assert pasted(EPOCHS + elsewhere).diagnoses == ()


def test_of_a_text_without_any_fault_nobody_says_that_all_was_well() -> None:
    told = pasted("using pin_memory on device 0\n2024-01-12 20:47:29.517981: lr: 0.01\n")
    console = Console(file=io.StringIO(), width=100)
    print_diagnosis(console, told.recording, told.diagnoses, is_run=False)
    assert console.file.getvalue() == "Nothing in this text shows a problem.\n"


def test_a_loss_that_is_no_number_is_told() -> None:
    text = EPOCHS.replace("train_loss -0.", "train_loss nan #", 1)
    assert text != EPOCHS
    notes = [phrase(note, "en") for note in pasted(text).notes]
    assert (
        "train_loss is not a finite number (NaN or infinite) in epoch 0: check data, labels, loss and mixed precision."
        in notes
    )


LOADER_FRAMES = """\
Traceback (most recent call last):
  File "train.py", line 162, in train
    for data in loader:
  File "/env/torch/utils/data/dataloader.py", line 881, in _process_data
    data.reraise()
  File "/env/torch/_utils.py", line 394, in reraise
    raise self.exc_type(msg)
"""
VALIDATION_FRAMES = """\
Traceback (most recent call last):
  File "/data/my_trainer/run.py", line 9, in <module>
    main()
  File "/data/my_trainer/model.py", line 231, in nonpad_test
    pred = self.net_g(img)
"""


def test_a_traceback_that_is_cut_off_invents_no_name() -> None:
    told = pasted(VALIDATION_FRAMES)
    fact = next(fact for fact in told.diagnoses[0].facts if fact.name == "exception.first")
    assert "Exception" not in str(fact.value)
    words = fact.words
    assert isinstance(words, Message)
    assert phrase(words, "en") == "an error whose name is cut off, in nonpad_test (model.py, line 231)"
    assert "nonpad_test" in phrase(words, "zh")
    kind = next(fact for fact in told.diagnoses[0].facts if fact.name == "exception.kind")
    assert kind.status == "unknown"


def test_the_words_around_a_cut_off_traceback_tell_its_kind() -> None:
    assert first_cause(pasted(f"Validation dies with cuda out of memory, why?\n\n{VALIDATION_FRAMES}")) == (
        "gpu-out-of-memory"
    )


@pytest.mark.parametrize("last_line", ["", "**KeyError: Caught KeyError\n", "KeyError: Caught KeyError in DataLoad\n"])
def test_what_the_loader_raises_again_was_raised_in_a_worker(last_line: str) -> None:
    assert first_cause(pasted(LOADER_FRAMES + last_line)) == "worker-exception"


def test_what_the_pin_memory_thread_caught_was_not_raised_in_a_worker() -> None:
    told = pasted(f"{LOADER_FRAMES}RuntimeError: Caught RuntimeError in pin memory thread for device 0.\n")
    assert first_cause(told) != "worker-exception"


def test_a_lone_warning_is_no_log_to_give_the_all_clear_for() -> None:
    with pytest.raises(NotALog) as told:
        pasted("I am getting the following error sometimes, thanks for any suggestion\n  nothing more was copied\n")
    assert told.value.next_step is not None
    assert all(way in phrase(told.value.next_step, "en") for way in ("training_log", "holter ask", "PID"))
