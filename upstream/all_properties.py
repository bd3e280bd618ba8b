"""All properties of a case are unpickled for every sample.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`load_case` reads the pickle of a case for each sample of each batch. It holds up to 10,000 voxel positions of every
class (`class_locations`), so a data set with a hundred classes unpickles tens of megabytes to choose one voxel.

Proposed change:
Store the positions as one `int32` array (or a `.npy` that can be mapped) and read only the class that was drawn; or
keep them in memory for the cases of a worker.

Measured effect:
The size is printed by the program; nnU-Net reads it for every sample of every batch.
"""

import pickle
import tempfile
import time
from pathlib import Path

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import load_pickle

CLASSES, VOXELS = 104, 10_000

if __name__ == "__main__":
    positions = np.random.default_rng(0)
    properties = {"class_locations": {c: positions.integers(0, 500, (VOXELS, 4)) for c in range(1, CLASSES + 1)}}
    file = Path(tempfile.mkdtemp()) / "case.pkl"
    file.write_bytes(pickle.dumps(properties))
    began = time.process_time()
    for _ in range(10):
        load_pickle(str(file))
    each_ms = (time.process_time() - began) * 100
    size = file.stat().st_size
    print(f"{CLASSES} classes: {size / 1e6:.0f} MB are unpickled for one sample, {each_ms:.0f} ms of CPU")
    file.unlink()
    file.parent.rmdir()
    raise SystemExit(0 if size > 10e6 else 1)  # 0: the fault is there
