"""Workers crash with SIGSEGV: they write into read-only maps of unpacked `.npz` data.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet (with acvl_utils 0.2.4 or newer)

Data that nnU-Net 2.5 or older has preprocessed is unpacked to `.npy` and mapped with `mmap_mode='r'`. A patch that
lies inside a case needs no padding and is a view of that map; `torch.from_numpy(...).float()` copies nothing if it is
`float32` already. The first transform that works in place (brightness, contrast, gamma, blur) then writes into
read-only memory: "One or more background workers are no longer alive", or a crash of the training itself with
`nnUNet_n_proc_DA=0`. nnU-Net 2.6.4 and older copied into the batch first.

Proposed change:
`mmap_mode='c'` (copy on write) in `nnUNetDatasetNumpy`, or a copy where `not array.flags.writeable` in
`data_loader.py`. The segmentation has the same problem with `RemoveLabelTansform`.

Measured effect:
On 2.8.1: 9 of 9 trainings of one data set crashed in the first epoch, with 2, 3 and no workers; of another one with
small patches 6 of 8 did (Holter, docs/upstream.md). With the copy none did.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast


def one_sample(file):
    data = np.load(file, mmap_mode="r")  # nnunet_dataset.py
    cropped = torch.from_numpy(crop_and_pad_nd(data, [[2, 10], [2, 10], [2, 10]], 0)).float()  # data_loader.py
    MultiplicativeBrightnessTransform(BGContrast((0.75, 1.25)), synchronize_channels=False, p_per_channel=1)(
        image=cropped
    )
    print("no crash")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one_sample(sys.argv[1])
        raise SystemExit
    file = Path(tempfile.mkdtemp()) / "case.npy"
    np.save(file, np.ones((1, 16, 16, 16), dtype=np.float32))
    done = subprocess.run([sys.executable, "-W", "ignore", __file__, file], capture_output=True, text=True, check=False)
    print(f"exit code of the process that makes one sample: {done.returncode} {done.stdout.strip()}")
    file.unlink()
    file.parent.rmdir()
    raise SystemExit(0 if done.returncode == -11 else 1)  # 0: the fault is there
