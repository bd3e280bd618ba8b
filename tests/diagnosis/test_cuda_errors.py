"""Whole tracebacks of CUDA errors: below each one PyTorch names launches, asserts and a switch, whatever the error."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from holter.causes.weigh import LIKELY_FROM
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.records import Finding, Verdict
from holter.reports.headline import could_be
from holter.reports.terminal import print_diagnosis
from holter.reports.wording import finding_text

PACKAGES = "/home/u/miniconda3/envs/nnunet/lib/python3.10/site-packages/nnunetv2"
FRAMES = f'''Traceback (most recent call last):
  File "/home/u/miniconda3/envs/nnunet/bin/nnUNetv2_train", line 8, in <module>
    sys.exit(run_training_entry())
  File "{PACKAGES}/run/run_training.py", line 275, in run_training_entry
    run_training(args.dataset_name_or_id, args.configuration, args.fold, args.tr, args.p, args.pretrained_weights,
  File "{PACKAGES}/run/run_training.py", line 211, in run_training
    nnunet_trainer.run_training()
  File "{PACKAGES}/training/nnUNetTrainer/nnUNetTrainer.py", line 1371, in run_training
    train_outputs.append(self.train_step(next(self.dataloader_train)))
  File "{PACKAGES}/training/nnUNetTrainer/nnUNetTrainer.py", line 992, in train_step
    data = data.to(self.device, non_blocking=True)
'''
BELOW = """
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""
ASKED = "Hi, my training of dataset 5 always ends with this error after a while. What can I do?\n\n"
MEMORY, ACCESS = "out of memory", "an illegal memory access was encountered"
TIMEOUT = "the launch timed out and was terminated"
LAUNCH, BUSY = "unspecified launch failure", "CUDA-capable device(s) is/are busy or unavailable"
COPIED = {"whole": FRAMES, "asked": ASKED + FRAMES, "its last lines": "".join(FRAMES.splitlines(keepends=True)[-4:])}


def pasted(error: str, copied: str) -> DiagnosisResult:
    text = f"{COPIED[copied]}RuntimeError: CUDA error: {error}{BELOW}"
    return read_pasted(io.BytesIO(text.encode()), "console.txt")


def verdicts_on(error: str, copied: str) -> tuple[Verdict, ...]:
    return pasted(error, copied).diagnoses[0].verdicts


@pytest.mark.parametrize("copied", COPIED)
def test_gpu_memory_comes_before_any_python_error(copied: str) -> None:
    first = verdicts_on(MEMORY, copied)[0]
    assert (first.cause, first.verdict) == ("gpu-out-of-memory", "likely")
    assert first.score >= LIKELY_FROM


@pytest.mark.parametrize("copied", COPIED)
@pytest.mark.parametrize("error", [MEMORY, ACCESS, LAUNCH, BUSY])
def test_what_follows_every_cuda_error_accuses_no_label(error: str, copied: str) -> None:
    judged = {verdict.cause: verdict.verdict for verdict in verdicts_on(error, copied)}
    assert judged["cuda-device-assert"] == "excluded"


TIMEOUTS = {
    "torch": f"{FRAMES}RuntimeError: CUDA error: {TIMEOUT}{BELOW}",
    "torch 2.9": f"{FRAMES}torch.AcceleratorError: CUDA error: {TIMEOUT}\nSearch for `cudaErrorLaunchTimeout' in "
    f"https://docs.nvidia.com/cuda/ for more information.{BELOW}",
    "torch 1.0": "THCudaCheck FAIL file=/pytorch/aten/src/THC/generic/THCTensorCopy.cpp line=21 error=6 : "
    f"{TIMEOUT}\n{FRAMES}RuntimeError: cuda runtime error (6) : {TIMEOUT} at /pytorch/THCTensorCopy.cpp:21",
    "driver": f"{FRAMES}RuntimeError: CUDA driver error: CUDA_ERROR_LAUNCH_TIMEOUT",
    "abort": f"terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: {TIMEOUT}{BELOW}",
    "words": f"Hi, since yesterday my training ends with '{TIMEOUT}' and I do not know why.",
}


