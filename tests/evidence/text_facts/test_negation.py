"""What is ruled out, tried or harmless is no fact of the trouble, in English and Chinese."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.errors import NotALog
from holter.evidence.text_facts import read_facts


def values(text: str) -> dict[str, object]:
    return {name: hit.value for name, hit in read_facts(text).items()}


def told(text: str) -> DiagnosisResult:
    return read_pasted(io.BytesIO(text.encode()), "story.txt")


def first(text: str) -> tuple[str, str]:
    verdict = told(text).diagnoses[-1].verdicts[0]
    return verdict.cause, verdict.verdict


@pytest.mark.parametrize(
    "text",
    [
        "Training became slow: 160 s -> 900 s. The data are on a local SSD, not on NFS.",
        "Everything trains fine on NFS, but not in the new docker container.".replace(", but", ". But"),
        "训练突然变慢，从160秒变成900秒。数据不在NFS上，在本地固态硬盘。",
        "数据放在NFS上，一切正常。",
        "We moved away from lustre before that, and it is as slow.",
    ],
)
def test_a_file_system_that_is_ruled_out_or_does_well_is_not_stated(text: str) -> None:
    assert "storage.fs_type" not in values(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The data are on NFS and training is slow.", "nfs"),
        ("It trained fine on NFS until yesterday.", "nfs"),
        ("It is on NFS, nvidia-smi looks fine, and every epoch is slow.", "nfs"),
        ("数据放在NFS上，训练很慢。", "nfs"),
        ("[ 12.1] nfs: server filer not responding, still trying", "nfs"),
        ("/dev/sdb on /data type lustre (rw)", "lustre"),
    ],
)
def test_a_file_system_that_is_in_use_is_stated(text: str, kind: str) -> None:
    assert values(text)["storage.fs_type"] == kind


@pytest.mark.parametrize("text", ["Everything trains fine on NFS.", "数据放在NFS上，训练一切正常，没有任何问题。"])
def test_content_is_no_complaint(text: str) -> None:
    with pytest.raises(NotALog):
        told(text)


def test_a_trial_without_workers_is_not_how_the_training_was_started() -> None:
    crash = "In our docker container the training crashes and the workers just die. "
    assert "workers.count" not in values(f"{crash}With num_workers=0 everything works fine.")
    assert values("The job has num_workers=0 and is slow.")["workers.count"] == 0
    assert first(f"{crash}With num_workers=0 everything works fine.")[0] == "shm-too-small"


@pytest.mark.parametrize(
    "text",
    [
        "nnU-Net pauses for 8 seconds every 12 steps, then goes on. nnUNet_n_proc_DA=12.",
        "nnU-Net 训练每12个iteration就停顿8秒左右，然后恢复。nnUNet_n_proc_DA=12。",
    ],
)
def test_a_pause_for_every_batch_of_the_workers_is_theirs(text: str) -> None:
    assert values(text)["pauses.every_steps"] == 12
    verdicts = {verdict.cause: verdict for verdict in told(text).diagnoses[-1].verdicts}
    own, other = (
        {finding.fact for finding in verdicts["cpu-starved-augmentation"].supports},
        {
            finding.fact
            for verdict in told(text.replace("=12", "=5")).diagnoses[-1].verdicts
            if verdict.cause == "cpu-starved-augmentation"
            for finding in verdict.supports
        },
    )
    assert "symptoms" in own
    assert "symptoms" not in other


def test_memory_of_the_machine_that_grows_beside_an_even_rss_is_copied_pages() -> None:
    text = "Used memory of the machine grows by 3 GB per hour in nnU-Net, but the RSS of all processes stays constant."
    assert first(text)[0] == "copy-on-read-growth"


def test_pinning_that_helps_to_leave_out_speaks_for_an_error_of_the_main_process() -> None:
    text = "It crashes with CUDA error: out of memory in the pin memory thread. With pin_memory=False it works."
    verdicts = {verdict.cause: verdict for verdict in told(text).diagnoses[-1].verdicts}
    assert "symptoms" in {finding.fact for finding in verdicts["main-exception"].supports}
    assert verdicts["main-exception"].verdict in ("possible", "likely")


def test_a_full_dev_shm_of_docker_comes_before_the_echo() -> None:
    text = (
        "$ df -h /dev/shm\nFilesystem      Size  Used Avail Use% Mounted on\n"
        "shm              64M   64M     0 100% /dev/shm\n"
        "RuntimeError: One or more background workers are no longer alive. Exiting.\n"
    )
    assert first(text) == ("shm-too-small", "likely")


def test_a_refused_command_line_alone_is_answered() -> None:
    text = "$ nnUNetv2_train 910 3d_fullres\nnnUNetv2_train: error: the following arguments are required: fold\n"
    assert first(text) == ("main-exception", "likely")
