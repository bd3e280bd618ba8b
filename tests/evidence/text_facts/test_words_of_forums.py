"""Words that people write for a trouble, and messages that they copy in part: in other words than the messages' own."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.evidence.text_facts import facts_of
from holter.evidence.text_facts.readouts import lines

# What somebody writes -> facts that follow.
SAID = {
    "elastic-number": ("SignalException: Process 811 got sigval:1", {"main.exit_signal": 1}),
    "elastic-session": (
        "It ends with SignalException after two hours, I had closed the terminal.",
        {"main.exit_signal": 1, "episode.kind": "death"},
    ),
    "elastic-alone": ("torch.distributed.elastic.multiprocessing.api.SignalException", {"main.exit_signal": 15}),
    "worker-without-number": (
        "Why is my DataLoader worker (pid xxx) killed? It says: DataLoader worker (pid xxx) is killed by signal",
        {"worker.role": "train-worker", "episode.kind": "death"},
    ),
    "worker-of-the-loader": ("Segmentation fault in the DataLoader since the upgrade", {"worker.exit_signal": 11}),
    "gpu-oom": ("After 20 epochs it is OOM on my GPU with 8 GB.", {"exception.kind": "cuda-oom"}),
    "killed-after-the-end": (
        "nnU-Net is killed after the last epoch, I have 64 GB.",
        {"phase": "final-validation", "main.exit_signal": 9},
    ),
    "first-version": ("It dies at: evaluation of raw predictions", {"phase": "final-validation"}),
}
SYMPTOMS = {
    "many-threads": "The number of threads explodes as soon as I start it, what can I do?",
    "gpu-use-low": "The utilization of the GPU is extremely low, why is that?",
    "windows-memory": "Is my pagefile too small for step0 of the training?",
    "slower-after-upgrade": "It is slower in torch 2.6.0 compared to 2.4.1, same card.",
    "others-use-gpu": "When other people run models on the GPU it crawls.",
    "ram-full": "My worker was killed, is this a memory problem?",
    "output-hidden": "The console hasn't shown anything since yesterday, but checkpoints are written.",
    "cannot-exit": "All epochs are over and the program does not stop, I have to kill it.",
    "copies-on-read": "Is this pytorch/pytorch/issues/13246? The memory of the host grows.",
}


@pytest.mark.parametrize("name", SAID)
def test_what_people_write_gives_the_facts(name: str) -> None:
    text, facts = SAID[name]
    found = facts_of(text)
    assert {fact: found[fact].value for fact in facts if fact in found} == facts


@pytest.mark.parametrize("name", SYMPTOMS)
def test_symptoms_in_other_words(name: str) -> None:
    assert name in (facts_of(SYMPTOMS[name])["symptoms"].value or ())


@pytest.mark.parametrize(
    "text",
    [
        "RSS stays at 5 GB, but the memory of the machine grows until nothing is left.",
        "My GPU stays at 98 % the whole time. Its memory grows.",
    ],
)
def test_a_size_that_stays_is_no_standstill(text: str) -> None:
    assert facts_of(text)["episode.kind"].value == "creep"


def test_a_title_that_states_a_trouble_has_an_order_of_causes() -> None:
    first = causes("Multi GPU training hangs")
    assert first
    assert set(first[:3]) & {"nccl-p2p-broken", "ddp-collective-timeout"}


def test_words_of_epochs_mean_nothing_without_nnunet() -> None:
    text = (
        "My epochs take 40 minutes with batch size 64 and GPU use is very low, other people need 5 for an epoch. Why?"
    )
    assert causes(text)[0] != "epoch-definition"


def test_a_crash_of_any_worker_is_not_that_of_batchgenerators() -> None:
    text = "RuntimeError: DataLoader worker (pid 71) is killed by signal: Segmentation fault."
    assert causes(text)[0] == "worker-killed"


def test_somebody_who_compared_two_versions_is_believed() -> None:
    text = "conv3d is 6 times slower in torch 2.5.1 compared to 2.3.1, GPU at 100 %, the same script and card."
    assert causes(text)[0] == "gpu-slow-kernels-software"


def test_a_file_that_cannot_be_opened_for_writing_has_no_room() -> None:
    text = (
        'Traceback (most recent call last):\n  File "train.py", line 227, in train\n    torch.save(state, path)\n'
        '  File "/env/torch/serialization.py", line 422, in save\n    with _open_zipfile_writer(f) as opened:\n'
        '  File "/env/torch/serialization.py", line 309, in _open_zipfile_writer\n    return container(name)\n'
        "RuntimeError: File out/checkpoint_7.pt cannot be opened.\n"
    )
    assert causes(text)[0] == "disk-full-or-quota"


def test_a_torn_archive_is_torn_wherever_it_is_unpacked() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/env/nnunetv2/training/dataloading/utils.py", line 15, in '
        '_convert_to_npy\n    np.save(target, a["data"])\n'
        '  File "/usr/lib/python3.9/zipfile.py", line 1000, in _read1\n'
        "    data = self._decompressor.decompress(data, n)\nzlib.error: Error -3 while decompressing data: "
        "invalid stored block lengths\n"
    )
    assert causes(text)[0] == "truncated-preprocessed-file"


def test_a_log_says_nothing_of_lost_export_workers() -> None:
    text = (
        "2025-09-22 08:54:03.359113: This split has 12 training and 4 validation cases.\n"
        "2025-09-22 08:54:03.359331: predicting case_02\n"
        "2025-09-22 08:54:30.374047: predicting case_33\n"
        "2025-09-22 08:55:04.222645: predicting case_38\n\n"
        "I see that the process is not moving since then. Why are some results missing?\n"
    )
    assert causes(text)[0] in ("export-lost-result-hang", "export-ram-oom")


def causes(text: str) -> list[str]:
    """Return the causes that a diagnosis of the text names, best first."""
    verdicts = read_pasted(io.BytesIO(text.encode()), "text").diagnoses[-1].verdicts
    return [verdict.cause for verdict in verdicts if verdict.verdict != "excluded" and verdict.score > 0]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("With batch size 4 the training stops: cuda is out of memory.", "exception.kind", "cuda-oom"),
        ("训练到一半报核心已转储", "main.exit_signal", 11),
        ("It dies with (core dumped) in the first epoch.", "main.exit_signal", 11),
        ("I have set core dump size to zero, training is slow.", "main.exit_signal", None),
        ("请问这是显存不够，还是内存不够？", "exception.kind", None),
    ],
)
def test_an_error_in_the_words_of_a_person(text: str, name: str, value: object) -> None:
    found = facts_of(text)
    assert (found[name].value if name in found else None) == value


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [
        ("loss从第12个epoch开始变成nan", True),
        ("loss在第12轮突然变成NaN，求助", True),
        ("训练到一半loss就变nan了", True),
        ("损失从第3个epoch之后一直为nan", True),
        ("The loss suddenly went to nan in epoch 12", True),
        ("loss is nan at epoch 12", True),
        ("loss从没变成nan", False),
        ("loss从来没有出现nan", False),
        ("loss从0.3降到0.1，没有nan", False),
        ("loss在第12轮没有变成nan", False),
        ("loss从第12个epoch开始下降", False),
    ],
)
def test_when_a_loss_became_nan_may_stand_in_between(text: str, is_lost: bool) -> None:
    assert ("loss.not_finite" in facts_of(text)) == is_lost


@pytest.mark.parametrize(
    "line", ["training hangs at epoch 12", "killed with exit code 137", "it freezes after epoch 3"]
)
def test_a_line_of_words_that_ends_in_a_number_is_no_output_of_a_command(line: str) -> None:
    assert lines.without(line) == line
    assert "episode.kind" in facts_of(line)