@pytest.mark.parametrize("text", TIMEOUTS.values(), ids=TIMEOUTS)
def test_a_launch_that_timed_out_may_be_a_lost_gpu_and_no_more(text: str) -> None:
    result = read_pasted(io.BytesIO(text.encode()), "console.txt")
    diagnosis = result.diagnoses[0]
    judged = {verdict.cause: verdict.verdict for verdict in diagnosis.verdicts}
    assert judged["gpu-lost-or-gsp"] == "possible"
    assert "likely" not in judged.values()
    guess = could_be(diagnosis, result.recording, "en")
    if FRAMES in text:  # nvidia-smi also shows whether the GPU drives a display (Disp.A)
        assert guess is not None and guess[0].startswith("Could be: The GPU is lost") and "nvidia-smi" in guess[1]


@pytest.mark.parametrize("error", [TIMEOUT, LAUNCH])
def test_of_an_error_that_other_faults_raise_too_it_is_said(error: str) -> None:
    result = pasted(error, "whole")
    lost = next(verdict for verdict in result.diagnoses[0].verdicts if verdict.cause == "gpu-lost-or-gsp")
    said = [finding_text(finding, result.diagnoses[0], "en") for finding in lost.supports]
    assert "a lost GPU raises this exception, but so do other faults (unclear CUDA error)" in said
    assert "the exception is one for a GPU that is gone" not in said
    sure = pasted("uncorrectable ECC error encountered", "whole").diagnoses[0]
    assert finding_text(sure.verdicts[0].supports[0], sure, "en") == "the exception is one for a GPU that is gone"


def test_an_xid_of_a_lost_gpu_beside_it_counts() -> None:
    text = f"{TIMEOUTS['torch']}\n\n[Tue] NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus."
    first = read_pasted(io.BytesIO(text.encode()), "console.txt").diagnoses[0].verdicts[0]
    assert (first.cause, first.verdict) == ("gpu-lost-or-gsp", "likely")


@pytest.mark.parametrize(("error", "cause"), [(LAUNCH, "gpu-lost-or-gsp"), (BUSY, "gpu-shared-or-zombie")])
@pytest.mark.parametrize("copied", COPIED)
def test_first_among_what_could_be_is_what_raises_such_an_error(copied: str, error: str, cause: str) -> None:
    assert next(verdict.cause for verdict in verdicts_on(error, copied) if verdict.cause != "main-exception") == cause


@pytest.mark.parametrize("copied", COPIED)
def test_an_assertion_still_counts(copied: str) -> None:
    assert verdicts_on("device-side assert triggered", copied)[0].cause == "cuda-device-assert"


@pytest.mark.parametrize("error", [MEMORY, ACCESS, LAUNCH, BUSY])
def test_words_bring_back_nothing_that_the_error_excludes(error: str) -> None:
    judged = {verdict.cause: verdict for verdict in verdicts_on(error, "asked")}
    assert judged["worker-exception"].verdict == "excluded"
    assert judged["gpu-driver-mismatch"].verdict == "excluded"


def test_the_command_that_decides_what_could_be_is_a_line_to_copy() -> None:
    result = pasted(LAUNCH, "its last lines")
    console = Console(width=50, file=io.StringIO(), record=True)
    print_diagnosis(console, result.recording, result.diagnoses)
    lines = [line.strip() for line in console.export_text().splitlines()]
    command = lines[lines.index("Could be: The GPU is lost. To check:") + 1]
    assert command == "nvidia-smi; nvidia-smi -q | grep -iE -A2 'Virtualization Mode|vGPU Software'"


def test_a_command_that_only_speaks_against_a_cause_does_not_decide_it() -> None:
    result = pasted(LAUNCH, "its last lines")
    seen = Finding(fact="exception.first", text="first-exception")
    open_ones = tuple(Finding(fact=name, text="unknown-fact") for name in ("gpu.xid_kind", "gpu.virtualization"))
    guess = Verdict(cause="cuda-device-assert", verdict="possible", score=0.2, supports=(seen,), unknown=open_ones)
    diagnosis = msgspec.structs.replace(result.diagnoses[0], verdicts=(guess,))
    assert could_be(diagnosis, result.recording, "en") == ("Could be: Label or index out of range", "")
