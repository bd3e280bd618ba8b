"""Texts without a fault: Holter must accuse nobody in any of them.

Healthy logs and predictions, installations, outputs of a healthy machine, documentation that quotes errors, and prose.
Some are in our own words; those of public pages (``r4q-`` of the half ``fresh2``, ``r5q-`` of ``fresh3``,
``r6`` to ``r8`` of ``fresh4``, ``r9qa-`` to ``r9qc-`` of ``fresh5a`` to ``fresh5c``, ``r10q-`` of ``fresh6``,
``r11q-`` of ``fresh7``: parts of files of public repositories that name troubles, threads and pages) are kept as the
texts of the cases are, outside the repository, with their reference and SHA-256 here. None of them is among the texts
that the lexicon was made from.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.truth.cases import Half, text_at_hand

FILE = Path(__file__).with_name("quiet.jsonl")
PUBLIC: dict[Half, Path] = {
    "fresh2": Path(__file__).with_name("fresh2_quiet.jsonl"),
    "fresh3": Path(__file__).with_name("fresh3_quiet.jsonl"),
    "fresh4": Path(__file__).with_name("fresh4_quiet.jsonl"),
    "fresh5a": Path(__file__).with_name("fresh5a_quiet.jsonl"),
    "fresh5b": Path(__file__).with_name("fresh5b_quiet.jsonl"),
    "fresh5c": Path(__file__).with_name("fresh5c_quiet.jsonl"),
    "fresh6": Path(__file__).with_name("fresh6_quiet.jsonl"),
    "fresh7": Path(__file__).with_name("fresh7_quiet.jsonl"),
}
CITE = (
    "#######################################################################\n"
    "Please cite the following paper when using nnU-Net:\n"
    "Isensee, F., Jaeger, P. F., Kohl, S. A., Petersen, J., & Maier-Hein, K. H. (2021). nnU-Net: a self-configuring "
    "method for deep learning-based biomedical image segmentation. Nature methods, 18(2), 203-211.\n"
    "#######################################################################\n\n"
)


def texts(half: Half | None = None, *, without: Collection[Half] = ()) -> Iterator[tuple[str, str]]:
    """Yield name and text of each; of a half that has public texts of its own, only those.

    ``without``: halves whose texts are left out.
    """
    if half in PUBLIC:
        yield from _public(PUBLIC[half])
        return
    yield from _logs()
    yield from _predictions()
    for line in FILE.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["name"], row["text"]
    for name, file in PUBLIC.items():
        if name not in without:
            yield from _public(file)


def _public(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if (path := text_at_hand(row["id"], row["sha256"])) is not None:
            yield row["id"], path.read_text(encoding="utf-8")


def _log(seconds: float, epochs: int, *, day: int = 12, finished: bool, extra: str = "") -> str:
    lines, now = [CITE], 0.0

    def stamp() -> str:
        moment = datetime(2025, 3, day) + timedelta(seconds=now)
        return f"{moment:%Y-%m-%d %H:%M:%S}.120000"

    lines.append(f"{stamp()}: Using torch.compile...\n{stamp()}: do_dummy_2d_data_aug: False\n{extra}")
    lines.append(f"{stamp()}: Creating new 5-fold cross-validation split...\nusing pin_memory on device 0\n")
    for epoch in range(epochs):
        lines.append(f"{stamp()}: \n{stamp()}: Epoch {epoch}\n{stamp()}: Current learning rate: 0.00998\n")
        now += seconds
        lines.append(
            f"{stamp()}: train_loss {-0.3 - epoch / 500:.4f}\n{stamp()}: val_loss {-0.4 - epoch / 500:.4f}\n"
            f"{stamp()}: Pseudo dice [0.7{epoch % 10}]\n{stamp()}: Epoch time: {seconds:.2f} s\n"
        )
    if finished:
        lines.append(f"{stamp()}: Training done.\n{stamp()}: predicting case_001\n{stamp()}: Validation complete\n")
        lines.append(f"{stamp()}: Mean Validation Dice:  0.8123\n")
    return "".join(lines)


def _logs() -> Iterator[tuple[str, str]]:
    yield "log-short", _log(31.0, 5, finished=True)
    yield "log-slow-and-even", _log(1250.0, 12, finished=True)
    yield "log-fast", _log(9.5, 60, finished=True)
    yield "log-warnings", _log(
        60.0, 8, finished=True,
        extra="/opt/torch/optim/lr_scheduler.py:60: UserWarning: The verbose parameter is deprecated.\n"
        "INFO: You are not using deterministic training\nWARNING: could not find a splits file, making one\n",
    )  # fmt: skip
    yield "log-zh", "训练日志如下，一切正常：\n" + _log(75.0, 6, finished=True) + "\n训练顺利完成，谢谢！\n"
    yield "log-two-runs", _log(50.0, 4, finished=True) + _log(52.0, 4, day=14, finished=True)
    yield "log-console", "$ nnUNetv2_train 4 3d_fullres 0 --npz\nUsing device: cuda:0\n" + _log(44.0, 7, finished=True)


def _predictions() -> Iterator[tuple[str, str]]:
    cases = "".join(
        f"\nPredicting case_{number:03d}:\nperform_everything_on_device: True\n"
        "100%|██████████| 8/8 [00:03<00:00,  2.53it/s]\nsending off prediction to background worker for resampling and "
        f"export\ndone with case_{number:03d}\n"
        for number in range(4)
    )
    yield (
        "prediction",
        f"{CITE}There are 4 cases in the source folder\nI am process 0 out of 1 (max process ID is 0)\n{cases}",
    )
    yield "prediction-zh", f"预测输出：\n{CITE}There are 4 cases in the source folder\n{cases}\n结果和论文一致。\n"
    yield (
        "preprocessing",
        (
            "Fingerprint extraction...\nDataset004_Hippocampus\nUsing <class 'nnunetv2.imageio.simpleitk_reader_writer."
            "SimpleITKIO'> as reader/writer\n100%|██████████| 260/260 [00:05<00:00, 48.12it/s]\n"
            "Experiment planning...\n"
            "Plans were saved to /data/nnUNet_preprocessed/Dataset004_Hippocampus/nnUNetPlans.json\nPreprocessing...\n"
            "Configuration: 3d_fullres...\n100%|██████████| 260/260 [00:30<00:00,  8.61it/s]\n"
        ),
    )
