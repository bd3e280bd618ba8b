"""The summary for an issue: nothing of the person, the place or the data is in it, and what maintainers ask for is."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.diagnosis.pieces import text_of
from holter.diagnosis.targets import diagnose_target
from holter.reports.markdown import to_markdown
from holter.reports.scrub import Scrubber
from holter.tape import Recording

NASTY = """\
Hi, I am maria.mueller@charite.de on gpu-node07.cluster.charite.de, user mmueller. It hangs in docker since Monday.
WANDB_API_KEY=0123456789abcdef0123456789abcdef01234567
ssh mmueller@10.23.4.17, also fe80::1ff:fe23:4567:890a; the file server is nas01:/export/patients
C:\\Users\\mmueller\\data\\Dataset123_MuellerPatients\\imagesTr\\patient_Schmidt_001_0000.nii.gz
mmueller@gpu-node07:~/nnunet$ df -h /dev/shm
Filesystem      Size  Used Avail Use% Mounted on
shm              64M   64M     0 100% /dev/shm
Traceback (most recent call last):
  File "/home/mmueller/nn/lib/python3.10/site-packages/nnunetv2/run/run_training.py", line 275, in run_entry
    run_training()
  File "/data/clinic/projects/mmueller/my_trainer.py", line 12, in load
    x = np.load('/data/clinic/nnUNet_preprocessed/Dataset123_MuellerPatients/patient_Schmidt_001.npy')
RuntimeError: unable to write to file </torch_8289_606636967_0>: No space left on device (28) {rest}
"""
RESTS = {
    "file": "while reading /data/clinic/nnUNet_preprocessed/Dataset123_MuellerPatients/patient_Schmidt_001.npy",
    "host": "on gpu-node07 of mmueller",
    "cut off": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx on gpu-node07 mmueller",
    "tokens": "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01 sk-abcdefghijklmnopqrst ghp_abcdefghijklmnopqrst",
    "addresses": "10.23.4.17 fe80::1ff:fe23:4567:890a maria.mueller@charite.de",
    "paths": "C:\\Users\\mmueller\\x nas01:/export/patients ~/clinic/x",
}
SECRETS = (
    "mueller", "charite", "node07", "gpu-n", "10.23.4", "fe80", "890a", "nas01", "clinic", "schmidt", "patients",
    "0123456789abcdef", "hf_", "sk-abc", "ghp_",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("rest", RESTS.values(), ids=RESTS)
def test_nothing_of_a_nasty_text_is_in_the_summary(tmp_path: Path, rest: str, lang: str) -> None:
    path = tmp_path / "console.txt"
    path.write_text(NASTY.format(rest=rest), encoding="utf-8")
    result = diagnose_target(str(path), tell_observed=lambda _: None)
    summary = to_markdown(result.recording, result.diagnoses, lang, is_run=False, texts=[text_of(str(path))])  # type: ignore[arg-type]
    assert [secret for secret in SECRETS if secret in summary.lower()] == []
    assert "/dev/shm" in summary


@pytest.mark.parametrize(
    "words",
    [
        "torch.utils.data", "nvidia-smi -q",
        "see https://github.com/MIC-DKFZ/nnUNet/issues/2041", "GPU 00000000:19:00.0",
        "12:30:45", "nnunetv2 2.5.1", "License Status: Unlicensed (Restricted)", "/dev/shm", "pip list | grep torch",
        "Please put a valid client configuration token into the machine",
    ],
)  # fmt: skip
def test_public_words_stay(words: str) -> None:
    scrubber = Scrubber(Recording())
    scrubber.learn_from("me@workstation7:~$ nvidia-smi")
    assert scrubber.text(words).replace("/path-1", "/MIC-DKFZ/nnUNet/issues/2041") == words


@pytest.mark.slow
def test_the_summary_of_a_recording_has_the_environment() -> None:
    tape = Path(__file__).parents[1] / "tapes" / "shm_too_small" / "fault.holter"
    result = diagnose_target(str(tape), tell_observed=lambda _: None)
    summary = to_markdown(result.recording, result.diagnoses, "en", is_run=True)
    environment = summary.partition("#### Environment")[2]
    for name in ("nnunetv2", "torch", "python", "OS", "CPU", "RAM", "container", "configuration", "command"):
        assert f"- {name}: " in environment, name
    assert "- not known: cuda, cudnn, driver, GPU" in environment
