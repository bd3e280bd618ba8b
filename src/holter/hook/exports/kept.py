"""Record which cases an interrupted final validation has already exported with exactly the same network.

nnU-Net predicts all cases again, and nothing in its folder shows how a file was made: ``--val_best`` writes to the
same place. So every complete case is recorded with a fingerprint of everything that influenced it. The record
stays next to the exports until the validation has written its summary.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RECORD = "holter-exports.jsonl"
SUMMARY = "summary.json"
PACKAGES = ("nnunetv2", "torch", "numpy", "scipy", "skimage")  # the result may depend on their versions


class Kept:
    """The record of one validation folder."""

    def __init__(self, trainer: Any, *, probabilities: bool) -> None:
        self.folder = Path(trainer.output_folder) / "validation"
        self._source = Path(trainer.preprocessed_dataset_folder)
        self._endings = (trainer.dataset_json["file_ending"], *((".npz", ".pkl") if probabilities else ()))
        self._key = fingerprint(trainer, probabilities=probabilities)

    def complete(self, cases: Iterable[str]) -> set[str]:
        """Return the cases that need not be computed again."""
        forget_if_over(self.folder)
        known = {entry["case"]: entry for entry in self._entries() if entry.get("key") == self._key}
        return {case for case in cases if case in known and known[case]["files"] == self._files(case)}

    def add(self, case: str) -> None:
        """Record that a case is complete."""
        entry = {"case": case, "key": self._key, "files": self._files(case)}
        if entry["files"] is not None:
            with (self.folder / RECORD).open("a") as file:
                file.write(json.dumps(entry) + "\n")

    def _entries(self) -> list[dict[str, Any]]:
        entries = []
        with contextlib.suppress(OSError):
            for line in (self.folder / RECORD).read_text().splitlines():
                with contextlib.suppress(ValueError):  # the last line of a process that was killed
                    entries.append(json.loads(line))
        return entries

    def _files(self, case: str) -> dict[str, list[int]] | None:
        # Size and mtime of the files written for this case and of its inputs; None if one is missing.
        try:
            outputs = [self.folder / f"{case}{ending}" for ending in self._endings]
            sources = [self._source / f"{case}{ending}" for ending in (".b2nd", ".npz", ".npy", ".pkl")]
            statuses = {
                str(path): path.stat() for path in (*outputs, *(source for source in sources if source.exists()))
            }
        except OSError:
            return None
        return {path: [status.st_size, status.st_mtime_ns] for path, status in statuses.items()}


def forget_if_over(folder: Path) -> None:
    """Remove the record of a validation that has written its summary: a second validation computes all cases again."""
    with contextlib.suppress(OSError):
        if (folder / SUMMARY).stat().st_mtime_ns >= (folder / RECORD).stat().st_mtime_ns:
            (folder / RECORD).unlink()


def fingerprint(trainer: Any, *, probabilities: bool) -> str:
    """Return a digest of the weights and of every setting that a prediction and its export depend on."""
    digest = hashlib.blake2b(digest_size=16)
    network = trainer.network
    network = getattr(network, "_orig_mod", network)  # what torch.compile wraps
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(_raw(value))
    settings = {
        "trainer": type(trainer).__qualname__,
        "plans": trainer.plans_manager.plans,
        "configuration": trainer.configuration_name,
        "dataset": trainer.dataset_json,
        "mirroring": trainer.inference_allowed_mirroring_axes,
        "device": str(trainer.device),
        "probabilities": probabilities,
        "versions": [getattr(sys.modules.get(name), "__version__", None) for name in PACKAGES],
    }
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _raw(value: Any) -> Any:
    torch = sys.modules["torch"]
    if not isinstance(value, torch.Tensor):
        return repr(value).encode()
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
