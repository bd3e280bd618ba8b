"""Whole tracebacks of CUDA errors: below each one PyTorch names launches, asserts and a switch, whatever the error."""

from __future__ import annotations

import io

import pytest

from holter.causes.weigh import LIKELY_FROM
from holter.diagnosis.logs import read_pasted
from holter.records import Verdict

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
LAUNCH, BUSY = "unspecified launch failure", "CUDA-capable device(s) is/are busy or unavailable"
COPIED = {"whole": FRAMES, "asked": ASKED + FRAMES, "its last lines": "".join(FRAMES.splitlines(keepends=True)[-4:])}


def verdicts_on(error: str, copied: str) -> tuple[Verdict, ...]:
    text = f"{COPIED[copied]}RuntimeError: CUDA error: {error}{BELOW}"
    return read_pasted(io.BytesIO(text.encode()), "console.txt").diagnoses[0].verdicts


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


@pytest.mark.parametrize(("error", "cause"), [(LAUNCH, "gpu-lost-or-gsp"), (BUSY, "gpu-shared-or-zombie")])
@pytest.mark.parametrize("copied", COPIED)
def test_first_among_what_could_be_is_what_raises_such_an_error(copied: str, error: str, cause: str) -> None:
    assert next(one.cause for one in verdicts_on(error, copied) if one.cause != "main-exception") == cause


@pytest.mark.parametrize("copied", COPIED)
def test_an_assertion_still_counts(copied: str) -> None:
    assert verdicts_on("device-side assert triggered", copied)[0].cause == "cuda-device-assert"


@pytest.mark.parametrize("error", [MEMORY, ACCESS, LAUNCH, BUSY])
def test_words_bring_back_nothing_that_the_error_excludes(error: str) -> None:
    judged = {verdict.cause: verdict for verdict in verdicts_on(error, "asked")}
    assert judged["worker-exception"].verdict == "excluded"
    assert judged["gpu-driver-mismatch"].verdict == "excluded"
