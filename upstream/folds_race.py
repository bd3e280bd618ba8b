"""Folds that start together read half-written files of each other.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`splits_final.json` and the unpacked `.npy` files are written in place, and used by another fold as soon as a file of
that name exists. A fold that starts meanwhile ends with a `JSONDecodeError`, or with "mmap length is greater than
file size". Two folds that verify the same case may remove each other's file.

Proposed change:
Write to a temporary file in the same folder, then `os.replace`: a file of that name is then always whole.

Measured effect:
The program below counts the failures; they need luck in a single start, and come with every larger array of jobs.
"""

import multiprocessing
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import isfile, load_json, save_json

SECONDS = 8


def first_fold(folder):
    splits = [{"train": [f"case_{n:04}" for n in range(800)], "val": [f"case_{n:04}" for n in range(200)]}] * 5
    while True:
        save_json(splits, str(folder / "splits_final.json"))
        np.save(folder / "case.npy", np.zeros(2_000_000, dtype=np.float32))
        (folder / "splits_final.json").unlink()
        (folder / "case.npy").unlink()


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    other = multiprocessing.Process(target=first_fold, args=(folder,), daemon=True)
    other.start()
    until, failed = time.monotonic() + SECONDS, Counter()
    while time.monotonic() < until:
        try:
            if isfile(str(folder / "splits_final.json")):  # nnUNetTrainer.do_split
                load_json(str(folder / "splits_final.json"))
            if isfile(str(folder / "case.npy")):  # nnUNetDatasetNumpy.load_case
                np.load(folder / "case.npy", mmap_mode="r")
        except FileNotFoundError:
            pass  # removed by the loop above: no fault of nnU-Net
        except (ValueError, EOFError) as error:  # a JSONDecodeError is a ValueError
            failed[f"{type(error).__name__}: {str(error).partition(':')[0]}"] += 1
    other.kill()
    other.join()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    print(f"read within {SECONDS} s while another fold wrote:")
    for error, count in failed.most_common():
        print(f"{count:5} times {error}")

    raise SystemExit(0 if failed else 1)  # 0: the fault is there
